"""Jobs of dagster.yml as asset selections, with their executors and schedules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import dagster as dg

from kedro_assets.config import DagsterConfig, JobConfig, PipelineFilter, RetryConfig, ScheduleConfig
from kedro_assets.errors import Problems, suggest
from kedro_assets.executors import Executors
from kedro_assets.graph import ProjectGraph
from kedro_assets.names import identifier, identifiers
from kedro_assets.opener import AssetIndex
from kedro_assets.project import Project
from kedro_assets.run import RESOURCE
from kedro_assets.selection import select_nodes


def build_jobs(
    project: Project,
    graph: ProjectGraph,
    index: AssetIndex,
    assets: Sequence[dg.AssetsDefinition],
    executors: Executors,
    filters: MutableMapping[str, PipelineFilter],
    problems: Problems,
) -> Mapping[str, Any]:
    """Build every job of dagster.yml; without any, one per registered pipeline.

    Args:
        project: The project.
        graph: Its graph.
        index: Its asset keys.
        assets: Its assets.
        executors: Its executors.
        filters: Is filled with the Kedro filter of each job, by the job's name in Dagster.
        problems: Collects what does not fit.

    Returns:
        The jobs by their names in dagster.yml.
    """
    wanted = project.config.jobs or {
        name: JobConfig(pipeline=PipelineFilter(name)) for name, nodes in graph.pipelines.items() if nodes
    }
    names = identifiers(wanted)
    jobs = {}
    for name, config in wanted.items():
        where = f"jobs.{name}"
        executor = executors.get(config.executor, f"{where}.executor")
        if config.selection is None:
            wanted_nodes = config.pipeline or PipelineFilter()
            filters[names[name]] = wanted_nodes
            nodes = select_nodes(graph, project.pipelines, wanted_nodes, f"{where}.pipeline", problems)
            keys = [index.keys[asset] for asset in graph.assets_of(nodes) if asset in index.keys]
            selection: dg.AssetSelection | None = dg.AssetSelection.assets(*keys) if keys else None
        else:
            selection = _read_selection(config.selection, assets, f"{where}.selection", problems)
        if selection is not None:
            jobs[name] = dg.define_asset_job(
                names[name],
                selection=selection,
                description=config.description,
                tags=config.tags,
                config=_run_config(config),
                executor_def=executor,
                op_retry_policy=_retry_policy(config.retries),
            )
    return jobs


def _read_selection(
    text: str, assets: Sequence[dg.AssetsDefinition], where: str, problems: Problems
) -> dg.AssetSelection | None:
    try:
        selection = dg.AssetSelection.from_string(text)
        found = selection.resolve(assets)
    except dg.DagsterError as error:
        hint = 'Write it as in `+key:"forest/model"` or `group:reporting`.'
        problems.add(where, f"Dagster cannot read this selection: {error}", hint)
        return None
    if not found:
        problems.add(where, f"'{text}' selects no asset.", "`kedro assets list` shows the keys and the groups.")
        return None
    return selection


def _run_config(config: JobConfig) -> dict[str, Any] | None:
    params = config.config.runtime_params
    return {"resources": {RESOURCE: {"config": {"runtime_params": params}}}} if params else None


def _retry_policy(config: RetryConfig | None) -> dg.RetryPolicy | None:
    return dg.RetryPolicy(max_retries=config.max_retries, delay=config.delay) if config else None


def build_schedules(config: DagsterConfig, jobs: Mapping[str, Any], problems: Problems) -> list[dg.ScheduleDefinition]:
    """Build the schedules of every job, and check those that no job uses.

    A schedule has its name in dagster.yml, behind the name of the job where several jobs share it.

    Args:
        config: The project's dagster.yml.
        jobs: The jobs by their names in dagster.yml.
        problems: Collects unknown names, and what Dagster refuses, such as a bad cron expression.
    """
    used = Counter(wanted for job in config.jobs.values() for wanted in _wanted(job) if isinstance(wanted, str))
    schedules = []
    for name, job_config in config.jobs.items():
        for position, wanted in enumerate(_wanted(job_config)):
            where = f"jobs.{name}.schedule" + (f"[{position}]" if isinstance(job_config.schedule, list) else "")
            if isinstance(wanted, ScheduleConfig):
                title, schedule = f"{name}_schedule" + (f"_{position + 1}" if position else ""), wanted
            elif wanted in config.schedules:
                title, schedule = wanted if used[wanted] == 1 else f"{name}__{wanted}", config.schedules[wanted]
                where = f"schedules.{wanted}"
            else:
                if not any(problem.path.startswith(f"schedules.{wanted}") for problem in problems):
                    problems.add(where, f"no schedule '{wanted}' is defined.", suggest(wanted, config.schedules))
                continue
            schedules.append(_schedule(identifier(title), schedule, jobs.get(name), where, problems))
    for name, schedule in config.schedules.items():
        if not used[name]:
            _schedule(identifier(name), schedule, None, f"schedules.{name}", problems)
    return [schedule for schedule in schedules if schedule is not None]


def _wanted(job: JobConfig) -> list[str | ScheduleConfig]:
    if job.schedule is None:
        return []
    return job.schedule if isinstance(job.schedule, list) else [job.schedule]


def _schedule(
    name: str, config: ScheduleConfig, job: Any, where: str, problems: Problems
) -> dg.ScheduleDefinition | None:
    """Make one schedule; without a job it is made to be checked only."""
    try:
        schedule = dg.ScheduleDefinition(
            name=name,
            cron_schedule=config.cron_schedule,
            execution_timezone=config.execution_timezone,
            default_status=dg.DefaultScheduleStatus[config.default_status],
            description=config.description,
            tags=config.tags,
            **({"job": job} if job is not None else {"job_name": "none"}),
        )
    except dg.DagsterError as error:
        hint = "Five fields as in `0 2 * * *`, or `@daily`; the time zone as in `Europe/Berlin`."
        problems.add(where, str(error), hint)
        return None
    return schedule if job is not None else None
