"""Jobs of dagster.yml as asset selections, with their executors and schedules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import dagster as dg

from kedro_assets.config import DagsterConfig, JobConfig, PipelineFilter, RetryConfig, ScheduleConfig
from kedro_assets.errors import Path, Problems, suggest
from kedro_assets.executors import Executors
from kedro_assets.graph import ProjectGraph
from kedro_assets.lifecycle import JobFilter
from kedro_assets.names import distinct_identifiers, identifier
from kedro_assets.opener import AssetIndex
from kedro_assets.project import Project
from kedro_assets.run import RESOURCE
from kedro_assets.selection import select_nodes


def wanted_jobs(config: DagsterConfig, graph: ProjectGraph) -> Mapping[str, JobConfig]:
    """Give the jobs of dagster.yml; without any, one per registered pipeline."""
    return config.jobs or {
        name: JobConfig(pipeline=PipelineFilter(name)) for name, nodes in graph.pipelines.items() if nodes
    }


def build_jobs(
    wanted: Mapping[str, JobConfig],
    names: Mapping[str, str],
    project: Project,
    graph: ProjectGraph,
    index: AssetIndex,
    assets: Sequence[dg.AssetsDefinition],
    executors: Executors,
    filters: MutableMapping[str, JobFilter],
    problems: Problems,
) -> Mapping[str, Any]:
    """Build jobs.

    Args:
        wanted: The jobs by their names in dagster.yml.
        names: Their names in Dagster.
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
    jobs = {}
    for name, config in wanted.items():
        where: Path = ("jobs", name)
        executor = executors.get(config.executor, (*where, "executor"))
        if config.selection is None:
            pipeline = config.pipeline or PipelineFilter()
            nodes = select_nodes(graph, project.pipelines, pipeline, (*where, "pipeline"), problems)
            keys = [index.keys[asset] for asset in graph.assets_of(nodes) if asset in index.keys]
            filters[names[name]] = JobFilter(pipeline, frozenset(nodes))
            if nodes and not keys:
                problems.add((*where, "pipeline"), "this filter leaves in-memory datasets only, and they are hidden.")
            selection: dg.AssetSelection | None = dg.AssetSelection.assets(*keys) if keys else None
        else:
            selection = _read_selection(config.selection, assets, (*where, "selection"), problems)
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
    text: str, assets: Sequence[dg.AssetsDefinition], where: Path, problems: Problems
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
    """Build the schedules of every job.

    A schedule has its name in dagster.yml, behind the name of the job where several jobs share it.

    Args:
        config: The project's dagster.yml.
        jobs: The jobs by their names in dagster.yml.
        problems: Collects unknown names, and what Dagster refuses, such as a bad cron expression.
    """
    named = {
        name: schedule
        for name, schedule in config.schedules.items()
        if _schedule(identifier(name), schedule, None, ("schedules", name), problems)
    }
    used = Counter(wanted for job in config.jobs.values() for wanted in _wanted(job) if isinstance(wanted, str))
    found: list[tuple[str, ScheduleConfig, str, Path]] = []
    for job, job_config in config.jobs.items():
        for position, wanted in enumerate(_wanted(job_config)):
            where: Path = ("jobs", job, "schedule", *([position] if isinstance(job_config.schedule, list) else []))
            if isinstance(wanted, ScheduleConfig):
                found.append((f"{job}_schedule" + (f"_{position + 1}" if position else ""), wanted, job, where))
            elif wanted in named:
                found.append((wanted if used[wanted] == 1 else f"{job}__{wanted}", named[wanted], job, where))
            elif not problems.at("schedules", wanted):
                problems.add(where, f"no schedule '{wanted}' is defined.", suggest(wanted, config.schedules))
    names = distinct_identifiers(title for title, *_ in found)
    schedules = []
    for name, (_, schedule, job, where) in zip(names, found, strict=True):
        made = _schedule(name, schedule, jobs.get(job), where, problems)
        if made is not None and job in jobs:
            schedules.append(made)
    return schedules


def _wanted(job: JobConfig) -> list[str | ScheduleConfig]:
    if job.schedule is None:
        return []
    return job.schedule if isinstance(job.schedule, list) else [job.schedule]


def _schedule(
    name: str, config: ScheduleConfig, job: Any, where: Path, problems: Problems
) -> dg.ScheduleDefinition | None:
    """Make one schedule; one without a job is made to be checked only."""
    try:
        return dg.ScheduleDefinition(
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
