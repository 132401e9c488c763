"""From a Dagster run to the open Kedro project behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import dagster as dg
from attrs import field, frozen

from kedro_assets.errors import PartitionError
from kedro_assets.graph import Vertex
from kedro_assets.logs import mask
from kedro_assets.memory_store import MemoryStore
from kedro_assets.partition_keys import PARTITION_TAG, has_partition, partition_of, runtime_params
from kedro_assets.plan import RunPlan, plan_run
from kedro_assets.project import CatalogEntry, ProjectLocation
from kedro_assets.run import SAVE_VERSION, KedroRun, OpenRuns, RunIdentity, kedro_timestamp
from kedro_assets.view import View


@frozen
class RunOpener:
    """Opens a project for the runs of one code location.

    Attributes:
        location: The project.
        package_name: The name of its Python package.
        assets: Its nodes as assets.
        ops: Its nodes as ops, by the name of the job that shows them so.
        partitions: How nodes and datasets are partitioned.
        asked: The runtime parameters that the configuration asks for without a default.
        observable: What the catalog has of the datasets that Dagster can observe, without credentials.
        open_runs: What this process has open.
    """

    location: ProjectLocation
    package_name: str
    assets: View
    ops: Mapping[str, View] = field(factory=dict)
    partitions: Mapping[Vertex, dg.PartitionsDefinition[Any]] = field(factory=dict)
    asked: Mapping[str, Any] = field(factory=dict)
    observable: Mapping[str, CatalogEntry] = field(factory=dict)
    open_runs: OpenRuns = field(factory=OpenRuns)

    def for_run(self, run: dg.DagsterRun, job: dg.JobDefinition, instance: dg.DagsterInstance) -> KedroRun:
        """Give the open project of a run; the first call in a process opens it, and its context hooks fire.

        Raises:
            PartitionError: If the run makes something that is partitioned, and no partition of it.
        """

        def open_run() -> KedroRun:
            view, earlier = self.view(job.name), _continued(run, instance)
            plan = view.plan(run, job)
            versions = _saved_versions(view, earlier, plan, instance)
            params = runtime_params(run.tags, self._partitions(run, plan), self.asked)
            identity = RunIdentity.of(run, job, instance, versions, params)
            store = self._memory_store(instance, run.run_id, partition_of(run.tags), earlier)
            self.location.reopen(self.package_name)
            return KedroRun.open(self.location, identity, plan, store, view.pipeline_around(plan), mask)

        return self.open_runs.get(run.run_id, open_run)

    def for_io(self, context: dg.InputContext | dg.OutputContext) -> KedroRun:
        """Give the open project for what Dagster loads or saves; outside a run it is opened for this one use."""
        try:
            step = context.step_context
        except dg.DagsterInvariantViolationError:
            params = self._partition_of(context)
            identity = RunIdentity("", kedro_timestamp(datetime.now(tz=timezone.utc)), runtime_params=params)
            partition = context.partition_key if context.has_partition_key else ""
            store = self._memory_store(_instance_of(context), "", partition)
            self.location.reopen(self.package_name)
            return KedroRun.open(self.location, identity, plan_run(self.assets.graph, {}), store)
        return self.for_run(step.dagster_run, step.job_def, step.instance)

    def view(self, job: str) -> View:
        """Give the view that a job has of the project's nodes."""
        return self.ops.get(job, self.assets)

    def plan(self, run: dg.DagsterRun, job: dg.JobDefinition) -> RunPlan:
        """Plan what each step of a run does; every process of the run comes to the same plan."""
        return self.view(job.name).plan(run, job)

    def _partitions(self, run: dg.DagsterRun, plan: RunPlan) -> dg.PartitionsDefinition[Any] | None:
        node = next((node.name for node in plan.pipeline.nodes if ("node", node.name) in self.partitions), None)
        if node is not None and not has_partition(run.tags):
            msg = (
                f"What node '{node}' makes is partitioned, and this run was started without a partition. Choose one: in the "
                "UI, with `kedro assets run --partition`, or in a schedule."
            )
            raise PartitionError(msg)
        return self.partitions["node", node] if node is not None else None

    def _partition_of(self, context: dg.InputContext | dg.OutputContext) -> Mapping[str, Any]:
        """Give the runtime parameters of the partition that is asked for outside a run."""
        has_key = context.has_partition_key
        tags = {PARTITION_TAG: context.partition_key} if has_key else {}
        return runtime_params(tags, context.asset_partitions_def if has_key else None, self.asked)

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

    def _memory_store(
        self, instance: dg.DagsterInstance, run_id: str, partition: str, earlier: Sequence[str] = ()
    ) -> MemoryStore:
        """Give the place for the in-memory data of this project in this environment."""
        place = f"{self.location.path}\n{self.location.env}\n{self.location.conf_source}"
        digest = hashlib.sha256(place.encode()).hexdigest()[:8]
        folder = Path(instance.storage_directory()) / "kedro_assets" / f"{self.location.path.name}-{digest}"
        partitioned = {name for kind, name in self.partitions if kind == "dataset"}
        return MemoryStore(folder, run_id, earlier, partition, partitioned)


def _saved_versions(view: View, runs: Sequence[str], plan: RunPlan, instance: dg.DagsterInstance) -> Mapping[str, str]:
    """Give the versions that earlier runs have saved of what this run reads and does not write itself.

    Args:
        view: How the run sees the project.
        runs: The runs that this one continues, nearest first.
        plan: What this run does.
        instance: Where they are recorded.
    """
    versions: dict[str, str] = {}
    for run_id in runs:
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
            saved = entry.asset_materialization
            version = saved.metadata.get(SAVE_VERSION) if saved else None
            kind, name = view.index.vertices.get(saved.asset_key, ("", "")) if saved else ("", "")
            if version is None or kind != "dataset":
                continue
            entries = (entry.name for entry in view.graph.entries[name] if entry.versioned)
            for variant in plan.inputs.intersection(entries):
                versions.setdefault(variant, str(version.value))
    return versions


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
