"""Partitions as the catalog and dagster.yml have them, turned into Dagster's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dagster as dg
from attrs import asdict, frozen

from kedro_assets.config import (
    PARTITIONS,
    DagsterConfig,
    PartitionMappingConfig,
    PartitionsConfig,
    TimeWindowsConfig,
)
from kedro_assets.errors import Path, Problems, suggest
from kedro_assets.graph import Vertex
from kedro_assets.project import resolve_catalog
from kedro_assets.translator import DatasetRecord

_Maker = Callable[[Any, Path], dg.PartitionsDefinition[Any] | None]


@frozen
class Partitioning:
    """How something is partitioned, and how many of its partitions a run of a backfill makes."""

    definition: dg.PartitionsDefinition[Any]
    policy: dg.BackfillPolicy


class PartitionsReader:
    """Turns what is written into Dagster's partitions definitions, each named one once."""

    def __init__(self, config: DagsterConfig, problems: Problems) -> None:
        self._patterns = config.assets.partitions
        self._problems = problems
        self._named = config.partitions
        self._made: dict[str, Partitioning | None] = {}
        self._open: set[str] = set()
        for name in self._named:
            self._by_name(name, ("partitions", name))

    def _by_name(self, name: str, where: Path) -> Partitioning | None:
        if name not in self._made:
            self._made[name] = None
            self._open.add(name)
            self._made[name] = self._partitioning(self._named[name], ("partitions", name))
            self._open.remove(name)
        if name in self._open:
            self._problems.add(where, f"the dimensions of '{name}' lead back to it.", "Write one of them out.")
        return self._made[name]

    def said(self, records: Mapping[Vertex, DatasetRecord]) -> Iterator[tuple[Vertex, Partitioning, Path]]:
        """Give what is said of assets, and where: by the catalog, or else by the pattern in dagster.yml that fits best."""
        patterns = resolve_catalog({pattern: {"type": pattern} for pattern in self._patterns})
        used: set[str] = set()
        for vertex, record in records.items():
            found = patterns.match_dataset_pattern(record.name) or patterns.match_user_catch_all_pattern(record.name)
            pattern = record.name if record.name in self._patterns else found
            used.update([pattern] if pattern else [])
            where: Path = ("catalog", record.entry.name, "metadata", "dagster", "partitions") if record.entry else ()
            written = record.settings.partitions
            if written is None and pattern is not None:
                where, written = ("assets", "partitions", pattern), self._patterns[pattern]
            partitioning = self._resolved(written, where) if written is not None else None
            if partitioning is not None:
                yield vertex, partitioning, where
        for pattern in self._patterns.keys() - used:
            hint = suggest(pattern, (record.name for record in records.values()))
            self._problems.add(("assets", "partitions", pattern), "no dataset has this name, or fits it.", hint)

    def _resolved(self, written: str | PartitionsConfig, where: Path) -> Partitioning | None:
        if isinstance(written, PartitionsConfig):
            return self._partitioning(written, where)
        if written in self._named:
            return self._by_name(written, where)
        if not self._problems.at("partitions", written):
            self._problems.add(where, f"no partitions '{written}' are defined.", suggest(written, self._named))
        return None

    def _partitioning(self, config: PartitionsConfig, where: Path) -> Partitioning | None:
        definition = self._definition(config, where)
        if config.max_partitions_per_run < 1:
            self._problems.add((*where, "max_partitions_per_run"), "a number below 1 stands here.", "Allowed: from 1.")
            return None
        single = config.backfill_policy == "single_run"
        policy = (
            dg.BackfillPolicy.single_run() if single else dg.BackfillPolicy.multi_run(config.max_partitions_per_run)
        )
        return Partitioning(definition, policy) if definition else None

    def _definition(self, config: PartitionsConfig, where: Path) -> dg.PartitionsDefinition[Any] | None:
        kind = next((kind for kind in PARTITIONS if getattr(config, kind) is not None), None)
        if kind is None:
            if not self._problems.at(*where):
                self._problems.add(where, "nothing says by what it is partitioned.", suggest("", PARTITIONS))
            return None
        makers: dict[str, _Maker] = {"static": _static, "dynamic": _dynamic, "multi": self._multi}
        make: _Maker = makers.get(kind) or self._time_windows
        try:
            definition = make(getattr(config, kind), (*where, kind))
            if definition is not None:
                definition.validate_partition_definition()
        except Exception as error:  # noqa: BLE001 - of many classes, some of them not Dagster's own
            self._problems.add((*where, kind), f"Dagster refuses it: {error}")
            return None
        return definition

    def _multi(
        self, dimensions: Mapping[str, str | PartitionsConfig], where: Path
    ) -> dg.PartitionsDefinition[Any] | None:
        found = {name: self._resolved(written, (*where, name)) for name, written in dimensions.items()}
        made = {name: partitioning.definition for name, partitioning in found.items() if partitioning}
        return dg.MultiPartitionsDefinition(made) if len(made) == len(found) else None

    def _time_windows(self, config: TimeWindowsConfig, where: Path) -> dg.PartitionsDefinition[Any] | None:
        kind = where[-1]
        given = asdict(config, filter=lambda _, value: value is not None)
        make, offsets = _TIME[str(kind)]
        for key in given.keys() & {"cron_schedule", "minute_offset", "hour_offset", "day_offset"} - offsets:
            self._problems.add((*where, key), f"`{kind}` has no '{key}'.", "Leave it out.")
        if kind == "cron" and config.cron_schedule is None:
            self._problems.add((*where, "cron_schedule"), "this required key is missing.", "Add it.")
        return None if self._problems.at(*where) else make(**given)


