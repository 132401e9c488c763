"""What `kedro assets check` says of automation: conditions that nothing lets fire, and jobs that would start themselves.

Only what follows from the definitions is said, and each time what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_assets, dagster_conditions, dagster_jobs
from kedro_assets.assets import KedroAsset
from kedro_assets.definitions import Translation
from kedro_assets.jobs import LOOKED_AT
from kedro_assets.names import identifier
from kedro_assets.partitions import Partitioning
from kedro_assets.project import address

Keys = AbstractSet[dg.AssetKey]

_DELAYS = ("any_deps_missing", "any_deps_in_progress", "in_progress")
"""The labels of parts whose negation delays a condition and does not end it."""


def automation_notes(found: Translation) -> Iterator[str]:
    """Yield what is to be said of a project's conditions and sensors."""
    checker = _Checker(found)
    yield from checker.conditions()
    yield from checker.checks()
    if checker.sensors or checker.of_jobs:
        yield from checker.loops()
        yield from checker.files()


@frozen(slots=False)
class _Checker:
    """Looks at the conditions and the sensors of a project.

    Attributes:
        found: The project, and what became of it.
    """

    found: Translation

    @cached_property
    def graph(self) -> dagster_assets.AssetGraph:
        """Dagster's graph of the assets."""
        return dagster_assets.AssetGraph.of(self.found.definitions)

    @cached_property
    def automated(self) -> Mapping[dg.AssetKey, Any]:
        """The conditions of the assets that nodes make."""
        assets = [asset for asset in self.found.table.assets if not asset.is_external]
        return {asset.key: asset.spec.automation_condition for asset in assets if asset.spec.automation_condition}

    @cached_property
    def never(self) -> Mapping[dg.AssetKey, str]:
        """Why the condition of an asset is never true; an empty text where it may be, or where that cannot be told."""
        assets = self.found.table.by_key
        return {key: _Never(assets[key], key, self).reason(condition) for key, condition in self.automated.items()}

    @cached_property
    def sensors(self) -> Mapping[str, tuple[str, dict[str, str]]]:
        """The job of each sensor of dagster.yml, and what it looks at, by the name of the sensor."""
        looked_at = {sensor.name: (sensor, _looks_at(sensor)) for sensor in self.found.sensors}
        return {name: (str(sensor.job_name), at) for name, (sensor, at) in looked_at.items() if at}

    @cached_property
    def jobs(self) -> Mapping[str, Keys]:
        """What each job makes, by its name in Dagster."""
        return {job.definition.name: self._made(job.definition) for job in self.found.jobs.values()}

    def _made(self, job: Any) -> Keys:
        if not isinstance(job, dg.JobDefinition):
            return dagster_jobs.selected_assets(job, self.found.assets) & self.graph.made
        ops = set(dagster_jobs.op_names(job))
        makers = {asset.key: asset.record.producer for asset in self.found.table.assets}
        return frozenset(key for key, node in makers.items() if node is not None and identifier(node.name) in ops)

    @cached_property
    def started(self) -> Keys:
        """What is made by the jobs that a schedule, a sensor or a condition starts."""
        names: set[Any] = {schedule.job_name for schedule in self.found.schedules}
        names |= {job for job, _ in self.sensors.values()}
        names |= self.of_jobs.keys()
        return frozenset().union(*(made for name, made in self.jobs.items() if name in names))

    def named(self, keys: Sequence[dg.AssetKey]) -> str:
        """Name some assets as Kedro does."""
        return " and ".join(f"'{self.found.table.by_key[key].name}'" for key in keys)

    @cached_property
    def of_jobs(self) -> Mapping[str, Any]:
        """The conditions of jobs, by the name of the job in Dagster."""
        found = {job.definition.name: dagster_jobs.own_condition(job.definition) for job in self.found.jobs.values()}
        return {name: condition for name, condition in found.items() if condition is not None}

    # Conditions that do not fire.

    def conditions(self) -> Iterator[str]:
        """Yield what is to be said of conditions that nothing lets fire, or that wait for what nobody makes by itself."""
        for key, condition in self.automated.items():
            asset = self.found.table.by_key[key]
            if self.never[key]:
                yield f"The automation condition of '{asset.name}' starts nothing: {self.never[key]}"
            else:
                yield from self._waiting(asset, condition)

    def checks(self) -> Iterator[str]:
        """Yield what is to be said of the conditions of checks that nothing lets fire."""
        for asset in self.found.table.assets:
            for check in asset.checks.values():
                condition = check.automation_condition
                never = _Never(asset, check.key, self).reason(condition) if condition is not None else ""
                if never:
                    yield f"The automation condition of the check '{check.name}' of '{asset.name}' starts nothing: {never}"

    def _waiting(self, asset: KedroAsset, condition: Any) -> Iterator[str]:
        """Yield what a condition waits for on each tick of a cron schedule though nothing makes it by itself."""
        waiting = [part for part in _required(condition) if _label(part) == "all_deps_updated_since_cron"]
        followed = (dagster_conditions.followed(part, asset.key, self.graph) for part in waiting)
        idle = [key for key in sorted(frozenset[dg.AssetKey]().union(*followed)) if self._is_idle(key)]
        if idle:
            has, it = ("has", "it") if len(idle) == 1 else ("have", "them")
            yield (
                f"The automation condition of '{asset.name}' waits on every tick until {self.named(idle)} {has} been made, and "
                f"no condition, schedule or sensor of the project makes {it}. Give {it} an `automation_condition`, or write "
                f"`{_ignoring(idle)}` beside the condition that waits."
            )

    def _is_idle(self, key: dg.AssetKey) -> bool:
        """Whether a node makes an asset, and nothing of the project starts that."""
        asset = self.found.table.by_key.get(key)
        return asset is not None and not asset.is_external and key not in self.automated and key not in self.started

    def silent(self, keys: Keys) -> Sequence[dg.AssetKey]:
        """Return those assets of which Dagster learns nothing: nobody makes them, and their files cannot be observed."""
        assets = self.found.table.of_keys(sorted(keys))
        return [asset.key for asset in assets if asset.is_external and asset.is_shown and asset.observed is None]

    # Jobs that start themselves.

    def loops(self) -> Iterator[str]:
        """Yield each chain of jobs and conditions in which a sensor starts a job that makes what starts it again."""
        starts = self._starts()
        told: set[frozenset[str]] = set()
        for job in self.jobs:
            way = _way_back(f"job '{job}'", starts)
            if way and frozenset(way) not in told:
                told.add(frozenset(way))
                chain = ", which starts ".join([*way[1:], way[0]])
                yield (
                    f"Job '{job}' would start itself again and again: it starts {chain}. Let a sensor look at an asset that "
                    "none of these makes, leave assets out of a job with its `pipeline`, or write `ignore` in an "
                    "`automation_condition`."
                )

    def _starts(self) -> Mapping[str, AbstractSet[str]]:
        """Return what each job and each condition starts, all of them as messages name them."""
        conditions = {key: f"the automation condition of {self.named([key])}" for key in self.automated}
        makes = {f"job '{name}'": made for name, made in self.jobs.items()}
        makes |= {title: frozenset([key]) for key, title in conditions.items()}
        started: dict[str, set[str]] = {title: set() for title in makes}
        for job, looked_at in self.sensors.values():
            target = f"job '{job}'"
            key = dg.AssetKey.from_user_string(looked_at["asset"]) if "asset" in looked_at else None
            for title, made in makes.items():
                if key in made and title != target:  # what its own job has made, a sensor does not count
                    started[title].add(target)
        for key, condition in self.automated.items():
            followed = frozenset() if self.never[key] else _follows(condition, key, self.graph)
            for title, made in makes.items():
                if followed & made and key not in made:
                    started[title].add(conditions[key])
        for job, condition in self.of_jobs.items():
            followed = self._followed_by_job(job, condition)
            for title, made in makes.items():
                if followed & made and not made & self.jobs[job]:
                    started[title].add(f"job '{job}'")
        return started

    def _followed_by_job(self, job: str, condition: Any) -> Keys:
        """Return the assets whose updates start a job by its condition; none where that cannot be told."""
        if dagster_conditions.kind(condition) != "AnyJobRootAssetsMatch":
            return frozenset()
        [operand], made = dagster_conditions.operands(condition), self.jobs[job]
        roots = [key for key in made if not self.graph.parents(key) & made]
        return frozenset[dg.AssetKey]().union(*(_follows(operand, key, self.graph) for key in roots))

    def files(self) -> Iterator[str]:
        """Yield each sensor whose job writes to the files that it looks at, under the name of another dataset."""
        table, location = self.found.table, self.found.project.location
        for job, looked_at in self.sensors.values():
            name = looked_at.get("dataset", "")
            entry = table.partitions.in_one_place(name) if name else None
            if entry is None or _is_dynamic(table.partitions.of_dataset(name)):
                continue  # where its partitions are dynamic, only files that are new start a run
            for asset in table.of_keys(sorted(self.jobs.get(job, ()))):
                written = asset.record.entry
                if written and written.location and address(location, written) == address(location, entry):
                    yield (
                        f"Job '{job}' would start itself again and again: its sensor looks at the files of '{name}', and the "
                        f"job writes '{asset.name}' to the same place. Give one of them another path, or let the sensor look "
                        "at other data."
                    )


