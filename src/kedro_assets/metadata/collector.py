"""Metadata of what the nodes of a step save, taken from the objects in hand, so that nothing is loaded for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dagster as dg
from kedro.io import CatalogProtocol, DataCatalog
from kedro.pipeline.node import Node
from rich.filesize import decimal

from kedro_assets.metadata.column_lineage import LoadedTables, described
from kedro_assets.metadata.masking import masked_metadata
from kedro_assets.metadata.node_previews import node_preview
from kedro_assets.metadata.previews import NO_PREVIEW, image_preview, preview_of, preview_rows
from kedro_assets.metadata.tables import table_of
from kedro_assets.names import base_name
from kedro_assets.project import CatalogEntry, read_entry, table_name, table_place
from kedro_assets.redaction import Redactor, redacted

logger = logging.getLogger(__name__)

_MOST_COLUMNS = 1_000  # a schema is written to the event log with every materialization
_SCHEMA, _LINEAGE = "dagster/column_schema", "dagster/column_lineage"
_PREVIEW = "kedro/preview"
_NODE_PREVIEW = "kedro/node_preview"


class MetadataCollector:
    """What Dagster shows of the datasets that a step saves.

    What cannot be told is left out: it never fails a run.

    Args:
        entries: What the catalog says of each dataset, as the definitions know it.
        catalog: The run's catalog.
        save_version: The version that versioned datasets are saved with.
        redactor: Masks the project's credentials.
        tables: Tables that this process has loaded for the run.
    """

    def __init__(
        self,
        entries: Mapping[str, Sequence[CatalogEntry]],
        catalog: CatalogProtocol[Any, Any],
        save_version: str,
        redactor: Redactor,
        tables: LoadedTables | None = None,
    ) -> None:
        self._entries = entries
        self._catalog = catalog
        self._save_version = save_version
        self._redactor = redactor
        self._tables = tables or LoadedTables()
        self._of_data: dict[str, dict[str, Any]] = {}
        self._seconds: dict[str, float] = {}
        self._of_nodes: dict[str, dict[str, Any]] = {}

    def loaded(self, name: str, key: dg.AssetKey, data: Any) -> None:
        """Look at what a node has loaded of a dataset.

        Args:
            name: The dataset.
            key: Its asset key.
            data: What was loaded.
        """
        with _harmless(name):
            self._tables.add(key, data)

    def ran(self, outputs: Sequence[str], seconds: float) -> None:
        """Take down how long the function took that has made some datasets."""
        self._seconds.update(dict.fromkeys(outputs, seconds))

    def saved(self, name: str, data: Any) -> None:
        """Look at what has been saved: all of a dataset or, of a node that yields chunks, one of them."""
        lineage = None
        with _harmless(name):
            lineage = self._tables.lineage(data)
        with _harmless(name):
            table, metadata = table_of(data), self._of_data.get(name)
            if metadata is not None:  # another chunk
                metadata["dagster/row_count"] = _sum(metadata.get("dagster/row_count"), table.rows if table else None)
                metadata[_LINEAGE] = lineage if lineage == metadata[_LINEAGE] else None
                return
            metadata = self._of_data[name] = {_LINEAGE: lineage}
            if table:
                metadata["dagster/row_count"] = table.rows
                if len(table.columns) <= _MOST_COLUMNS:
                    columns = [dg.TableColumn(column, kind) for column, kind in table.columns]
                    metadata[_SCHEMA] = dg.TableSchema(columns)
            rows = preview_rows(self._viz(name))
            if rows is not None:
                metadata[_PREVIEW] = preview_of(data, table, rows, self._redactor.text)

    def of_node(self, node: Node) -> Mapping[str, Any]:
        """Return metadata of all that a node makes, once it has run: what its `preview_fn` returns, which is called once."""
        if node.name not in self._of_nodes:
            self._of_nodes[node.name] = {}
            with _harmless(node.name):
                found = {_NODE_PREVIEW: node_preview(node, self._redactor.text)}
                shown = {key: value for key, value in found.items() if value is not None}
                self._of_nodes[node.name] = masked_metadata(shown, self._redactor.text)
        return self._of_nodes[node.name]

    def metadata(self, name: str) -> dict[str, Any]:
        """Return the metadata of a dataset, once all of it is saved."""
        metadata = self._of_data.get(name, {})
        if name in self._seconds:
            metadata["kedro/node_seconds"] = round(self._seconds[name], 3)
        lineage = metadata.get(_LINEAGE)
        if lineage is not None and _SCHEMA in metadata:
            metadata[_SCHEMA] = described(metadata[_SCHEMA], lineage)
        with _harmless(name):
            self._add_place(name, metadata)
        return masked_metadata(
            {key: value for key, value in metadata.items() if value is not None}, self._redactor.text
        )

    def _add_place(self, name: str, metadata: dict[str, Any]) -> None:
        if not isinstance(self._catalog, DataCatalog):
            return  # a class of the project's own, which need not know what its configuration is
        entry = read_entry(self._catalog.config_resolver, name)
        location, table = entry.location or table_place(entry), table_name(entry)
        file = _local_path(location) if location else None
        if table and table not in map(table_name, self._entries[base_name(name)]):  # else the asset itself says so
            metadata["dagster/table_name"] = self._redactor.text(table)
        if location and file is None:
            uri = redacted(self._redactor.text(location))
            metadata["dagster/uri"] = f"{uri}/{self._save_version}/{uri.rpartition('/')[2]}" if entry.versioned else uri
        if file:
            file = file / self._save_version / file.name if entry.versioned else file
            metadata["dagster/uri"] = self._redactor.text(file.as_uri())
            is_own = entry.location is not None and file.is_file()  # and not a database with other tables, too
            size = file.stat().st_size if is_own else None  # as a number, too: Dagster plots it over time
            metadata |= {"kedro/size": None if size is None else decimal(size), "kedro/size_bytes": size}
        if _PREVIEW in metadata and metadata[_PREVIEW] is None:
            metadata[_PREVIEW] = (image_preview(file) if file and file.is_file() else None) or NO_PREVIEW

    def _viz(self, name: str) -> Mapping[str, Any]:
        """Return a dataset's metadata for Kedro-Viz; a transcoded one may have it at another of its names."""
        entries = sorted(self._entries[base_name(name)], key=lambda entry: entry.name != name)
        return next((entry.viz for entry in entries if entry.viz), {})


@contextmanager
def _harmless(name: str) -> Iterator[None]:
    try:
        yield
    except Exception:
        logger.debug("Some metadata of '%s' cannot be collected.", name, exc_info=True)


def _sum(rows: int | None, more: int | None) -> int | None:
    return None if rows is None or more is None else rows + more


def _local_path(location: str) -> Path | None:
    if location.startswith("file://"):
        return Path(unquote(urlsplit(location).path))
    return None if "://" in location else Path(location).absolute()
