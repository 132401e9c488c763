import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedro_assets.config import AssetsConfig
from kedro_assets.errors import Scope
from kedro_assets.graph.clusters import Boundaries, cluster
from kedro_assets.graph.ordering import with_order
from kedro_assets.graph.run_plan import EarlyRead, StepPlan, early_reads, nodes_left, plan_run, readers_of
from unit.builders import CLUSTER_BY, graphs, make_graph, make_node

pytestmark = pytest.mark.filterwarnings(
    "ignore:Namespace '.*' is interrupted by nodes:UserWarning"
)  # Kedro's, and allowed

CHAIN = (
    make_node("a", ["raw"], ["x"]),
    make_node("b", ["x", "params:p"], ["y"]),
    make_node("c", ["y"], ["z"]),
)


def clusters_of(graph, cluster_by):
    return cluster(graph, AssetsConfig(cluster_by=cluster_by), Boundaries(), Scope())


def plan_of(graph, cluster_by, wanted):
    """Plan a run of some assets, with one step per cluster that has any."""
    steps = {}
    for each in clusters_of(graph, cluster_by):
        selected = [asset for asset in graph.assets_of(each.nodes) if asset in wanted]
        if selected:
            steps[each.name] = (each, selected)
    return plan_run(graph, steps)


@st.composite
def partial_runs(draw):
    graph = draw(graphs())
    assets = graph.assets_of(graph.nodes)
    wanted = draw(st.sets(st.sampled_from(assets), min_size=1))
    return graph, draw(st.sampled_from(CLUSTER_BY)), wanted


def in_memory_inputs(graph, nodes):
    return {name for node in nodes for name in graph.inputs(node) if graph.in_memory(name) and graph.producer(name)}


@given(partial_runs())
def test_every_in_memory_input_of_a_step_is_made_before_in_it_or_handed_in(case):
    graph, cluster_by, wanted = case
    for step in plan_of(graph, cluster_by, wanted).steps.values():
        there = set(step.handed_in)
        for node in step.nodes:
            assert in_memory_inputs(graph, [node]) <= there
            there.update(graph.outputs(node))


@given(partial_runs())
def test_only_single_nodes_are_handed_anything(case):
    graph, cluster_by, wanted = case
    if cluster_by != "node":
        assert all(
            not step.handed_in and not step.handed_out for step in plan_of(graph, cluster_by, wanted).steps.values()
        )


@given(partial_runs())
def test_what_a_step_of_the_run_is_handed_another_hands_out_if_it_runs_the_writer(case):
    graph, cluster_by, wanted = case
    steps = plan_of(graph, cluster_by, wanted).steps
    handed_out = {name for step in steps.values() for name in step.handed_out}
    running = {node for step in steps.values() for node in step.nodes}
    for step in steps.values():
        assert {name for name in step.handed_in if graph.producer(name) in running} <= handed_out


@given(partial_runs())
def test_a_run_makes_what_is_wanted_and_runs_nothing_that_it_does_not_need(case):
    graph, cluster_by, wanted = case
    plan = plan_of(graph, cluster_by, wanted)
    for step in plan.steps.values():
        needed = in_memory_inputs(graph, step.nodes)
        for node in step.nodes:
            assert wanted.intersection(graph.assets_of([node])) or needed.intersection(graph.outputs(node))
    running = [node for step in plan.steps.values() for node in step.nodes]
    assert wanted <= set(graph.assets_of(running))
    assert len(running) == len(set(running))


@given(graphs(), st.sampled_from(CLUSTER_BY))
def test_a_run_of_every_asset_runs_every_node(graph, cluster_by):
    plan = plan_of(graph, cluster_by, set(graph.assets_of(graph.nodes)))
    assert sorted(node.name for node in plan.pipeline.nodes) == sorted(graph.nodes)


@pytest.mark.parametrize("cluster_by", CLUSTER_BY)
def test_a_run_of_every_asset_runs_every_node_although_in_memory_datasets_are_hidden(cluster_by):
    graph = make_graph(CHAIN, memory_assets=False, cluster_by=cluster_by)
    plan = plan_of(graph, cluster_by, set(graph.assets_of(graph.nodes)))
    assert [node.name for node in plan.pipeline.nodes] == ["a", "b", "c"]


def test_the_pipeline_is_exactly_what_runs():
    graph = make_graph(CHAIN, files=["x", "y"])
    plan = plan_of(graph, "memory", {("dataset", "y")})
    assert [node.name for node in plan.pipeline.nodes] == ["b"]
    assert (plan.inputs, plan.outputs) == ({"x", "params:p"}, {"y"})


def test_a_run_without_steps_has_an_empty_pipeline():
    plan = plan_run(make_graph(CHAIN), {})
    assert (plan.steps, plan.pipeline.nodes, plan.inputs, plan.outputs) == ({}, [], frozenset(), frozenset())


