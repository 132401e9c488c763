"""Jobs and conditions that would start themselves again and again.

Only what follows from the definitions is said, and each time what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import networkx as nx

from kedro_assets._internals import dagster_assets, dagster_conditions
from kedro_assets.cli.automation import Automation, Keys
from kedro_assets.cli.idle import label, never_true
from kedro_assets.jobs import FIRST_IN_JOB
from kedro_assets.partitions import Partitioning
from kedro_assets.project import address

_DELAYS = ("any_deps_missing", "any_deps_in_progress", "in_progress")
"""The labels of parts whose negation delays a condition and does not end it."""

_FOR_JOBS = (
    "Let a sensor look at an asset that none of these makes, leave assets out of a job with its `pipeline`, or write `ignore` in "
    "an `automation_condition`."
)
_FOR_CONDITIONS = (
    "The run of each stores anew what another is made from. Give the data that is handed on in memory between them an entry in "
    "the catalog, so that its node does not run for several, or write `ignore` in one of the conditions."
)


def loop_notes(automation: Automation) -> Iterator[str]:
    """Yield what is to be said of jobs and conditions of a project that would start themselves."""
    yield from _loops(automation)
    yield from _files(automation)


def _loops(automation: Automation) -> Iterator[str]:
    """Yield each chain of jobs and conditions of which each starts what starts the next, and the last the first again."""
    starts = _starts(automation)
    told: set[frozenset[str]] = set()
    circles = [circle for circle in nx.strongly_connected_components(starts) if len(circle) > 1]
    for circle in sorted(map(sorted, circles)):
        jobs = [title for title in circle if title in map(_job, automation.jobs)]
        for start in jobs or circle[:1]:
            way = _way_back(start, starts)
            if frozenset(way) not in told:
                told.add(frozenset(way))
                yield _loop(way, _FOR_JOBS if jobs else _FOR_CONDITIONS)


def _starts(automation: Automation) -> nx.DiGraph[str]:
    """Return which jobs and conditions start each other, all of them as messages name them."""
    never = never_true(automation)
    conditions = {key: f"the automation condition of {automation.named([key])}" for key in automation.automated}
    makes = {_job(name): made for name, made in automation.jobs.items()}
    makes |= {title: automation.made_with(key) for key, title in conditions.items()}
    makers: dict[dg.AssetKey, list[str]] = {}
    for title, made in makes.items():
        for key in made:
            makers.setdefault(key, []).append(title)
    started: nx.DiGraph[str] = nx.DiGraph()
    for job, looked_at in automation.sensors.values():
        titles = makers.get(dg.AssetKey.from_user_string(looked_at["asset"]), []) if "asset" in looked_at else []
        # it does not count what its own job has made
        started.add_edges_from((title, _job(job)) for title in titles if title != _job(job))
    for key, condition in automation.automated.items():
        followed = frozenset() if never[key] else _follows(condition, key, automation.graph)
        titles = [title for other in followed for title in makers.get(other, ())]
        started.add_edges_from((title, conditions[key]) for title in titles if key not in makes[title])
    for job, condition in automation.of_jobs.items():
        followed = _followed_by_job(job, condition, automation)
        titles = [title for other in followed for title in makers.get(other, ())]
        started.add_edges_from((title, _job(job)) for title in titles if not makes[title] & automation.jobs[job])
    return started


def _followed_by_job(job: str, condition: Any, automation: Automation) -> Keys:
    """Return the assets whose updates start a job by its condition; none where that cannot be told."""
    if dagster_conditions.kind(condition) != "AnyJobRootAssetsMatch":
        return frozenset()
    [operand], made, table = dagster_conditions.operands(condition), automation.jobs[job], automation.found.table
    roots = [asset.key for asset in table.of_keys(made) if not table.made_from(asset) & made]
    return frozenset[dg.AssetKey]().union(*(_follows(operand, key, automation.graph) for key in roots))


def _files(automation: Automation) -> Iterator[str]:
    """Yield each sensor whose job writes to the files that it looks at, under the name of another dataset."""
    table, location = automation.found.table, automation.found.project.location
    for job, looked_at in automation.sensors.values():
        name = looked_at.get("dataset", "")
        entry = table.partitions.in_one_place(name) if name else None
        if entry is None or _is_dynamic(table.partitions.of_dataset(name)):
            continue  # where its partitions are dynamic, only files that are new start a run
        for asset in table.of_keys(sorted(automation.jobs.get(job, ()))):
            written = asset.record.entry
            if written and written.location and address(location, written) == address(location, entry):
                yield (
                    f"Job '{job}' would start itself again and again: its sensor looks at the files of '{name}', and the "
                    f"job writes '{asset.name}' to the same place. Give one of them another path, or let the sensor look "
                    "at other data."
                )


def _follows(condition: Any, key: dg.AssetKey, graph: dagster_assets.AssetGraph) -> Keys:
    """Return the assets whose updates make a condition true sooner or later; none where that cannot be told."""
    kind, inner = dagster_conditions.kind(condition), dagster_conditions.operands(condition)
    if kind == "AnyDeps" and label(condition) == "any_deps_updated":
        return dagster_conditions.followed(condition, key, graph)
    if kind == "Since" and label(inner[1]) == "handled":
        return _follows(inner[0], key, graph)
    if kind not in ("And", "Or"):
        return frozenset()
    followed = [_follows(part, key, graph) for part in inner]
    if kind == "And" and not all(found or _delays(part) for found, part in zip(followed, inner, strict=True)):
        return frozenset()
    return frozenset[dg.AssetKey]().union(*followed)


def _delays(condition: Any) -> bool:
    """Whether a condition is true again by itself, or of all roots of a job, so that it does not end another one."""
    kind = dagster_conditions.kind(condition)
    if kind == "Not":
        return label(dagster_conditions.operands(condition)[0]) in _DELAYS
    return kind == "InLatestTimeWindow" or label(condition) == FIRST_IN_JOB


def _job(name: str) -> str:
    """Name a job as messages do."""
    return f"job '{name}'"


def _way_back(start: str, starts: nx.DiGraph[str]) -> Sequence[str]:
    """Return the shortest way from what starts itself back to it, without its end."""
    ways = nx.single_source_shortest_path(starts, start)
    back = (ways[last] for last in sorted(starts.predecessors(start)) if last in ways and last != start)
    return min(back, key=len)


def _loop(way: Sequence[str], advice: str) -> str:
    first, *others = way
    chain = ", which starts ".join([*others, first])
    return f"{first[0].upper()}{first[1:]} would start itself again and again: it starts {chain}. {advice}"


def _is_dynamic(partitioning: Partitioning | None) -> bool:
    return partitioning is not None and isinstance(partitioning.definition, dg.DynamicPartitionsDefinition)
