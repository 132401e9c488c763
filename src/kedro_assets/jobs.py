"""Jobs of dagster.yml: selections of assets, or ops where a job asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import dagster as dg
from attrs import asdict, evolve, frozen

from kedro_assets.clusters import check_depth
from kedro_assets.config import JobConfig, PipelineFilter, RetryConfig, RunConfig
from kedro_assets.errors import Path, Problems, suggest
from kedro_assets.executors import Executors
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.io_managers import DatasetIOManager
from kedro_assets.names import identifiers, is_parameter
from kedro_assets.opener import RunOpener
from kedro_assets.ops import OpJob, build_op_graph, build_op_job, build_op_view
from kedro_assets.parameters import FIELD
from kedro_assets.pipeline_hooks import JobFilter
from kedro_assets.project import Project
from kedro_assets.run import RESOURCE
from kedro_assets.selection import select_nodes
from kedro_assets.translator import KedroTranslator
from kedro_assets.view import View


@frozen
class PlannedJob:
    """A job before its assets are there.

    Attributes:
        name: Its name in Dagster.
        config: What dagster.yml says of it.
        nodes: The nodes that its Kedro filter leaves; empty for a job that is a selection of assets.
        graph: The graph of its own pipeline, for a job of ops.
    """

    name: str
    config: JobConfig
    nodes: frozenset[str] = frozenset()
    graph: ProjectGraph | None = None

    @property
    def pipeline(self) -> PipelineFilter:
        """Its Kedro filter."""
        return self.config.pipeline or PipelineFilter()


@frozen
class BuiltJob:
    """A job as Dagster takes it, and what a schedule needs to know of it.

    Attributes:
        definition: The job.
        config: What dagster.yml gives to its runs.
        loggers: The loggers that dagster.yml names for it.
        partitions: How its assets are partitioned, if they are.
        reads: The parameters that each of its steps reads, under the names that nodes use.
    """

    definition: Any
    config: RunConfig
    loggers: Sequence[str]
    reads: Mapping[str, frozenset[str]]
    partitions: dg.PartitionsDefinition[Any] | None = None

    def run_config(self, more: RunConfig) -> dict[str, Any]:
        """Give the configuration of a run, with more laid over the job's own."""
        config = RunConfig(
            parameters={**self.config.parameters, **more.parameters},
            runtime_params=merged(self.config.runtime_params, more.runtime_params),
            load_versions={**self.config.load_versions, **more.load_versions},
        )
        return _run_config(config, self.loggers, self.reads)


def check_parameters(config: RunConfig, reads: Mapping[str, frozenset[str]], where: Path, problems: Problems) -> None:
    """Report parameters in the configuration of a job or a schedule that no node of the job reads."""
    known = frozenset[str]().union(*reads.values())
    for name in config.parameters:
        if name not in known:
            found = f"no node of this job reads '{name}'."
            problems.add((*where, "parameters", name), found, suggest(name, known))