def _static(keys: list[str], _: Path) -> dg.PartitionsDefinition[Any]:
    return dg.StaticPartitionsDefinition(keys)


def _dynamic(name: str, _: Path) -> dg.PartitionsDefinition[Any]:
    return dg.DynamicPartitionsDefinition(name=name)


def _by_cron(
    start_date: str, end_date: str | None = None, fmt: str = "%Y-%m-%d-%H:%M", **options: Any
) -> dg.PartitionsDefinition[Any]:
    """Make windows of any length; by default keys are written as those of hours are, which tells all windows apart."""
    return dg.TimeWindowPartitionsDefinition(start=start_date, end=end_date, fmt=fmt, **options)


_TIME: Mapping[str, tuple[Callable[..., dg.PartitionsDefinition[Any]], set[str]]] = {
    "hourly": (dg.HourlyPartitionsDefinition, {"minute_offset"}),
    "daily": (dg.DailyPartitionsDefinition, {"minute_offset", "hour_offset"}),
    "weekly": (dg.WeeklyPartitionsDefinition, {"minute_offset", "hour_offset", "day_offset"}),
    "monthly": (dg.MonthlyPartitionsDefinition, {"minute_offset", "hour_offset", "day_offset"}),
    "cron": (_by_cron, {"cron_schedule"}),
}
"""What makes the windows of each kind, and the options that not all kinds have."""


def read_mapping(written: str | PartitionMappingConfig) -> dg.PartitionMapping | None:
    """Make a mapping between partitions; None if nothing says which."""
    if isinstance(written, str):
        return PLAIN_MAPPINGS[written]()
    found: list[dg.PartitionMapping] = []
    if written.time_window is not None:
        found.append(dg.TimeWindowPartitionMapping(**asdict(written.time_window)))
    if written.static is not None:
        found.append(dg.StaticPartitionMapping(written.static))
    if written.specific is not None:
        found.append(dg.SpecificPartitionsPartitionMapping(written.specific))
    if written.dimension is not None:
        found.append(dg.MultiToSingleDimensionPartitionMapping(written.dimension))
    return next(iter(found), None)


PLAIN_MAPPINGS: Mapping[str, Callable[[], dg.PartitionMapping]] = {
    "identity": dg.IdentityPartitionMapping,
    "all": dg.AllPartitionMapping,
    "last": dg.LastPartitionMapping,
}
