"""How the partitions of a run reach Kedro: as runtime parameters, and as what a partitioned dataset loads and saves."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import dagster as dg

from kedro_assets._internals import dagster_partitions
from kedro_assets.errors import PartitionError
from kedro_assets.names import PARTITION_PARAMETERS

PARTITION_TAG = "dagster/partition"
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
"""The tags of a run that hold its partition, or the first and the last of several, as Dagster documents them."""

_TimeWindows = dg.TimeWindowPartitionsDefinition


def runtime_params(tags: Mapping[str, str], definition: dg.PartitionsDefinition[Any] | None) -> dict[str, Any]:
    """Return the runtime parameters by which a run tells Kedro what partitions it makes.

    Args:
        tags: The run's tags.
        definition: How what it makes is partitioned, if it is.

    Raises:
        PartitionError: If a key would lead out of the folder of a dataset.

    Examples:
        >>> daily = dg.DailyPartitionsDefinition("2026-01-01")
        >>> runtime_params({"dagster/partition": "2026-01-31"}, daily)["partition_end"]
        '2026-02-01T00:00:00+00:00'
    """
    found: dict[str, Any] = {}
    ends = _ends(tags)
    if ends is None:
        return found
    first, last = ends
    check_keys([first, last])
    if first == last:
        found["partition_key"] = str(
            first
        )  # of several dimensions it may be a `MultiPartitionKey`, which OmegaConf refuses
    windows = definition
    if isinstance(definition, dg.MultiPartitionsDefinition):
        if first != last:
            return found
        found["partition_keys"] = dict(dagster_partitions.keys_by_dimension(definition, first))
        dimensions = dagster_partitions.dimensions(definition)
        timed = next((name for name, each in dimensions.items() if isinstance(each, _TimeWindows)), None)
        windows = dimensions[timed] if timed is not None else None
        first = last = found["partition_keys"].get(timed, "")
    if isinstance(windows, _TimeWindows):
        found["partition_start"] = dagster_partitions.window(windows, first).start.isoformat()
        found["partition_end"] = dagster_partitions.window(windows, last).end.isoformat()
    return found


def parts_of(definition: dg.PartitionsDefinition[Any]) -> set[str]:
    """Return the parts that each partition has, as dotted names of runtime parameters.

    Examples:
        >>> sorted(parts_of(dg.DailyPartitionsDefinition("2026-01-01")))
        ['partition_end', 'partition_key', 'partition_start']
    """
    dimensions = dagster_partitions.dimensions(definition)
    found = {"partition_key", *(f"partition_keys.{name}" for name in dimensions)}
    if any(isinstance(each, _TimeWindows) for each in (definition, *dimensions.values())):
        found |= {"partition_start", "partition_end"}
    return found


def with_placeholders(given: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return runtime parameters with placeholders for the parts of a partition that the configuration cannot be read without.

    Args:
        given: What the run has; it wins.
        asked: The runtime parameters that the project's configuration asks for without a default, as `<name>`.

    Examples:
        >>> with_placeholders({"depth": 3}, {"partition_key": "<partition_key>", "seed": "<seed>"})
        {'partition_key': '<partition_key>', 'depth': 3}
    """
    found = {name: value for name, value in asked.items() if name in PARTITION_PARAMETERS}
    open_keys, keys = found.get("partition_keys"), given.get("partition_keys")
    found |= given
    if isinstance(open_keys, Mapping) and isinstance(keys, Mapping):
        found["partition_keys"] = {**open_keys, **keys}
    return found


def unfilled(params: Mapping[str, Any]) -> frozenset[str]:
    """Return the parts of a partition that are still placeholders among runtime parameters.

    Examples:
        >>> sorted(unfilled({"partition_key": "a", "partition_keys": {"day": "<partition_keys.day>"}}))
        ['partition_keys.day']
    """
    names: list[str] = []
    for name in PARTITION_PARAMETERS:
        value = params.get(name)
        names += [f"{name}.{key}" for key in value] if isinstance(value, Mapping) else [name]
    return frozenset(name for name in names if part_of(params, name) == f"<{name}>")


