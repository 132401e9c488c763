"""In-memory data that leaves its process: from step to step, from a failed run to the next, and back to the run's own process."""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import re
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen
from kedro.io import CatalogProtocol
from kedro.pipeline.node import Node

from kedro_assets.errors import InMemoryDataError
from kedro_assets.graph import RunPlan
from kedro_assets.names import base_name

logger = logging.getLogger(__name__)


@frozen
class MemoryStore:
    """A folder with one pickle per dataset and run, and of a partitioned dataset one for each partition.

    Attributes:
        folder: Where the pickles are; every process of a run has to see it.
        run_id: The Dagster run that writes here.
        earlier: The runs that this one continues (a re-execution), nearest first.
        partition: The partitions that the run makes; empty if it makes none.
        partitioned: The datasets that are partitioned.
    """

    folder: Path
    run_id: str
    earlier: Sequence[str] = ()
    partition: str = ""
    partitioned: Collection[str] = ()

    def save(self, dataset: str, data: Any) -> None:
        """Pickle a dataset for the other steps of this run.

        Raises:
            InMemoryDataError: If the data cannot be pickled.
        """
        path = self._path(dataset, self.run_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                pickle.dump(data, file, protocol=pickle.HIGHEST_PROTOCOL)
            Path(temporary).replace(path)
        except Exception as error:
            msg = (
                f"The in-memory dataset '{dataset}' has to pass from one step to another and cannot be pickled: {error}. "
                "Give it an entry in the catalog, or let its nodes run in one step with `assets.cluster_by: memory`."
            )
            raise InMemoryDataError(msg) from error
        finally:
            Path(temporary).unlink(missing_ok=True)

    def load(self, dataset: str) -> Any:
        """Unpickle a dataset that this run has made, or a run that it continues, or else the latest run that has.

        Raises:
            InMemoryDataError: If no run has made it yet.
        """
        own = (self._path(dataset, run_id) for run_id in (self.run_id, *self.earlier))
        path = next((path for path in own if path.exists()), None) or self._latest(dataset)
        if path is None:
            msg = (
                f"The in-memory dataset '{dataset}' is needed here, but no run has made it yet. Materialize it together "
                "with the selected assets, or give it an entry in the catalog."
            )
            raise InMemoryDataError(msg)
        with path.open("rb") as file:
            return pickle.load(file)  # noqa: S301 - written by `save`, in the instance's own storage

    def has(self, dataset: str) -> bool:
        """Whether this run has made a dataset."""
        return self._path(dataset, self.run_id).exists()

    def forget(self, dataset: str) -> None:
        """Delete what this run has made of a dataset, of whichever partition."""
        for path in self._own(dataset):
            path.unlink(missing_ok=True)

    def forget_replaced(self, dataset: str, needed_by: Callable[[str], bool]) -> None:
        """Delete what other runs have made of a dataset where this run has made it anew, of whichever partition.

        Args:
            dataset: The dataset.
            needed_by: Whether another run, by its id, may still be continued.
        """
        for own in self._own(dataset):
            for path in own.parent.glob("*.pickle"):
                if path.stem != self.run_id and not needed_by(path.stem):
                    path.unlink(missing_ok=True)

    def _own(self, dataset: str) -> list[Path]:
        """Return what this run has made of a dataset, of whichever partitions: a step can make them one after the other."""
        return list((self.folder / _folder(dataset)).rglob(f"{self.run_id}.pickle"))

    def _latest(self, dataset: str) -> Path | None:
        return max(self._pickles(dataset), key=lambda path: path.stat().st_mtime, default=None)

    def _pickles(self, dataset: str) -> list[Path]:
        return list(self._path(dataset, "").parent.glob("*.pickle"))

    def _path(self, dataset: str, run_id: str) -> Path:
        names = [dataset, *([self.partition] if base_name(dataset) in self.partitioned else [])]
        return self.folder.joinpath(*map(_folder, names), f"{run_id}.pickle")


@frozen
class Handover:
    """Hands the in-memory data of one run from process to process.

    Attributes:
        store: Where it passes.
        catalog: The run's catalog.
        plan: What the run does.
        own_process: Whether this is the run's own process, where steps find what earlier ones have made in the catalog.
    """

    store: MemoryStore
    catalog: CatalogProtocol[Any, Any]
    plan: RunPlan
    own_process: bool = False

    def restore(self, datasets: Collection[str], nodes: Sequence[Node]) -> None:
        """Put the in-memory datasets that another step has made where the nodes of this one look for them."""
        names = dict.fromkeys(name for node in nodes for name in node.inputs if name in datasets)
        for name in names:
            dataset = self.catalog[name]
            if self.own_process and dataset.exists():
                continue  # an earlier step of this process has made it
            dataset.save(self.store.load(name))  # not `catalog.save`: its validator has run where the data was made

    def load(self, name: str) -> Any:
        """Return an in-memory dataset for an asset that is no Kedro node.

        Raises:
            InMemoryDataError: If no run has made it yet.
        """
        dataset: Any = self.catalog.get(name, fallback_to_runtime_pattern=True)
        if self.own_process and dataset.exists():
            return dataset.load()
        return self.store.load(name)

    def hand_on(self, name: str) -> bool:
        """Leave an in-memory dataset, as the catalog's validator has left it, for the steps that read it.

        Returns:
            Whether it was left. In the run's own process, what cannot be pickled has to stay in the catalog.

        Raises:
            InMemoryDataError: If it cannot be pickled and a step of another process may need it.
        """
        try:
            self.store.save(name, self.catalog[name].load())
        except InMemoryDataError as error:
            if not self.own_process:
                raise
            logger.info("%s This run keeps it in its own process, but no later run can continue from it.", error)
            return False
        return True

    def hand_back(self, name: str) -> None:
        """Leave an in-memory output for `results` in the run's own process; what cannot be pickled is not there then."""
        if self.own_process or name not in self.plan.memory_outputs:
            return
        try:
            self.store.save(name, self.catalog[name].load())
        except InMemoryDataError:
            logger.warning(
                "The in-memory dataset '%s' cannot be pickled, so the hook `after_pipeline_run` gets it without data.",
                name,
            )

    def results(self) -> dict[str, Any]:
        """Return the datasets that the run writes and does not read, with the data that other processes handed back."""
        found: dict[str, Any] = {
            name: self.catalog.get(name, fallback_to_runtime_pattern=True) for name in self.plan.outputs
        }
        for name in self.plan.memory_outputs:
            if not found[name].exists() and self.store.has(name):
                found[name].save(self.store.load(name))
        return found

    def tidy_up(self, needed_by: Callable[[str], bool]) -> None:
        """Delete the in-memory data that nobody needs after this run: that of earlier runs which it has replaced.

        What a failed run has made stays: running it again from its failure needs it. What was handed back for this run's
        own hooks goes at once.

        Args:
            needed_by: Whether another run, by its id, may still be continued.
        """
        handed_out = frozenset().union(*(step.handed_out for step in self.plan.steps.values()))
        for dataset in self.plan.memory_outputs - handed_out:
            self.store.forget(dataset)
        for dataset in handed_out:  # a run that has failed may have made none of it
            self.store.forget_replaced(dataset, needed_by)


def _folder(name: str) -> str:
    """Write a name as that of a folder, which no other name has and every file system takes."""
    readable = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:80]
    return f"{readable}-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:16]}"
