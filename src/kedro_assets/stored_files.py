"""What is stored of a dataset that others write: a fingerprint of its files, and their names, without loading them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from fsspec.core import url_to_fs

from kedro_assets.project import ProjectLocation, config_with_credentials
from kedro_assets.redaction import Redactor

CHECKPOINT = "CHECKPOINT"
"""The file in which an IncrementalDataset keeps its checkpoint, unless its configuration names another."""


def location_of(config: Mapping[str, Any]) -> str | None:
    """Give the path or the address of a dataset's file or folder; None if its configuration has none.

    Examples:
        >>> location_of({"filepath": "data/a.csv"}), location_of({"type": "pandas.SQLTableDataset"})
        ('data/a.csv', None)
    """
    found = config.get("filepath") or config.get("path")
    return found if isinstance(found, str) else None


def fingerprint(location: ProjectLocation, dataset: str) -> str | None:
    """Give a text that changes when the files of a dataset do; None if there are none.

    It is made from what the file system says of them: names, sizes, times, and checksums where it has them.

    Args:
        location: The project; this process has it open.
        dataset: The dataset's name in the catalog.
    """
    _, files = _files(location, config_with_credentials(location, dataset))
    if not files:
        return None
    facts = [sorted(facts.items(), key=str) for _, facts in sorted(files.items())]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def partition_ids(location: ProjectLocation, dataset: str) -> list[str]:
    """Give the ids of the partitions that are there of a PartitionedDataset or an IncrementalDataset, in order.

    Args:
        location: The project; this process has it open.
        dataset: The dataset's name in the catalog.
    """
    config = config_with_credentials(location, dataset)
    folder, files = _files(location, config)
    suffix = str(config.get("filename_suffix") or "")
    ids = (path[len(folder) :].lstrip("/").removesuffix(suffix) for path in files if path.endswith(suffix))
    return sorted(id_ for id_ in ids if id_ != CHECKPOINT)


def _files(location: ProjectLocation, config: Mapping[str, Any]) -> tuple[str, Mapping[str, Mapping[str, Any]]]:
    """Give the path of a dataset in its file system, and what the system says of each file there."""
    credentials = config.get("credentials") or {}
    try:
        return _found(location, config, credentials)
    except Exception as error:
        Redactor.of({"credentials": credentials}).error(error)
        raise


def _found(
    location: ProjectLocation, config: Mapping[str, Any], credentials: Mapping[str, Any]
) -> tuple[str, Mapping[str, Mapping[str, Any]]]:
    place = location_of(config) or ""
    options = {name: value for name, value in (config.get("fs_args") or {}).items() if not name.startswith("open_args")}
    address = place if "://" in place else str(location.path / place)
    system, path = url_to_fs(address, **{**credentials, **options})
    system.invalidate_cache()
    return path, {path: system.info(path)} if system.isfile(path) else system.find(path, detail=True)
