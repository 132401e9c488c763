"""Partitions as the catalog and dagster.yml have them, turned into Dagster's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dagster as dg
from attrs import Factory, asdict, frozen

from kedro_assets._internals import dagster_partitions
from kedro_assets.config import (
    PARTITIONS,
    DagsterConfig,
    PartitionsConfig,
    TimeWindowsConfig,
)
from kedro_assets.errors import Scope, suggest
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.partitions.keys import leads_out
from kedro_assets.project import NamePatterns

_Maker = Callable[[Any, Scope], dg.PartitionsDefinition[Any] | None]


@frozen
class Partitioning:
    """How something is partitioned, and how many of its partitions a run of a backfill makes."""

    definition: dg.PartitionsDefinition[Any]
    policy: dg.BackfillPolicy


@frozen
class TranslatedPartitions:
    """What a translator says of partitions.

    Attributes:
        definitions: How assets are partitioned.
        mappings: Which partitions an asset is made from of another one, by both.
    """

    definitions: Mapping[Vertex, dg.PartitionsDefinition[Any]] = Factory(dict)
    mappings: Mapping[tuple[Vertex, Vertex], dg.PartitionMapping] = Factory(dict)


class PartitionsReader:
    """Turns what is written into Dagster's partitions definitions, each named one once.

    Args:
        config: dagster.yml.
        problems: Collects what does not fit.
    """

    def __init__(self, config: DagsterConfig, problems: Scope) -> None:
        self._patterns = config.assets.partitions
        self._problems = problems
        self._named = config.partitions
        self._made: dict[str, Partitioning | None] = {}
        self._open: set[str] = set()
        for name in self._named:
            self._by_name(name, problems.at("partitions", name))

    def said(
        self, graph: ProjectGraph, translated: Mapping[Vertex, dg.PartitionsDefinition[Any]]
    ) -> Iterator[tuple[Vertex, Partitioning, Scope]]:
        """Yield what is said of assets, and where: by the catalog, or else by the pattern in dagster.yml that fits best.

        A translator may say the same, or speak where nothing else does.
        """
        patterns = NamePatterns(self._patterns, self._problems.at("assets", "partitions"))
        datasets: list[Vertex] = [("dataset", name) for name in (*graph.external, *sorted(graph.hidden))]
        assets = [*datasets, *graph.assets_of(graph.nodes)]
        for vertex in assets:
            kind, name = vertex
            pattern = patterns.match(name)
            written = graph.settings_of(name).partitions if kind == "dataset" else None
            if written is not None:
                scope = graph.settings_scope(name, self._problems, "partitions")
            elif pattern is not None:
                scope, written = self._problems.at("assets", "partitions", pattern), self._patterns[pattern]
            partitioning = self._resolved(written, scope) if written is not None else None
            own = translated.get(vertex)
            if own is not None and partitioning is None and written is None:
                scope = self._problems.at("catalog", name)
                partitioning = self._translated(own, scope)
            elif own is not None and partitioning is not None and own != partitioning.definition:
                found = f"this dataset is partitioned by {partitioning.definition} in the configuration, but by {own} in the translator."
                scope.add(found, "Keep one of the two.")
            if partitioning is not None:
                yield vertex, partitioning, scope
        patterns.report_unused([name for _, name in assets])

    def _translated(self, definition: dg.PartitionsDefinition[Any], scope: Scope) -> Partitioning | None:
        try:
            dagster_partitions.check_definition(definition)
        except Exception as error:  # noqa: BLE001 - of many classes, some of them not Dagster's own
            scope.add(f"Dagster rejects the partitions that the translator gives: {error}")
            return None
        return Partitioning(definition, dg.BackfillPolicy.multi_run())

    def _by_name(self, name: str, scope: Scope) -> Partitioning | None:
        if name not in self._made:
            self._made[name] = None
            self._open.add(name)
            self._made[name] = self._partitioning(self._named[name], self._problems.at("partitions", name))
            self._open.remove(name)
        if name in self._open:
            scope.add(
                f"the dimensions of '{name}' refer back to '{name}'.",
                "Write out one of the dimensions in place of its name.",
            )
        return self._made[name]

    def _resolved(self, written: str | PartitionsConfig, scope: Scope) -> Partitioning | None:
        if isinstance(written, PartitionsConfig):
            return self._partitioning(written, scope)
        if written in self._named:
            return self._by_name(written, scope)
        if not self._problems.at("partitions", written).failed:
            scope.add(f"no partitions '{written}' are defined.", suggest(written, self._named))
        return None

    def _partitioning(self, config: PartitionsConfig, scope: Scope) -> Partitioning | None:
        definition = self._definition(config, scope)
        if config.max_partitions_per_run < 1:
            found = f"expected a number of at least 1, found {config.max_partitions_per_run}."
            scope.at("max_partitions_per_run").add(found)
            return None
        single = config.backfill_policy == "single_run"
        policy = (
            dg.BackfillPolicy.single_run() if single else dg.BackfillPolicy.multi_run(config.max_partitions_per_run)
        )
        return Partitioning(definition, policy) if definition else None

    def _definition(self, config: PartitionsConfig, scope: Scope) -> dg.PartitionsDefinition[Any] | None:
        kind = next((kind for kind in PARTITIONS if getattr(config, kind) is not None), None)
        if kind is None:
            if not scope.failed:
                scope.add("expected one kind of partitions, found none.", suggest("", PARTITIONS))
            return None
        makers: dict[str, _Maker] = {"static": _static, "dynamic": _dynamic, "multi": self._multi}
        make: _Maker = makers.get(kind) or self._time_windows
        try:
            definition = make(getattr(config, kind), scope.at(kind))
            if definition is not None:
                dagster_partitions.check_definition(definition)
        except Exception as error:  # noqa: BLE001 - of many classes, some of them not Dagster's own
            scope.at(kind).add(f"Dagster rejects these partitions: {error}")
            return None
        return definition

    def _multi(
        self, dimensions: Mapping[str, str | PartitionsConfig], scope: Scope
    ) -> dg.PartitionsDefinition[Any] | None:
        found = {name: self._resolved(written, scope.at(name)) for name, written in dimensions.items()}
        made = {name: partitioning.definition for name, partitioning in found.items() if partitioning}
        return dg.MultiPartitionsDefinition(made) if len(made) == len(found) else None

    def _time_windows(self, config: TimeWindowsConfig, scope: Scope) -> dg.PartitionsDefinition[Any] | None:
        kind = str(scope.path[-1])
        given = asdict(config, filter=lambda _, value: value is not None)
        make, offsets = _TIME[kind]
        for key in given.keys() & {"cron_schedule", "minute_offset", "hour_offset", "day_offset"} - offsets:
            scope.at(key).add(f"`{kind}` does not take the key `{key}`.", "Leave it out.")
        if abs(config.end_offset or 0) > _MOST_WINDOWS:
            scope.at("end_offset").add(
                f"an offset of {config.end_offset} windows is too large.", f"Allowed: up to {_MOST_WINDOWS}."
            )
        if kind == "cron" and config.cron_schedule is None:
            scope.at("cron_schedule").add("this required key is missing.", "Add it.")
        return None if scope.failed else make(**given)


def _static(keys: list[str], scope: Scope) -> dg.PartitionsDefinition[Any] | None:
    for position, key in enumerate(keys):
        if not key.strip():
            scope.at(position).add("the key of a partition is empty.", "Write a key, or remove the entry.")
        elif leads_out(key):
            hint = "Write a key without `..` that is neither an absolute path nor a URL, as it becomes part of a path."
            scope.at(position).add(f"the key {key!r} would lead out of the folder of its dataset.", hint)
    return None if scope.failed else dg.StaticPartitionsDefinition(keys)


def _dynamic(name: str, scope: Scope) -> dg.PartitionsDefinition[Any] | None:
    if not name.strip():
        scope.add(
            "the partitions have no name.",
            "Write one, such as `dynamic: customers`: Dagster keeps their keys under it.",
        )
        return None
    return dg.DynamicPartitionsDefinition(name=name)


def _by_cron(
    start_date: str, end_date: str | None = None, fmt: str = "%Y-%m-%d-%H:%M", **options: Any
) -> dg.PartitionsDefinition[Any]:
    """Make windows of any length; by default keys are written as those of hours are, which tells all windows apart."""
    return dg.TimeWindowPartitionsDefinition(start=start_date, end=end_date, fmt=fmt, **options)


_MOST_WINDOWS = 100_000
"""Dagster makes a list of them when definitions load."""
_TIME: Mapping[str, tuple[Callable[..., dg.PartitionsDefinition[Any]], set[str]]] = {
    "hourly": (dg.HourlyPartitionsDefinition, {"minute_offset"}),
    "daily": (dg.DailyPartitionsDefinition, {"minute_offset", "hour_offset"}),
    "weekly": (dg.WeeklyPartitionsDefinition, {"minute_offset", "hour_offset", "day_offset"}),
    "monthly": (dg.MonthlyPartitionsDefinition, {"minute_offset", "hour_offset", "day_offset"}),
    "cron": (_by_cron, {"cron_schedule"}),
}
"""What makes the windows of each kind, and the options that not all kinds have."""
