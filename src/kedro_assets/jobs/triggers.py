"""What starts jobs: the schedules and sensors that jobs of dagster.yml name or write out, each with a name in Dagster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Generic, Literal, TypeVar

from attrs import frozen

from kedro_assets.config import DagsterConfig, ScheduleConfig, SensorConfig
from kedro_assets.errors import Scope, suggest
from kedro_assets.jobs.plan import PlannedJob
from kedro_assets.names import distinct_identifiers, identifier

T = TypeVar("T", ScheduleConfig, SensorConfig)


@frozen
class Trigger(Generic[T]):
    """One schedule or sensor of one job.

    Attributes:
        name: Its name in Dagster: that in dagster.yml, behind the name of the job where several jobs share it.
        config: What dagster.yml says of it.
        job: The job's name in dagster.yml.
        scope: Where the job names it or writes it out.
    """

    name: str
    config: T
    job: str
    scope: Scope


def build_triggers(
    kind: Literal["schedule", "sensor"],
    valid: Mapping[str, T],
    config: DagsterConfig,
    planned: Mapping[str, PlannedJob],
    problems: Scope,
) -> list[Trigger[T]]:
    """Find what each job wants to be started by.

    Args:
        kind: The key of a job.
        valid: The section of dagster.yml for it, without what does not fit.
        config: dagster.yml.
        planned: The jobs by their names in dagster.yml.
        problems: Collects unknown names.
    """
    by_job: dict[str, Any] = {name: getattr(job.config, kind) for name, job in planned.items()}
    lists: dict[str, list[str | T]] = {
        name: value if isinstance(value, list) else [value] for name, value in by_job.items() if value is not None
    }
    used = Counter(wanted for values in lists.values() for wanted in values if isinstance(wanted, str))
    found: list[tuple[str, T, str, Scope]] = []
    for job, values in lists.items():
        for position, wanted in enumerate(values):
            scope = problems.at("jobs", job, kind, *((position,) if isinstance(by_job[job], list) else ()))
            if not isinstance(wanted, str):
                found.append((f"{job}_{kind}" + (f"_{position + 1}" if position else ""), wanted, job, scope))
            elif wanted in valid:
                found.append((wanted if used[wanted] == 1 else _shared(wanted, job), valid[wanted], job, scope))
            elif not problems.at(f"{kind}s", wanted).failed:
                scope.add(f"no {kind} '{wanted}' is defined.", suggest(wanted, getattr(config, f"{kind}s")))
    names = distinct_identifiers(config.assets.prefixed(title) for title, *_ in found)
    return [Trigger(name, config, job, scope) for name, (_, config, job, scope) in zip(names, found, strict=True)]


def possible_names(name: str, config: DagsterConfig, jobs: Iterable[str]) -> set[str]:
    """Return the names in Dagster that a schedule or a sensor of dagster.yml can have.

    Args:
        name: Its name in dagster.yml.
        config: dagster.yml.
        jobs: The names in Dagster of the jobs that it may start.
    """
    return {identifier(title) for title in (config.assets.prefixed(name), *(_shared(name, job) for job in jobs))}


def _shared(name: str, job: str) -> str:
    return f"{job}__{name}"
