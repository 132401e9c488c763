"""Records of the upper rooms made by hand: a table of assets, a project, and a run over a small catalog."""

from pathlib import Path
from typing import Any

import dagster as dg
from attrs import evolve, frozen
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog

from kedro_assets.assets import AssetTable, build_table, describe_assets
from kedro_assets.config import DagsterConfig
from kedro_assets.errors import Scope
from kedro_assets.graph import (
    Cluster,
    ProjectGraph,
    RunPlan,
    build_graph,
    cluster,
    plan_run,
    with_data_versions,
    with_order,
    with_pattern_settings,
)
from kedro_assets.jobs import build_jobs, build_op_views, plan_jobs
from kedro_assets.partitions import resolve_partitions
from kedro_assets.project import Project, ProjectLocation
from kedro_assets.runtime import DatasetIOManager, KedroProject, KedroRun, StepExecution, View
from kedro_assets.runtime.dataset_io import DatasetIO
from kedro_assets.runtime.handover import MemoryStore
from kedro_assets.runtime.identity import RunIdentity
from kedro_assets.runtime.kedro_run import OpenRuns
from kedro_assets.steps import build_assets, build_resources
from unit.builders import make_project

RUN_ID = "2026-03-01T12.30.05.123Z"


def json_entry(place, **more) -> dict[str, Any]:
    return {"type": "json.JSONDataset", "filepath": str(place), **more}


@frozen
class Nowhere(ProjectLocation):
    """The location of a project that is in no folder, so that there is nothing to open."""

    def reopen(self, package_name: str) -> None:
        """Do nothing."""


def project_of(pipelines, /, *, config=None, **options) -> Project:
    """Make a project in no folder; `config` are sections of dagster.yml beside `assets`."""
    project = make_project(pipelines, **options)
    written = DagsterConfig(assets=project.config.assets, **(config or {}))
    return evolve(project, config=written, location=Nowhere(project.location.path))


def translated(project, problems=None, translating=None) -> tuple[AssetTable, list[Cluster]]:
    """Make the table of a project's assets, and the clusters that make them."""
    found = Scope() if problems is None else problems
    graph = with_pattern_settings(build_graph(project, found), project.config.assets.settings, found)
    graph = with_data_versions(graph, project.config.assets.data_version, found)
    described = describe_assets(project, graph, translating, found)
    graph = with_order(graph, project.config.assets.deps, described.waits, found)
    partitions = resolve_partitions(project.config, graph, described.partitions, found, project.partition_parts)
    clusters = cluster(graph, project.config.assets, partitions.boundaries(), found)
    table = build_table(project, partitions, clusters, described, found)
    if problems is None:
        found.raise_if_any()
    return table, list(clusters)


def make_table(pipelines, /, *, problems=None, translating=None, **options) -> AssetTable:
    """Make a table of assets; an error is raised unless `problems` collects it."""
    return translated(project_of(pipelines, **options), problems, translating)[0]


def make_kedro(pipelines, /, *, open_runs=None, ops=None, **options) -> KedroProject:
    """Make a project as the runs of a code location find it."""
    project = project_of(pipelines, **options)
    table, _ = translated(project)
    key = "_".join(["kedro", *project.config.assets.key_prefix])
    return KedroProject(key, project, View(table), ops or {}, open_runs=open_runs or OpenRuns())


def definitions_of(kedro, *native, jobs=()) -> dg.Definitions:
    """Make the definitions of a project's assets, and of some that are no Kedro nodes."""
    _, clusters = translated(kedro.project)
    problems = Scope()
    assets = build_assets(kedro, clusters, [job.name for job in jobs], problems)
    problems.raise_if_any()
    return dg.Definitions(assets=[*assets, *native], jobs=list(jobs), resources=build_resources(kedro))


def plan_of(graph: ProjectGraph, **steps) -> RunPlan:
    """Plan a run whose steps have these nodes, each with all that it makes selected."""
    clusters = {step: Cluster(step, tuple(nodes)) for step, nodes in steps.items()}
    return plan_run(graph, {step: (each, graph.assets_of(each.nodes)) for step, each in clusters.items()})


