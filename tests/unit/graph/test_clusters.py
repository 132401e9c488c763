import networkx as nx
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from kedro_assets.config import AssetsConfig
from kedro_assets.errors import Scope
from kedro_assets.graph.clusters import Boundaries, check_depth, cluster, nodes_to_run
from kedro_assets.graph.ties import confirmed_together, handed_on_in_memory
from unit.builders import CLUSTER_BY, graphs, make_graph, make_node

pytestmark = pytest.mark.filterwarnings(
    "ignore:Namespace '.*' is interrupted by nodes:UserWarning"
)  # Kedro's, and allowed


def clusters_of(graph, cluster_by="memory"):
    return cluster(graph, AssetsConfig(cluster_by=cluster_by), Boundaries(), Scope())


def members(graph, cluster_by="memory"):
    return [each.nodes for each in clusters_of(graph, cluster_by)]


any_cluster_by = st.sampled_from(CLUSTER_BY)


@given(graphs(), any_cluster_by)
def test_every_node_is_in_exactly_one_cluster(graph, cluster_by):
    placed = [node for each in clusters_of(graph, cluster_by) for node in each.nodes]
    assert sorted(placed) == sorted(graph.nodes)


@given(graphs(), any_cluster_by)
def test_clusters_do_not_wait_for_each_other(graph, cluster_by):
    clusters = clusters_of(graph, cluster_by)
    home = {node: index for index, each in enumerate(clusters) for node in each.nodes}
    flows = {
        (home[graph.producer(dataset)], home[consumer])
        for dataset in graph.datasets
        if graph.producer(dataset)
        for consumer in graph.consumers(dataset)
    }
    assert nx.is_directed_acyclic_graph(nx.DiGraph((one, other) for one, other in flows if one != other))


@given(graphs(), any_cluster_by)
def test_a_cluster_comes_after_those_it_reads_from_and_its_nodes_are_in_kedros_order(graph, cluster_by):
    clusters = clusters_of(graph, cluster_by)
    made = set(graph.external)
    for each in clusters:
        assert list(each.nodes) == graph.in_order(each.nodes)
        for node in each.nodes:
            assert made.issuperset(graph.inputs(node))
            made.update(graph.outputs(node))


@given(graphs(), any_cluster_by.filter(lambda name: name != "node"))
def test_an_in_memory_dataset_never_leaves_its_cluster(graph, cluster_by):
    home = {node: each.name for each in clusters_of(graph, cluster_by) for node in each.nodes}
    for dataset in graph.datasets:
        if graph.in_memory(dataset) and graph.producer(dataset):
            assert {home[node] for node in graph.consumers(dataset)} <= {home[graph.producer(dataset)]}


@given(graphs())
def test_by_node_every_node_stays_alone_under_its_own_name(graph):
    clusters = clusters_of(graph, "node")
    assert [each.nodes for each in clusters] == [(each.name,) for each in clusters]


@given(graphs(), any_cluster_by)
def test_names_are_unique_and_only_a_cluster_of_several_nodes_has_reasons(graph, cluster_by):
    clusters = clusters_of(graph, cluster_by)
    assert len({each.name for each in clusters}) == len(clusters)
    assert all(bool(each.reasons) == (len(each.nodes) > 1) for each in clusters)


@given(graphs())
def test_by_memory_nodes_that_hand_on_nothing_in_memory_stay_alone(graph):
    handed_on = any(graph.in_memory(name) and graph.producer(name) and graph.consumers(name) for name in graph.datasets)
    assert handed_on or all(len(nodes) == 1 for nodes in members(graph))


def test_nodes_that_hand_on_data_in_memory_run_together_and_others_do_not():
    nodes = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"]), make_node("c", ["y"], ["z"])]
    graph = make_graph(nodes, files=["y"])
    assert members(graph) == [("a", "b"), ("c",)]


def test_all_readers_of_an_in_memory_dataset_run_with_its_writer():
    nodes = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"]), make_node("c", ["x"])]
    assert members(make_graph(nodes)) == [("a", "b", "c")]


