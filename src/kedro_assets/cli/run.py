"""`kedro assets run`: a Dagster run in the terminal, with progress."""

from __future__ import annotations

import copy
import json
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
import dagster as dg
from attrs import field, frozen

from kedro_assets._internals import dagster_assets, dagster_events, dagster_jobs
from kedro_assets.cli.dev import definitions_target
from kedro_assets.cli.partition_runs import PartitionRun, plan_runs
from kedro_assets.cli.report import left_out_text
from kedro_assets.config import PipelineFilter
from kedro_assets.errors import KedroAssetsError, Scope, suggest
from kedro_assets.jobs import filtered_keys, merged
from kedro_assets.names import counted, identifier
from kedro_assets.partitions import RANGE_TAGS, first_key
from kedro_assets.runtime import IF_CHANGED_TAG, KedroProject, StaleAsset, stale_assets
from kedro_assets.steps import projects_among, projects_of

Echo = Callable[[str], Any]


@frozen
class Asked:
    """What the command line asks for.

    Attributes:
        job: The name of a job or a registered pipeline; without it, assets are materialized.
        select: Which assets, in Dagster's selection syntax or by Kedro's names; without it, all.
        partition: A partition's key, or the first and the last with `...` between.
        filters: Kedro's filters, by the keys of a job's `pipeline` in dagster.yml.
        options: What Kedro is given for the run, as the configuration of its resource has it.
        stale: Whether only those assets are made that are not up to date.
        dry_run: Whether it is only said which ones that are.
    """

    job: str | None = None
    select: str | None = None
    partition: str | None = None
    filters: Mapping[str, list[str]] = field(factory=dict)
    options: Mapping[str, Any] = field(factory=dict)
    stale: bool = False
    dry_run: bool = False


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
        KedroAssetsError: If there is no such job, no such partition, or the selection is empty or cannot be read.
    """
    repository = dagster_jobs.load_repository(definitions_target(root), root)
    definition = dagster_jobs.definitions_of(repository)
    graph = dagster_assets.AssetGraph.of(definition)
    projects = projects_among(dagster_jobs.resources(definition))
    for missing in filter(None, (left_out_text(project.project) for project in projects)):
        echo(f"Warning: {missing}")
    own = [project for project in projects if project.location.path == root]
    target = _target(definition, graph, own, asked)
    outcomes = []
    with _instance(echo) as instance:
        for run in _runs(target, graph, asked.partition, instance, echo):
            selection: Collection[dg.AssetKey] | None = None if target.is_whole else run.keys
            tags = run.tags
            if asked.stale:
                stale = _stale(own, run, instance, echo)
                if asked.dry_run or not stale:
                    continue
                following = [key.to_user_string() for key, found in stale.items() if found.follows]
                selection = stale.keys()
                tags = {**tags, IF_CHANGED_TAG: json.dumps(following)} if following else tags
            run_config = _run_config(definition.get_job(target.job), root, asked.options, run.tags)
            asked_for = (repository, target.job, selection, run_config, tags, instance)
            outcomes.append(_shown(partial(dagster_jobs.run_events, *asked_for), echo))
    return all(outcomes)


@frozen
class _Target:
    """What is to run.

    Attributes:
        job: The name of a job in Dagster.
        keys: The assets of it that are meant.
        is_whole: Whether that is all of the job, with what it has beside assets.
        is_chosen: Whether the user has chosen just these assets.
    """

    job: str
    keys: frozenset[dg.AssetKey]
    is_whole: bool = False
    is_chosen: bool = True


def _target(
    definition: dg.RepositoryDefinition, graph: dagster_assets.AssetGraph, own: Sequence[KedroProject], asked: Asked
) -> _Target:
    """Find what the command line asks for.

    Raises:
        KedroAssetsError: If there is no such job, or nothing is selected that can be made.
    """
    job = asked.job
    if job is not None:
        pipeline = _pipeline_assets(own, job) if _find_job(definition, own, job) is None else None
        if pipeline is None:
            name = _job_name(definition, own, job)
            keys = frozenset[dg.AssetKey]().union(*dagster_jobs.assets_by_step(definition.get_job(name)).values())
            if asked.stale and not keys:
                msg = f"The job '{job}' is made of ops, which are not assets. Use --stale with a job of assets."
                raise KedroAssetsError(msg)
            return _Target(name, keys, is_whole=True)
        return _Target(dagster_jobs.ASSET_JOB, pipeline)
    if asked.filters:
        return _Target(dagster_jobs.ASSET_JOB, _filtered(own, asked.filters))
    if not graph.made:
        msg = "There is no asset that can be materialized: no node of the project makes one."
        raise KedroAssetsError(msg)
    keys = _selected(graph, asked.select, _keys_by_name(own))
    return _Target(dagster_jobs.ASSET_JOB, keys, is_chosen=asked.select is not None)


def _filtered(projects: Sequence[KedroProject], filters: Mapping[str, list[str]]) -> frozenset[dg.AssetKey]:
    """Return the assets that Kedro's filters leave.

    Raises:
        KedroAssetsError: If the filters do not fit the pipelines.
    """
    found = frozenset[dg.AssetKey]()
    for project in projects:
        problems = Scope()
        found |= frozenset(filtered_keys(project, PipelineFilter(**dict[str, Any](filters)), problems))
        if problems.failed:
            raise KedroAssetsError("\n".join(f"{problem.found} {problem.hint}".strip() for problem in problems))
    return found


def _runs(
    target: _Target,
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


def _shown(start: Callable[[], Iterator[dg.DagsterEvent]], echo: Echo) -> bool:
    """Start a run and show how it goes; return whether it succeeds."""
    progress = _Progress(echo)
    try:
        for event in start():
            progress.tell(event)
    except dg.DagsterInvalidSubsetError as error:  # a part of what is made together
        raise KedroAssetsError(str(error)) from error
    return progress.finish()


def _stale(
    projects: Sequence[KedroProject], run: PartitionRun, instance: dg.DagsterInstance, echo: Echo
) -> Mapping[dg.AssetKey, StaleAsset]:
    """Return those of a run's assets that are not up to date, and say why.

    Raises:
        KedroAssetsError: If the run makes several partitions, as each of them has a history of its own.
    """
    if RANGE_TAGS[0] in run.tags:
        msg = (
            f"The partitions {run.title} share a run, and --stale decides for each by itself. Name one with --partition, or run "
            "them without --stale."
        )
        raise KedroAssetsError(msg)
    found: dict[dg.AssetKey, StaleAsset] = {}
    for project in projects:
        found |= stale_assets(project, run.keys, instance, first_key(run.tags))
    others = run.keys.difference(*(project.table.by_key.keys() for project in projects))
    if others:
        echo(f"Left out, as no Kedro node makes them: {', '.join(sorted(key.to_user_string() for key in others))}")
    for key, stale in found.items():
        echo(f"{click.style('*', 'yellow')} {key.to_user_string()}: {', '.join(stale.reasons)}")
    count = counted(len(found), "asset")
    echo(f"{count} to make." if found else "Everything is up to date.")
    return found


def _find_job(definition: dg.RepositoryDefinition, own: Sequence[KedroProject], job: str) -> str | None:
    """Find a job by its name in Dagster, or by that of dagster.yml where Dagster has to write it otherwise.

    The project's own job goes before one of another project in its code location.
    """
    names = [name for name in definition.job_names if name != dagster_jobs.ASSET_JOB]
    prefixed = sorted({project.project.config.assets.prefixed(job) for project in own})
    return next((name for name in (*map(identifier, prefixed), job, identifier(job)) if name in names), None)


def _job_name(definition: dg.RepositoryDefinition, own: Sequence[KedroProject], job: str) -> str:
    """Find a job.

    Raises:
        KedroAssetsError: If there is none of the name.
    """
    found = _find_job(definition, own, job)
    if found is not None:
        return found
    names = [name for name in definition.job_names if name != dagster_jobs.ASSET_JOB]
    msg = f"The project has no job '{job}'. {suggest(job, names)}"
    raise KedroAssetsError(msg)


def _pipeline_assets(projects: Sequence[KedroProject], pipeline: str) -> frozenset[dg.AssetKey] | None:
    """Return the assets of a registered pipeline; None if there is none of the name that makes assets."""
    graphs = [(project.table, project.table.graph) for project in projects]
    found = [table.made_by(graph.pipelines[pipeline]) for table, graph in graphs if pipeline in graph.pipelines]
    if not any(found):
        return None
    return frozenset(asset.key for assets in found for asset in assets if asset.is_shown)


def _keys_by_name(projects: Sequence[KedroProject]) -> dict[str, list[dg.AssetKey]]:
    """Return the assets that Kedro's names stand for: datasets, and nodes with what they make."""
    found: dict[str, list[dg.AssetKey]] = {}
    for table in (project.table for project in projects):
        nodes = {table.graph.nodes[node].name: table.made_by([node]) for node in table.graph.nodes}
        datasets = {asset.name: [asset] for asset in table.assets if asset.is_dataset}
        for name, assets in {**nodes, **datasets}.items():
            found.setdefault(name, []).extend(asset.key for asset in assets)
    return found


