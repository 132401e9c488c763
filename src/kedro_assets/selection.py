"""Kedro's filters on a registered pipeline, as the nodes that they leave."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import asdict
from kedro.pipeline import Pipeline

from kedro_assets.config import PipelineFilter
from kedro_assets.errors import Problems, suggest
from kedro_assets.graph import ProjectGraph


def select_nodes(
    graph: ProjectGraph, pipelines: Mapping[str, Pipeline], wanted: PipelineFilter, where: str, problems: Problems
) -> list[str]:
    """Give the nodes that a filter leaves, exactly those that `kedro run` would run.

    Args:
        graph: The project's graph.
        pipelines: The registered pipelines.
        wanted: The filter.
        where: Its path in dagster.yml, for reports such as an unknown name in a filter.
        problems: Collects why the filter leaves nothing that can be an asset.
    """
    name = wanted.pipeline_name
    if name not in pipelines:
        problems.add(f"{where}.pipeline_name", f"no pipeline '{name}' is registered.", suggest(name, pipelines))
        return []
    if name not in graph.pipelines:
        reason = next(
            (left.reason for left in graph.left_out if left.pipeline == name), "`assets.pipelines` leaves it out."
        )
        hint = "Choose with `assets.pipelines` which pipelines become assets."
        problems.add(f"{where}.pipeline_name", f"pipeline '{name}' is not among the assets: {reason}", hint)
        return []
    try:
        left = pipelines[name].filter(**asdict(wanted, filter=lambda attribute, _: attribute.name != "pipeline_name"))
    except ValueError as error:
        problems.add(
            where, f"Kedro cannot apply this filter to pipeline '{name}': {error}", "Run `kedro registry describe`."
        )
        return []
    return [node.name for node in left.nodes]