def test_readers_of_an_external_in_memory_dataset_stay_apart():
    nodes = [make_node("a", ["given"], ["x"]), make_node("b", ["given"], ["y"])]
    assert members(make_graph(nodes)) == [("a",), ("b",)]


def test_a_node_between_two_that_run_together_runs_with_them():
    """A -mem-> C, A -file-> B -file-> C: {A, C} would wait for B, and B for {A, C}."""
    nodes = [
        make_node("A", ["raw"], ["mem", "f1"]),
        make_node("B", ["f1"], ["f2"]),
        make_node("C", ["mem", "f2"], ["end"]),
    ]
    graph = make_graph(nodes, files=["f1", "f2"])
    [together] = clusters_of(graph)
    assert together.nodes == ("A", "B", "C")
    assert together.reasons[0] == "'mem' is handed on in memory."
    assert together.reasons[1].endswith(" would otherwise wait for each other.")
    assert "'A'" in together.reasons[1]
    assert "'B'" in together.reasons[1]


def test_a_cycle_over_several_clusters_becomes_one_and_leaves_the_rest_alone():
    nodes = [
        make_node("a", ["raw"], ["m1", "f1"]),
        make_node("b", ["f1"], ["m2", "f2"]),
        make_node("c", ["m1", "f3"], ["end"]),
        make_node("d", ["m2"], ["f3"]),
        make_node("after", ["end"], ["last"]),
        make_node("aside", ["f2"], ["other"]),
    ]
    graph = make_graph(nodes, files=["f1", "f2", "f3", "end"])
    assert set(members(graph)) == {("a", "b", "d", "c"), ("after",), ("aside",)}


def test_by_namespace_the_top_level_counts():
    nodes = [
        make_node("a", ["raw"], ["x"], namespace="one"),
        make_node("b", ["raw"], ["y"], namespace="one.deep"),
        make_node("c", ["raw"], ["z"]),
        make_node("d", ["raw"], ["w"]),
    ]
    clusters = clusters_of(make_graph(nodes), "namespace")
    assert {each.name: each.nodes for each in clusters} == {"one": ("one.a", "one.deep.b"), "c": ("c",), "d": ("d",)}
    assert next(each for each in clusters if each.name == "one").reasons == ("they share the namespace 'one'.",)


def test_by_tag_nodes_with_all_the_same_tags_run_together():
    nodes = [
        make_node("a", ["raw"], ["x"], tags=["red", "blue"]),
        make_node("b", ["raw"], ["y"], tags=["blue", "red"]),
        make_node("c", ["raw"], ["z"], tags=["red"]),
    ]
    clusters = clusters_of(make_graph(nodes), "tag")
    assert {each.name: each.nodes for each in clusters} == {"blue, red": ("a", "b"), "c": ("c",)}


def test_by_pipeline_the_default_pipeline_counts_only_for_nodes_of_no_other():
    a, b, c, d = (make_node(name, ["raw"], [f"{name}_out"]) for name in "abcd")
    graph = make_graph({"__default__": [a, b, c, d], "etl": [a, c]})
    clusters = clusters_of(graph, "pipeline")
    assert {each.name: each.nodes for each in clusters} == {"etl": ("a", "c"), "d": ("b", "d")}


@pytest.mark.parametrize("others", [["red"], ["red", "red__cluster"]], ids=["one", "two"])
def test_a_cluster_whose_name_a_node_has_is_called_otherwise(others):
    nodes = [make_node(name, ["raw"], [f"{name}_out"]) for name in others]
    tagged = [make_node(name, ["raw"], [f"{name}_out"], tags=["red"]) for name in ("a", "b")]
    clusters = clusters_of(make_graph([*nodes, *tagged]), "tag")
    assert len({each.name for each in clusters}) == len(others) + 1


# Which nodes a selection runs.


DIAMOND = (
    make_node("load", ["raw"], ["table"]),
    make_node("left", ["table"], ["l"]),
    make_node("right", ["table"], ["r"]),
    make_node("join", ["l", "r"], ["joined"]),
    make_node("tell", ["joined"]),
)


