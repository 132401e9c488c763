"""Tables in databases: their names and where they are, as far as the catalog says so; credentials are not looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kedro_assets.project.catalog import CatalogEntry

Keys = Sequence[str]
"""Keys of which the first that is there counts; one with a dot is inside another."""

_NAMES: Mapping[str, Sequence[Keys]] = {
    "SQLTableDataset": [["save_args.schema", "load_args.schema"], ["table_name"]],
    "TableDataset": [["database", "save_args.database", "load_args.database"], ["table_name"]],
    "GBQTableDataset": [["project"], ["dataset"], ["table_name"]],
    "SnowparkTableDataset": [["database"], ["schema"], ["table_name"]],
    "SparkHiveDataset": [["database"], ["table"]],
    "SparkJDBCDataset": [["table"]],
    "ManagedTableDataset": [["catalog"], ["database"], ["table"]],
    "DeltaTableDataset": [["catalog_name"], ["database"], ["table"]],
}
"""The parts of a table's name, by the name of the dataset's class."""

_FILES = {"duckdb", "sqlite"}
"""The backends of Ibis whose database is a file."""


def table_name(entry: CatalogEntry) -> str | None:
    """Return the name of the table that a dataset is, with what it is in; None if it is none.

    Examples:
        >>> table_name(CatalogEntry("a", "pandas.SQLTableDataset", {"table_name": "t", "save_args": {"schema": "s"}}))
        's.t'
        >>> table_name(CatalogEntry("a", "spark.DeltaTableDataset", {"filepath": "data/a"}))
    """
    parts = [_first(entry.config, keys) for keys in _NAMES.get(entry.type.rpartition(".")[2], ())]
    return ".".join(part for part in parts if part) if parts and parts[-1] else None


def table_place(entry: CatalogEntry) -> str | None:
    """Return the file, or the address without login and options, of the database in which a table is; None if it is not told.

    Examples:
        >>> table_place(CatalogEntry("a", "ibis.TableDataset", {"connection": {"backend": "duckdb", "database": "a.db"}}))
        'a.db'
        >>> table_place(CatalogEntry("a", "spark.SparkJDBCDataset", {"table": "t", "url": "jdbc:mysql://host/db;user=me"}))
        'jdbc:mysql://host/db'
    """
    kind, config = entry.type.rpartition(".")[2], entry.config
    connection = config.get("connection")
    if kind == "TableDataset" and isinstance(connection, dict) and connection.get("backend") in _FILES:
        database = connection.get("database", connection.get("path"))
        return database if isinstance(database, str) and re.fullmatch(r"(?!md:|:memory:)[^?]+", database) else None
    url = config.get("url")
    if kind != "SparkJDBCDataset" or not isinstance(url, str):
        return None
    address = re.split(r"[?;]", url)[0]
    return None if re.search(r"(?<!:)@", address) and "://" not in address else address  # `thin:me/password@host`


def _first(config: Mapping[str, Any], keys: Keys) -> str:
    """Return the first value that is there, as a part of a name; of several parts, joined."""
    for key in keys:
        value: Any = config
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list | tuple) and value and all(isinstance(part, str) for part in value):
            return ".".join(value)
    return ""
