"""What the catalog says of datasets, without building one."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import field, frozen
from kedro.framework.project import settings
from kedro.io import CatalogConfigResolver

from kedro_assets.names import PARTITION_PARAMETERS

_MEMORY_TYPES = ("MemoryDataset", "SharedMemoryDataset")
_INCREMENTAL_TYPE = "IncrementalDataset"
_PARTITIONED_TYPES = ("PartitionedDataset", _INCREMENTAL_TYPE)
_PARTITION_PART = re.compile(rf"<((?:{'|'.join(PARTITION_PARAMETERS)})(?:\.[^<>]+)?)>")
"""How a part of a partition is written in a configuration that is read without a run."""
_resolver_logger = logging.getLogger("kedro.io.catalog_config_resolver")


@frozen
class CatalogEntry:
    """A dataset as the catalog's configuration has it.

    Attributes:
        name: Its name in the catalog, with the part behind `@` if it is transcoded.
        type: Its class, as written in the configuration.
        config: Its configuration, without anything under a key `credentials` unless it was read with them.
        declared: Whether the catalog names it or has a pattern for it; otherwise Kedro keeps it in memory.
    """

    name: str
    type: str
    config: Mapping[str, Any] = field(factory=dict, repr=False)
    declared: bool = True

    @property
    def in_memory(self) -> bool:
        """Whether the data lives no longer than the process."""
        return self.type.rpartition(".")[2] in _MEMORY_TYPES

    @property
    def is_partitioned(self) -> bool:
        """Whether it holds partitions by their ids, by the name of its class: to import the class would take its library."""
        return self.type.endswith(_PARTITIONED_TYPES)

    @property
    def is_incremental(self) -> bool:
        """Whether it keeps a checkpoint of the partitions that are confirmed, by the name of its class."""
        return self.type.endswith(_INCREMENTAL_TYPE)

    @property
    def cached(self) -> CatalogEntry | None:
        """The dataset in a CachedDataset; None if it is of another class."""
        inner = self.config.get("dataset")
        if not self.type.endswith("CachedDataset") or not isinstance(inner, dict | str):
            return None
        config = inner if isinstance(inner, dict) else {"type": inner}
        return CatalogEntry(self.name, str(config.get("type", "")), config, self.declared)

    @property
    def versioned(self) -> bool:
        """Whether every save makes a new version."""
        return bool(self.config.get("versioned"))

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The dataset's `metadata`, which Kedro leaves to plugins."""
        metadata = self.config.get("metadata")
        return metadata if isinstance(metadata, dict) else {}

    @property
    def viz(self) -> Mapping[str, Any]:
        """What of its metadata is for Kedro-Viz."""
        viz = self.metadata.get("kedro-viz")
        return viz if isinstance(viz, dict) else {}

    @property
    def location(self) -> str | None:
        """Where its file or folder is, as the configuration has it."""
        return _place(self.located)

    @property
    def located(self) -> Mapping[str, Any]:
        """The part of its configuration that says where its file or folder is; a cached dataset has it one level down."""
        inner = self.config.get("dataset")
        places = [self.config, inner] if isinstance(inner, dict) else [self.config]
        return next((place for place in places if _place(place)), {})

    @property
    def partition_parts(self) -> frozenset[str]:
        """What its configuration asks for of the partition that a run makes, as dotted names of runtime parameters.

        An entry that asks for any has one place per partition.

        Examples:
            >>> sorted(CatalogEntry("a", "json.JSONDataset", {"filepath": "<partition_keys.region>/<partition_start>"}).partition_parts)
            ['partition_keys.region', 'partition_start']
        """
        asked = {key: value for key, value in self.config.items() if key != "metadata"}
        return frozenset(_PARTITION_PART.findall(str(asked)))


def _place(config: Mapping[str, Any]) -> str | None:
    found = (config.get(key) for key in ("filepath", "path"))
    return next((str(place) for place in found if isinstance(place, str | Path) and place), None)


def read_entry(resolver: CatalogConfigResolver, name: str) -> CatalogEntry:
    """Look a dataset up in a catalog's configuration, patterns included."""
    with _without_warnings(_resolver_logger):  # one for every dataset of a catch-all pattern; the run gives them
        config = resolver.resolve_pattern(name)
    declared = name in resolver.config or bool(
        resolver.match_dataset_pattern(name) or resolver.match_user_catch_all_pattern(name)
    )
    return CatalogEntry(name, str(config.get("type", "")), config, declared)


def resolve_catalog(config: Mapping[str, Any]) -> CatalogConfigResolver:
    """Let Kedro resolve a catalog's names and patterns; credentials are taken out before."""
    patterns = getattr(settings.DATA_CATALOG_CLASS, "default_runtime_patterns", None)
    return CatalogConfigResolver(
        config={name: _without_credentials(entry) for name, entry in config.items()},
        default_runtime_patterns=patterns or {"{default}": {"type": "kedro.io.MemoryDataset"}},
    )


def _without_credentials(config: Any) -> Any:
    if isinstance(config, dict):
        return {key: _without_credentials(value) for key, value in config.items() if key != "credentials"}
    if isinstance(config, list):
        return [_without_credentials(item) for item in config]
    return config


@contextmanager
def _without_warnings(logger: logging.Logger) -> Iterator[None]:
    def is_severe(record: logging.LogRecord) -> bool:
        return record.levelno > logging.WARNING

    logger.addFilter(is_severe)
    try:
        yield
    finally:
        logger.removeFilter(is_severe)
