"""Partition mappings, which kedro-dagster has at the dataset that is read, and kedro-assets at the one that is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kedro_assets.convert.catalog import converted_mapping, mappings_of, with_settings
from kedro_assets.convert.drafts import Draft
from kedro_assets.errors import Scope


def move_mappings(drafts: Sequence[Draft], base: str) -> None:
    """Write each partition mapping at the entries of the dataset that is made.

    An entry in the base environment is written if the mapping is there as well, or if no other environment says otherwise.

    Args:
        drafts: The files of all catalogs.
        base: The base environment.
    """
    for draft in drafts:
        for upstream, entry in draft.file.data.items():
            for downstream, written in mappings_of(entry).items():
                scope = draft.scope.at(upstream, "partition_mapping", downstream)
                mapping = converted_mapping(written)
                if mapping is None:
                    found = "this partition mapping is not converted."
                    scope.add(found, f"Write it in `metadata.dagster.partition_mappings` of '{downstream}'.")
                    continue
                places = list(_places(drafts, downstream, draft.file.env, base))
                if not places:
                    found = f"no entry of a catalog is named '{downstream}', so its partition mapping is not converted."
                    scope.add(found, "Write an entry, and the mapping in its `metadata.dagster.partition_mappings`.")
                for other, name in places:
                    _write(other, name, upstream, mapping, scope)


def _places(drafts: Sequence[Draft], downstream: str, env: str, base: str) -> Iterator[tuple[Draft, str]]:
    """Yield the entries of a dataset that an environment's own files, or for the base environment all files, have."""
    found = [
        (draft, name)
        for draft in drafts
        for name in draft.file.data
        if downstream in {name, name.replace(".", "__")} and isinstance(draft.file.data[name], dict)
    ]
    own = [(draft, name) for draft, name in found if env in {draft.file.env, base}]
    yield from own or [(draft, name) for draft, name in found if draft.file.env == base]


def _write(draft: Draft, name: str, upstream: str, mapping: Any, scope: Scope) -> None:
    entry = draft.wanted[name]
    settings = (entry.get("metadata") or {}).get("dagster") or {}
    there = dict(settings.get("partition_mappings") or {})
    if there.setdefault(upstream, mapping) != mapping:
        place = draft.file.locate((name,))
        found = f"another partition mapping of '{upstream}' is at '{name}' already ({place})."
        scope.add(found, "Keep one of them, or write an entry of this dataset in each environment.")
        return
    draft.wanted[name] = with_settings(entry, {"partition_mappings": there})
