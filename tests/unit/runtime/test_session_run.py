"""What a Dagster run is in Kedro's terms."""

import pytest
from kedro.pipeline import Pipeline

from kedro_assets.config import PipelineFilter
from kedro_assets.runtime.session_run import SessionRun, filter_text, read_filter, session_run
from unit.builders import make_graph, make_node
from unit.records import plan_of

A, B, C = (
    make_node("a", ["raw"], ["x"], tags=["daily"]),
    make_node("b", ["x"], ["y"], tags=["daily"]),
    make_node("c", ["y"], ["z"]),
)


class Marked(Pipeline):
    """A class of pipelines of a plugin, which keeps its class where Kedro's session joins and filters it."""

    def __init__(self, nodes, mark=""):
        super().__init__(nodes)
        self.mark = mark

    def __radd__(self, other):
        return self if not other.nodes else other + Pipeline(self.nodes)

    def filter(self, **filters):
        if filters.get("to_nodes"):
            raise LookupError("a filter that this class does not take")
        return Marked(Pipeline(self.nodes).filter(**filters).nodes, self.mark)


PIPELINES = {"__default__": Pipeline([A, B, C]), "training": Marked([A, B], "model"), "rest": Pipeline([C])}


def of(*nodes, asked=(), pipelines=PIPELINES, around=None) -> SessionRun:
    graph = make_graph(pipelines)
    return session_run(graph, pipelines, plan_of(graph, s=nodes), asked, around)


def given(run: SessionRun) -> dict:
    return {key: value for key, value in run.params().items() if value}


def test_a_run_of_all_of_the_default_pipeline_is_not_filtered():
    assert given(of("a", "b", "c")) == {}


def test_a_run_of_a_registered_pipeline_has_its_name_and_is_an_object_of_its_class():
    run = of("a", "b")
    assert given(run) == {"pipeline_names": ["training"]}
    assert (type(run.pipeline), run.pipeline.mark) == (Marked, "model")


@pytest.mark.parametrize("asked", [PipelineFilter("training"), PipelineFilter("training", tags=["daily"])], ids=str)
def test_a_filter_that_leaves_the_nodes_of_the_run_is_said_as_it_is(asked):
    run = of("a", "b", asked=[asked])
    assert run.chosen == asked
    assert (type(run.pipeline), run.pipeline.mark) == (Marked, "model")


@pytest.mark.parametrize(
    "asked",
    [
        PipelineFilter(),
        PipelineFilter(tags=["daily"]),
        PipelineFilter("gone"),
        PipelineFilter("training", to_nodes=["a"]),
        PipelineFilter("rest"),
    ],
    ids=["all", "other nodes", "no such pipeline", "a class that refuses", "other pipeline"],
)
def test_a_run_that_no_filter_describes_names_its_nodes(asked):
    run = of("a", asked=[asked])
    assert given(run) == {"node_names": ("a",)}
    assert [node.name for node in run.pipeline.nodes] == ["a"]


def test_nodes_outside_of_the_default_pipeline_are_those_of_the_pipeline_around_them():
    pipelines = {"__default__": Pipeline([C]), "training": Pipeline([A, B])}
    assert given(of("a", pipelines=pipelines, around="training")) == {
        "pipeline_names": ["training"],
        "node_names": ("a",),
    }


def test_another_node_of_the_same_name_is_not_taken_for_the_one_of_the_run():
    other = make_node("a", ["raw"], ["else"])
    pipelines = {"__default__": Pipeline([A, B]), "other": Pipeline([other])}
    run = of("a__other", asked=[PipelineFilter(node_names=["a"])], pipelines=pipelines)
    assert given(run) == {"pipeline_names": ["other"]}
    assert run.pipeline.outputs() == {"else"}


def test_a_filter_comes_back_from_the_tag_of_a_run_as_it_was():
    chosen = PipelineFilter(pipeline_names=["a", "b"], tags=["daily"], from_nodes=["x"])
    assert list(read_filter(filter_text(chosen))) == [chosen]
    assert list(read_filter(None)) == []
