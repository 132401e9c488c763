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
    for position, name in enumerate(wanted.pipeline_names or []):
        _check_pipeline(graph, pipelines, name, scope.at("pipeline_names", position))
    if not wanted.pipeline_names:
        _check_pipeline(graph, pipelines, wanted.pipeline_name, scope.at("pipeline_name"))
    if any(name not in pipelines or name not in graph.pipelines for name in wanted.pipelines):
        return []
    several = len(wanted.pipelines) > 1
    title = f"pipeline{'s' if several else ''} " + " and ".join(f"'{each}'" for each in wanted.pipelines)
    try:
        joined = sum((pipelines[each] for each in wanted.pipelines[1:]), pipelines[wanted.pipelines[0]])
    except ValueError as error:
        scope.at("pipeline_names").add(f"Kedro cannot join these pipelines: {error}")
        return []
    filters = asdict(wanted, filter=lambda attribute, value: not attribute.name.startswith("pipeline_") and bool(value))
    known = _names(joined)
    unknown = [
        (key, position, value)
        for key, values in filters.items()
        for position, value in enumerate(values)
        if value not in known[key]
    ]
    for key, position, value in unknown:
        verb = "have" if several else "has"
        found = f"{title} {verb} no {FILTERED[key]} '{value}'."
        scope.at(key, position).add(found, suggest(value, known[key]))
    if unknown:
        return []
    try:
        left = joined.filter(**filters)
    except ValueError as error:
        hint = "See the nodes of a pipeline with `kedro registry describe`."
        scope.add(f"Kedro cannot apply this filter to {title}: {error}", hint)
        return []
    names = [node.name for node in left.nodes]
    return graph.in_order(node for pipeline in wanted.pipelines for node in graph.in_pipeline(pipeline, names))


def _check_pipeline(graph: ProjectGraph, pipelines: Mapping[str, Pipeline], name: str, scope: Scope) -> None:
    """Report a pipeline that is not registered, or not among the assets."""
    if name not in pipelines:
        scope.add(f"no pipeline '{name}' is registered.", suggest(name, pipelines))
    elif name not in graph.pipelines:
        reasons = {left.pipeline: left.reason for left in graph.left_out}
        found = f"pipeline '{name}' is not among the assets: {reasons.get(name, 'it is not in `assets.pipelines`.')}"
        hint = (
            "Choose with `assets.pipelines` which pipelines become assets, give the job `view: ops`, or show the pipeline "
            "in a code location of its own: a Kedro environment with its own `assets.pipelines` and `assets.key_prefix`."
        )
        scope.add(found, hint)


FILTERED = {
    "node_names": "node",
    "from_nodes": "node",
    "to_nodes": "node",
    "from_inputs": "dataset",
    "to_outputs": "dataset",
    "node_namespaces": "namespace",
    "tags": "tag",
}
"""What the names in each of Kedro's filters are names of."""


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
