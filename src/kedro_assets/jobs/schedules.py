"""Schedules of dagster.yml, each for one job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from kedro_assets._internals import dagster_conditions
from kedro_assets.config import DagsterConfig, ScheduleConfig
from kedro_assets.errors import Scope
from kedro_assets.jobs.build import BuiltJob
from kedro_assets.jobs.plan import PlannedJob
from kedro_assets.jobs.run_config import check_parameters, check_tags
from kedro_assets.jobs.ticks import PartitionedTicks
from kedro_assets.jobs.triggers import build_triggers
from kedro_assets.names import identifier

NO_TICKS = "no time fits this cron expression, so the schedule would never tick."


def build_schedules(
    config: DagsterConfig, planned: Mapping[str, PlannedJob], jobs: Mapping[str, BuiltJob], problems: Scope
) -> list[dg.ScheduleDefinition]:
    """Build the schedules of every job.

    A schedule has its name in dagster.yml, behind the name of the job where several jobs share it.

    Args:
        config: dagster.yml.
        planned: Its jobs, those of factories included.
        jobs: The same as Dagster takes them.
        problems: Collects unknown names, and what Dagster refuses, such as a bad cron expression.
    """
    valid = {
        name: schedule
        for name, schedule in config.schedules.items()
        if _schedule(identifier(name), schedule, None, problems.at("schedules", name))
    }
    built = []
    for found in build_triggers("schedule", valid, config, planned, problems):
        made = _schedule(found.name, found.config, jobs.get(found.job), found.scope)
        if made is not None and found.job in jobs:
            built.append(made)
    return built


def _schedule(name: str, config: ScheduleConfig, job: BuiltJob | None, scope: Scope) -> dg.ScheduleDefinition | None:
    """Make one schedule; one without a job is made to be checked only."""
    target: dict[str, Any] = {"job_name": "none"}
    if job is not None:
        check_parameters(config.config, job.reads, scope.at("config"))
        check_tags(config.tags, job.resource_key, scope.at("tags"))
        run_config = job.run_config(config.config)
        target = {"job": job.definition, "run_config": run_config, "tags": config.tags}
        if job.partitions is not None:
            ticks = PartitionedTicks(job.partitions, run_config, config.tags)
            target = {"job": job.definition, "execution_fn": ticks.requests}
    if not dagster_conditions.has_ticks(config.cron_schedule, config.execution_timezone):
        scope.at("cron_schedule").add(NO_TICKS, "Write the expression of days that there are.")
        return None
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
        scope.add(
            str(error),
            "Write the cron expression as in `0 2 * * *` or `@daily`, and the time zone as in `Europe/Berlin`.",
        )
        return None
