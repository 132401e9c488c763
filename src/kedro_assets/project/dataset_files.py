"""What is stored of a dataset that others write: a fingerprint of its files, and their names, without loading them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Any

from fsspec import AbstractFileSystem, get_filesystem_class
from fsspec.core import has_magic, split_protocol, strip_protocol, url_to_fs

from kedro_assets.project.catalog import CatalogEntry
from kedro_assets.project.location import ProjectLocation
from kedro_assets.redaction import Redactor

CHECKPOINT = "CHECKPOINT"
"""The file in which an IncrementalDataset keeps its checkpoint, unless its configuration names another."""

_CHUNK = 1 << 20
_CHANGES = {
    *("mtime", "LastModified", "last_modified", "modified", "updated", "generation"),
    *("ETag", "etag", "md5Hash", "Content-MD5", "checksum"),
}
"""What file systems say of a file that changes with its content; other facts change when it is read or linked."""


def fingerprint(location: ProjectLocation, entry: CatalogEntry) -> str | None:
    """Return a text that changes when the files of a dataset do; None if there are none, or no place for them.

    It is made from what the file system says of them: names, sizes, times, and checksums where it has them.

    Args:
        location: The project.
        entry: What the catalog has of the dataset, with its credentials.
    """
    _, folder, files = _files(location, entry)
    ignored = _checkpoints(location, entry, folder) if entry.is_incremental else ()
    told = [(path.removeprefix(folder), *_told(facts)) for path, facts in sorted(files.items()) if path not in ignored]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16] if told else None


def content_version(
    location: ProjectLocation,
    entry: CatalogEntry,
    version: str | None = None,
    is_meant: Callable[[str], bool] = lambda _: True,
) -> str | None:
    """Return a text that changes when the content of the files of a dataset does; None if there are none. All are read.

    Args:
        location: The project.
        entry: What the catalog has of the dataset, with its credentials.
        version: The version that is meant, of a versioned dataset.
        is_meant: Tells the ids of the partitions that are meant, of a PartitionedDataset.
    """
    system, folder, files = _files(location, entry)
    ignored = _checkpoints(location, entry, folder) if entry.is_incremental else ()
    within, suffix = f"{version}/" if version else "", str(entry.config.get("filename_suffix") or "")
    found, seen = hashlib.sha256(), False
    for path in sorted(files):
        name = path.removeprefix(folder).lstrip("/")
        if path in ignored or not name.startswith(within):
            continue
        if entry.is_partitioned and not is_meant(name.removesuffix(suffix)):
            continue
        seen = True
        found.update(repr(name.removeprefix(within)).encode())
        with system.open(path, "rb") as file:
            for chunk in iter(partial(file.read, _CHUNK), b""):
                found.update(chunk)
    return found.hexdigest()[:16] if seen else None


def _told(facts: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what a file system says of a file's content.

    Examples:
        >>> _told({"size": 3, "mtime": 7.5, "ino": 2, "mode": 33188})
        (3, [('mtime', 7.5)])
    """
    changes = {name: value for name, value in facts.items() if name in _CHANGES}
    return facts.get("size"), sorted((changes or facts).items(), key=str)


def partition_ids(location: ProjectLocation, entry: CatalogEntry) -> list[str]:
    """Return the ids of the partitions that are there of a PartitionedDataset or an IncrementalDataset, in order.

    Args:
        location: The project.
        entry: What the catalog has of the dataset, with its credentials.
    """
    _, folder, files = _files(location, entry)
    suffix = str(entry.config.get("filename_suffix") or "")
    checkpoints = _checkpoints(location, entry, folder)
    found = (path for path in files if path.endswith(suffix) and path not in checkpoints)
    return sorted(path[len(folder) :].lstrip("/").removesuffix(suffix) for path in found)