def _in_dagsters_words(select: str, names: Mapping[str, Collection[dg.AssetKey]]) -> str:
    """Write Kedro's names in a selection as keys; what is in quotes or has an attribute is Dagster's already.

    Examples:
        >>> names = {"forest.model": [dg.AssetKey(["forest", "model"])], "split": [dg.AssetKey("x"), dg.AssetKey("y")]}
        >>> _in_dagsters_words('+forest.model or split+1 and key:"split"', names)
        '+key:"forest/model" or (key:"x" or key:"y")+1 and key:"split"'
        >>> _in_dagsters_words("forest/model", names)
        'forest/model'
    """
    if select in names:
        return _as_keys(names[select])
    words = re.split(r'("[^"]*"|[\s()+,]+)', select)
    return "".join(
        _as_keys(names[word]) if word in names and word not in ("and", "or", "not") else word for word in words
    )


def _as_keys(keys: Collection[dg.AssetKey]) -> str:
    written = " or ".join(f'key:"{key.to_user_string()}"' for key in keys)
    return f"({written})" if len(keys) > 1 else written


def _own(job: dg.JobDefinition, root: Path) -> list[KedroProject]:
    """Return the project at a place as often as a job has it: once for every environment."""
    return [project for project in projects_of(job) if project.location.path == root]