def part_of(params: Mapping[str, Any], part: str) -> Any:
    """Return a part of a partition from the runtime parameters that have it; None if they do not.

    Examples:
        >>> part_of({"partition_keys": {"region": "eu"}}, "partition_keys.region")
        'eu'
    """
    found: Any = params
    for name in part.split(".", 1):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _ends(tags: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the first and the last partition that a run makes, which are the same of one; None if it makes none.

    A run of one partition is told by one tag if it is started by hand or by a schedule, and by two that are the same if a
    backfill has started it. Nothing else looks at these tags, so that all such runs are alike.
    """
    first, last = (tags.get(PARTITION_TAG, tags.get(tag)) for tag in RANGE_TAGS)
    return None if first is None or last is None else (first, last)


def at_partition(place: str, params: Mapping[str, Any]) -> str:
    """Write the place of a dataset as it is for one partition.

    Args:
        place: The place as the configuration has it, with the names of what it asks for.
        params: The runtime parameters of the partition.

    Examples:
        >>> at_partition("data/<partition_keys.region>/<partition_key>.csv", runtime_params({"dagster/partition": "a"}, None))
        'data/<partition_keys.region>/a.csv'
    """
    return re.sub(r"<(partition_[a-z]+(?:\.[^<>]+)?)>", lambda part: str(part_of(params, part[1]) or part[0]), place)


def has_partition(tags: Mapping[str, str]) -> bool:
    """Whether a run makes partitions."""
    return _ends(tags) is not None


def has_several(tags: Mapping[str, str]) -> bool:
    """Whether a run makes several partitions.

    Examples:
        >>> first, last = RANGE_TAGS
        >>> has_several({first: "a", last: "b"}), has_several({first: "a", last: "a"})
        (True, False)
    """
    ends = _ends(tags)
    return ends is not None and ends[0] != ends[1]


def first_key(tags: Mapping[str, str]) -> str | None:
    """Return the partition that a run makes, or the first of several; None if it makes none."""
    ends = _ends(tags)
    return ends[0] if ends is not None else None


def partition_of(tags: Mapping[str, str]) -> str:
    """Name the partitions that a run makes.

    Examples:
        >>> first, last = RANGE_TAGS
        >>> partition_of({"dagster/partition": "a"}), partition_of({first: "a", last: "a"}), partition_of({})
        ('a', 'a', '')
        >>> partition_of({first: "a", last: "b"})
        'a...b'
    """
    return "...".join(dict.fromkeys(_ends(tags) or ()))


def check_given(given: Mapping[str, Any], partition: Mapping[str, Any]) -> None:
    """Look whether what a run's configuration gives to nodes contradicts the partition that the run makes.

    Args:
        given: Parameters by the names that nodes use, or runtime parameters.
        partition: The runtime parameters of the partition.

    Raises:
        PartitionError: If it does.
    """
    whole = given.get("parameters")
    found = {name.removeprefix("params:"): value for name, value in given.items() if name != "parameters"}
    for name, value in {**(whole if isinstance(whole, Mapping) else {}), **found}.items():
        if name.split(".")[0] not in PARTITION_PARAMETERS:
            continue
        own = part_of(partition, name)
        if value == f"<{name}>":  # as the launchpad shows it
            continue
        own = None if own == f"<{name}>" else own
        if _as_text(own) != _as_text(value) and (own is not None or name.startswith("partition_key")):
            made = "several partitions" if own is None else repr(own)
            msg = (
                f"The run configuration has the value {value!r} for `{name}`, but the run makes {made}. Leave it out of the "
                "run configuration: Kedro gets it from the partition of the run. For another partition, start a run of that."
            )
            raise PartitionError(msg)


def _as_text(value: Any) -> Any:
    return {str(key): str(item) for key, item in value.items()} if isinstance(value, Mapping) else str(value)


def is_partitioned(dataset: object) -> bool:
    """Whether a dataset holds partitions by their ids, as those of kedro-datasets and classes derived from them do."""
    from kedro_datasets.partitions import PartitionedDataset  # noqa: PLC0415 - only runs of partitions ask

    return isinstance(dataset, PartitionedDataset)


def is_incremental(dataset: object) -> bool:
    """Whether a dataset keeps a checkpoint of the partitions that are confirmed."""
    from kedro_datasets.partitions import IncrementalDataset  # noqa: PLC0415 - only runs of partitions ask

    return isinstance(dataset, IncrementalDataset)


def of_keys(keys: Collection[str]) -> Callable[[str], bool]:
    """Make a test for the ids of partitions: a key's are the key itself, and all in a folder of that name."""
    wanted = set(map(_as_id, keys))
    return lambda id_: not wanted.isdisjoint(_folders(id_))


def selected(data: Any, keys: Collection[str]) -> Any:
    """Leave the partitions of some keys.

    Examples:
        >>> selected({"2026-01-01": 1, "2026-01-02/north": 2, "2026-01-02/south": 3}, ["2026-01-02"])
        {'2026-01-02/north': 2, '2026-01-02/south': 3}
    """
    if not isinstance(data, dict):
        return data
    wanted = of_keys(keys)
    return {id_: value for id_, value in data.items() if wanted(str(id_))}


def held(data: Mapping[str, Any], keys: Collection[str]) -> list[str]:
    """Return those of some keys of which data has a partition.

    Examples:
        >>> held({"2026-01-01": 1, "2026-01-02/north": 2}, ["2026-01-02", "2026-01-03"])
        ['2026-01-02']
    """
    ids = {folder for id_ in data for folder in _folders(str(id_))}
    return [key for key in keys if _as_id(key) in ids]


def leads_out(key: str) -> bool:
    r"""Whether a key or an id would lead out of the folder that it is written into.

    Examples:
        >>> [leads_out(key) for key in ("../a", "eu|..", "/a", "c:\\a", "~/a", "s3://a", "a\0b")]
        [True, True, True, True, True, True, True]
        >>> [leads_out(key) for key in ("eu/2026", "2026-01-01-00:00", "a..b", ".a", "c: d")]
        [False, False, False, False, False]
    """
    parts = re.split(r"[/\\|]", str(key))
    return (
        ".." in (part.strip() for part in parts)
        or (len(parts) > 1 and not parts[0].strip())
        or "://" in str(key)
        or "\0" in str(key)
        or re.match(r"~[^/\\|]*[/\\]|[A-Za-z]:[/\\]", str(key)) is not None
    )


def check_keys(keys: Collection[str]) -> None:
    """Look whether keys stay in the folder of a dataset, as they become part of its path.

    Raises:
        PartitionError: If one does not.
    """
    refused = sorted(str(key) for key in keys if leads_out(key))
    if refused:
        keys_shown = f"key{'s' if len(refused) > 1 else ''} {shown([repr(key) for key in refused])}"
        msg = (
            f"The partition {keys_shown} would lead out of the folder of the dataset, so this data is not saved. "
            "Use keys without `..` that are neither absolute paths nor URLs."
        )
        raise PartitionError(msg)


def check_saved(name: str, data: Any, keys: Collection[str]) -> None:
    """Look whether a node gives partitions of its run's keys only.

    Raises:
        PartitionError: If it gives any other, or one that would lead out of the dataset's folder.
    """
    if not isinstance(data, dict):
        return
    check_keys([str(id_) for id_ in data])
    others = [str(id_) for id_ in data.keys() - selected(data, keys).keys()]
    if others:
        shown = sorted(map(_as_id, keys))
        noun = "the partition" if len(others) == 1 else "the partitions"
        allowed = ", ".join(shown) if len(shown) <= 3 else f"{shown[0]} to {shown[-1]}"
        msg = (
            f"The node returned {noun} {', '.join(sorted(others)[:5])} of '{name}', but this run makes {allowed}. "
            "This data is not saved. Return the partitions of the run only: `partition_key` is one of its runtime parameters."
        )
        raise PartitionError(msg)


def _as_id(key: str) -> str:
    """Write a key as the id of a partition: dimensions become folders."""
    return str(key).replace("|", "/")


def _folders(id_: str) -> list[str]:
    """Return an id, and the folders in it.

    Examples:
        >>> _folders("eu/2026/a")
        ['eu', 'eu/2026', 'eu/2026/a']
    """
    parts = id_.split("/")
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


def shown(keys: Sequence[str]) -> str:
    """Name some partitions in a message.

    Examples:
        >>> shown(["a", "b"]), shown(["a", "b", "c", "d"])
        ('a, b', 'a, b, c, ...')
    """
    return ", ".join(keys[:3]) + (", ..." if len(keys) > 3 else "")
