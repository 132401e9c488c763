import pytest

from kedro_assets.config import PipelineFilter
from kedro_assets.errors import Scope
from kedro_assets.graph import build_graph
from kedro_assets.jobs.selection import select_nodes
from unit.builders import make_node, make_project

NODES = (
    make_node("a", ["raw"], ["x"], tags=["daily"]),
    make_node("b", ["x"], ["y"], tags=["weekly"]),
    make_node("c", ["y"], ["z"], namespace="ml"),
)


def select(wanted, pipelines=None, /, **assets):
    """Give the nodes that a filter leaves, and the problems."""
    problems = Scope()
    project = make_project(pipelines or {"__default__": NODES}, **assets)
    graph = build_graph(project, Scope())
    return select_nodes(graph, project.pipelines, wanted, problems.at("jobs", "j", "pipeline")), list(problems)


@pytest.mark.parametrize(
    ("wanted", "nodes"),
    [
        (PipelineFilter(), ["a", "b", "ml.c"]),
        (PipelineFilter(node_names=["b"]), ["b"]),
        (PipelineFilter(from_nodes=["b"]), ["b", "ml.c"]),
        (PipelineFilter(to_nodes=["b"]), ["a", "b"]),
        (PipelineFilter(from_inputs=["x"]), ["b", "ml.c"]),
        (PipelineFilter(to_outputs=["x"]), ["a"]),
        (PipelineFilter(node_namespaces=["ml"]), ["ml.c"]),
        (PipelineFilter(tags=["daily", "weekly"]), ["a", "b"]),
        (PipelineFilter(from_nodes=["b"], tags=["weekly"]), ["b"]),
    ],
    ids=["all", "names", "from_nodes", "to_nodes", "from_inputs", "to_outputs", "namespaces", "tags", "two"],
)
def test_each_filter_leaves_the_nodes_that_kedro_leaves(wanted, nodes):
    assert select(wanted) == (nodes, [])


def test_a_filter_looks_at_its_own_pipeline_and_at_the_tags_that_the_nodes_have_there():
    pipelines = {"__default__": NODES, "part": [NODES[0], NODES[1].tag("special")]}
    assert select(PipelineFilter("part"), pipelines)[0] == ["a", "b"]
    assert select(PipelineFilter("part", tags=["special"]), pipelines)[0] == ["b"]


def test_an_unknown_pipeline_is_reported_with_the_nearest():
    nodes, [problem] = select(PipelineFilter("etk"), {"etl": NODES})
    assert nodes == []
    assert (problem.path, problem.found) == ("jobs.j.pipeline.pipeline_name", "no pipeline 'etk' is registered.")
    assert problem.hint.startswith("Did you mean 'etl'?")


@pytest.mark.parametrize(
    ("assets", "reason"),
    [
        ({}, "its node 'other' writes 'x', which node 'a' of pipeline '__default__' writes already."),
        ({"pipelines": ["__default__"]}, "it is not in `assets.pipelines`."),
    ],
    ids=["conflict", "not asked for"],
)
def test_a_pipeline_that_is_not_among_the_assets_is_reported_with_the_reason(assets, reason):
    pipelines = {"__default__": NODES, "more": [make_node("other", ["raw"], ["x"])]}
    nodes, [problem] = select(PipelineFilter("more"), pipelines, **assets)
    assert nodes == []
    assert problem.path == "jobs.j.pipeline.pipeline_name"
    assert problem.found == f"pipeline 'more' is not among the assets: {reason}"


@pytest.mark.parametrize(
    "wanted",
    [
        PipelineFilter(node_names=["nope"]),
        PipelineFilter(from_nodes=["nope"]),
        PipelineFilter(to_nodes=["nope"]),
        PipelineFilter(from_inputs=["nope"]),
        PipelineFilter(to_outputs=["nope"]),
        PipelineFilter(node_namespaces=["nope"]),
        PipelineFilter(tags=["nope"]),
    ],
    ids=["names", "from_nodes", "to_nodes", "from_inputs", "to_outputs", "namespaces", "tags"],
)
def test_a_filter_that_kedro_refuses_is_reported_at_its_path(wanted):
    nodes, [problem] = select(wanted)
    assert nodes == []
    assert problem.path.startswith("jobs.j.pipeline")
    assert "pipeline '__default__'" in problem.found


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        (PipelineFilter(node_names=["ml.cc"]), "ml.c"),
        (PipelineFilter(from_inputs=["raww"]), "raw"),
        (PipelineFilter(tags=["dayly"]), "daily"),
    ],
    ids=["node", "dataset", "tag"],
)
def test_an_unknown_name_in_a_filter_is_reported_with_the_nearest(wanted, nearest):
    _, [problem] = select(wanted)
    assert f"Did you mean '{nearest}'?" in problem.hint


def test_filters_that_leave_no_pipeline_together_are_reported_with_kedros_error():
    nodes, problems = select(PipelineFilter(from_nodes=["b"], to_nodes=["a"]))
    assert nodes == []
    assert [
        (problem.path, "Kedro cannot apply this filter to pipeline '__default__'" in problem.found)
        for problem in problems
    ] == [("jobs.j.pipeline", True)]
