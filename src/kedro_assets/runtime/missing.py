"""Which nodes have outputs that are missing, as `kedro run --only-missing-outputs` finds it out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import dagster as dg
from attrs import frozen
from kedro.io import CatalogProtocol

from kedro_assets._internals import kedro_project
from kedro_assets.names import base_name
from kedro_assets.partitions import (
    Partitions,
    first_key,
    held,
    is_incremental,
    is_partitioned,
    runtime_params,
    with_placeholders,
)
from kedro_assets.project import masked_errors
from kedro_assets.runtime.kedro_project import KedroProject
from kedro_assets.runtime.kedro_resource import KedroResource


def assets_with_missing_outputs(
    project: KedroProject, keys: Collection[dg.AssetKey], config: Mapping[str, Any], tags: Mapping[str, str]
) -> list[dg.AssetKey]:
    """Return those of some assets whose nodes Kedro would run for missing outputs, in order.

    The project is opened for it, as only its datasets know whether they exist: its hooks of context and catalog fire.

    Args:
        project: The project.
        keys: The assets; what no node of this project makes is left out.
        config: The configuration of the project's resource in the run.
        tags: The tags of the run, which may have a partition.
    """
    table = project.table
    graph = table.graph
    made = [(node, asset) for asset in table.of_keys(keys) if (node := graph.maker(asset.vertex)) is not None]
    makers = dict.fromkeys(node for node, _ in made)
    if not makers:
        return []
    pipeline, names = graph.as_pipeline({*makers, *(each for node in makers for each in graph.in_memory_before(node))})
    partitioned = [asset.partitioning.definition for _, asset in made if asset.partitioning]
    given = with_placeholders(config.get("runtime_params", {}), project.project.runtime_params)
    params = {**given, **runtime_params(tags, next(iter(partitioned), None))}
    catalog = KedroResource(project, params, config.get("load_versions", {})).open_catalog()
    with project.entered(), masked_errors(project.location, params):
        looked_at = _Catalog(catalog, table.partitions, first_key(tags))
        missing = {node.name for node in kedro_project.missing_outputs(pipeline, looked_at).nodes}
    nodes = [title for title, node in names.items() if node.name in missing]
    wanted = {asset.key for _, asset in made}
    return [asset.key for asset in table.made_by(graph.in_order(nodes)) if asset.key in wanted]


@frozen
class _Catalog:
    """A catalog in which a dataset with partitions is there if the one partition is that a run makes.

    Attributes:
        catalog: The project's catalog.
        partitions: The partitions of the project.
        key: The partition; None if the run makes none.
    """

    catalog: CatalogProtocol[Any, Any]
    partitions: Partitions
    key: str | None

    def __contains__(self, name: str) -> bool:
        return name in self.catalog

    def get(self, name: str) -> Any:
        """Return a dataset."""
        return self.catalog.get(name)

    def exists(self, name: str) -> bool:
        """Whether a dataset is there."""
        if not self.catalog.exists(name):
            return False
        dataset = self.get(name)
        if self.key is None or self.partitions.of_dataset(base_name(name)) is None:
            return True
        return is_incremental(dataset) or not is_partitioned(dataset) or bool(held(dataset.load(), [self.key]))
