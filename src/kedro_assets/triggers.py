"""What starts jobs: the schedules and sensors that jobs of dagster.yml name or write out, each with a name in Dagster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Generic, Literal, TypeVar

from attrs import frozen

from kedro_assets.config import JobConfig, ScheduleConfig, SensorConfig
from kedro_assets.errors import Path, Problems, suggest
from kedro_assets.names import distinct_identifiers

T = TypeVar("T", ScheduleConfig, SensorConfig)


@frozen
class Trigger(Generic[T]):
    """One schedule or sensor of one job.

    Attributes:
        name: Its name in Dagster: that in dagster.yml, behind the name of the job where several jobs share it.
        config: What dagster.yml says of it.
        job: The job's name in dagster.yml.
        where: Where the job names it or writes it out.
    """

    name: str
    config: T
    job: str
    where: Path


def build_triggers(
    kind: Literal["schedule", "sensor"],
    valid: Mapping[str, T],
    defined: Collection[str],
    jobs: Mapping[str, JobConfig],
    problems: Problems,
) -> list[Trigger[T]]:
    """Find what each job wants to be started by.

    Args:
        kind: The key of a job.
        valid: The section of dagster.yml for it, without what does not fit.
        defined: The names in that section, fitting or not.
        jobs: The jobs of dagster.yml, as it has them.
        problems: Collects unknown names.
    """
    by_job: dict[str, Any] = {name: getattr(job, kind) for name, job in jobs.items()}
    lists: dict[str, list[str | T]] = {
        name: value if isinstance(value, list) else [value] for name, value in by_job.items() if value is not None
    }
    used = Counter(wanted for values in lists.values() for wanted in values if isinstance(wanted, str))
    found: list[tuple[str, T, str, Path]] = []
    for job, values in lists.items():
        for position, wanted in enumerate(values):
            inside: Path = (position,) if isinstance(by_job[job], list) else ()
            where: Path = ("jobs", job, kind, *inside)
            if not isinstance(wanted, str):
                found.append((f"{job}_{kind}" + (f"_{position + 1}" if position else ""), wanted, job, where))
            elif wanted in valid:
                found.append((wanted if used[wanted] == 1 else f"{job}__{wanted}", valid[wanted], job, where))
            elif not problems.at(f"{kind}s", wanted):
                problems.add(where, f"no {kind} '{wanted}' is defined.", suggest(wanted, defined))
    names = distinct_identifiers(title for title, *_ in found)
    return [Trigger(name, config, job, where) for name, (_, config, job, where) in zip(names, found, strict=True)]
