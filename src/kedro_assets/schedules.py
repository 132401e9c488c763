"""Schedules of dagster.yml, each for one job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from kedro_assets.config import JobConfig, ScheduleConfig
from kedro_assets.errors import Path, Problems
from kedro_assets.jobs import BuiltJob, check_parameters
from kedro_assets.names import identifier
from kedro_assets.ticks import PartitionedTicks
from kedro_assets.triggers import build_triggers


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
    valid = {
        name: schedule
        for name, schedule in schedules.items()
        if _schedule(identifier(name), schedule, None, ("schedules", name), problems)
    }
    built = []
    for found in build_triggers("schedule", valid, schedules, wanted_by, problems):
        made = _schedule(found.name, found.config, jobs.get(found.job), found.where, problems)
        if made is not None and found.job in jobs:
            built.append(made)
    return built


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
