"""One IO manager per dataset: the door to its data for Kedro's nodes and for any other asset."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import dagster as dg
from kedro.pipeline.node import Node

from kedro_assets.assets import DatasetAccess
from kedro_assets.errors import PartitionError
from kedro_assets.names import base_name
from kedro_assets.partitions import PARTITION_TAG, runtime_params, shown
from kedro_assets.runtime.kedro_run import KedroRun

Context = dg.InputContext | dg.OutputContext


class DatasetIOManager(dg.IOManager):
    """Loads and saves one dataset of the catalog.

    Kedro's nodes go through `load` and `save`, with their dataset hooks. Dagster calls `load_input` and `handle_output`
    for assets that are no Kedro nodes and for `Definitions.load_asset_value`; no node is there to tell hooks about, so
    none fire, as with `catalog.load` in a notebook.

    Args:
        access: Which dataset it is.
        open_run: Returns the Kedro side of the run that Dagster loads or saves for.
    """

    def __init__(self, access: DatasetAccess, open_run: Callable[[Context], KedroRun]) -> None:
        self._access = access
        self._open_run = open_run

    @staticmethod
    def load(run: KedroRun, name: str, node: Node | None = None, keys: Collection[str] | None = None) -> Any:
        """Load the dataset under the name that a node uses for it."""
        return run.io.load(name, node, keys)

    @staticmethod
    def save(
        run: KedroRun, name: str, data: Any, node: Node | None = None, keys: Collection[str] | None = None
    ) -> None:
        """Save the dataset under the name that a node uses for it."""
        run.io.save(name, data, node, keys)

    def load_input(self, context: dg.InputContext) -> Any:
        """Load the dataset for an asset that is no Kedro node, or outside a run."""
        run = self._open_run(context)
        with run.redacted():
            if self._access.in_memory:
                return run.handover.load(self._access.name)
            keys = self._keys(context)
            return self.load(self._at(run, keys, context), self._access.name, None, keys)

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Save what an asset that is no Kedro node has made of the dataset."""
        run = self._open_run(context)
        with run.redacted():
            if self._access.in_memory:
                run.store.save(self._access.name, obj)
            else:
                keys = self._keys(context)
                self.save(self._at(run, keys, context), self._access.name, obj, None, keys)

    @staticmethod
    def _keys(context: Context) -> Collection[str] | None:
        """Return the partitions that are loaded or saved; None if the asset has none."""
        return context.asset_partition_keys if context.has_asset_partitions else None

    def _at(self, run: KedroRun, keys: Collection[str] | None, context: Context) -> KedroRun:
        """Return the run opened for the partition that is loaded or saved, where each has a place of its own.

        Raises:
            PartitionError: If it is not one partition that is asked for.
        """
        parts = self._access.parts
        if not parts:
            return run
        params: dict[str, Any] = {}
        if keys is not None and len(keys) == 1:
            params = runtime_params({PARTITION_TAG: next(iter(keys))}, context.asset_partitions_def)
        if run.identity.with_partition(params).has_parts(parts) and (keys is None or len(keys) == 1):
            return run.at_partition(params, *keys) if keys else run
        asked = f"the partitions {shown(sorted(keys))} were asked for" if keys else "no partition was asked for"
        if keys is not None and len(keys) == 1:
            asked = f"the path asks for a part that the partition {shown(sorted(keys))} does not have"
        msg = (
            f"'{self._access.name}' has one path per partition, but {asked}. Add a PartitionedDataset of the "
            f"same folder to the catalog, as '{base_name(self._access.name)}@all', and let the assets use that."
        )
        raise PartitionError(msg)
