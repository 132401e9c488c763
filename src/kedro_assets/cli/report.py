"""`kedro assets check` and `kedro assets list`: what became of a project, as text or JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import dagster as dg

from kedro_assets._internals import dagster_assets, dagster_jobs
from kedro_assets.assets import TagReader
from kedro_assets.cli.automation import Automation
from kedro_assets.cli.idle import idle_notes
from kedro_assets.cli.loops import loop_notes
from kedro_assets.cli.places import place_notes
from kedro_assets.definitions import Translation, translate
from kedro_assets.errors import ProjectError, Scope, SelectionError
from kedro_assets.execution import check_step_names, notes_on_neighbours
from kedro_assets.jobs import BuiltJob, nodes_left_out
from kedro_assets.names import counted
from kedro_assets.project import Project, class_problem, locate_project, read_credentials, source_lines
from kedro_assets.runtime import View


def check_lines(root: Path) -> Iterator[str]:
    """Translate a project and say what came of it.

    Raises:
        ConfigError: With every problem of its configuration.
        ProjectError: If the project's registry leaves out what it was to have.
    """
    found = translate(locate_project(root))
    dg.Definitions.validate_loadable(found.definitions)
    unused = list(_check_classes(found))
    _check_steps(found)
    _check_order(found)
    _check_tags(found)
    graph = found.table.graph
    merged = [cluster for cluster in found.clusters if cluster.reasons]
    yield (
        f"{counted(len(found.table.assets), 'asset')} ({len(graph.external)} external) of {counted(len(graph.nodes), 'node')} "
        f"in {counted(len(found.clusters), 'step')}; {counted(len(found.jobs), 'job')}, "
        f"{counted(len(found.schedules), 'schedule')}, {counted(len(found.sensors), 'sensor')}, "
        f"{counted(len(found.table.checks), 'check')}."
    )
    for left in graph.left_out:
        yield f"Pipeline '{left.pipeline}' is left out of the assets: {left.reason}"
    if graph.left_out:
        yield (
            "  Choose with `assets.pipelines` which pipelines become assets, or show such a pipeline in a code location of its "
            "own: a Kedro environment with its own `assets.pipelines` and `assets.key_prefix`. A job with `view: ops` runs it "
            "without assets; if dagster.yml has no `jobs`, there is such a job already."
        )
    pipelines = {} if found.project.config.jobs else graph.pipelines
    for name in (name for name, nodes in pipelines.items() if nodes and name not in found.jobs):
        hidden = "all its datasets are in memory, and `assets.memory_assets` is false."
        mixed = "its assets have different partitions definitions, but a run can have one only."
        yield f"Pipeline '{name}' is not a job: {mixed if graph.assets_of(graph.pipelines[name]) else hidden}"
    for name in (name for name in pipelines if name in found.jobs):
        nodes = nodes_left_out(graph, pipelines[name])
        if nodes:
            shown = ", ".join(f"'{node}'" for node in nodes)
            yield (
                f"Job '{name}' leaves out {shown}, which `kedro run` runs: what is made there is in memory and not an asset "
                "(`assets.memory_assets` is false), and no asset of the job is made from it."
            )
    if merged:
        yield f"Why nodes share a step or not (`assets.cluster_by: {found.project.config.assets.cluster_by}`):"
    steps = found.steps() if merged else {}
    for cluster in merged:
        yield f"  {steps[cluster.name].op.name if cluster.name in steps else cluster.name}"
        yield f"    nodes: {', '.join(cluster.nodes)}"
        yield from (f"    because {reason}" for reason in cluster.reasons)
    yield from (
        f"Module '{left.module}' defines no pipeline: {left.reason}"
        for left in found.project.left_out
        if not left.failed
    )
    yield from place_notes(found)
    automation = Automation(found)
    yield from idle_notes(automation)
    yield from loop_notes(automation)
    yield from _neighbours(found)
    yield from unused
    missing = left_out_text(found.project)
    if missing:
        raise ProjectError(missing)
    yield "No problems."


def _check_steps(found: Translation) -> None:
    """Look whether the names of steps in the configuration of executors are those of steps.

    Raises:
        ConfigError: If one is not.
    """
    problems, jobs = Scope(), [job.definition for job in found.jobs.values()]
    problems.locate_with(source_lines(found.project.location).locate)
    steps = {assets.op.name for assets in found.assets if dagster_assets.is_executable(assets)}
    ops = (dagster_jobs.op_names(job) for job in jobs if isinstance(job, dg.JobDefinition))
    check_step_names(found.project.config, steps.union(*ops), problems)
    problems.raise_if_any()


def _check_tags(found: Translation) -> None:
    """Look whether a tag has one of the project's credentials, which nothing reads while definitions load.

    Raises:
        ConfigError: If one has.
    """
    project, problems = found.project, Scope()
    problems.locate_with(source_lines(project.location).locate)
    credentials = read_credentials(project.location, project.runtime_params)
    reader = TagReader(project, of_runs=True, credentials=credentials)
    for key, tags in project.config.assets.step_tags.items():
        reader.read(tags, problems.at("assets", "step_tags", key))
    for name, job in project.config.jobs.items():
        reader.read(job.tags, problems.at("jobs", name, "tags"))
    steps = (step.op for step in found.assets if dagster_assets.is_executable(step))
    for step in steps if not problems.failed else ():
        reader.read(step.tags, problems.at("assets", "translator"))
    problems.raise_if_any()


def _check_order(found: Translation) -> None:
    """Look whether what the selection of each job leaves out is made in time for those that read it.

    Raises:
        ConfigError: If it may not be.
    """
    problems, view, repository = Scope(), View(found.table), dagster_jobs.repository_of(found.definitions)
    problems.locate_with(source_lines(found.project.location).locate)
    for name, job in found.jobs.items():
        if job.config.selection is None:
            continue
        resolved = repository.get_job(job.definition.name)
        try:
            view.check_order(view.plan(None, resolved), resolved)
        except SelectionError as error:
            problems.at("jobs", name, "selection").add(str(error))
    problems.raise_if_any()


def _check_classes(found: Translation) -> Iterator[str]:
    """Import the classes of all datasets; yield what is wrong with those that no node uses.

    Raises:
        ConfigError: If the class of a dataset that a node uses cannot be imported.
    """
    project, problems = found.project, Scope()
    problems.locate_with(source_lines(project.location).locate)
    used = {entry.name: entry for entries in found.table.graph.entries.values() for entry in entries}
    for name in {**used, **project.resolver.config}:
        entry = used.get(name) or project.entry(name)
        refused = class_problem(entry)
        if refused and name in used:
            problems.at("catalog", name, *refused[0]).add(
                refused[1], "Correct the `type`, or install the library that provides it."
            )
        elif refused:
            yield f"Dataset '{name}', which no node uses: {refused[1]}"
    problems.raise_if_any()


def _neighbours(found: Translation) -> Iterator[str]:
    """Yield which other projects make assets of the same keys, as far as there is an instance of Dagster that knows."""
    home = os.environ.get("DAGSTER_HOME")
    if not home or not any((Path(home) / name).exists() for name in ("dagster.yaml", "history")):
        return  # opening it would make one
    keys = [asset.key for asset in found.table.assets if asset.cluster and not asset.in_memory]
    try:
        with dg.DagsterInstance.get() as instance:
            yield from notes_on_neighbours(found.project.package_name, keys, instance)
    except Exception as error:  # noqa: BLE001 - whatever a storage raises; its text may have a password
        yield (
            "Whether other projects make assets of the same keys is not known, as the instance of Dagster in DAGSTER_HOME cannot "
            f"be read ({type(error).__name__})."
        )


def left_out_text(project: Project) -> str:
    """Return what the registry of a project was to have and leaves out, an empty text if that is nothing."""
    failed = [left for left in project.left_out if left.failed]
    if failed:
        noun = "1 module of pipelines is" if len(failed) == 1 else f"{len(failed)} modules of pipelines are"
        return "\n".join(
            [
                f"{noun} left out of the project, as Kedro cannot load {'it' if len(failed) == 1 else 'them'} and only warns of that:",
                *(f"  {left}" for left in failed),
            ]
        )
    if not any(pipeline.nodes for pipeline in project.pipelines.values()):
        hooks = (
            ""
            if project.config.load_with_hooks
            else (" If a hook registers pipelines, write `load_with_hooks: true` in dagster.yml.")
        )
        return f"The project registers no pipeline that has nodes, so there is nothing to run.{hooks}"
    return ""


def list_lines(root: Path) -> Iterator[str]:
    """List a project's assets, clusters, jobs, schedules and sensors as text."""
    content = _content(_translated(root))
    for title, rows in content.items():
        yield f"{title} ({len(rows)})"
        yield from (f"  {_row(row)}" for row in rows)