def running(files, *selected, handed_in=()):
    graph = make_graph(DIAMOND, files=files)
    whole = cluster(graph, AssetsConfig(cluster_by="pipeline"), Boundaries(), Scope())[0]
    assert len(whole.nodes) == len(DIAMOND)
    return nodes_to_run(graph, whole, selected, handed_in)


def test_a_selection_runs_what_makes_its_in_memory_inputs():
    assert running([], ("dataset", "l")) == ["load", "left"]
    assert running([], ("node", "tell")) == ["load", "left", "right", "join", "tell"]


def test_a_selection_does_not_run_what_is_persisted():
    assert running(["l", "table"], ("dataset", "joined")) == ["right", "join"]
    assert running(["joined"], ("node", "tell")) == ["tell"]


def test_a_selection_does_not_run_what_is_handed_in():
    assert running([], ("dataset", "joined"), handed_in={"l"}) == ["load", "right", "join"]


def test_a_selection_of_nothing_runs_nothing():
    assert running([]) == []


# Nodes that are partitioned differently.


@st.composite
def partitioned_graphs(draw):
    """Draw a graph whose nodes are of some kinds, read other partitions than they make, and say which they read."""
    graph = draw(graphs())
    tied = nx.Graph(
        [
            (node, other)
            for node, others, _ in [*confirmed_together(graph), *handed_on_in_memory(graph)]
            for other in others
        ]
    )
    tied.add_nodes_from(graph.nodes)
    kinds, moves, reads = {}, set(), {}
    for alike in sorted(map(sorted, nx.connected_components(tied))):
        kind = draw(st.sampled_from([None, "daily", "weekly"]))
        kinds.update(dict.fromkeys(alike, kind) if kind else {})
    for node in graph.nodes:
        for dataset in graph.inputs(node):
            producer = graph.producer(dataset)
            if graph.in_memory(dataset) or (producer and producer not in kinds):
                continue
            mapping = draw(st.sampled_from([None, None, 1, 2]))
            if mapping:
                reads.setdefault(node, {})[dataset] = mapping
            if producer in kinds and (mapping or kinds[producer] != kinds.get(node)):
                moves.add((producer, node))
    return graph, Boundaries(kinds, moves, reads)


@given(partitioned_graphs(), any_cluster_by)
def test_a_cluster_makes_and_reads_partitions_of_one_kind(drawn, cluster_by):
    graph, boundaries = drawn
    problems = Scope()
    clusters = cluster(graph, AssetsConfig(cluster_by=cluster_by), boundaries, problems)
    assert sorted(node for each in clusters for node in each.nodes) == sorted(graph.nodes)
    home = {node: number for number, each in enumerate(clusters) for node in each.nodes}
    flows = [(home[one], home[other]) for one, other in graph.handovers()]
    assert all(one <= other for one, other in flows)
    for each in clusters:
        alike = {boundaries.kinds.get(node) for node in each.nodes}
        inside = [pair for pair in boundaries.moves if set(pair).issubset(each.nodes)]
        read = {}
        for node in each.nodes:
            for dataset in graph.inputs(node):
                read.setdefault(dataset, set()).add(boundaries.reads.get(node, {}).get(dataset))
        mixed = len(alike) > 1 or inside or any(len(found) > 1 for found in read.values())
        assert not mixed or len(problems)
    if not any(graph.in_memory(name) for name in graph.datasets) or cluster_by == "node":
        assert not len(problems)


BETWEEN = (
    make_node("a", ["raw"], ["mem", "f1"]),
    make_node("b", ["f1"], ["f2"]),
    make_node("c", ["mem", "f2"], ["end"]),
)


def problems_of_clusters(nodes, boundaries, cluster_by="memory", **options):
    problems = Scope()
    cluster(make_graph(nodes, **options), AssetsConfig(cluster_by=cluster_by), boundaries, problems)
    return [(problem.path, problem.found, problem.hint) for problem in problems]


SAVE = "Give the data that is handed on in memory an entry in the catalog, so that it is saved."


