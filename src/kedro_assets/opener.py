"""From a Dagster run to the open Kedro project behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import dagster as dg
from attrs import field, frozen

from kedro_assets import _private
from kedro_assets.clusters import Cluster
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.memory_store import MemoryStore
from kedro_assets.plan import RunPlan, plan_run
from kedro_assets.project import ProjectLocation
from kedro_assets.run import KedroRun, OpenRuns, RunIdentity, kedro_timestamp


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
            earlier = dict.fromkeys(filter(None, (run.parent_run_id, run.root_run_id)))
            store = MemoryStore(self._memory_folder(instance), run.run_id, tuple(earlier))
            return KedroRun.open(self.location, RunIdentity.of(run, job, instance), self.plan(run, job), store)

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

    def forget_earlier(self, run: KedroRun, instance: dg.DagsterInstance) -> None:
        """Delete the in-memory data of earlier runs that this one has replaced.

        What a failed run has made stays: running it again from its failure needs it.
        """
        for dataset in frozenset().union(*(step.handed_out for step in run.plan.steps.values())):
            for earlier in run.memory_store.other_runs(dataset):
                record = instance.get_run_by_id(earlier)
                if record is None or record.status == dg.DagsterRunStatus.SUCCESS:
                    run.memory_store.forget(dataset, earlier)

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


def _instance_of(context: dg.InputContext | dg.OutputContext) -> dg.DagsterInstance:
    """Give the instance outside a run, an empty one if there is none."""
    if isinstance(context, dg.InputContext):
        try:
            return context.instance
        except dg.DagsterInvariantViolationError:
            pass
    return dg.DagsterInstance.ephemeral()
