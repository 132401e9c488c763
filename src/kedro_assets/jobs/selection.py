"""Kedro's filters on a registered pipeline, as the nodes that they leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import asdict
from kedro.pipeline import Pipeline

from kedro_assets.config import PipelineFilter
from kedro_assets.errors import Scope, suggest
from kedro_assets.graph import ProjectGraph
from kedro_assets.names import base_name


def select_nodes(
    graph: ProjectGraph, pipelines: Mapping[str, Pipeline], wanted: PipelineFilter, scope: Scope
) -> list[str]:
    """Return the nodes that a filter leaves, exactly those that Kedro's own filter does.

    Args:
        graph: The project's graph.
        pipelines: The registered pipelines.
        wanted: The filter.
        scope: Its place in dagster.yml; collects unknown names, and why the filter leaves nothing that can be an asset.
    """
    name = wanted.pipeline_name
    if name not in pipelines:
        found = f"no pipeline '{name}' is registered."
        scope.at("pipeline_name").add(found, suggest(name, pipelines))
        return []
    if name not in graph.pipelines:
        reasons = {left.pipeline: left.reason for left in graph.left_out}
        found = f"pipeline '{name}' is not among the assets: {reasons.get(name, '`assets.pipelines` leaves it out.')}"
        hint = (
            "Choose with `assets.pipelines` which pipelines become assets, give the job `view: ops`, or show the pipeline "
            "in a code location of its own: a Kedro environment with its own `assets.pipelines` and `assets.key_prefix`."
        )
        scope.at("pipeline_name").add(found, hint)
        return []
    filters = asdict(wanted, filter=lambda attribute, value: attribute.name != "pipeline_name" and bool(value))
    known = _names(pipelines[name])
    unknown = [
        (key, position, value)
        for key, values in filters.items()
        for position, value in enumerate(values)
        if value not in known[key]
    ]
    for key, position, value in unknown:
        found = f"pipeline '{name}' has no '{value}'."
        scope.at(key, position).add(found, suggest(value, known[key]))
    if unknown:
        return []
    try:
        left = pipelines[name].filter(**filters)
    except ValueError as error:
        hint = "`kedro registry describe` shows the nodes of a pipeline."
        scope.add(f"Kedro cannot apply this filter to pipeline '{name}': {error}", hint)
        return []
    return graph.in_pipeline(name, (node.name for node in left.nodes))


def _names(pipeline: Pipeline) -> Mapping[str, set[str]]:
    """Return the names that each of Kedro's filters can mean in a pipeline."""
    nodes = {node.name for node in pipeline.nodes}
    datasets = {variant for name in pipeline.datasets() for variant in (name, base_name(name))}
    return {
        "node_names": nodes,
        "from_nodes": nodes,
        "to_nodes": nodes,
        "from_inputs": datasets,
        "to_outputs": datasets,
        "node_namespaces": {space for node in pipeline.nodes for space in _enclosing(node.namespace or "")},
        "tags": {tag for node in pipeline.nodes for tag in node.tags},
    }


def _enclosing(namespace: str) -> Iterator[str]:
    """Yield a namespace and all those around it: `a.b` is in `a`."""
    while namespace:
        yield namespace
        namespace = namespace.rpartition(".")[0]