def test_a_node_that_is_partitioned_otherwise_cannot_run_between_two_that_run_together():
    found = problems_of_clusters(BETWEEN, Boundaries({"a": 1, "c": 1, "b": 2}), files=["f1", "f2"])
    together = "node 'a' has to share a step with the nodes to which it hands on data in memory"
    between = "node 'b' between them is partitioned differently."
    assert found == [("assets.partitions", f"{together}, but {between}", SAVE)]
    assert problems_of_clusters(BETWEEN, Boundaries({"a": 1, "c": 1, "b": 2}), "node", files=["f1", "f2"]) == []


def test_a_node_cannot_read_other_partitions_of_one_that_it_runs_with():
    boundaries = Boundaries(dict.fromkeys("abc", 1), moves=[("a", "b")])
    assert problems_of_clusters(BETWEEN, boundaries, files=["f1", "f2"]) == [
        (
            "assets.partitions",
            "nodes 'a' and 'b' have to share a step, but 'b' reads other partitions than those that 'a' makes in the same run.",
            SAVE,
        )
    ]


def test_nodes_that_run_together_cannot_read_different_partitions_of_one_dataset():
    nodes = [make_node("a", ["raw"], ["mem"]), make_node("b", ["mem", "raw"], ["end"])]
    boundaries = Boundaries(dict.fromkeys("ab", 1), reads={"a": {"raw": 1}, "b": {"raw": 2}})
    assert problems_of_clusters(nodes, boundaries, files=["raw"]) == [
        ("assets.partitions", "nodes 'a' and 'b' have to share a step, but read different partitions of 'raw'.", SAVE)
    ]
    alike = Boundaries(dict.fromkeys("ab", 1), reads={"a": {"raw": 1}, "b": {"raw": 1}})
    assert problems_of_clusters(nodes, alike, files=["raw"]) == []


@pytest.mark.parametrize("cluster_by", ["namespace", "tag", "pipeline"])
def test_nodes_of_one_trait_that_are_partitioned_differently_make_a_step_for_each_kind(cluster_by):
    nodes = [make_node(name, ["raw"], [f"{name}_out"], tags=["t"], namespace="ns") for name in "abcd"]
    names = [f"ns.{name}" for name in "abcd"]
    problems = Scope()
    boundaries = Boundaries({names[0]: 1, names[2]: 1, names[3]: 2})
    clusters = cluster(make_graph(nodes), AssetsConfig(cluster_by=cluster_by), boundaries, problems)
    assert sorted(each.nodes for each in clusters) == [(names[0], names[2]), (names[1],), (names[3],)]
    together = next(each for each in clusters if len(each.nodes) > 1)
    assert together.reasons[1].endswith(" are partitioned differently.")
    assert not problems.failed


# Nodes that need different things of their executor.


@given(partitioned_graphs(), any_cluster_by, st.data())
def test_a_cluster_has_nodes_with_the_same_needs_unless_they_are_tied_or_merged(drawn, cluster_by, data):
    graph, boundaries = drawn
    needs = {node: data.draw(st.sampled_from([None, "gpu", "big"])) for node in graph.nodes}
    boundaries = evolve(boundaries, needs={node: need for node, need in needs.items() if need})
    clusters = cluster(graph, AssetsConfig(cluster_by=cluster_by), boundaries, Scope())
    tied = cluster(graph, AssetsConfig(), Boundaries(), Scope()) if cluster_by != "node" else ()
    together = {node: each.nodes for each in tied for node in each.nodes}
    for each in clusters:
        if len({needs[node] for node in each.nodes}) > 1:
            assert any(len({needs[node] for node in together.get(member, ())}) > 1 for member in each.nodes)
    home = {node: number for number, each in enumerate(clusters) for node in each.nodes}
    assert all(home[one] <= home[other] for one, other in graph.handovers())
    merged = evolve(boundaries, merge_needs=True)
    as_without = evolve(boundaries, needs={})
    assert [each.nodes for each in cluster(graph, AssetsConfig(cluster_by=cluster_by), merged, Scope())] == [
        each.nodes for each in cluster(graph, AssetsConfig(cluster_by=cluster_by), as_without, Scope())
    ]