def _run_config(config: RunConfig, loggers: Sequence[str], reads: Mapping[str, frozenset[str]]) -> dict[str, Any]:
    """Give what the launchpad would: values of parameters for the steps that read them, and what Kedro is given."""
    given = asdict(config, recurse=False)
    values = given.pop("parameters")
    by_step = {step: {name: values[name] for name in values if name in names} for step, names in reads.items()}
    options = {key: value for key, value in given.items() if value}
    found = {
        "ops": {step: {"config": {FIELD: own}} for step, own in by_step.items() if own},
        "resources": {RESOURCE: {"config": options}} if options else {},
        "loggers": {name: {} for name in loggers},
    }
    return {key: value for key, value in found.items() if value}


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one nested mapping over another.

    Examples:
        >>> merged({"model": {"depth": 3, "seed": 1}}, {"model": {"depth": 5}})
        {'model': {'depth': 5, 'seed': 1}}
    """
    result = dict(first)
    for key, value in second.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def plan_jobs(
    wanted: Mapping[str, JobConfig], project: Project, graph: ProjectGraph, problems: Problems
) -> Mapping[str, PlannedJob]:
    """Name the jobs and apply their Kedro filters; without any, every registered pipeline is a job.

    Args:
        wanted: The jobs of dagster.yml.
        project: The project.
        graph: Its graph.
        problems: Collects filters that do not fit.

    Returns:
        The jobs by their names in dagster.yml.
    """
    wanted = wanted or {
        name: JobConfig(pipeline=PipelineFilter(name)) for name, nodes in graph.pipelines.items() if nodes
    }
    names = identifiers(wanted)
    jobs = {}
    for name, config in wanted.items():
        job = PlannedJob(names[name], config)
        if config.selection is None:
            if config.view == "ops" and job.pipeline.pipeline_name in project.pipelines:
                job = evolve(job, graph=build_op_graph(project, job.pipeline.pipeline_name))
            where: Path = ("jobs", name, "pipeline")
            nodes = select_nodes(job.graph or graph, project.pipelines, job.pipeline, where, problems)
            if nodes and not (job.graph or graph).assets_of(nodes):
                found = "this filter leaves in-memory datasets only, and they are hidden."
                problems.add(where, found, "Show them with `memory_assets: true`.")
            job = evolve(job, nodes=frozenset(nodes))
        jobs[name] = job
    return jobs


def job_filters(jobs: Mapping[str, PlannedJob]) -> Mapping[str, JobFilter]:
    """Give the Kedro filters of the jobs that have one, by their names in Dagster."""
    return {job.name: JobFilter(job.pipeline, job.nodes) for job in jobs.values() if job.nodes}


def build_op_views(jobs: Mapping[str, PlannedJob], project: Project, translator: KedroTranslator) -> Mapping[str, View]:
    """Build the views of the jobs that are made of ops, by their names in Dagster."""
    return {
        job.name: build_op_view(project, job.graph, job.nodes, translator)
        for job in jobs.values()
        if job.graph is not None and job.nodes
    }


def build_jobs(
    planned: Mapping[str, PlannedJob],
    project: Project,
    opener: RunOpener,
    assets: Sequence[dg.AssetsDefinition],
    io_managers: Mapping[str, DatasetIOManager],
    executors: Executors,
    problems: Problems,
) -> Mapping[str, BuiltJob]:
    """Build jobs as selections of assets, or of ops.

    A run makes partitions of one kind only. A job whose assets are partitioned in several ways is reported, or, if it is
    there because a pipeline is registered, left out.

    Args:
        planned: The jobs by their names in dagster.yml.
        project: The project.
        opener: Opens it, and knows its views.
        assets: The assets.
        io_managers: The IO manager of every dataset.
        executors: The executors.
        problems: Collects selections that cannot be read, unknown executors and what Dagster refuses.

    Returns:
        The jobs by their names in dagster.yml.
    """
    taken = {job.name for job in planned.values()} | {step.op.name for step in assets if step.is_executable}
    jobs = {}
    for name, job in planned.items():
        config, where = job.config, ("jobs", name)
        view = opener.view(job.name)
        selection, keys = (None, set()) if view.ops else _selection(job, view, assets, (*where, "selection"), problems)
        partitions = _partitions(view, keys, opener.partitions)
        if len(partitions) > 1:
            if project.config.jobs:
                _report_mixed(partitions, where, problems)
            continue
        if view.ops and partitions:
            found = "what its nodes make is partitioned, and ops have no partitions."
            problems.add((*where, "view"), found, "Leave `view` out: assets have them.")
            continue
        ops = {op: _parameters(cluster.nodes, view.graph) for op, cluster in view.ops.items()}
        reads = ops or _parameters_by_step(keys, view, assets)
        if ops or selection:
            check_parameters(config.config, reads, (*where, "config"), problems)
        options: dict[str, Any] = {
            "description": config.description,
            "tags": _tags(config),
            "config": _run_config(config.config, config.loggers, reads) or None,
            "executor_def": executors.get(config.executor, (*where, "executor")),
            "op_retry_policy": _retry_policy(config.retries, (*where, "retries"), problems),
        }
        if ops:
            if not check_depth(view.graph, view.ops.values(), (*where, "view"), problems):
                continue
            definition: Any = build_op_job(
                OpJob(job.name, frozenset(taken), options), view, opener, io_managers, project
            )
            taken |= {op.name for op in definition.all_node_defs}
        elif selection is not None:
            definition = dg.define_asset_job(job.name, selection=selection, **options)
        else:
            continue
        jobs[name] = BuiltJob(definition, config.config, config.loggers, reads, next(iter(partitions), None))
    return jobs


def _selection(
    job: PlannedJob, view: View, assets: Sequence[dg.AssetsDefinition], where: Path, problems: Problems
) -> tuple[dg.AssetSelection | None, AbstractSet[dg.AssetKey]]:
    """Give the assets of a job, as a selection and as keys; none if there are not any, which is reported."""
    if job.config.selection is None:
        vertices = view.graph.assets_of(job.nodes)
        keys = {view.index.keys[vertex] for vertex in vertices if vertex in view.index.keys}
        return (dg.AssetSelection.assets(*keys) if keys else None), keys
    text = job.config.selection
    if job.config.view == "ops":
        problems.add(where, "a job of ops cannot be a selection of assets.", "Name its nodes with `pipeline`.")
        return None, frozenset()
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


def _partitions(
    view: View,
    keys: Iterable[dg.AssetKey],
    definitions: Mapping[Vertex, dg.PartitionsDefinition[Any]],
) -> Mapping[dg.PartitionsDefinition[Any], str]:
    """Give each way in which something that a job makes is partitioned, with one such asset or node."""
    found: dict[dg.PartitionsDefinition[Any], str] = {}
    vertices = (view.index.vertices[key] for key in sorted(keys) if key in view.index.vertices)
    made = (vertex for vertex in vertices if vertex in view.index.clusters)  # the rest is external
    ops: list[Vertex] = [("node", node) for cluster in view.ops.values() for node in cluster.nodes]
    for vertex in [*made, *ops]:
        if vertex in definitions:
            found.setdefault(definitions[vertex], vertex[1])
    return found


def _report_mixed(partitions: Mapping[dg.PartitionsDefinition[Any], str], where: Path, problems: Problems) -> None:
    shown = ", ".join(f"'{name}' by {definition}" for definition, name in partitions.items())
    found = f"its assets are partitioned in {len(partitions)} ways, and a run makes partitions of one: {shown}."
    problems.add(where, found, "Make a job for each, such as one that selects with `to_outputs` and `from_inputs`.")


def _parameters_by_step(
    keys: AbstractSet[dg.AssetKey], view: View, assets: Sequence[dg.AssetsDefinition]
) -> Mapping[str, frozenset[str]]:
    """Give the parameters that each step of a job reads."""
    found = {}
    for definition in assets:
        made = (view.index.vertices[key] for key in definition.keys & keys)
        cluster = next((view.index.clusters[vertex] for vertex in made if vertex in view.index.clusters), None)
        if cluster is not None:
            found[definition.op.name] = _parameters(cluster.nodes, view.graph)
    return found


def _parameters(nodes: Sequence[str], graph: ProjectGraph) -> frozenset[str]:
    return frozenset(name for node in nodes for name in graph.nodes[node].inputs if is_parameter(name))


def _tags(config: JobConfig) -> dict[str, str]:
    """Give the tags of a job's runs; Dagster reads how a run is queued and repeated from tags of its own."""
    own = {"dagster/priority": config.priority, "dagster/max_retries": config.run_retries}
    return {**{key: str(value) for key, value in own.items() if value is not None}, **config.tags}


def _retry_policy(config: RetryConfig | None, where: Path, problems: Problems) -> dg.RetryPolicy | None:
    if config is None:
        return None
    if config.max_retries < 0:
        problems.add((*where, "max_retries"), "a number below 0 stands here.", "Allowed: 0 and above.")
    try:
        return dg.RetryPolicy(
            max_retries=config.max_retries,
            delay=config.delay,
            backoff=dg.Backoff[config.backoff] if config.backoff else None,
            jitter=dg.Jitter[config.jitter] if config.jitter else None,
        )
    except dg.DagsterError as error:
        problems.add(where, f"Dagster refuses it: {error}", "`backoff` and `jitter` need a `delay`.")
        return None