def list_json(root: Path) -> str:
    """List a project's assets, clusters, jobs, schedules and sensors as JSON."""
    return json.dumps(_content(_translated(root)), indent=2, ensure_ascii=False)


def _translated(root: Path) -> Translation:
    """Translate a project; what its registry leaves out is written to stderr, as the report itself is for other programs."""
    found = translate(locate_project(root))
    missing = left_out_text(found.project)
    if missing:
        click.echo(f"Warning: {missing}", err=True)
    return found


def _row(row: dict[str, Any]) -> str:
    name, *others = row.items()
    details = (f"{key}: {', '.join(value) if isinstance(value, list) else value}" for key, value in others if value)
    return "  ".join([str(name[1]), *details])


def _content(found: Translation) -> dict[str, list[dict[str, Any]]]:
    graph, steps = found.table.graph, found.steps()
    return {
        "assets": [
            {
                "key": asset.key.to_user_string(),
                "kedro": asset.name,
                "node": graph.maker(asset.vertex),
                "cluster": asset.cluster.name if asset.cluster else None,
                "group": asset.spec.group_name,
                "kinds": sorted(asset.spec.kinds),
                "partitions": str(asset.spec.partitions_def) if asset.spec.partitions_def else None,
                "checks": [check.name for check in asset.checks.values()],
                "deps": sorted(dep.asset_key.to_user_string() for dep in asset.spec.deps),
            }
            for asset in found.table.assets
        ],
        "clusters": [
            {
                "name": cluster.name,
                "step": steps[cluster.name].op.name if cluster.name in steps else None,
                "nodes": list(cluster.nodes),
            }
            for cluster in found.clusters
        ],
        "jobs": list(job_facts(found).values()),
        "schedules": [
            {
                "name": schedule.name,
                "job": schedule.job_name,
                "cron": schedule.cron_schedule,
                "timezone": schedule.execution_timezone,
                "status": schedule.default_status.value,
            }
            for schedule in found.schedules
        ],
        "sensors": [
            {
                "name": sensor.name,
                "job": None if sensor is found.failure_sensor else sensor.job_name,
                "status": sensor.default_status.value,
            }
            for sensor in (*found.sensors, found.failure_sensor)
        ],
    }


def job_facts(found: Translation) -> dict[str, dict[str, Any]]:
    """Return what each job is, by its name in dagster.yml."""
    graph = dagster_assets.AssetGraph.of(found.definitions)
    return {name: _job_facts(name, job, graph) for name, job in found.jobs.items()}


def _job_facts(name: str, job: BuiltJob, graph: dagster_assets.AssetGraph) -> dict[str, Any]:
    definition = job.definition
    is_ops = isinstance(definition, dg.JobDefinition)
    keys = set() if is_ops else graph.selected(dagster_jobs.selection_of(definition))
    executor = dagster_jobs.own_executor(definition)
    return {
        "name": definition.name,
        "kedro": name,
        "assets": sorted(key.to_user_string() for key in keys),
        "ops": sorted(dagster_jobs.op_names(definition)) if is_ops else [],
        "partitions": str(job.partitions or "") or None,
        "executor": executor.name if executor else None,
        "description": definition.description,
    }


def job_names(root: Path) -> list[str]:
    """Return the names that a project's jobs have in Dagster.

    Raises:
        KedroAssetsError: If the configuration does not fit.
    """
    return [job.definition.name for job in translate(locate_project(root)).jobs.values()]
