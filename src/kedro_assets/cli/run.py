"""`kedro assets run`: a Dagster run in the terminal, with progress."""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from kedro_assets._internals import dagster_assets, dagster_jobs, garbage
from kedro_assets.cli.choice import choose_missing, choose_stale
from kedro_assets.cli.dev import definitions_target
from kedro_assets.cli.interrupts import follow
from kedro_assets.cli.live import live_view
from kedro_assets.cli.load_versions import check_load_versions
from kedro_assets.cli.partition_runs import PartitionRun, plan_runs
from kedro_assets.cli.progress import Echo, Progress
from kedro_assets.cli.report import left_out_text
from kedro_assets.cli.targets import Asked, Target, find_target
from kedro_assets.config import PipelineFilter
from kedro_assets.errors import KedroAssetsError
from kedro_assets.jobs import merged
from kedro_assets.partitions import first_key, has_several
from kedro_assets.runtime import KedroProject, filter_text
from kedro_assets.steps import projects_among, projects_of


def run_assets(root: Path, asked: Asked, echo: Echo) -> bool:
    """Run a job, or materialize a selection, and say how it goes.

    Several partitions are as many runs, one after the other, unless their backfill policy says otherwise. After one that
    fails the others are made all the same.

    Args:
        root: The project's root.
        asked: What the user asks for.
        echo: Writes a line.

    Returns:
        Whether all runs succeeded.

    Raises:
        KedroAssetsError: If there is no such job, no such partition, the selection is empty or cannot be read, or definitions.py
            has no definitions, or more than Dagster takes.
    """
    place = definitions_target(root)
    try:
        repository = dagster_jobs.load_repository(place, root)
    except dg.DagsterInvariantViolationError as error:
        msg = f"Dagster cannot take the definitions of the project from {place}: {error}"
        raise KedroAssetsError(msg) from error
    definition = dagster_jobs.definitions_of(repository)
    graph = dagster_assets.AssetGraph.of(definition)
    projects = projects_among(dagster_jobs.resources(definition))
    for missing in filter(None, (left_out_text(project.project) for project in projects)):
        echo(f"Warning: {missing}")
    own = [project for project in projects if project.location.path == root]
    target = find_target(definition, graph, own, asked)
    check_load_versions(own, asked.options)
    leaves_out = any(target.job in project.stale_jobs for project in own)
    outcomes = []
    with _instance(echo) as instance:
        for run in _runs(target, graph, asked.partition, instance, echo):
            selection: Collection[dg.AssetKey] | None = None if target.is_whole else run.keys
            run_config = _run_config(definition.get_job(target.job), root, asked.options, run.tags)
            tags = {**run.tags, **_filter_tags(own, asked.filters)}
            choice = None
            if asked.only_missing_outputs:
                choice = choose_missing(own, run, run_config, echo)
            elif asked.stale or (leaves_out and not has_several(run.tags)):
                choice = choose_stale(own, run, instance, run_config, echo)
            if choice is not None:
                if asked.dry_run or not choice.keys:
                    continue
                selection, tags = choice.keys, {**tags, **choice.tags}
            try:
                started = dagster_jobs.start_run(repository, target.job, selection, run_config, tags, instance)
            except dg.DagsterInvalidSubsetError as error:  # a part of what is made together
                raise KedroAssetsError(str(error)) from error
            outcomes.append(_shown(started, instance, root, echo))
    return all(outcomes)


def _filter_tags(projects: Sequence[KedroProject], filters: Mapping[str, list[str]]) -> dict[str, str]:
    """Return the tags that tell a run with which of Kedro's filters it was started."""
    if not filters:
        return {}
    text = filter_text(PipelineFilter(**dict[str, Any](filters)))
    return {project.tags.filter: text for project in projects}


def _runs(
    target: Target,
    graph: dagster_assets.AssetGraph,
    partition: str | None,
    instance: dg.DagsterInstance,
    echo: Echo,
) -> Iterator[PartitionRun]:
    """Yield the runs that make something, and say what they leave out and what each makes."""
    runs = list(plan_runs(graph, target.keys, partition, instance, chosen=target.is_chosen))
    left = target.keys.difference(*(run.keys for run in runs))
    if left:
        names = ", ".join(sorted(key.to_user_string() for key in left))
        reason = "are not partitioned" if partition else "are partitioned or depend on partitioned assets"
        echo(f"Left out, as they {reason}: {names}")
    for run in runs:
        if run.title:
            echo(f"Partition {run.title}")
        yield run


def _shown(started: dagster_jobs.StartedRun, instance: dg.DagsterInstance, root: Path, echo: Echo) -> bool:
    """Execute a run and show how it goes; return whether it succeeds."""
    progress = Progress(echo, started.steps)
    garbage.look_again()
    try:
        with live_view(progress):
            follow(started, instance, progress.tell)
    finally:
        progress.finish(root)
    return progress.succeeded


def _own(job: dg.JobDefinition, root: Path) -> list[KedroProject]:
    """Return the project at a place as often as a job has it: once for every environment."""
    return [project for project in projects_of(job) if project.location.path == root]


def _run_config(
    job: dg.JobDefinition, root: Path, options: Mapping[str, Any], tags: Mapping[str, str]
) -> dict[str, Any]:
    """Return a job's own configuration, with what Kedro is given for this run laid over it.

    Dagster's log lines are left out of the terminal, which belongs to Kedro's and to the progress.
    """
    config: dict[str, Any] = copy.deepcopy(dict(dagster_jobs.own_run_config(job, first_key(tags))))
    given = {key: value for key, value in options.items() if value}
    for project in _own(job, root) if given else ():
        resource = config.setdefault("resources", {}).setdefault(project.resource_key, {})
        resource["config"] = merged(resource.get("config", {}), given)
    if "console" in job.loggers:
        config.setdefault("loggers", {"console": {"config": {"log_level": "CRITICAL"}}})
    return config


@contextmanager
def _instance(echo: Echo) -> Iterator[dg.DagsterInstance]:
    """Open Dagster's instance; without DAGSTER_HOME one that is gone afterwards."""
    if os.environ.get("DAGSTER_HOME"):
        try:
            opened = dg.DagsterInstance.get()
        except dg.DagsterError as error:
            msg = f"Dagster's instance at DAGSTER_HOME={os.environ['DAGSTER_HOME']} cannot be opened: {error}"
            raise KedroAssetsError(msg) from error
        with opened as instance:
            yield instance
        return
    echo("DAGSTER_HOME is not set, so Dagster does not keep the history of this run.")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
        os.environ["DAGSTER_HOME"] = folder
        try:
            with dg.DagsterInstance.get() as instance:
                yield instance
        finally:
            del os.environ["DAGSTER_HOME"]
