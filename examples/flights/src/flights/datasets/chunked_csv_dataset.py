"""A CSV file that is saved chunk by chunk."""

from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset, DatasetError


class ChunkedCSVDataset(AbstractDataset[pd.DataFrame, pd.DataFrame]):
    """A CSV file for the output of a generator node, which Kedro saves one chunk at a time.

    Appending alone would make every run add its rows to those of the run before. Here the chunks have to
    come in ascending order of a key column, and that tells where a stream of chunks begins: the first
    chunk a dataset object sees, and any chunk whose key is not greater than the key before it, starts
    the file afresh with a header. All other chunks are appended. Running again thus gives the same file,
    be it in a new process or with the same catalog, and also after a run that failed half-way.

    Example usage in ``catalog.yml``::

        daily_operations:
          type: flights.datasets.ChunkedCSVDataset
          filepath: data/08_reporting/daily_operations.csv
          chunk_key: month
    """

    def __init__(
        self,
        *,
        filepath: str,
        chunk_key: str,
        load_args: dict[str, Any] | None = None,
        save_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Create the dataset.

        Args:
            filepath: Path of a local CSV file.
            chunk_key: Column that is constant within a chunk and ascends from one chunk to the next.
            load_args: Further arguments of ``pandas.read_csv``.
            save_args: Further arguments of ``pandas.DataFrame.to_csv``.
            metadata: Any arbitrary metadata. Ignored by Kedro, but may be used by plugins.
        """
        self._filepath = Path(filepath)
        self._chunk_key = chunk_key
        self._load_args = dict(load_args or {})
        self._save_args = {"index": False, **(save_args or {})}
        self._last_key: Any = None
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read all chunks saved so far as one DataFrame."""
        return pd.read_csv(self._filepath, **self._load_args)

    def save(self, data: pd.DataFrame) -> None:
        """Append a chunk, or start the file afresh if the chunk begins a new stream."""
        keys = data[self._chunk_key].unique()
        if len(keys) != 1:
            raise DatasetError(
                f"A chunk needs one single value of '{self._chunk_key}', but this one has {len(keys)}."
            )
        key = keys[0]
        is_first = self._last_key is None or key <= self._last_key
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        data.to_csv(self._filepath, mode="w" if is_first else "a", header=is_first, **self._save_args)
        self._last_key = key

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {
            "filepath": self._filepath,
            "chunk_key": self._chunk_key,
            "load_args": self._load_args,
            "save_args": self._save_args,
        }