def test_single_nodes_hand_on_their_in_memory_datasets():
    plan = plan_of(make_graph(CHAIN, files=["y"]), "node", {("dataset", "x"), ("dataset", "y"), ("dataset", "z")})
    assert plan.steps == {
        "a": StepPlan(("a",), handed_out=frozenset({"x"})),
        "b": StepPlan(("b",), handed_in=frozenset({"x"})),
        "c": StepPlan(("c",)),
    }


def test_a_single_node_hands_out_for_later_runs_although_no_step_of_this_one_asks():
    plan = plan_of(make_graph(CHAIN), "node", {("dataset", "x")})
    assert plan.steps == {"a": StepPlan(("a",), handed_out=frozenset({"x"}))}


def test_two_steps_of_one_cluster_hand_on_what_the_first_has_made():
    """Dagster splits a cluster where an asset of somebody else stands between two of its assets."""
    graph = make_graph(CHAIN)
    [whole] = clusters_of(graph, "memory")
    plan = plan_run(
        graph, {"first": (whole, [("dataset", "x")]), "second": (whole, [("dataset", "y"), ("dataset", "z")])}
    )
    assert plan.steps == {
        "first": StepPlan(("a",), handed_out=frozenset({"x"})),
        "second": StepPlan(("b", "c"), handed_in=frozenset({"x"})),
    }


def test_a_second_step_makes_again_what_the_first_was_not_asked_for():
    graph = make_graph(CHAIN)
    [whole] = clusters_of(graph, "memory")
    plan = plan_run(graph, {"first": (whole, [("dataset", "x")]), "second": (whole, [("dataset", "z")])})
    assert plan.steps["second"] == StepPlan(("b", "c"), handed_in=frozenset({"x"}))


def test_versioned_datasets_that_the_run_writes_are_known_under_all_their_names():
    versioned = {"type": "pandas.CSVDataset", "filepath": "x", "versioned": True}
    nodes = [make_node("a", ["raw"], ["x@csv"]), make_node("b", ["x@frame"], ["y"])]
    graph = make_graph(nodes, catalog={"x@csv": versioned, "x@frame": versioned, "raw": versioned, "y": versioned})
    assert plan_of(graph, "memory", {("dataset", "x")}).versioned == {"x@csv", "x@frame"}
    assert plan_of(graph, "memory", {("dataset", "y")}).versioned == {"y"}


TWO_OF_ONE_NAME = {
    "__default__": [make_node("fit", ["table"], ["linear"])],
    "forest": [make_node("fit", ["table"], ["forest"])],
}


def test_a_run_of_one_of_two_nodes_of_one_name_has_it_as_kedro_does():
    graph = make_graph(TWO_OF_ONE_NAME)
    plan = plan_of(graph, "memory", {("dataset", "forest")})
    assert plan.steps == {"fit__forest": StepPlan(("fit__forest",))}
    assert plan.nodes == {"fit__forest": graph.nodes["fit__forest"]}
    assert [node.name for node in plan.pipeline.nodes] == ["fit"]
    assert plan.readers == {"table": {"fit__forest"}}


def test_a_run_of_two_nodes_of_one_name_tells_them_apart():
    plan = plan_of(make_graph(TWO_OF_ONE_NAME), "memory", {("dataset", "forest"), ("dataset", "linear")})
    assert {title: node.name for title, node in plan.nodes.items()} == {"fit": "fit", "fit__forest": "fit__forest"}
    assert sorted(node.name for node in plan.pipeline.nodes) == ["fit", "fit__forest"]
    assert plan.readers == {"table": {"fit", "fit__forest"}}


def test_what_is_handed_out_is_what_assets_of_other_origin_read():
    graph = make_graph(CHAIN)
    [whole] = clusters_of(graph, "memory")
    everything = {"all": (whole, graph.assets_of(graph.nodes))}
    assert plan_run(graph, everything).steps["all"].handed_out == frozenset()
    assert plan_run(graph, everything, foreign_inputs={"y"}).steps["all"].handed_out == {"y"}


def test_what_assets_of_other_origin_make_in_memory_is_handed_in():
    graph = make_graph(CHAIN)
    [whole] = clusters_of(graph, "memory")
    steps = {"all": (whole, graph.assets_of(graph.nodes))}
    assert plan_run(graph, steps, foreign_outputs={"raw"}).steps["all"].handed_in == {"raw"}
    assert plan_run(graph, steps).steps["all"].handed_in == frozenset()


def test_what_of_the_outputs_is_in_memory_is_known_under_their_names():
    nodes = [make_node("a", ["raw"], ["x@data"]), make_node("b", ["raw"], ["y"])]
    plan = plan_of(make_graph(nodes, files=["y"]), "memory", {("dataset", "x"), ("dataset", "y")})
    assert (plan.outputs, plan.memory_outputs) == ({"x@data", "y"}, {"x@data"})


def test_the_readers_of_a_dataset_are_those_that_use_its_name():
    nodes = [make_node("a", ["raw", "params:p"], ["x"]), make_node("b", ["raw", "x@other"], ["y"])]
    assert readers_of({node.name: node for node in nodes}) == {
        "raw": {"a", "b"},
        "params:p": {"a"},
        "x@other": {"b"},
    }