def kept_versions(location: ProjectLocation, entry: CatalogEntry) -> list[str]:
    """Return the versions that a versioned dataset has, the oldest first; none if it has none, or no place for them.

    Args:
        location: The project.
        entry: What the catalog has of the dataset, with its credentials.
    """
    place = address(location, entry)
    if place is None or not entry.versioned:
        return []
    with _errors(entry):
        system, path = _opened(place, entry)
        try:
            found = system.ls(path, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
    folders = (each["name"].rstrip("/") for each in found if each["type"] == "directory")
    return sorted(folder.rpartition("/")[2] for folder in folders)


def address(location: ProjectLocation, entry: CatalogEntry) -> str | None:
    """Return where the files of a dataset are, None if it has none."""
    return _address(location, entry.location) if entry.location else None


def is_in_known_system(location: ProjectLocation, entry: CatalogEntry) -> bool:
    """Whether `fsspec` knows the system in which the files of a dataset are, with its library or without."""
    protocol, _ = split_protocol((address(location, entry) or "").rpartition("::")[2])
    try:
        get_filesystem_class(protocol or "file")
    except ValueError:
        return False
    except ImportError:
        pass
    return True


def _checkpoints(location: ProjectLocation, entry: CatalogEntry, folder: str) -> set[str]:
    """Return where the checkpoint of an IncrementalDataset may be: it is none of its partitions."""
    checkpoint = entry.config.get("checkpoint")
    own = str(checkpoint.get("filepath") or "") if isinstance(checkpoint, dict) else ""
    return {f"{folder}/{own or CHECKPOINT}", strip_protocol(_address(location, own or CHECKPOINT))}


def _files(location: ProjectLocation, entry: CatalogEntry) -> tuple[Any, str, Mapping[str, Mapping[str, Any]]]:
    """Return the file system of a dataset, its path there, and what the system says of each of its files.

    Args:
        location: The project.
        entry: What the catalog has of the dataset, with its credentials.
    """
    place = address(location, entry)
    if place is None:
        return None, "", {}
    options = (entry.config.get("load_args") or {}) if entry.is_partitioned else {}  # how their files are looked for
    with _errors(entry):
        system, path = _opened(place, entry)
        if system.isfile(path):
            return system, path, {path: system.info(path)}
        if has_magic(path):
            files = system.glob(path, detail=True)
            return system, "", files or _nothing(system, _fixed(path))
        is_there = _is_there(system, path)
        files = system.find(path, **{**options, "detail": True})
        return system, path, files or (_nothing(system, path) if is_there else {})


def _opened(place: str, entry: CatalogEntry) -> tuple[AbstractFileSystem, str]:
    """Return the file system of a dataset and its path there."""
    of_system = (entry.located.get("fs_args") or {}).items()
    arguments = {name: value for name, value in of_system if not name.startswith("open_args")}
    system, path = url_to_fs(place, **{**_credentials(entry), **arguments})
    system.invalidate_cache()
    return system, path


def _errors(entry: CatalogEntry) -> AbstractContextManager[None]:
    """Mask the credentials of a dataset in the errors of its file system."""
    return Redactor.of({"credentials": _credentials(entry)}).errors()


def _credentials(entry: CatalogEntry) -> Mapping[str, Any]:
    return entry.located.get("credentials") or {}


def _is_there(system: AbstractFileSystem, path: str) -> bool:
    """Whether a file system has something at a path; `isfile` hides that it may not be read."""
    try:
        system.info(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        cause = error.__cause__
        if cause is not None and not isinstance(cause, FileNotFoundError):
            raise cause from None  # over HTTP, a server that refuses looks like a file that is not there
        return False
    return True


def _nothing(system: AbstractFileSystem, folder: str) -> Mapping[str, Mapping[str, Any]]:
    """Return no files, once the folder could be listed: `find` and `glob` pass over one that may not be read."""
    with suppress(FileNotFoundError, NotADirectoryError):
        system.ls(folder, detail=False)
    return {}


def _fixed(pattern: str) -> str:
    """Return the folder in which all that fits a pattern is.

    Examples:
        >>> _fixed("bucket/2026/*/a[0-9].csv")
        'bucket/2026'
    """
    return re.split(r"[*?\[]", pattern, maxsplit=1)[0].rpartition("/")[0]


def _address(location: ProjectLocation, place: str) -> str:
    return place if "://" in place else str(location.path / place)