@frozen
class _Never:
    """Finds out why a condition of an asset cannot be true.

    Attributes:
        asset: The asset.
        key: Its key, or that of one of its checks.
        checker: The project around it.
    """

    asset: KedroAsset
    key: dg.AssetKey | dg.AssetCheckKey
    checker: _Checker

    def reason(self, condition: Any) -> str:
        """Return why a condition cannot be true, with what to write; nothing if it can, or if that cannot be told."""
        kind, inner = dagster_conditions.kind(condition), dagster_conditions.operands(condition)
        if kind == "Not":
            return self._waits_for_good(inner[0])
        if kind == "AnyDeps":
            return self._nothing_new(condition)
        if kind == "NewlyTrue" and dagster_conditions.kind(inner[0]) == "Missing" and not self.asset.partitioning:
            return (
                "what has no partitions is newly missing only after somebody has wiped it. To start it where it has never been "
                "made, write `{missing: null, since_last_handled: null}`."
            )
        if kind in ("Since", "NewlyTrue"):
            return self.reason(inner[0])
        reasons = [self.reason(operand) for operand in inner] if kind in ("And", "Or") else []
        if kind == "Or" and not all(reasons):
            return ""
        return next((reason for reason in reversed(reasons) if reason), "")

    def _nothing_new(self, condition: Any) -> str:
        """Return why none of the assets that a condition follows can make it true."""
        followed = dagster_conditions.followed(condition, self.key, self.checker.graph)
        if not followed and (self.asset.spec.deps or isinstance(self.key, dg.AssetCheckKey)):
            return "its `allow` and `ignore` leave nothing of what it is made from. Correct their selections."
        if not followed:
            return (
                "it follows what the asset is made from, and that is nothing. Write `on_cron`, or give a job of the asset a "
                "schedule."
            )
        silent = self.checker.silent(followed)
        if len(silent) == len(followed) and _label(condition) == "any_deps_updated":
            return (
                f"it follows {self.checker.named(silent)}, which no node makes and Dagster cannot observe. Write `on_cron`, or "
                "let something report a materialization to Dagster."
            )
        return ""

    def _waits_for_good(self, condition: Any) -> str:
        """Return which assets a condition waits for in vain."""
        if _label(condition) != "any_deps_missing":
            return ""
        silent = self.checker.silent(dagster_conditions.followed(condition, self.key, self.checker.graph))
        if not silent:
            return ""
        return (
            f"it waits until {self.checker.named(silent)} {'is' if len(silent) == 1 else 'are'} there, which no node makes and "
            f"Dagster cannot observe. Write `{_ignoring(silent)}` beside the condition, or let something report a "
            "materialization to Dagster."
        )


