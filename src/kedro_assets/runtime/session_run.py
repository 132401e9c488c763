"""The `kedro run` that a Dagster run stands for: its filter, and its pipeline as Kedro's session makes it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping

from attrs import asdict, evolve, frozen
from kedro.pipeline import Pipeline

from kedro_assets.config import PipelineFilter
from kedro_assets.graph import ProjectGraph, RunPlan
from kedro_assets.project import DEFAULT_PIPELINE

logger = logging.getLogger(__name__)


@frozen
class SessionRun:
    """A run in Kedro's terms, as its pipeline hooks get it.

    Attributes:
        chosen: The registered pipelines and the filter that leave the nodes of the run.
        pipeline: What they leave.
    """

    chosen: PipelineFilter
    pipeline: Pipeline

    def params(self) -> dict[str, object]:
        """Return the filter with the keys and the types that `kedro run` gives it: empty where nothing is filtered."""
        chosen = self.chosen
        return {
            "tags": tuple(chosen.tags or ()),
            "from_nodes": list(chosen.from_nodes or ()),
            "to_nodes": list(chosen.to_nodes or ()),
            "node_names": tuple(chosen.node_names or ()),
            "from_inputs": list(chosen.from_inputs or ()),
            "to_outputs": list(chosen.to_outputs or ()),
            "pipeline_names": [] if chosen.pipelines == [DEFAULT_PIPELINE] else chosen.pipelines,
            "namespaces": list(chosen.node_namespaces or ()),
        }


def session_run(
    graph: ProjectGraph,
    pipelines: Mapping[str, Pipeline],
    plan: RunPlan,
    asked: Iterable[PipelineFilter],
    around: str | None = None,
) -> SessionRun:
    """Return what a run is in Kedro's terms.

    That is the first filter which leaves just its nodes: one of those that were asked for, the whole of `__default__`, or
    the whole of another registered pipeline. Then the pipeline is the object that Kedro's session makes, so that a class of
    its own and its attributes stay. Otherwise the run is one of single nodes.

    Args:
        graph: The nodes as the run sees them.
        pipelines: The registered pipelines.
        plan: What the run does.
        asked: The filters that the run or its job was made with.
        around: The registered pipeline that holds the nodes of the run; None for `__default__`.
    """
    for chosen in (*asked, *_whole(graph, plan)):
        held = (graph.pipelines.get(name, frozenset()) for name in chosen.pipelines)
        if not frozenset[str]().union(*held).issuperset(plan.nodes):
            continue  # else nodes of one name are one node
        pipeline = _made_by_session(pipelines, chosen)
        if pipeline is not None and _names(pipeline) == _names(plan.pipeline):
            return SessionRun(chosen, pipeline)
    in_default = graph.pipelines.get(DEFAULT_PIPELINE, frozenset()).issuperset(plan.nodes)
    single = PipelineFilter(node_names=[node.name for node in plan.pipeline.nodes])
    return SessionRun(single if in_default or around is None else evolve(single, pipeline_name=around), plan.pipeline)


def _whole(graph: ProjectGraph, plan: RunPlan) -> Iterator[PipelineFilter]:
    nodes = frozenset(plan.nodes)
    names = (name for name, held in graph.pipelines.items() if held == nodes)
    yield from (PipelineFilter(name) for name in sorted(names, key=lambda name: name != DEFAULT_PIPELINE))


def _made_by_session(pipelines: Mapping[str, Pipeline], chosen: PipelineFilter) -> Pipeline | None:
    """Join and filter registered pipelines as Kedro's session does; None if they do not let themselves."""
    filters = asdict(chosen, filter=lambda attribute, value: not attribute.name.startswith("pipeline_") and bool(value))
    try:
        joined = Pipeline([])
        for name in chosen.pipelines:
            joined += pipelines[name]
        return joined.filter(**filters)
    except Exception:  # whatever a class of pipelines raises
        logger.debug("No pipeline is made of %s.", chosen, exc_info=True)
        return None


def _names(pipeline: Pipeline) -> set[str]:
    return {node.name for node in pipeline.nodes}


def filter_text(chosen: PipelineFilter) -> str:
    """Write a filter for the tag of a run."""
    return json.dumps(asdict(chosen, filter=lambda attribute, value: value not in (None, attribute.default)))


def read_filter(text: str | None) -> Iterator[PipelineFilter]:
    """Yield the filter that the tag of a run has, if it has one.

    Examples:
        >>> [chosen] = read_filter(filter_text(PipelineFilter(tags=["daily"])))
        >>> chosen.pipeline_name, chosen.tags
        ('__default__', ['daily'])
    """
    if text:
        yield PipelineFilter(**json.loads(text))
