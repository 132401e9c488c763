"""What the catalog says of datasets, without building one."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import NoneType
from typing import Any

from attrs import field, frozen
from kedro.framework.project import settings
from kedro.io import CatalogConfigResolver, DatasetError
from kedro.io.core import parse_dataset_definition
from parse import compile as compile_pattern
from parse import parse

from kedro_assets.errors import Scope, message
from kedro_assets.names import PARTITION_PARAMETERS
from kedro_assets.project.placeholders import filled

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
        return parts_asked({key: value for key, value in self.config.items() if key != "metadata"})


def parts_asked(value: object) -> frozenset[str]:
    """Return the parts of a partition whose placeholders stand in a value, as dotted names of runtime parameters."""
    return frozenset(_PARTITION_PART.findall(str(value)))


def _place(config: Mapping[str, Any]) -> str | None:
    found = (config.get(key) for key in ("filepath", "path"))
    return next((str(place) for place in found if isinstance(place, str | Path) and place), None)


def valid_entries(config: Mapping[Any, Any], catalog: Scope) -> dict[str, Any]:
    """Return the entries of a catalog that Kedro can make datasets of.

    Args:
        config: The catalog's configuration.
        catalog: Its place; collects the entries that are left out, and why.
    """
    found: dict[str, Any] = {}
    for name, entry in config.items():
        scope = catalog.at(name)
        if not isinstance(name, str):
            scope.add(f"the name {name!r} is not a string.", "Put it in quotes.")
        elif not isinstance(entry, dict):
            kind = {list: "a list", NoneType: "nothing"}.get(type(entry), "a single value")
            scope.add(f"expected a dataset with its `type`, found {kind}.", _UNDERSCORE)
        elif "type" not in entry:
            scope.add("this dataset has no `type`.", f"Add it, such as `type: pandas.CSVDataset`. {_UNDERSCORE}")
        elif not isinstance(entry["type"], str | type) or not entry["type"]:
            scope.at("type").add(
                f"expected the name of a class, found {entry['type']!r}.", "Write it as in `pandas.CSVDataset`."
            )
        elif odd := [key for key in entry if not isinstance(key, str)]:
            scope.at(odd[0]).add(f"the key {odd[0]!r} is not a string.", "Put it in quotes.")
        elif not (refused := _factory_refused(name, entry) if CatalogConfigResolver.is_pattern(name) else ""):
            found[name] = entry
        else:
            scope.add(f"Kedro rejects this dataset factory: {refused}")
    refused = _refused(found)
    if refused:  # patterns that do not go together
        catalog.add(f"Kedro rejects the dataset factories: {refused}")
        return {name: entry for name, entry in found.items() if not CatalogConfigResolver.is_pattern(name)}
    return found


_UNDERSCORE = "Begin the name with an underscore if it is for values that datasets share."


def _refused(config: dict[str, Any]) -> str:
    """Return why Kedro refuses the patterns of a catalog; empty if it does not."""
    try:
        resolve_catalog(config)
    except DatasetError as error:
        return str(error).partition("\n")[0]
    return ""


def _factory_refused(pattern: str, entry: Mapping[str, Any]) -> str:
    """Return why Kedro can make no dataset of a dataset factory; empty if it can."""
    refused = pattern_refused(pattern) or _refused({pattern: dict(entry)})
    if refused:
        return refused
    values = dict.fromkeys(compile_pattern(pattern).named_fields, _AnyValue())
    for text in _texts(entry):
        try:
            text.format_map(values)
        except (AttributeError, KeyError, IndexError, ValueError) as error:
            return f"it cannot fill in '{text}' ({type(error).__name__}: {error})."
    return ""


class _AnyValue:
    """What stands for a placeholder, in whatever format."""

    def __format__(self, _: str) -> str:
        return ""


def _texts(value: object) -> Iterator[str]:
    """Yield the texts with placeholders in a configuration, as Kedro looks for them; credentials are left out."""
    if isinstance(value, str) and "}" in value:
        yield value
    items = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list | tuple) else ())
    for key, item in items:
        if key != "credentials":
            yield from _texts(item)


def pattern_refused(pattern: str) -> str:
    """Return why no names can be compared with a pattern; empty if they can.

    Examples:
        >>> pattern_refused("{layer}.{name}")
        ''
        >>> pattern_refused("{name:text}")
        "the pattern '{name:text}' cannot be read: format spec 'text' not recognised."
    """
    try:
        parse(pattern, "")
    except (ValueError, NotImplementedError, KeyError, re.error) as error:
        return f"the pattern '{pattern}' cannot be read: {error}."
    return ""


def class_problem(entry: CatalogEntry) -> tuple[tuple[str, ...], str] | None:
    """Return why the class of a dataset cannot be imported, and the key that names it; None if it can.

    Kedro imports the class and makes no dataset of it.
    """
    if not entry.declared:
        return None
    problem, bases = _imported(entry.config.get("type"))
    if problem:
        return ("type",), problem
    inner = entry.config.get("dataset")
    if bases.isdisjoint(("PartitionedDataset", "CachedDataset")) or inner is None:  # `dataset` may mean anything
        return None
    key = ("dataset", "type") if isinstance(inner, dict) else ("dataset",)
    problem, _ = _imported(inner.get("type") if isinstance(inner, dict) else inner)
    return (key, problem) if problem else None


def _imported(type_: object) -> tuple[str, set[str]]:
    """Return why a class cannot be imported, and the names of the class and its bases."""
    if not isinstance(type_, str):
        return "", {base.__name__ for base in getattr(type_, "__mro__", ())}
    try:
        found, _ = parse_dataset_definition({"type": type_})
    except (Exception, SystemExit) as error:  # noqa: BLE001 - of the module that has the class
        cause = message(error) if isinstance(error, DatasetError) else f"{type(error).__name__}: {message(error)}"
        return f"the class '{type_}' cannot be imported: {cause.partition(chr(10))[0]}", set()
    return "", {base.__name__ for base in found.__mro__}


def read_entry(resolver: CatalogConfigResolver, name: str) -> CatalogEntry:
    """Look a dataset up in a catalog's configuration, patterns included."""
    with _without_warnings(_resolver_logger):  # one for every dataset of a catch-all pattern; the run gives them
        try:
            config = resolver.resolve_pattern(name)
        except StopIteration:  # no pattern fits an empty name, not even the one of Kedro that fits all others
            return CatalogEntry(name, _MEMORY_TYPES[0], declared=False)
    declared = name in resolver.config or bool(
        resolver.match_dataset_pattern(name) or resolver.match_user_catch_all_pattern(name)
    )
    if declared and name not in resolver.config:
        config = _with_filled_mappings(config, name, resolver)
    return CatalogEntry(name, str(config.get("type", "")), config, declared)


