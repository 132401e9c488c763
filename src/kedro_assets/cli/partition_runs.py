"""Which runs make the partitions that the command line asks for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import ceil
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_assets, dagster_partitions
from kedro_assets.errors import PartitionError, suggest
from kedro_assets.partitions import PARTITION_TAG, RANGE_TAGS

SEPARATOR = "..."
"""Stands between the first and the last key of a range, as in Dagster's own command line."""


@frozen
class PartitionRun:
    """One run.

    Attributes:
        title: Its partitions, for the terminal; empty for a run that makes none.
        keys: The assets to make; none for those of a job.
        tags: The run's tags.
    """

    title: str
    keys: frozenset[dg.AssetKey]
    tags: Mapping[str, str]


def plan_runs(
    assets: dagster_assets.AssetGraph,
    keys: frozenset[dg.AssetKey],
    asked: str | None,
    instance: dg.DagsterInstance,
    *,
    chosen: bool,
) -> Iterator[PartitionRun]:
    """Yield the runs that make some assets.

    Args:
        assets: The graph of the assets.
        keys: The assets.
        asked: A partition's key, or the first and the last with `...` between; None if none was asked for.
        instance: Knows the keys of dynamic partitions.
        chosen: Whether the user has chosen just these assets. Otherwise those that do not fit are left out: without a
            partition what is partitioned and what is made from it, with one the rest.

    Raises:
        PartitionError: If the assets do not have what is asked for, or have to be asked for with a partition.
    """
    partitioned = _by_definition(assets, keys)
    others = keys.difference(*partitioned.values())
    if asked is None:
        if partitioned and (chosen or not others):
            raise PartitionError(_choose(partitioned))
        fitting = others - _made_from(assets, keys - others)
        if partitioned and not fitting:
            raise PartitionError(_choose(partitioned))
        yield PartitionRun("", fitting, {})
        return
    if len(partitioned) != 1:
        raise PartitionError(
            _choose(partitioned)
            if partitioned
            else "None of these assets is partitioned. Leave out --partition and --partition-range."
        )
    [(definition, made)] = partitioned.items()
    with dg.partition_loading_context(dynamic_partitions_store=instance):
        wanted = _keys(definition, asked)
        size = _per_run(assets, made) or len(wanted)
        for some in _slices(definition, wanted, size):
            if len(some) == 1:
                tags = {PARTITION_TAG: some[0], **dagster_partitions.tags_of_key(definition, some[0])}
            else:
                tags = dict(zip(RANGE_TAGS, (some[0], some[-1]), strict=True))
            title = some[0] if len(some) == 1 else f"{some[0]}{SEPARATOR}{some[-1]}"
            yield PartitionRun(title, keys if chosen else made, tags)


def _by_definition(
    assets: dagster_assets.AssetGraph, keys: Collection[dg.AssetKey]
) -> dict[dg.PartitionsDefinition[Any], frozenset[dg.AssetKey]]:
    found: dict[dg.PartitionsDefinition[Any], set[dg.AssetKey]] = {}
    for key in sorted(keys):
        definition = assets.partitions(key)
        if definition is not None:
            found.setdefault(definition, set()).add(key)
    return {definition: frozenset(made) for definition, made in found.items()}


def _made_from(assets: dagster_assets.AssetGraph, keys: Collection[dg.AssetKey]) -> frozenset[dg.AssetKey]:
    """Return what is made from some assets, and what is made from that."""
    found: set[dg.AssetKey] = set()
    todo = [*keys]
    while todo:
        children = assets.children(todo.pop()) - found
        found |= children
        todo += children
    return frozenset(found)


def _choose(partitioned: Mapping[dg.PartitionsDefinition[Any], Collection[dg.AssetKey]]) -> str:
    shown = "\n".join(
        f"  {', '.join(sorted(key.to_user_string() for key in made))}: {definition}"
        for definition, made in partitioned.items()
    )
    several = (
        "in several ways. Choose assets with the same partitions with --select, and"
        if len(partitioned) > 1
        else ". Choose"
    )
    return (
        f"These assets are partitioned{' ' if len(partitioned) > 1 else ''}{several} their partitions with --partition KEY "
        f"or --partition-range FIRST{SEPARATOR}LAST.\n{shown}"
    )


def _keys(definition: dg.PartitionsDefinition[Any], asked: str) -> list[str]:
    """Return the partitions that are asked for.

    Raises:
        PartitionError: If there is no such partition.
    """
    first, _, last = asked.partition(SEPARATOR)
    for key in (first, last or first):
        if not dagster_partitions.has_key(definition, key):
            known = definition.get_partition_keys()
            hint = suggest(key, known) if known else "There are no partitions yet."
            if len(known) > 12:
                hint = f"The partitions go from '{known[0]}' to '{known[-1]}'."
            msg = f"There is no partition '{key}'. {hint}"
            raise PartitionError(msg)
    keys = dagster_partitions.keys_between(definition, first, last) if last else [first]
    if not keys:
        msg = f"There is no partition from '{first}' to '{last}': the first key must come before the last one."
        raise PartitionError(msg)
    return keys


def _slices(definition: dg.PartitionsDefinition[Any], wanted: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Cut a range of keys into ranges of as many as a run makes.

    Dagster reads a range of several dimensions as the product of a range of each. So where they do not all fit into one run,
    each run has one key of one dimension: of the one with which the runs are fewest.
    """
    lines = [wanted]
    if len(wanted) > size and isinstance(definition, dg.MultiPartitionsDefinition):
        parts = {key: dagster_partitions.keys_by_dimension(definition, key) for key in wanted}
        ways = [
            _grouped(wanted, [parts[key][name] for key in wanted]) for name in dagster_partitions.dimensions(definition)
        ]
        lines = min(ways, key=lambda found: sum(ceil(len(line) / size) for line in found))
    for line in lines:
        yield from (line[start : start + size] for start in range(0, len(line), size))


def _grouped(keys: Sequence[str], by: Sequence[str]) -> list[Sequence[str]]:
    groups: dict[str, list[str]] = {}
    for key, group in zip(keys, by, strict=True):
        groups.setdefault(group, []).append(key)
    return [*groups.values()]


def _per_run(assets: dagster_assets.AssetGraph, made: Collection[dg.AssetKey]) -> int | None:
    """Return how many partitions share a run, by the backfill policies of all assets; None for all."""
    limits = [size for key in made if (size := assets.partitions_per_run(key)) is not None]
    return min(limits) if limits else None
