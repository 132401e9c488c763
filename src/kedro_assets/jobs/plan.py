"""Jobs before their assets are there: their names, and the nodes that their Kedro filters leave."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import evolve, frozen

from kedro_assets.assets import AssetDescriptions, KedroTranslator, describe_assets
from kedro_assets.config import JobConfig, PipelineFilter
from kedro_assets.errors import Scope
from kedro_assets.graph import ProjectGraph, build_graph, with_data_versions, with_order, with_pattern_settings
from kedro_assets.jobs.factories import expand_jobs
from kedro_assets.jobs.selection import select_nodes
from kedro_assets.names import identifiers
from kedro_assets.project import Project


@frozen
class PlannedJob:
    """A job before its assets are there.

    Attributes:
        name: Its name in Dagster.
        config: What dagster.yml says of it.
        nodes: The nodes that its Kedro filter leaves; empty for a job that is a selection of assets.
        graph: The graph of its own pipeline, for a job of ops.
        described: What is known of the assets of that graph.
    """

    name: str
    config: JobConfig
    nodes: frozenset[str] = frozenset()
    graph: ProjectGraph | None = None
    described: AssetDescriptions | None = None

    @property
    def pipeline(self) -> PipelineFilter:
        """Its Kedro filter."""
        return self.config.pipeline or PipelineFilter()


def plan_jobs(
    project: Project, graph: ProjectGraph, translator: KedroTranslator | None, problems: Scope
) -> Mapping[str, PlannedJob]:
    """Name the jobs and apply their Kedro filters; without any, every registered pipeline is a job.

    A pipeline that is left out of the assets is then a job of ops, so that what runs is what `kedro run` runs.

    Args:
        project: The project.
        graph: Its graph.
        translator: Turns datasets into specs; None for the one that dagster.yml names.
        problems: Collects filters and job factories that do not fit.

    Returns:
        The jobs by their names in dagster.yml.
    """
    wanted = expand_jobs(project.config.jobs, project.pipelines, problems) or _registered(graph)
    if not project.config.jobs:
        problems = Scope()  # nobody has written these jobs: one that cannot be is left out
    names = identifiers(map(project.config.assets.prefixed, wanted))
    jobs = {}
    for (name, config), title in zip(wanted.items(), names.values(), strict=True):
        job = PlannedJob(title, config)
        if config.selection is None:
            if config.view == "ops" and project.pipelines.keys() >= {*job.pipeline.pipelines}:
                job = _with_own_graph(job, project, translator)
            scope, seen = problems.at("jobs", name, "pipeline"), job.graph or graph
            nodes = select_nodes(seen, project.pipelines, job.pipeline, scope)
            left = nodes_left_out(seen, nodes)
            if left:
                noun = "node" if len(left) == 1 else "nodes"
                shown = ", ".join(f"'{node}'" for node in left)
                found = f"this job would leave out the {noun} {shown}: what is made there is in memory and not an asset, and no asset of the job is made from it."
                hint = "Make the datasets assets with `assets.memory_assets: true` or an entry in the catalog, or give the job `view: ops`."
                scope.add(found, hint)
            job = evolve(job, nodes=frozenset(nodes))
        jobs[name] = job
    return jobs


def _registered(graph: ProjectGraph) -> dict[str, JobConfig]:
    """Return a job for every registered pipeline."""
    assets = {name: JobConfig(pipeline=PipelineFilter(name)) for name, nodes in graph.pipelines.items() if nodes}
    others = (left.pipeline for left in graph.left_out)
    return assets | {name: JobConfig(view="ops", pipeline=PipelineFilter(name)) for name in others}


def nodes_left_out(graph: ProjectGraph, nodes: Collection[str]) -> list[str]:
    """Return those of some nodes that a job of the others' assets would not run, in order.

    A job is a selection of assets, and a step runs what these need. Where in-memory datasets are hidden, nothing selects a
    node whose outputs no other node of the job reads.

    Args:
        graph: The project's graph.
        nodes: The nodes that Kedro's filter leaves.
    """
    needed: set[str] = set()
    todo = [node for node in nodes if graph.assets_of([node])]
    while todo:
        node = todo.pop()
        if node not in needed:
            needed.add(node)
            todo += [maker for name in graph.inputs(node) if name in graph.hidden and (maker := graph.producer(name))]
    return graph.in_order(set(nodes) - needed)


def job_filters(jobs: Mapping[str, PlannedJob]) -> Mapping[str, PipelineFilter]:
    """Return the Kedro filters of the jobs that have one, by their names in Dagster."""
    return {job.name: job.pipeline for job in jobs.values() if job.nodes}


def stale_jobs(jobs: Mapping[str, PlannedJob]) -> frozenset[str]:
    """Return the names in Dagster of the jobs that make only what is not up to date."""
    return frozenset(job.name for job in jobs.values() if job.config.only == "stale")


def _with_own_graph(job: PlannedJob, project: Project, translator: KedroTranslator | None) -> PlannedJob:
    """Give a job the graph of its own registered pipelines, whatever others they compete with for a dataset."""
    assets = evolve(project.config.assets, pipelines=job.pipeline.pipelines, memory_assets=True)
    problems = Scope()  # what is wrong is reported for the assets; what is of other pipelines is not here
    graph = build_graph(evolve(project, config=evolve(project.config, assets=assets)), problems)
    graph = with_pattern_settings(graph, assets.settings, problems)
    graph = with_data_versions(graph, assets.data_version, problems)
    described = describe_assets(project, graph, translator, problems)
    return evolve(job, graph=with_order(graph, assets.deps, described.waits, problems), described=described)
