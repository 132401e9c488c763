import pytest

from kedro_assets.errors import Problems
from kedro_assets.graph.project_graph import build_graph

from .builders import make_graph, make_node, make_project


def build(pipelines, /, **options):
    """Build a graph; give it, and the problems."""
    problems = Problems()
    return build_graph(make_project(pipelines, **options), problems), list(problems)


def left_out(graph):
    return {left.pipeline: left.reason for left in graph.left_out}


def test_a_graph_says_who_writes_and_who_reads_a_dataset():
    graph = make_graph([make_node("a", ["raw"], ["x", "y"]), make_node("b", ["x", "y"], ["z"])])
    assert (graph.producer("raw"), graph.producer("x")) == (None, "a")
    assert (graph.consumers("x"), graph.consumers("z")) == (["b"], [])
    assert (graph.inputs("b"), graph.outputs("a")) == (["x", "y"], ["x", "y"])
    assert graph.external == ["raw"]


def test_transcoded_names_are_one_dataset_with_an_entry_for_each_name():
    nodes = [make_node("a", ["raw"], ["x@spark"]), make_node("b", ["x@pandas"], ["y"])]
    graph = make_graph(nodes, files=["x@spark", "x@pandas"])
    assert list(graph.nodes) == ["a", "b"]
    assert graph.consumers("x") == ["b"]
    assert [entry.name for entry in graph.entries["x"]] == ["x@spark", "x@pandas"]


def test_parameters_are_no_datasets():
    graph = make_graph([make_node("a", ["parameters", "params:x", "raw"], ["y"])])
    assert list(graph.datasets) == ["raw", "y"]
    assert graph.inputs("a") == ["raw"]


def test_nodes_are_in_the_order_in_which_kedro_runs_them():
    nodes = [make_node("c", ["y"], ["z"]), make_node("b", ["x"], ["y"]), make_node("a", ["raw"], ["x"])]
    graph = make_graph(nodes)
    assert list(graph.nodes) == ["a", "b", "c"]
    assert graph.in_order(["c", "a"]) == ["a", "c"]


def test_a_dataset_without_an_entry_is_in_memory():
    graph = make_graph([make_node("a", ["raw"], ["x"])], files=["raw"])
    assert (graph.in_memory("raw"), graph.in_memory("x")) == (False, True)


def test_a_dataset_of_which_one_variant_is_in_memory_cannot_leave_its_process():
    nodes = [make_node("a", ["raw"], ["x@data"]), make_node("b", ["x@data"], ["y"]), make_node("c", ["x@file"], ["z"])]
    graph = make_graph(nodes, files=["x@file"])
    assert graph.in_memory("x")


def test_a_node_without_outputs_is_an_asset_itself():
    graph = make_graph([make_node("a", ["raw"], ["x", "y"]), make_node("b", ["x"])])
    assert graph.assets_of(["a", "b"]) == [("dataset", "x"), ("dataset", "y"), ("node", "b")]


# In-memory datasets that are hidden.


CHAIN = (
    make_node("a", ["raw"], ["x", "unread"]),
    make_node("b", ["x", "other"], ["y"]),
    make_node("c", ["y", "kept"], ["end"]),
)


def test_only_in_memory_datasets_between_two_nodes_are_hidden():
    graph = make_graph(CHAIN, memory_assets=False, files=["kept"])
    assert graph.hidden == {"x", "y"}
    assert graph.assets_of(graph.nodes) == [("dataset", "unread"), ("dataset", "end")]


def test_each_writer_of_hidden_datasets_is_looked_at_once():
    chain = [make_node("n0", ["raw"], ["a0", "b0"])]
    for number in range(12):
        inputs = [f"a{number}", f"b{number}"]
        chain.append(make_node(f"n{number + 1}", inputs, [f"a{number + 1}", f"b{number + 1}"]))
    graph = make_graph(chain, memory_assets=False, files=["raw"])
    assert list(graph.readings("n12")) == [("n0", "raw")]


def test_behind_hidden_datasets_stand_what_their_writers_read():
    graph = make_graph(CHAIN, memory_assets=False, files=["kept"])
    assert graph.upstream("c") == ["raw", "other", "kept"]


def test_what_is_shown_is_upstream_itself():
    graph = make_graph(CHAIN)
    assert graph.hidden == frozenset()
    assert graph.upstream("c") == ["y", "kept"]


# Which pipelines join.