CHAIN_OF_PIPELINE = [
    make_node("a", ["raw"], ["x"], namespace="ns", tags=["t"]),
    make_node("b", ["x"], ["y"], namespace="ns", tags=["t"]),
    make_node("c", ["y"], ["z"], namespace="ns", tags=["t"]),
    make_node("d", ["raw"], ["w"], namespace="ns", tags=["t"]),
]


def of_pipeline(boundaries, cluster_by="pipeline"):
    graph = make_graph(CHAIN_OF_PIPELINE, files=["x", "y", "z"])
    clusters = cluster(graph, AssetsConfig(cluster_by=cluster_by), boundaries, Scope())
    return {tuple(node.removeprefix("ns.") for node in each.nodes): each.reasons for each in clusters}


@pytest.mark.parametrize("cluster_by", ["namespace", "tag", "pipeline"])
def test_a_node_with_other_needs_is_a_step_of_its_own_and_so_is_what_comes_after_it(cluster_by):
    found = of_pipeline(Boundaries(needs={"ns.b": "gpu"}), cluster_by)
    assert set(found) == {("a", "d"), ("b",), ("c",)}
    assert all(reasons[-1].endswith(" have other step tags.") for reasons in found.values())


@pytest.mark.parametrize(
    ("kinds", "said"), [({}, "other step tags"), ({"last": 1}, "other partitions or step tags")], ids=["tags", "both"]
)
def test_nodes_around_one_of_another_trait_with_other_needs_say_why_they_are_apart(kinds, said):
    before, after = (make_node(*each, tags=["t"]) for each in (("before", ["raw"], ["x"]), ("after", ["y"], ["z"])))
    nodes = [before, make_node("between", ["x"], ["y"]), after, make_node("last", ["z"], ["w"])]
    boundaries = Boundaries(kinds, needs={"between": "gpu"})
    graph = make_graph(nodes, files=["x", "y", "z"])
    clusters = {each.name: each for each in cluster(graph, AssetsConfig(cluster_by="tag"), boundaries, Scope())}
    assert set(clusters) == {"before", "between", "after", "last"}
    reason = f"the other nodes of the tag 't' come before or after nodes with {said}."
    assert [clusters[name].reasons for name in ("before", "after")] == [(reason,), (reason,)]


def test_nodes_with_the_same_needs_share_a_step():
    needs = dict.fromkeys(["ns.a", "ns.b", "ns.c", "ns.d"], "gpu")
    [nodes] = of_pipeline(Boundaries(needs=needs))
    assert sorted(nodes) == ["a", "b", "c", "d"]


def test_a_step_with_merged_needs_says_so():
    [(nodes, reasons)] = of_pipeline(Boundaries(needs={"ns.b": "gpu"}, merge_needs=True)).items()
    assert sorted(nodes) == ["a", "b", "c", "d"]
    assert reasons[-1] == "its nodes have different step tags, and the step has all of them (`assets.merge_step_tags`)."


# How long a chain of steps may be.


def chain_of(length):
    return make_graph([make_node(f"n{number}", [f"d{number}"], [f"d{number + 1}"]) for number in range(length)])


def test_a_chain_of_steps_may_be_as_long_as_python_calls_functions(monkeypatch):
    monkeypatch.setattr("sys.getrecursionlimit", lambda: 155)
    graph, problems = chain_of(6), Scope()
    steps = clusters_of(graph, "node")
    assert check_depth(graph, clusters_of(chain_of(5), "node"), problems)
    assert check_depth(graph, clusters_of(graph, "pipeline"), problems)
    assert not problems.failed
    assert not check_depth(graph, steps, problems.at("jobs", "j"))
    [problem] = problems
    assert (problem.path, problem.found) == (
        "jobs.j",
        "found a chain of 6 steps that wait for each other, but Dagster fails at about 5.",
    )
    assert "`assets.cluster_by` to `pipeline`" in problem.hint


def test_steps_that_do_not_wait_for_each_other_may_be_any_number(monkeypatch):
    monkeypatch.setattr("sys.getrecursionlimit", lambda: 155)
    graph = make_graph([make_node(f"n{number}", ["raw"], [f"d{number}"]) for number in range(20)])
    assert check_depth(graph, clusters_of(graph, "node"), Scope())
