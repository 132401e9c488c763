"""From a Kedro project to Dagster definitions: the stages in order, nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg
from attrs import frozen

from kedro_assets.assets import (
    build_external,
    build_external_checks,
    build_io_managers,
    build_multi_assets,
    kedro_resource,
)
from kedro_assets.checks import build_checks
from kedro_assets.clusters import Cluster, check_depth, cluster
from kedro_assets.errors import Problems, ProjectError
from kedro_assets.executors import Executors
from kedro_assets.factories import expand_jobs
from kedro_assets.graph import ProjectGraph, Vertex, build_graph
from kedro_assets.job_sensors import build_job_sensors
from kedro_assets.jobs import BuiltJob, build_jobs, build_op_views, job_filters, plan_jobs
from kedro_assets.loggers import build_loggers
from kedro_assets.node_code import code_versions
from kedro_assets.observations import find_observable
from kedro_assets.opener import RunOpener
from kedro_assets.order import with_order
from kedro_assets.parameters import parameter_values
from kedro_assets.partitions import Partitions, build_partitions
from kedro_assets.project import Project, ProjectLocation, load_project, locate_project
from kedro_assets.run import RESOURCE
from kedro_assets.schedules import build_schedules
from kedro_assets.sensors import build_failure_sensor
from kedro_assets.specs import build_records, build_specs, configured_translator
from kedro_assets.translator import KedroTranslator
from kedro_assets.view import AssetIndex, View, build_index


@frozen
class Translation:
    """A project and what became of it, stage by stage.

    Attributes:
        project: What was read.
        graph: Its nodes and datasets.
        partitions: How the nodes are partitioned.
        clusters: Which nodes run together.
        specs: The assets, by dataset or node.
        index: The asset keys.
        assets: The assets as Dagster takes them, external ones included.
        jobs: The jobs by their names in dagster.yml.
        schedules: Their schedules.
        sensors: Their sensors.
        definitions: All of it for Dagster.
    """

    project: Project
    graph: ProjectGraph
    partitions: Partitions
    clusters: Sequence[Cluster]
    specs: Mapping[Vertex, dg.AssetSpec]
    index: AssetIndex
    assets: Sequence[dg.AssetsDefinition]
    jobs: Mapping[str, BuiltJob]
    schedules: Sequence[dg.ScheduleDefinition]
    sensors: Sequence[dg.SensorDefinition]
    definitions: dg.Definitions


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


def translate(location: ProjectLocation, translator: KedroTranslator | None = None) -> Translation:
    """Read a project and build everything from it, stage by stage.

    Args:
        location: The project.
        translator: As for `build_definitions`.

    Raises:
        ProjectError: If it cannot be imported or read.
        ConfigError: If its configuration does not fit; with every problem of every stage.
    """
    problems = Problems()
    project = load_project(location, problems)
    graph = build_graph(project, problems)
    versions = code_versions(graph.nodes.values(), parameter_values(project.parameters))
    records = build_records(project.config.assets, graph, problems, versions)
    graph = with_order(graph, records, project.config.assets.deps, problems)
    partitions = build_partitions(project.config, graph, records, problems)
    clusters = cluster(graph, project.config.assets, partitions.boundaries(graph), problems)
    check_depth(graph, clusters, ("assets", "cluster_by"), problems)
    translator = translator or configured_translator(project.config.assets, problems)
    specs = build_specs(records, graph, partitions, translator, problems)
    index = build_index(specs, graph, clusters, build_checks(records, specs, graph, problems))
    jobs_config = expand_jobs(project.config.jobs, project.pipelines, problems)
    planned = plan_jobs(jobs_config, project, graph, problems)

    ops = build_op_views(planned, project, translator)
    partitioned = partitions.definitions(graph)
    observable = find_observable(records, graph, partitioned)
    view = View(graph, index)
    opener = RunOpener(location, project.package_name, view, ops, partitioned, project.runtime_params, observable)
    io_managers = build_io_managers(project.config.assets, graph, opener)
    taken = [job.name for job in planned.values()]
    steps = build_multi_assets(clusters, specs, partitions, opener, io_managers, project, taken, problems)
    taken += [step.op.name for step in steps]
    checks = build_external_checks(graph, opener, io_managers, taken)
    taken += [step.op.name for step in checks]
    assets = [*build_external(records, specs, opener, io_managers, taken, problems), *steps, *checks]

    filters = job_filters(planned)
    executors = Executors(project.config, opener, filters, problems)
    jobs = build_jobs(planned, project, opener, assets, io_managers, executors, problems)
    schedules = build_schedules(project.config.schedules, jobs_config, jobs, problems)
    job_sensors = build_job_sensors(project.config.sensors, jobs_config, jobs, opener, problems)
    executor = executors.default()
    loggers = build_loggers(project.config, problems)
    sensor = build_failure_sensor(project.package_name, opener, filters)
    problems.raise_if_any()

    built = dg.Definitions(
        assets=assets,
        jobs=[job.definition for job in jobs.values()],
        schedules=schedules,
        sensors=[*job_sensors, sensor],
        executor=executor,
        loggers=loggers,
        resources={
            RESOURCE: kedro_resource,
            **{io_manager.resource_key: io_manager for io_manager in io_managers.values()},
        },
    )
    return Translation(project, graph, partitions, clusters, specs, index, assets, jobs, schedules, job_sensors, built)


def _locate_around(caller: str, env: str | None, conf_source: str | None) -> ProjectLocation:
    """Find the project around a file, or else around the working directory."""
    try:
        return locate_project(Path(caller).parent, env, conf_source)
    except ProjectError:
        return locate_project(None, env, conf_source)
