"""Kedro's names in definitions that are built: keys, IO managers and selections, for those who write Dagster code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import dagster as dg
from attrs import fields

from kedro_assets.config import PipelineFilter
from kedro_assets.errors import KedroAssetsError, Scope, suggest
from kedro_assets.jobs.plan import nodes_left_out
from kedro_assets.jobs.selection import select_nodes
from kedro_assets.runtime import KedroProject
from kedro_assets.steps import projects_among

_T = TypeVar("_T")


def get_asset_key(definitions: dg.Definitions, name: str) -> dg.AssetKey:
    """Return the asset key of a dataset, or of a node that makes one asset.

    Args:
        definitions: What `build_definitions` has returned, alone or merged with others.
        name: The name of the dataset or the node in Kedro, such as `forest.model`.

    Raises:
        KedroAssetsError: If nothing has that name, or a node of that name makes several assets.

    Examples:
        >>> from kedro_assets import build_definitions, get_asset_key
        >>> get_asset_key(build_definitions("examples/flights"), "forest.model")  # doctest: +SKIP
        AssetKey(['forest', 'model'])
    """
    return _found(definitions, name, _asset_keys)


def get_io_manager_key(definitions: dg.Definitions, dataset: str) -> str:
    """Return the resource key of a dataset's IO manager; the dataset may be one that no node reads or writes.

    Args:
        definitions: What `build_definitions` has returned, alone or merged with others.
        dataset: The name of the dataset in the catalog.

    Raises:
        KedroAssetsError: If no node uses such a dataset, and the catalog does not name it.
    """
    return _found(definitions, dataset, _io_manager_keys)


def build_asset_selection(
    definitions: dg.Definitions, pipeline_name: str = "__default__", **filters: list[str]
) -> dg.AssetSelection:
    """Select what a Kedro filter leaves of a registered pipeline, for `define_asset_job`, schedules and sensors.

    Args:
        definitions: What `build_definitions` has returned for one project.
        pipeline_name: The registered pipeline.
        filters: Kedro's own filters: `node_names`, `from_nodes`, `to_nodes`, `from_inputs`, `to_outputs`,
            `node_namespaces` and `tags`.

    Raises:
        KedroAssetsError: If the definitions are not of one Kedro project, or a filter is unknown.
        ConfigError: If the filter does not fit the pipeline, or leaves nothing that is an asset.

    Examples:
        >>> import dagster as dg
        >>> from kedro_assets import build_asset_selection, build_definitions
        >>> kedro = build_definitions("examples/flights")  # doctest: +SKIP
        >>> job = dg.define_asset_job("models", build_asset_selection(kedro, tags=["model"]))  # doctest: +SKIP
    """
    known = [attribute.name for attribute in fields(PipelineFilter) if attribute.name != "pipeline_name"]
    for name in filters:
        if name not in known:
            msg = f"There is no filter '{name}'. {suggest(name, known)}"
            raise KedroAssetsError(msg)
    projects = projects_among(definitions.resources or {})
    if len(projects) != 1:
        msg = f"Expected the definitions of one Kedro project, found {len(projects)} projects in them."
        raise KedroAssetsError(msg)
    problems = Scope()
    keys = filtered_keys(projects[0], PipelineFilter(pipeline_name, **filters), problems.at("pipeline"))
    problems.raise_if_any()
    return dg.AssetSelection.assets(*keys)


def filtered_keys(project: KedroProject, wanted: PipelineFilter, scope: Scope) -> list[dg.AssetKey]:
    """Return the keys of what a Kedro filter leaves of the registered pipelines of a project.

    Args:
        project: The project.
        wanted: The filter.
        scope: Its place; collects what does not fit the pipelines, a filter that leaves no asset, and nodes that would be left
            out as only hidden in-memory datasets are made there.
    """
    table = project.table
    nodes = select_nodes(table.graph, project.project.pipelines, wanted, scope)
    left = nodes_left_out(table.graph, nodes)
    if left:
        shown = ", ".join(f"'{node}'" for node in left)
        hint = "Show them with `memory_assets: true` in dagster.yml, or save them with an entry in the catalog."
        scope.add(f"{shown} would not run: they make only in-memory datasets, which are hidden.", hint)
    elif not nodes and not scope.failed:
        scope.add("this filter selects no asset.")
    return [asset.key for asset in table.selected_for(nodes)]


def _found(definitions: dg.Definitions, name: str, names_of: Callable[[KedroProject], Mapping[str, _T]]) -> _T:
    """Return what a name stands for in the one project that has it."""
    tables = [names_of(project) for project in projects_among(definitions.resources or {})]
    found = [table[name] for table in tables if name in table]
    if len(found) == 1:
        return found[0]
    if found:
        msg = f"{len(found)} Kedro projects of these definitions have '{name}'. Look it up in the definitions of one of them."
    else:
        msg = f"No Kedro project of these definitions has '{name}'. {suggest(name, set().union(*tables))}"
    raise KedroAssetsError(msg)


def _asset_keys(project: KedroProject) -> dict[str, dg.AssetKey]:
    """Return the keys of a project's assets by all names that stand for one: datasets before nodes of the same name."""
    table, graph = project.table, project.table.graph
    made = {node: table.made_by([node]) for node in graph.nodes}
    nodes = {node: assets[0].key for node, assets in made.items() if len(assets) == 1}
    return nodes | {asset.name: asset.key for asset in table.assets if asset.is_dataset}


def _io_manager_keys(project: KedroProject) -> dict[str, str]:
    return {name: access.io_manager_key for name, access in project.table.access.items()}