def test_pipelines_that_share_nodes_join():
    a, b, c = make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"]), make_node("c", ["y"], ["z"])
    graph = make_graph({"__default__": [a, b], "more": [b, c]})
    assert list(graph.nodes) == ["a", "b", "c"]
    assert graph.pipelines == {"__default__": {"a", "b"}, "more": {"b", "c"}}
    assert (graph.pipelines_of("b"), graph.pipelines_of("c")) == (["__default__", "more"], ["more"])


def test_the_default_pipeline_comes_first_wherever_it_is_registered():
    first, other = make_node("a", ["raw"], ["x"]), make_node("b", ["raw"], ["x"])
    graph = make_graph({"aaa": [other], "__default__": [first]})
    assert list(graph.pipelines) == ["__default__"]
    assert left_out(graph) == {"aaa": "its node 'b' writes 'x', which node 'a' writes already, in pipeline '__default__'."}


def test_a_second_writer_of_a_transcoded_dataset_stays_out():
    graph = make_graph(
        {"__default__": [make_node("a", ["raw"], ["x@csv"])], "more": [make_node("b", ["raw"], ["x@parquet"])]}
    )
    assert left_out(graph) == {"more": "its node 'b' writes 'x', which node 'a' writes already, in pipeline '__default__'."}


def test_another_node_of_the_same_name_stays_out():
    graph = make_graph({"__default__": [make_node("a", ["raw"], ["x"])], "more": [make_node("a", ["raw"], ["y"])]})
    assert left_out(graph) == {"more": "its node 'a' differs from the node of that name in another pipeline."}


def test_a_node_of_the_same_name_with_another_function_stays_out():
    slow = make_node("a", ["raw"], ["x"])
    fast = slow._copy(func=len)
    graph = make_graph({"__default__": [slow], "fast": [fast]})
    assert left_out(graph) == {"fast": "its node 'a' differs from the node of that name in another pipeline."}


def test_a_node_of_the_same_name_with_other_tags_joins():
    node = make_node("a", ["raw"], ["x"])
    graph = make_graph({"__default__": [node], "more": [node.tag("daily")]})
    assert list(graph.pipelines) == ["__default__", "more"]


def test_a_pipeline_that_would_close_a_circle_stays_out():
    graph = make_graph({"__default__": [make_node("a", ["x"], ["y"])], "back": [make_node("b", ["y"], ["x"])]})
    assert list(graph.nodes) == ["a"]
    assert left_out(graph)["back"].startswith("together with the other pipelines it forms a circle: ")


def test_the_pipelines_asked_for_join_in_the_order_asked_for():
    pipelines = {name: [make_node(name, ["raw"], [f"{name}_out"])] for name in ("__default__", "a", "b", "c")}
    graph = make_graph(pipelines, pipelines=["c", "a"])
    assert list(graph.pipelines) == ["c", "a"]
    assert set(graph.nodes) == {"a", "c"}


def test_unknown_pipelines_are_reported_with_the_nearest_and_the_others_join():
    graph, problems = build({"etl": [make_node("a", ["raw"], ["x"])]}, pipelines=["etl", "elt", "zzz"])
    assert [(problem.path, problem.found) for problem in problems] == [
        ("assets.pipelines[1]", "no pipeline 'elt' is registered."),
        ("assets.pipelines[2]", "no pipeline 'zzz' is registered."),
    ]
    assert problems[0].hint == "Did you mean 'etl'? Allowed: etl."
    assert list(graph.nodes) == ["a"]


@pytest.mark.parametrize("order", [["one", "two"], ["two", "one"]], ids=["forward", "backward"])
def test_pipelines_asked_for_that_do_not_fit_together_are_reported(order):
    pipelines = {name: [make_node(name, ["raw"], ["x"])] for name in ("one", "two")}
    graph, problems = build(pipelines, pipelines=order)
    assert list(graph.pipelines) == order[:1]
    [problem] = problems
    assert problem.path == "assets.pipelines[1]"
    assert problem.found.startswith(f"pipeline '{order[1]}' cannot join: its node '{order[1]}' writes 'x'")


def test_a_pipeline_left_out_without_being_asked_for_is_no_problem():
    pipelines = {"__default__": [make_node("a", ["raw"], ["x"])], "b": [make_node("b", ["raw"], ["x"])]}
    graph, problems = build(pipelines)
    assert list(left_out(graph)) == ["b"]
    assert problems == []


def test_a_project_without_nodes_has_an_empty_graph():
    graph = make_graph({"__default__": []})
    assert (list(graph.nodes), list(graph.datasets), dict(graph.pipelines)) == ([], [], {"__default__": frozenset()})