def _looks_at(sensor: dg.SensorDefinition) -> dict[str, str]:
    """Return what a sensor of dagster.yml looks at, by whether it is an asset or a dataset; nothing for others."""
    names = zip(("asset", "dataset"), LOOKED_AT, strict=True)
    return {name: str(sensor.metadata[key].value) for name, key in names if key in sensor.metadata}


def _is_dynamic(partitioning: Partitioning | None) -> bool:
    return partitioning is not None and isinstance(partitioning.definition, dg.DynamicPartitionsDefinition)


def _ignoring(keys: Sequence[dg.AssetKey]) -> str:
    """Return what makes a condition ignore some assets, as it is written in YAML."""
    selection = " or ".join(f'key:"{key.to_user_string()}"' for key in keys)
    return f"ignore: '{selection}'"


def _label(condition: Any) -> str:
    """Return the label of a condition without its arguments."""
    return dagster_conditions.label(condition).partition("(")[0]


def _required(condition: Any) -> Iterator[Any]:
    """Yield the parts of a condition that all have to be true for it to be true."""
    yield condition
    if dagster_conditions.kind(condition) == "And":
        for operand in dagster_conditions.operands(condition):
            yield from _required(operand)


def _follows(condition: Any, key: dg.AssetKey, graph: dagster_assets.AssetGraph) -> Keys:
    """Return the assets whose updates make a condition true sooner or later; none where that cannot be told."""
    kind, inner = dagster_conditions.kind(condition), dagster_conditions.operands(condition)
    if kind == "AnyDeps" and _label(condition) == "any_deps_updated":
        return dagster_conditions.followed(condition, key, graph)
    if kind == "Since" and _label(inner[1]) == "handled":
        return _follows(inner[0], key, graph)
    if kind not in ("And", "Or"):
        return frozenset()
    followed = [_follows(part, key, graph) for part in inner]
    if kind == "And" and not all(found or _delays(part) for found, part in zip(followed, inner, strict=True)):
        return frozenset()
    return frozenset[dg.AssetKey]().union(*followed)


def _delays(condition: Any) -> bool:
    """Whether a condition is true again by itself, so that it delays another one and does not end it."""
    kind = dagster_conditions.kind(condition)
    if kind == "Not":
        return _label(dagster_conditions.operands(condition)[0]) in _DELAYS
    return kind == "InLatestTimeWindow"


def _way_back(start: str, starts: Mapping[str, AbstractSet[str]]) -> Sequence[str]:
    """Return the shortest way from a job back to itself, without its end; nothing if there is none."""
    ways, seen = [[start]], set[str]()
    while ways:
        way = ways.pop(0)
        if start in starts[way[-1]] and len(way) > 1:
            return way
        for other in sorted(starts[way[-1]] - seen - {start}):
            seen.add(other)
            ways.append([*way, other])
    return []
