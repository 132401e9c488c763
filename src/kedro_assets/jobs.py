"""Jobs of dagster.yml as asset selections, with their executors and schedules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import dagster as dg
from attrs import asdict, evolve, frozen

from kedro_assets.config import DagsterConfig, JobConfig, PipelineFilter, RetryConfig, RunConfig, ScheduleConfig
from kedro_assets.errors import Path, Problems, suggest
from kedro_assets.executors import Executors
from kedro_assets.graph import ProjectGraph
from kedro_assets.names import distinct_identifiers, identifier, identifiers, is_parameter
from kedro_assets.opener import AssetIndex
from kedro_assets.parameters import FIELD
from kedro_assets.pipeline_hooks import JobFilter
from kedro_assets.project import Project
from kedro_assets.run import RESOURCE
from kedro_assets.selection import select_nodes


@frozen
class PlannedJob:
    """A job before its assets are there.

    Attributes:
        name: Its name in Dagster.
        config: What dagster.yml says of it.
        nodes: The nodes that its Kedro filter leaves; empty for a job that is a selection of assets.
    """

    name: str
    config: JobConfig
    nodes: frozenset[str] = frozenset()

    @property
    def pipeline(self) -> PipelineFilter:
        """Its Kedro filter."""
        return self.config.pipeline or PipelineFilter()


def plan_jobs(project: Project, graph: ProjectGraph, problems: Problems) -> Mapping[str, PlannedJob]:
    """Name the jobs of dagster.yml and apply their Kedro filters; without any, every registered pipeline is a job.

    Args:
        project: The project.
        graph: Its graph.
        problems: Collects filters that do not fit.

    Returns:
        The jobs by their names in dagster.yml.
    """
    wanted = project.config.jobs or {
        name: JobConfig(pipeline=PipelineFilter(name)) for name, nodes in graph.pipelines.items() if nodes
    }
    names = identifiers(wanted)
    jobs = {}
    for name, config in wanted.items():
        job = PlannedJob(names[name], config)
        if config.selection is None:
            nodes = select_nodes(graph, project.pipelines, job.pipeline, ("jobs", name, "pipeline"), problems)
            if nodes and not graph.assets_of(nodes):
                found = "this filter leaves in-memory datasets only, and they are hidden."
                problems.add(("jobs", name, "pipeline"), found, "Show them with `memory_assets: true`.")
            job = evolve(job, nodes=frozenset(nodes))
        jobs[name] = job
    return jobs


def job_filters(jobs: Mapping[str, PlannedJob]) -> Mapping[str, JobFilter]:
    """Give the Kedro filters of the jobs that have one, by their names in Dagster."""
    return {job.name: JobFilter(job.pipeline, job.nodes) for job in jobs.values() if job.nodes}


def build_jobs(
    planned: Mapping[str, PlannedJob],
    index: AssetIndex,
    graph: ProjectGraph,
    assets: Sequence[dg.AssetsDefinition],
    executors: Executors,
    problems: Problems,
) -> Mapping[str, Any]:
    """Build jobs as selections of assets.

    Args:
        planned: The jobs by their names in dagster.yml.
        index: The asset keys.
        graph: The project's graph.
        assets: The assets.
        executors: The executors.
        problems: Collects selections that cannot be read, and unknown executors.

    Returns:
        The jobs by their names in dagster.yml.
    """
    jobs = {}
    for name, job in planned.items():
        config = job.config
        executor = executors.get(config.executor, ("jobs", name, "executor"))
        if config.selection is not None:
            selection, keys = _read_selection(config.selection, assets, ("jobs", name, "selection"), problems)
        else:
            keys = {index.keys[asset] for asset in graph.assets_of(job.nodes) if asset in index.keys}
            selection = dg.AssetSelection.assets(*keys) if keys else None
        if selection is not None:
            reads = _parameters_by_step(keys, index, graph, assets)
            _check_parameters(config.config, reads, ("jobs", name, "config", "parameters"), problems)
            jobs[name] = dg.define_asset_job(
                job.name,
                selection=selection,
                description=config.description,
                tags=config.tags,
                config=_run_config(config, reads),
                executor_def=executor,
                op_retry_policy=_retry_policy(config.retries),
            )
    return jobs


def _read_selection(
    text: str, assets: Sequence[dg.AssetsDefinition], where: Path, problems: Problems
) -> tuple[dg.AssetSelection | None, AbstractSet[dg.AssetKey]]:
    """Read a selection in Dagster's syntax; give it with the assets that it selects."""
    try:
        selection = dg.AssetSelection.from_string(text)
        found = selection.resolve(assets)
    except dg.DagsterError as error:
        hint = 'Write it as in `+key:"forest/model"` or `group:reporting`.'
        problems.add(where, f"Dagster cannot read this selection: {error}", hint)
        return None, frozenset()
    if not found:
        problems.add(where, f"'{text}' selects no asset.", "`kedro assets list` shows the keys and the groups.")
        return None, frozenset()
    return selection, found


def _parameters_by_step(
    keys: AbstractSet[dg.AssetKey], index: AssetIndex, graph: ProjectGraph, assets: Sequence[dg.AssetsDefinition]
) -> Mapping[str, frozenset[str]]:
    """Give the parameters that each step of a job reads, under the names that its nodes use."""
    found = {}
    for definition in assets:
        made = definition.keys & keys if definition.is_executable else set()
        cluster = next((index.clusters[index.vertices[key]] for key in made if key in index.vertices), None)
        if cluster is not None:
            names = (name for node in cluster.nodes for name in graph.nodes[node].inputs)
            found[definition.op.name] = frozenset(filter(is_parameter, names))
    return found


def _check_parameters(config: RunConfig, reads: Mapping[str, frozenset[str]], where: Path, problems: Problems) -> None:
    known = frozenset().union(*reads.values())
    for name in config.parameters:
        if name not in known:
            problems.add((*where, name), f"no node of this job reads '{name}'.", suggest(name, known))


def _run_config(config: JobConfig, reads: Mapping[str, frozenset[str]]) -> dict[str, Any] | None:
    """Give what the launchpad would: values of parameters for the steps that read them, and what Kedro is given."""
    given = asdict(config.config, recurse=False)
    values = given.pop("parameters")
    by_step = {step: {name: values[name] for name in values if name in names} for step, names in reads.items()}
    options = {key: value for key, value in given.items() if value}
    found = {
        "ops": {step: {"config": {FIELD: values}} for step, values in by_step.items() if values},
        "resources": {RESOURCE: {"config": options}} if options else {},
        "loggers": {name: {} for name in config.loggers},
    }
    return {key: value for key, value in found.items() if value} or None


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