# What is left of a step of which something is saved.


FORK = (
    make_node("clean", ["raw"], ["x"]),
    make_node("split", ["x"], ["memory", "other"]),
    make_node("train", ["memory"], ["y"]),
    make_node("count", ["x"], ["n"]),
    make_node("tell", ["y", "other"]),
)
FORKED = ["x", "other", "y", "n"]


def left(*saved, nodes=FORK, files=FORKED, deps=None):
    graph = make_graph(nodes, files=files)
    graph = with_order(graph, deps or {}, (), Scope())
    vertices = [("node" if name == "tell" else "dataset", name) for name in saved]
    return nodes_left(graph, list(graph.nodes), vertices)


@pytest.mark.parametrize(
    ("saved", "expected"),
    [
        ([], ["clean", "split", "train", "count", "tell"]),
        (["x"], ["split", "train", "count", "tell"]),
        (["x", "n"], ["split", "train", "tell"]),
        (["x", "n", "other", "y"], ["split", "train", "tell"]),
        (["other", "y", "n", "tell"], ["clean", "split", "train", "count", "tell"]),
    ],
    ids=["nothing", "the first", "a branch", "all but the last, with memory between", "all but the first"],
)
def test_what_is_left_of_a_step_are_the_nodes_that_are_not_done_and_what_depends_on_them(saved, expected):
    assert sorted(left(*saved)) == sorted(expected)


def test_data_in_memory_is_not_made_again_if_nobody_needs_it():
    nodes = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"]), make_node("c", ["y"], ["z"])]
    assert left("x", "y", nodes=nodes, files=["x", "y", "z"]) == ["c"]


def test_a_node_with_an_output_in_memory_is_never_done():
    assert "split" in left("x", "other", "y", "n", "tell")


def test_a_node_that_waits_for_one_that_runs_again_runs_too():
    nodes = [make_node("a", ["raw"], ["x"]), make_node("b", ["raw"], ["y"]), make_node("c", ["x"], ["z"])]
    assert left("y", "z", nodes=nodes, files="xyz", deps={"y": ["x"]}) == ["a", "b", "c"]
    assert left("y", "z", nodes=nodes, files="xyz") == ["a", "c"]


def test_a_node_that_confirms_what_it_reads_is_never_done():
    nodes = [make_node("a", ["raw"], ["x"], confirms="raw"), make_node("b", ["other"], ["y"])]
    assert left("x", "y", nodes=nodes, files="xy") == ["a"]


def test_the_plan_of_a_run_that_goes_on_leaves_out_what_is_done():
    graph = make_graph(CHAIN, files="xyz")
    [only] = clusters_of(graph, "pipeline")
    plan = plan_run(graph, {only.name: (only, graph.assets_of(only.nodes))}, kept=["a"])
    assert plan.steps[only.name] == StepPlan(("b", "c"), kept=("a",))
    assert sorted(plan.nodes) == ["b", "c"]
    assert "x" in plan.inputs


BY_PRODUCT = (
    make_node("split", ["raw"], ["shown", "kept"]),
    make_node("read", ["kept"], ["score"]),
    make_node("after", ["shown"], ["more"]),
    make_node("late", ["more", "kept"], ["end"]),
)
"""`shown` is all that anybody selects of `split`, which makes `kept` too."""


def by_product_plan(*wanted):
    graph = make_graph(BY_PRODUCT, files=["raw", "shown", "kept", "score", "more", "end"])
    return graph, plan_of(graph, "node", {("dataset", name) for name in wanted})


def test_what_a_step_makes_of_what_nobody_has_selected():
    _, plan = by_product_plan("shown", "score")
    assert {name: step.by_products for name, step in plan.steps.items()} == {
        "split": frozenset({"kept"}), "read": frozenset(),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "waits_for", "early"),
    [
        (["shown", "score"], {}, [EarlyRead("read", "kept", "split")]),
        (["shown", "kept", "score"], {"read": ["split"]}, []),
        (["score"], {}, []),
        (["shown", "more", "end"], {"after": ["split"], "late": ["after"]}, []),
        (["shown", "end"], {}, [EarlyRead("late", "kept", "split")]),
    ],
    ids=["by-product", "selected", "only the reader", "a way through another step", "that step left out"],
)
def test_what_may_be_read_before_the_run_has_made_it(wanted, waits_for, early):
    graph, plan = by_product_plan(*wanted)
    assert early_reads(graph, plan, lambda: waits_for) == early


def test_what_waits_for_a_by_product_may_come_too_early():
    graph = make_graph(BY_PRODUCT, files=["raw", "shown", "kept", "score", "more", "end"])
    graph = with_order(graph, {"after": ["kept"]}, [], Scope())
    plan = plan_of(graph, "node", {("dataset", "shown"), ("dataset", "more")})
    assert early_reads(graph, plan, lambda: {"after": ["split"]}) == []
    assert early_reads(graph, plan, dict) == [EarlyRead("after", "kept", "split")]
