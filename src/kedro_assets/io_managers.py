"""One IO manager per dataset: the door to its data for Kedro's nodes and for any other asset."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import dagster as dg
from kedro.pipeline.node import Node

from kedro_assets.errors import PartitionError
from kedro_assets.names import base_name
from kedro_assets.partition_keys import shown
from kedro_assets.run import KedroRun


class DatasetIOManager(dg.IOManager):
    """Loads and saves one dataset of the catalog.

    Kedro's nodes go through `load` and `save`, with their dataset hooks. Dagster calls `load_input` and `handle_output`
    for assets that are no Kedro nodes and for `Definitions.load_asset_value`; no node is there to tell hooks about, so
    none fire, as with `catalog.load` in a notebook.

    Args:
        resource_key: The key under which Dagster knows it.
        name: The dataset's name in the catalog; of a transcoded one, the variant that other assets use.
        in_memory: Whether its data passes between Kedro's nodes and other assets through the run's memory store.
        open_run: Gives the Kedro side of the run that Dagster loads or saves for.
        by_path: Whether each of its partitions has a path of its own, that of the run's key.
    """

    def __init__(
        self,
        resource_key: str,
        name: str,
        open_run: Callable[[dg.InputContext | dg.OutputContext], KedroRun],
        *,
        in_memory: bool = False,
        by_path: bool = False,
    ) -> None:
        self.resource_key = resource_key
        self._name = name
        self._in_memory = in_memory
        self._by_path = by_path
        self._open_run = open_run

    def load(self, run: KedroRun, name: str, node: Node | None = None, keys: Collection[str] | None = None) -> Any:
        """Load the dataset under the name that a node uses for it."""
        return run.load(name, node, keys)

    def save(
        self, run: KedroRun, name: str, data: Any, node: Node | None = None, keys: Collection[str] | None = None
    ) -> None:
        """Save the dataset under the name that a node uses for it."""
        run.save(name, data, node, keys)

    def load_input(self, context: dg.InputContext) -> Any:
        """Load the dataset for an asset that is no Kedro node, or outside a run."""
        run = self._open_run(context)
        with run.redacted():
            if self._in_memory:
                return run.memory_store.load(self._name)
            return self.load(run, self._name, None, self._keys(run, context))

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Save what an asset that is no Kedro node has made of the dataset."""
        run = self._open_run(context)
        with run.redacted():
            if self._in_memory:
                run.memory_store.save(self._name, obj)
            else:
                self.save(run, self._name, obj, None, self._keys(run, context))

    def _keys(self, run: KedroRun, context: dg.InputContext | dg.OutputContext) -> Collection[str] | None:
        """Give the partitions that are loaded or saved.

        Raises:
            PartitionError: If they are not where the catalog of this run has its own.
        """
        if not context.has_asset_partitions:
            return None
        keys = context.asset_partition_keys
        own = run.identity.runtime_params.get("partition_key")
        if self._by_path and [*keys] != [own]:
            msg = (
                f"'{self._name}' has one partition per path, and the partitions {shown(keys)} of it are asked for in a run of "
                f"{own or 'none'}. Add a PartitionedDataset of the same folder to the catalog, as "
                f"'{base_name(self._name)}@all', and let the assets use that."
            )
            raise PartitionError(msg)
        return keys
