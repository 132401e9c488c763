"""Pickles of in-memory datasets that one step makes and another, perhaps in another process, reads."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from kedro_assets.errors import InMemoryDataError
from kedro_assets.names import base_name


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
                f"The in-memory dataset '{dataset}' is needed here, and no run has made it yet: materialize it together "
                "with the selected assets, or give it an entry in the catalog."
            )
            raise InMemoryDataError(msg)
        with path.open("rb") as file:
            return pickle.load(file)  # noqa: S301 - written by `save`, in the instance's own storage

    def has(self, dataset: str) -> bool:
        """Say whether this run has made a dataset."""
        return self._path(dataset, self.run_id).exists()

    def other_runs(self, dataset: str) -> list[str]:
        """Give the other runs whose data of a dataset is here."""
        return [path.stem for path in self._pickles(dataset) if path.stem != self.run_id]

    def forget(self, dataset: str, run_id: str) -> None:
        """Delete the data that a run has made."""
        self._path(dataset, run_id).unlink(missing_ok=True)

    def _latest(self, dataset: str) -> Path | None:
        return max(self._pickles(dataset), key=lambda path: path.stat().st_mtime, default=None)

    def _pickles(self, dataset: str) -> list[Path]:
        return list(self._path(dataset, "").parent.glob("*.pickle"))

    def _path(self, dataset: str, run_id: str) -> Path:
        names = [dataset, *([self.partition] if base_name(dataset) in self.partitioned else [])]
        return self.folder.joinpath(*map(_folder, names), f"{run_id}.pickle")


def _folder(name: str) -> str:
    """Write a name as that of a folder, which no other name has."""
    readable = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    return f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
