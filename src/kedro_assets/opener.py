"""From a Dagster run to the open Kedro project behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

import dagster as dg
from attrs import field, frozen

from kedro_assets import _private
from kedro_assets.clusters import Cluster
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.memory_store import MemoryStore
from kedro_assets.plan import RunPlan, plan_run
from kedro_assets.project import DEFAULT_PIPELINE, ProjectLocation
from kedro_assets.run import SAVE_VERSION, KedroRun, OpenRuns, RunIdentity, kedro_timestamp


@frozen
class AssetIndex:
    """The two-way table of assets: what in Kedro is which asset key, and in which cluster it is made.

    Attributes:
        keys: Asset keys by dataset or node.
        vertices: Datasets or nodes by asset key.
        clusters: The cluster that makes an asset; external datasets have none.
    """

    keys: Mapping[Vertex, dg.AssetKey]
    vertices: Mapping[dg.AssetKey, Vertex]
    clusters: Mapping[Vertex, Cluster]


@frozen
class RunOpener:
    """Opens a project for the runs of one code location.

    Attributes:
        location: The project.
        graph: Its graph.
        index: Its assets.
        open_runs: What this process has open.
    """

    location: ProjectLocation
    graph: ProjectGraph
    index: AssetIndex
    open_runs: OpenRuns = field(factory=OpenRuns)

    def for_run(self, run: dg.DagsterRun, job: dg.JobDefinition, instance: dg.DagsterInstance) -> KedroRun:
        """Give the open project of a run; the first call in a process opens it, and its context hooks fire."""

        def open_run() -> KedroRun:
            plan, earlier = self.plan(run, job), _continued(run, instance)
            identity = RunIdentity.of(run, job, instance, self._saved_versions(earlier, plan, instance))
            store = MemoryStore(self._memory_folder(instance), run.run_id, earlier)
            return KedroRun.open(self.location, identity, plan, store, self._pipeline_around(plan))

        return self.open_runs.get(run.run_id, open_run)

    def for_io(self, context: dg.InputContext | dg.OutputContext) -> KedroRun:
        """Give the open project for what Dagster loads or saves; outside a run it is opened for this one use."""
        try:
            step = context.step_context
        except dg.DagsterInvariantViolationError:
            identity = RunIdentity("", kedro_timestamp(datetime.now(tz=timezone.utc)))
            store = MemoryStore(self._memory_folder(_instance_of(context)), "")
            return KedroRun.open(self.location, identity, plan_run(self.graph, {}), store)
        return self.for_run(step.dagster_run, step.job_def, step.instance)

    def plan(self, run: dg.DagsterRun, job: dg.JobDefinition) -> RunPlan:
        """Plan what each step of a run does; every process of the run comes to the same plan."""
        steps = {}
        for step, keys in _private.assets_by_step(job).items():
            vertices = (self.index.vertices[key] for key in keys if key in self.index.vertices)
            selected = [vertex for vertex in vertices if vertex in self.index.clusters]  # the rest is of other origin
            chosen = run.step_keys_to_execute is None or step in run.step_keys_to_execute
            if selected and chosen:
                steps[step] = (self.index.clusters[selected[0]], selected)
        read, made = self._foreign(job)
        return plan_run(self.graph, steps, read, made)

    def tidy_up(self, run: KedroRun, instance: dg.DagsterInstance) -> None:
        """Delete the in-memory data that nobody needs after this run: that of earlier runs which it has replaced.

        What a failed run has made stays: running it again from its failure needs it. What was handed back for this
        run's own hooks goes at once.
        """
        handed_out = frozenset().union(*(step.handed_out for step in run.plan.steps.values()))
        for dataset in run.plan.memory_outputs - handed_out:
            run.memory_store.forget(dataset, run.identity.dagster_run_id)
        for dataset in handed_out:
            for earlier in run.memory_store.other_runs(dataset):
                record = instance.get_run_by_id(earlier)
                if record is None or record.status == dg.DagsterRunStatus.SUCCESS:
                    run.memory_store.forget(dataset, earlier)

    def _pipeline_around(self, plan: RunPlan) -> str | None:
        """Name the smallest registered pipeline that holds all nodes of a run; None if it is `__default__` or there is none.

        For `__default__` Kedro checks the parameters of all pipelines.
        """
        running = {node.name for node in plan.pipeline.nodes}
        around = (name for name, nodes in self.graph.pipelines.items() if running.issubset(nodes))
        found = min(around, key=lambda name: len(self.graph.pipelines[name]), default=None)
        return found if found != DEFAULT_PIPELINE else None

    def _saved_versions(self, runs: Sequence[str], plan: RunPlan, instance: dg.DagsterInstance) -> Mapping[str, str]:
        """Give the versions that earlier runs have saved of what this run reads and does not write itself.

        Args:
            runs: The runs that this one continues, nearest first.
            plan: What this run does.
            instance: Where they are recorded.
        """
        versions: dict[str, str] = {}
        for run_id in runs:
            for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
                saved = entry.asset_materialization
                version = saved.metadata.get(SAVE_VERSION) if saved else None
                kind, name = self.index.vertices.get(saved.asset_key, ("", "")) if saved else ("", "")
                if version is None or kind != "dataset":
                    continue
                entries = (entry.name for entry in self.graph.entries[name] if entry.versioned)
                for variant in plan.inputs.intersection(entries):
                    versions.setdefault(variant, str(version.value))
        return versions

    def _foreign(self, job: dg.JobDefinition) -> tuple[set[str], set[str]]:
        """Give the in-memory datasets that assets which are no Kedro nodes read, and those that they make."""
        memory = [
            name for name in self.graph.datasets if self.graph.in_memory(name) and ("dataset", name) in self.index.keys
        ]
        keys = {name: self.index.keys["dataset", name] for name in memory}
        read = {name for name, key in keys.items() if _private.readers(job, key) - self.index.vertices.keys()}
        made = {
            name
            for name, key in keys.items()
            if ("dataset", name) not in self.index.clusters and _private.is_made(job, key)
        }
        return read, made

    def _memory_folder(self, instance: dg.DagsterInstance) -> Path:
        """Give the folder for the pickles of this project in this environment."""
        place = f"{self.location.path}\n{self.location.env}\n{self.location.conf_source}"
        digest = hashlib.sha256(place.encode()).hexdigest()[:8]
        return Path(instance.storage_directory()) / "kedro_assets" / f"{self.location.path.name}-{digest}"


def _continued(run: dg.DagsterRun, instance: dg.DagsterInstance) -> tuple[str, ...]:
    """Give the runs that a re-execution continues, nearest first."""
    found: dict[str, None] = {}
    parent = run.parent_run_id
    while parent and parent not in found:
        found[parent] = None
        record = instance.get_run_by_id(parent)
        parent = record.parent_run_id if record else run.root_run_id
    return tuple(found)


def _instance_of(context: dg.InputContext | dg.OutputContext) -> dg.DagsterInstance:
    """Give the instance outside a run, an empty one if there is none."""
    if isinstance(context, dg.InputContext):
        try:
            return context.instance
        except dg.DagsterInvariantViolationError:
            pass
    return dg.DagsterInstance.ephemeral()
