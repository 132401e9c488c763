"""Catalog entries of kedro-dagster: what they say of assets, and its two classes of datasets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kedro_assets.errors import Scope

_PARTITIONED = re.compile(r"kedro_dagster\.(?:\w+\.)*DagsterPartitionedDataset")
_NOTHING = re.compile(r"kedro_dagster\.(?:\w+\.)*DagsterNothingDataset")
_MAPPINGS = ("partition_mapping", "partition_mappings")
_MOVED = ("description", "group_name")


def is_nothing(entry: object) -> bool:
    """Whether an entry is a dataset without data."""
    return isinstance(entry, dict) and bool(_NOTHING.fullmatch(str(entry.get("type"))))


def mappings_of(entry: object) -> Mapping[str, Any]:
    """Return the partition mappings that an entry has for the datasets made from it, as they are written."""
    if not isinstance(entry, dict) or not _PARTITIONED.fullmatch(str(entry.get("type"))):
        return {}
    return next((dict(entry[key]) for key in _MAPPINGS if isinstance(entry.get(key), dict)), {})


def converted_entry(entry: object, scope: Scope) -> object:
    """Return an entry of the catalog as kedro-assets reads it; its partition mappings and what has no data come later.

    Args:
        entry: The entry.
        scope: Its place; collects what cannot be converted.
    """
    if not isinstance(entry, dict):
        return entry
    found = dict(entry)
    metadata = found.get("metadata")
    if isinstance(metadata, dict):
        found["metadata"] = _metadata(metadata)
    if not _PARTITIONED.fullmatch(str(found.get("type"))):
        return found
    partitions = _partitions(found.get("partition"), scope.at("partition"))
    if partitions is None:
        return found
    found = {key: value for key, value in found.items() if key not in {"partition", *_MAPPINGS}}
    found["type"] = "partitions.PartitionedDataset"
    return with_settings(found, {"partitions": partitions})


def with_settings(entry: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry with more in `metadata.dagster`."""
    metadata = dict(entry.get("metadata") or {})
    metadata["dagster"] = {**(metadata.get("dagster") or {}), **settings}
    return {**entry, "metadata": metadata}


def _metadata(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    ours = metadata.get("dagster") or {}
    moved = {key: metadata[key] for key in _MOVED if isinstance(metadata.get(key), str)}
    if not moved or not isinstance(ours, dict):
        return metadata
    if isinstance(moved.get("group_name"), str):
        moved["group_name"] = "/".join(
            re.sub(r"[^A-Za-z0-9_]", "__", part) for part in moved["group_name"].split("/") if part
        )
    rest = {key: value for key, value in metadata.items() if key not in moved}
    return {**rest, "dagster": {**moved, **ours}}


def _partitions(partition: object, scope: Scope) -> dict[str, Any] | None:
    """Return partitions as kedro-assets has them; None if they cannot be converted, which is reported."""
    kind = _class_name(partition)
    options = partition if isinstance(partition, dict) else {}
    if kind == "StaticPartitionsDefinition" and isinstance(options.get("partition_keys"), list):
        return {"static": [*map(str, options["partition_keys"])]}
    if kind == "DynamicPartitionsDefinition" and isinstance(options.get("name"), str):
        return {"dynamic": options["name"]}
    hint = "Write them in `metadata.dagster.partitions`, and let the type be `partitions.PartitionedDataset`."
    scope.add(f"partitions of the type '{kind}' are not converted.", hint)
    return None


def converted_mapping(mapping: object) -> Any:
    """Return a partition mapping as kedro-assets has it; None if it cannot be converted."""
    kind = _class_name(mapping)
    if kind == "IdentityPartitionMapping":
        return "identity"
    if kind == "AllPartitionMapping":
        return "all"
    if kind == "StaticPartitionMapping" and isinstance(mapping, dict):
        keys = mapping.get("downstream_partition_keys_by_upstream_partition_key")
        return {"static": keys} if isinstance(keys, dict) else None
    return None


def _class_name(found: object) -> str:
    kind = found.get("type") if isinstance(found, dict) else found
    return str(kind).rpartition(".")[2]