def _with_filled_mappings(config: dict[str, Any], name: str, resolver: CatalogConfigResolver) -> dict[str, Any]:
    """Fill the placeholders of a pattern in the names of `partition_mappings`: Kedro fills those in values only."""
    metadata = config.get("metadata")
    ours = metadata.get("dagster") if isinstance(metadata, dict) else None
    mappings = ours.get("partition_mappings") if isinstance(ours, dict) else None
    if not (isinstance(metadata, dict) and isinstance(ours, dict) and isinstance(mappings, dict)):
        return config
    pattern = resolver.match_dataset_pattern(name) or resolver.match_user_catch_all_pattern(name) or ""
    found = parse(pattern, name)
    values = {place: str(value) for place, value in found.named.items()} if found else {}
    named = filled(mappings, values)
    return {**config, "metadata": {**metadata, "dagster": {**ours, "partition_mappings": named}}}


def resolve_catalog(config: Mapping[str, Any]) -> CatalogConfigResolver:
    """Let Kedro resolve a catalog's names and patterns; credentials are taken out before."""
    return catalog_resolver({name: _without_credentials(entry) for name, entry in config.items()})


def catalog_resolver(config: dict[str, Any], credentials: dict[str, Any] | None = None) -> CatalogConfigResolver:
    """Return Kedro's resolver with the runtime patterns of the project's catalog class; without any, Kedro warns."""
    patterns = getattr(settings.DATA_CATALOG_CLASS, "default_runtime_patterns", None)
    return CatalogConfigResolver(config, credentials, patterns or {"{default}": {"type": "kedro.io.MemoryDataset"}})


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
