"""Schedules of dagster.yml, each for one job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import dagster as dg

from kedro_assets.config import JobConfig, ScheduleConfig
from kedro_assets.errors import Path, Problems, suggest
from kedro_assets.jobs import BuiltJob, check_parameters
from kedro_assets.names import distinct_identifiers, identifier
from kedro_assets.ticks import PartitionedTicks


def build_schedules(
    schedules: Mapping[str, ScheduleConfig],
    wanted_by: Mapping[str, JobConfig],
    jobs: Mapping[str, BuiltJob],
    problems: Problems,
) -> list[dg.ScheduleDefinition]:
    """Build the schedules of every job.

    A schedule has its name in dagster.yml, behind the name of the job where several jobs share it.

    Args:
        schedules: `schedules` of dagster.yml.
        wanted_by: The jobs of dagster.yml, as it has them.
        jobs: The same as Dagster takes them.
        problems: Collects unknown names, and what Dagster refuses, such as a bad cron expression.
    """
    named = {
        name: schedule
        for name, schedule in schedules.items()
        if _schedule(identifier(name), schedule, None, ("schedules", name), problems)
    }
    used = Counter(wanted for job in wanted_by.values() for wanted in _wanted(job) if isinstance(wanted, str))
    found: list[tuple[str, ScheduleConfig, str, Path]] = []
    for job, job_config in wanted_by.items():
        for position, wanted in enumerate(_wanted(job_config)):
            where: Path = ("jobs", job, "schedule", *([position] if isinstance(job_config.schedule, list) else []))
            if isinstance(wanted, ScheduleConfig):
                found.append((f"{job}_schedule" + (f"_{position + 1}" if position else ""), wanted, job, where))
            elif wanted in named:
                found.append((wanted if used[wanted] == 1 else f"{job}__{wanted}", named[wanted], job, where))
            elif not problems.at("schedules", wanted):
                problems.add(where, f"no schedule '{wanted}' is defined.", suggest(wanted, schedules))
    names = distinct_identifiers(title for title, *_ in found)
    built = []
    for name, (_, schedule, job, where) in zip(names, found, strict=True):
        made = _schedule(name, schedule, jobs.get(job), where, problems)
        if made is not None and job in jobs:
            built.append(made)
    return built


def _wanted(job: JobConfig) -> list[str | ScheduleConfig]:
    if job.schedule is None:
        return []
    return job.schedule if isinstance(job.schedule, list) else [job.schedule]


def _schedule(
    name: str, config: ScheduleConfig, job: BuiltJob | None, where: Path, problems: Problems
) -> dg.ScheduleDefinition | None:
    """Make one schedule; one without a job is made to be checked only."""
    target: dict[str, Any] = {"job_name": "none"}
    if job is not None:
        check_parameters(config.config, job.reads, (*where, "config"), problems)
        run_config = job.run_config(config.config)
        target = {"job": job.definition, "run_config": run_config, "tags": config.tags}
        if job.partitions is not None:
            ticks = PartitionedTicks(job.partitions, run_config, config.tags)
            target = {"job": job.definition, "execution_fn": ticks.requests}
    try:
        return dg.ScheduleDefinition(
            name=name,
            cron_schedule=config.cron_schedule,
            execution_timezone=config.execution_timezone,
            default_status=dg.DefaultScheduleStatus[config.default_status],
            description=config.description,
            **target,
        )
    except dg.DagsterError as error:
        hint = "Five fields as in `0 2 * * *`, or `@daily`; the time zone as in `Europe/Berlin`."
        problems.add(where, str(error), hint)
        return None
