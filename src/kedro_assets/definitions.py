"""From a Kedro project to Dagster definitions: the stages in order, nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg
from attrs import evolve, frozen

from kedro_assets.assets import AssetTable, KedroTranslator, build_table, describe_assets
from kedro_assets.errors import ProjectError, Scope
from kedro_assets.execution import Executors, build_failure_sensor, files_read
from kedro_assets.graph import (
    Cluster,
    build_graph,
    check_depth,
    cluster,
    with_data_versions,
    with_order,
    with_pattern_settings,
)
from kedro_assets.jobs import (
    BuiltJob,
    build_job_sensors,
    build_jobs,
    build_loggers,
    build_op_views,
    build_schedules,
    job_filters,
    plan_jobs,
    stale_jobs,
)
from kedro_assets.partitions import resolve_partitions
from kedro_assets.project import Project, ProjectLocation, load_project, locate_project, reading
from kedro_assets.runtime import KedroProject, View, read_retries
from kedro_assets.steps import build_assets, build_resources, resource_key


@frozen
class Described:
    """A project, and what is known of its assets before anything executes them.

    Attributes:
        project: What was read.
        clusters: Which nodes run together.
        table: The assets, and the nodes and datasets behind them.
    """

    project: Project
    clusters: Sequence[Cluster]
    table: AssetTable


@frozen
class Translation:
    """A project and what became of it.

    Attributes:
        project: What was read.
        clusters: Which nodes run together.
        table: The assets, and the nodes and datasets behind them.
        assets: The assets as Dagster takes them, external ones included.
        jobs: The jobs by their names in dagster.yml.
        schedules: Their schedules.
        sensors: Their sensors.
        failure_sensor: The sensor of the last hook of a run whose own process has died.
        definitions: All of it for Dagster.
    """

    project: Project
    clusters: Sequence[Cluster]
    table: AssetTable
    assets: Sequence[dg.AssetsDefinition]
    jobs: Mapping[str, BuiltJob]
    schedules: Sequence[dg.ScheduleDefinition]
    sensors: Sequence[dg.SensorDefinition]
    failure_sensor: dg.SensorDefinition
    definitions: dg.Definitions

    def steps(self) -> Mapping[str, dg.AssetsDefinition]:
        """Return the steps of clusters by their names; one that makes no asset has none, as only ops run its nodes."""
        clusters = {asset.key: asset.cluster.name for asset in self.table.assets if asset.cluster}
        return {clusters[key]: step for step in self.assets for key in step.keys if key in clusters}


def build_definitions(
    project_path: str | Path | None = None,
    *,
    env: str | None = None,
    conf_source: str | None = None,
    package: str | None = None,
    translator: KedroTranslator | None = None,
) -> dg.Definitions:
    """Turn a Kedro project into Dagster definitions.

    The project is only read: no dataset is built, no credential is resolved, and no hook fires unless its dagster.yml
    says `load_with_hooks: true`.

    Args:
        project_path: The project; by default the one around the calling file, or else around the working directory.
        env: Kedro's environment; by default the variable `KEDRO_ENV`, then what the project's settings say.
        conf_source: The configuration folder or archive; by default the variable `KEDRO_ASSETS_CONF_SOURCE`, then what
            the project's settings say.
        package: The name of an installed package that `kedro package` has made. `project_path` is then the folder that
            relative paths of its catalog start from, by default the working directory; its configuration is outside of
            it, so `conf_source` is usually given too.
        translator: Turns datasets into asset specs; by default what `assets.translator` of dagster.yml says.

    Raises:
        ProjectError: If there is no project, or it cannot be imported or read.
        ConfigError: If its dagster.yml, or `metadata.dagster` in its catalog, does not fit; with every problem found.
    """
    if project_path is None and package is None:
        frame = inspect.currentframe()
        caller = frame.f_back if frame else None
        location = _locate_around(caller.f_code.co_filename if caller else __file__, env, conf_source)
    else:
        location = locate_project(project_path, env, conf_source, package)
    return translate(location, translator).definitions


def build_asset_specs(
    project_path: str | Path | None = None,
    *,
    env: str | None = None,
    conf_source: str | None = None,
    package: str | None = None,
    translator: KedroTranslator | None = None,
) -> Sequence[dg.AssetSpec]:
    """Describe the assets of a Kedro project without what executes them.

    For a code location that only shows the project, or runs it in a way of its own.

    Args:
        project_path: The project, as for `build_definitions`; by default the one around the working directory.
        env: As for `build_definitions`.
        conf_source: As for `build_definitions`.
        package: As for `build_definitions`.
        translator: As for `build_definitions`.

    Returns:
        A spec for each asset, external ones first.

    Raises:
        ProjectError: If there is no project, or it cannot be imported or read.
        ConfigError: If its configuration does not fit; with every problem found.
    """
    location, problems = locate_project(project_path, env, conf_source, package), Scope()
    with reading(location):
        described = _describe(location, translator, problems)
        problems.raise_if_any()
    return [asset.spec for asset in described.table.assets if asset.is_shown]


def translate(location: ProjectLocation, translator: KedroTranslator | None = None) -> Translation:
    """Read a project and build everything from it, stage by stage.

    Args:
        location: The project.
        translator: As for `build_definitions`.

    Raises:
        ProjectError: If it cannot be imported or read.
        ConfigError: If its configuration does not fit; with every problem of every stage.
    """
    with reading(location):
        return _translate(location, translator)


def _translate(location: ProjectLocation, translator: KedroTranslator | None) -> Translation:
    """Read a project and build everything from it, stage by stage."""
    problems = Scope()
    described = _describe(location, translator, problems)
    project, table, config = described.project, described.table, described.project.config

    planned = plan_jobs(project, table.graph, translator, problems)
    ops = build_op_views(planned, project)
    retries = read_retries(config.assets, project.nodes, problems)
    files = files_read(project)
    kedro = KedroProject(
        resource_key(config),
        project,
        View(table),
        ops,
        job_filters(planned),
        retries,
        files,
        stale_jobs=stale_jobs(planned),
    )
    assets = build_assets(kedro, described.clusters, [job.name for job in planned.values()], problems)

    executors, loggers = Executors(config, problems), build_loggers(config, problems)
    jobs = build_jobs(planned, kedro, assets, executors.get, loggers, problems)
    schedules = build_schedules(config, planned, jobs, problems)
    sensors = build_job_sensors(planned, jobs, kedro, problems)
    executor, failure_sensor = executors.default(), build_failure_sensor(kedro)
    problems.raise_if_any()

    built = dg.Definitions(
        assets=assets,
        jobs=[job.definition for job in jobs.values()],
        schedules=schedules,
        sensors=[*sensors, failure_sensor],
        executor=executor,
        loggers=loggers,
        resources=build_resources(kedro),
    )
    return Translation(project, described.clusters, table, assets, jobs, schedules, sensors, failure_sensor, built)


def _describe(location: ProjectLocation, translator: KedroTranslator | None, problems: Scope) -> Described:
    """Read a project and describe its assets, stage by stage."""
    project = load_project(location, problems)
    config = project.config.assets
    graph = with_pattern_settings(build_graph(project, problems), config.settings, problems)
    graph = with_data_versions(graph, config.data_version, problems)
    described = describe_assets(project, graph, translator, problems)
    graph = with_order(graph, config.deps, described.waits, problems)
    partitions = resolve_partitions(project.config, graph, described.partitions, problems, project.partition_parts)
    needs = described.step_tags.needs(graph)
    boundaries = evolve(partitions.boundaries(), needs=needs, merge_needs=config.merge_step_tags)
    clusters = cluster(graph, config, boundaries, problems)
    described.step_tags.check(graph, clusters, problems)
    check_depth(graph, clusters, problems.at("assets", "cluster_by"))
    return Described(project, clusters, build_table(project, partitions, clusters, described, problems))


def _locate_around(caller: str, env: str | None, conf_source: str | None) -> ProjectLocation:
    """Find the project around a file, or else around the working directory."""
    try:
        return locate_project(Path(caller).parent, env, conf_source)
    except ProjectError:
        return locate_project(None, env, conf_source)