def _selected(
    graph: dagster_assets.AssetGraph, select: str | None, names: Mapping[str, Collection[dg.AssetKey]]
) -> frozenset[dg.AssetKey]:
    everything = frozenset(graph.made)
    if select is None:
        return everything
    try:
        keys = graph.selected(dagster_assets.read_selection(_in_dagsters_words(select, names))) & everything
    except Exception as error:
        known = (key.to_user_string() for key in everything)
        reason = str(error) or type(error).__name__
        msg = f"Dagster cannot read the selection '{select}': {reason} {suggest(select, known)}"
        raise KedroAssetsError(msg) from error
    if not keys:
        known = (key.to_user_string() for key in everything)
        msg = f"'{select}' selects no asset that can be materialized. {suggest(select, known)}"
        raise KedroAssetsError(msg)
    return frozenset(keys)


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


_COLOURS = {">": "bright_black", ".": "bright_black", "o": "bright_black", "+": "green", "~": "yellow", "!": "red"}
"""What the mark of a line is on a terminal; elsewhere click leaves colours out."""
_STARTS = (dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_RESTARTED)


class _Progress:
    """Writes a line for each step that starts, for each asset with the seconds it took, for each failure, and a summary."""

    def __init__(self, echo: Echo) -> None:
        self._echo = echo
        self._started = time.perf_counter()
        self._since: dict[str | None, float] = {}  # when a step started, or saved its last asset
        self._of_step: Counter[str | None] = Counter()
        self._assets = 0
        self._failures = 0
        self._succeeded = False

    def tell(self, event: dg.DagsterEvent) -> None:
        """Write what an event means to a user, if anything."""
        kind, step, now = event.event_type, event.step_key, time.perf_counter()
        if kind in _STARTS:
            self._since[step], self._of_step[step] = now, 0
            self._line(">", f"step {step}")
        elif kind == dg.DagsterEventType.ASSET_MATERIALIZATION and dagster_events.is_kept(event):
            self._of_step[step] += 1
            self._line("o", f"{event.asset_key.to_user_string() if event.asset_key else step}  (stays as it is)")
        elif kind == dg.DagsterEventType.ASSET_MATERIALIZATION:
            self._assets += 1
            self._of_step[step] += 1
            name = event.asset_key.to_user_string() if event.asset_key else step
            self._line("+", f"{name}  ({now - self._since.get(step, now):.1f} s)")
            self._since[step] = now
        elif kind == dg.DagsterEventType.STEP_SUCCESS and self._of_step[step] != 1:  # else its asset says it all
            self._line(".", f"step {step}  ({dagster_events.step_seconds(event):.1f} s)")
        elif kind == dg.DagsterEventType.STEP_UP_FOR_RETRY:
            self._line("~", f"step {step} failed and will be retried: {dagster_events.error_message(event)}")
        elif kind == dg.DagsterEventType.STEP_FAILURE:
            self._failures += 1
            self._line("!", f"step {step} failed: {dagster_events.error_message(event)}")
        elif kind == dg.DagsterEventType.RUN_FAILURE and not self._failures:
            self._line("!", f"the run failed: {dagster_events.error_message(event) or event.message}")
        elif kind == dg.DagsterEventType.RUN_SUCCESS:
            self._succeeded = True

    def finish(self) -> bool:
        """Sum up, and say whether the run succeeded."""
        outcome = "succeeded" if self._succeeded else "failed"
        self._line("=", f"the run {outcome}: {counted(self._assets, 'asset')} materialized")
        return self._succeeded

    def _line(self, mark: str, text: str) -> None:
        self._echo(f"{click.style(mark, _COLOURS.get(mark))} {time.perf_counter() - self._started:7.1f} s  {text}")