class Recorder:
    """Keeps the hooks that were called, each with what it was about."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def register(self, hooks) -> None:
        """Watch the hooks of a manager."""

        def before(name, _implementations, arguments):
            about = arguments.get("dataset_name") or getattr(arguments.get("node"), "name", "")
            self.calls.append((name, about))

        hooks.add_hookcall_monitoring(before, lambda *_: None)


def make_run(graph, plan, catalog, *, folder="/nowhere", hooks=(), **options) -> KedroRun:
    """Make the open project of a run over a catalog: a real one, or the configuration of its entries."""
    manager = _create_hook_manager()
    for plugin in hooks:
        manager.register(plugin)
    if isinstance(catalog, dict):
        catalog = DataCatalog.from_config(catalog, save_version=RUN_ID)
    io = DatasetIO(catalog, manager, options.pop("versions", {}))
    identity = options.pop("identity", RunIdentity("dagster-run", RUN_ID))
    store = options.pop("store", MemoryStore(Path(folder), identity.dagster_run_id))
    project = Project(Nowhere(Path("/project")), "example", {})
    return KedroRun(project, identity, None, io, plan, store, **options)


def make_execution(run, step, table, **options) -> StepExecution:
    """Make a step of a run, whose data passes through IO managers as in Dagster."""
    doors = {name: DatasetIOManager(access, lambda _: run) for name, access in table.access.items()}
    return StepExecution(run, step, View(table), doors, **options)


class OneRun(OpenRuns):
    """Has one run open for every run of Dagster."""

    def __init__(self, run) -> None:
        super().__init__()
        self.run = run

    def get(self, run_id, open_run):
        """Return the run."""
        return self.run


def open_over(monkeypatch, catalog=None) -> list[KedroRun]:
    """Let every run be opened over a catalog instead of a project.

    Args:
        monkeypatch: Pytest's.
        catalog: The configuration of its entries, made from the runtime parameters of the run; an empty one without.

    Returns:
        The runs, as they are opened.
    """
    opened: list[KedroRun] = []

    def open_run(location, identity, plan, store, pipeline=None) -> KedroRun:
        entries = catalog(identity.runtime_params) if catalog else {}
        opened.append(make_run(None, plan, entries, identity=identity, store=store, pipeline=pipeline))
        return opened[-1]

    monkeypatch.setattr(KedroRun, "open", open_run)
    return opened


def run_of(definitions, instance, *keys, tags=None) -> tuple[dg.DagsterRun, dg.JobDefinition]:
    """Record a run of some assets, or of all, and return it with its job."""
    chosen = frozenset(map(dg.AssetKey.from_user_string, keys)) or None
    job = definitions.resolve_implicit_global_asset_job_def()
    if chosen:
        job = job.get_subset(asset_selection=chosen)
    return instance.create_run_for_job(job, asset_selection=chosen, tags=tags), job


def plan_jobs_of(kedro, problems=None):
    """Plan the jobs of a project's dagster.yml, by their names there."""
    scope = Scope() if problems is None else problems
    found = plan_jobs(kedro.project, kedro.table.graph, None, scope)
    if problems is None:
        scope.raise_if_any()
    return found


def build_jobs_of(kedro, problems=None, get_executor=lambda wanted, scope: None):
    """Build the jobs of a project's dagster.yml, by their names there, and return them with the project that has their views."""
    scope = Scope() if problems is None else problems
    planned = plan_jobs_of(kedro, scope)
    kedro = evolve(kedro, ops=build_op_views(planned, kedro.project))
    assets = build_assets(kedro, translated(kedro.project)[1], [job.name for job in planned.values()], scope)
    jobs = build_jobs(planned, kedro, assets, get_executor, {}, scope)
    if problems is None:
        scope.raise_if_any()
    return jobs, kedro
