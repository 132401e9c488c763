"""A Kedro project in one code location: what its runs, its steps and its IO managers find in their resources."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

import dagster as dg
from attrs import field, frozen

from kedro_assets._internals import dagster_contexts, dagster_instance
from kedro_assets.assets import AssetTable
from kedro_assets.config import PipelineFilter
from kedro_assets.errors import PartitionError
from kedro_assets.graph import RunPlan, nodes_left, plan_run
from kedro_assets.partitions import (
    PARTITION_TAG,
    RANGE_TAGS,
    check_given,
    has_partition,
    partition_of,
    runtime_params,
    with_placeholders,
)
from kedro_assets.project import Project, ProjectLocation, ReadFiles
from kedro_assets.runtime.handover import MemoryStore
from kedro_assets.runtime.identity import SAVE_VERSION, RunIdentity, RunTags, kedro_timestamp, run_config_of
from kedro_assets.runtime.io_manager import DatasetIOManager
from kedro_assets.runtime.kedro_run import KedroRun, OpenRuns
from kedro_assets.runtime.parameters import FIELD
from kedro_assets.runtime.pipeline_hooks import PipelineHooks
from kedro_assets.runtime.placeholders import check_filled
from kedro_assets.runtime.resume import made_by, run_resumed, unchanged
from kedro_assets.runtime.retries import Retries
from kedro_assets.runtime.session_run import read_filter, session_run
from kedro_assets.runtime.view import View


@frozen(slots=False, eq=False)
class KedroProject:
    """Opens a project for the runs of one code location.

    Attributes:
        resource_key: The key of its resource in Dagster.
        project: What was read of it.
        assets: Its nodes as assets.
        ops: Its nodes as ops, by the name of the job that shows them so.
        filters: The Kedro filter of every job that has one, by the job's name in Dagster.
        retries: How often its nodes are tried again.
        files: What a worker that lives on has read it from; None in a process that serves one run.
        open_runs: What this process has open.
        stale_jobs: The names in Dagster of its jobs that make only what is not up to date.
    """

    resource_key: str
    project: Project
    assets: View
    ops: Mapping[str, View] = field(factory=dict)
    filters: Mapping[str, PipelineFilter] = field(factory=dict)
    retries: Retries = field(factory=Retries)
    files: ReadFiles | None = None
    open_runs: OpenRuns = field(factory=OpenRuns)
    stale_jobs: Collection[str] = ()

    @property
    def location(self) -> ProjectLocation:
        """Where it is."""
        return self.project.location

    @property
    def table(self) -> AssetTable:
        """Its assets."""
        return self.assets.table

    @property
    def tags(self) -> RunTags:
        """The tags of its runs."""
        return RunTags(self.resource_key)

    @cached_property
    def io_managers(self) -> Mapping[str, DatasetIOManager]:
        """The IO manager of every dataset, by the dataset's name."""
        return {name: DatasetIOManager(access, self.for_io) for name, access in self.table.access.items()}

    def enter(self) -> None:
        """Make this the project of the process, which is no work if no other was opened since."""
        self.location.reopen(self.project.package_name)

    def entered(self) -> AbstractContextManager[None]:
        """Keep this the project of the process while something is done, as other threads may open others."""
        return self.location.opened(self.project.package_name)

    def for_run(self, run: dg.DagsterRun, job: dg.JobDefinition, instance: dg.DagsterInstance) -> KedroRun:
        """Return the open project of a run; the first call in a process opens it, and its context hooks fire.

        It is the project of the process from now on.

        Raises:
            PartitionError: If the run makes something that is partitioned, and no partition of it.
            ProjectError: If this is a worker that lives on, and the project has changed since it was loaded.
        """

        def open_run() -> KedroRun:
            if self.files is not None:
                self.files.check()
            view, earlier = self.view(job.name), _continued(run, instance)
            identity = RunIdentity.of(run, job, instance, self.resource_key)
            plan = view.plan(run, job, identity.kept, identity.stale)
            view.check_order(plan, job)
            partition = runtime_params(run.tags, self._definition(run, plan))
            if has_partition(run.tags):
                check_given(identity.runtime_params, partition)
            identity = identity.with_partition({**self._with_placeholders(identity.runtime_params), **partition})
            identity = identity.with_saved(_saved_versions(view, earlier, plan, instance))
            store = self._memory_store(instance, run.run_id, partition_of(run.tags), earlier)
            opened = KedroRun.open(self.project, identity, plan, store, view.pipeline_around(plan))
            self._check_filled(opened, run, job)
            return opened

        self.enter()
        return self.open_runs.get(run.run_id, open_run)

    def pipeline_hooks(
        self, opened: KedroRun, run: dg.DagsterRun, job: dg.JobDefinition, executor: str
    ) -> PipelineHooks:
        """Return what fires the pipeline hooks of a run.

        Args:
            opened: The open project of the run.
            run: The run.
            job: Its job.
            executor: The name of its executor.
        """
        of_job = self.filters.get(job.name)
        asked = [*read_filter(run.tags.get(self.tags.filter)), *([of_job] if of_job else [])]
        view = self.view(job.name)
        meant = session_run(view.graph, self.project.pipelines, opened.plan, asked, view.pipeline_around(opened.plan))
        return PipelineHooks(opened, meant, executor)

    def for_io(self, context: dg.InputContext | dg.OutputContext) -> KedroRun:
        """Return the open project for what Dagster loads or saves; outside a run it is opened for this one use."""
        current = dagster_contexts.run_in_progress(context)
        if current is None:
            params = {**self._with_placeholders({}), **self.params_of(context)}
            identity = RunIdentity("", kedro_timestamp(datetime.now(tz=timezone.utc)), runtime_params=params)
            partition = context.partition_key if context.has_partition_key else ""
            store = self._memory_store(dagster_contexts.instance_outside_run(context), "", partition)
            self.enter()
            return KedroRun.open(self.project, identity, plan_run(self.table.graph, {}), store)
        return self.for_run(current.run, current.job, current.instance)

    def view(self, job: str) -> View:
        """Return the view that a job has of the project's nodes."""
        return self.ops.get(job, self.assets)

    def leaves_out(self, job: dg.JobDefinition) -> bool:
        """Whether the runs of a job leave out what is up to date."""
        return job.name in self.stale_jobs

    def plan(self, run: dg.DagsterRun, job: dg.JobDefinition, only: Collection[dg.AssetKey] | None = None) -> RunPlan:
        """Plan what each step of a run does; every process of the run comes to the same plan.

        Args:
            run: The run.
            job: Its job.
            only: The assets that it makes of those that are selected; None for all.
        """
        return self.view(job.name).plan(run, job, only=only)

    def goes_on_with(self, run: dg.DagsterRun, instance: dg.DagsterInstance) -> str | None:
        """Return the failed run of which a run need not make again what it has made; None if there is none."""
        return run_resumed(run, instance) if self.project.config.assets.resume else None

    def kept_nodes(
        self, failed: str, run: dg.DagsterRun, job: dg.JobDefinition, instance: dg.DagsterInstance
    ) -> list[str]:
        """Return the nodes that a run need not run again, as the failed run that it goes on with has made what they make.

        What that one has saved can be overwritten at any time, so the run's own process asks once, and writes it down.
        """
        view, found = self.view(job.name), list[str]()
        for step in view.plan(run, job).steps.values():
            left = self.nodes_left(failed, step.nodes, view, run, instance)
            found += [node for node in step.nodes if node not in left]
        return found

    def nodes_changed(
        self, keys: Collection[str], nodes: Sequence[str], view: View, run: dg.DagsterRun, instance: dg.DagsterInstance
    ) -> list[str]:
        """Return those of a step's nodes that are to run though what some assets are made from may have come out the same.

        Args:
            keys: The keys of these assets, as text.
            nodes: The step's nodes.
            view: How the run sees them.
            run: The run.
            instance: Where it is recorded.
        """
        same = unchanged(keys, view.table.made_by(nodes), view.table, run, instance)
        return nodes_left(view.graph, nodes, same)

    def nodes_left(
        self, maker: str, nodes: Sequence[str], view: View, run: dg.DagsterRun, instance: dg.DagsterInstance
    ) -> list[str]:
        """Return those of a step's nodes that are to run though another run, or an earlier try, has made something of it.

        Args:
            maker: The run that has made it.
            nodes: The step's nodes.
            view: How the run sees them.
            run: The run that asks.
            instance: Where runs are recorded.
        """
        made = made_by(maker, view.table.made_by(nodes), view.table, run, instance)
        return nodes_left(view.graph, nodes, made)

    def _definition(self, run: dg.DagsterRun, plan: RunPlan) -> dg.PartitionsDefinition[Any] | None:
        """Return how what a run makes, or only checks, is partitioned; None if it is not."""
        partitioned = self.table.partitions.nodes
        node = next((node for node in plan.nodes if node in partitioned), None)
        if node is None:
            looked_at = self.table.of_keys([check.asset_key for check in run.asset_check_selection or ()])
            return next((asset.partitioning.definition for asset in looked_at if asset.partitioning), None)
        if not has_partition(run.tags):
            msg = (
                f"The data that node '{plan.nodes[node].name}' makes is partitioned, but this run was started without a "
                "partition. Choose one in the UI or with `kedro assets run --partition`, or let a schedule choose it."
            )
            raise PartitionError(msg)
        return partitioned[node].definition

    def _with_placeholders(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Add the runtime parameters of partitions without which the configuration cannot be read."""
        return with_placeholders(given, self.project.runtime_params)

    def _check_filled(self, opened: KedroRun, run: dg.DagsterRun, job: dg.JobDefinition) -> None:
        """Look before the first step whether the run has what its datasets and parameters ask for of a partition.

        Steps that run once for each of several partitions have the key then.

        Raises:
            PartitionError: If it does not.
        """
        plan, partitions = opened.plan, self.view(job.name).table.partitions
        if not opened.identity.unfilled:
            return
        config = run_config_of(run, job).get("ops", {})
        for key, step in plan.steps.items():
            in_turn = RANGE_TAGS[0] in run.tags and not partitions.nodes.keys().isdisjoint(step.nodes)
            if not (in_turn and partitions.one_by_one(step.nodes)):
                given = config.get(key, {}).get("config", {}).get(FIELD, {})
                check_filled(opened, [plan.nodes[name] for name in step.nodes], given)

    @staticmethod
    def params_of(context: dg.InputContext | dg.OutputContext) -> Mapping[str, Any]:
        """Return the runtime parameters of the one partition that Dagster loads or saves; none if it is not one."""
        if not context.has_asset_partitions or len(context.asset_partition_keys) != 1:
            return {}
        [key] = context.asset_partition_keys
        return runtime_params({PARTITION_TAG: key}, context.asset_partitions_def)

    def _memory_store(
        self, instance: dg.DagsterInstance, run_id: str, partition: str, earlier: Sequence[str] = ()
    ) -> MemoryStore:
        """Return the place for the in-memory data of this project in this environment, under this key prefix."""
        place = f"{self.location.path}\n{self.location.env}\n{self.location.conf_source}\n{self.resource_key}"
        digest = hashlib.sha256(place.encode()).hexdigest()[:8]
        folder = dagster_instance.storage_folder(instance) / "kedro_assets" / f"{self.location.path.name[:80]}-{digest}"
        partitions, graph = self.table.partitions, self.table.graph
        partitioned = {name for name in graph.datasets if partitions.of_dataset(name)}
        return MemoryStore(folder, run_id, earlier, partition, partitioned)


def is_needed(run_id: str, instance: dg.DagsterInstance) -> bool:
    """Whether a run may be continued by another: it is there, and has not succeeded."""
    record = instance.get_run_by_id(run_id)
    return record is not None and record.status != dg.DagsterRunStatus.SUCCESS


def _saved_versions(view: View, runs: Sequence[str], plan: RunPlan, instance: dg.DagsterInstance) -> Mapping[str, str]:
    """Return the versions that earlier runs have saved of what this run reads and does not write itself.

    Args:
        view: How the run sees the project.
        runs: The runs that this one continues, nearest first.
        plan: What this run does.
        instance: Where they are recorded.
    """
    versions: dict[str, str] = {}
    for run_id in runs:
        for saved in dagster_instance.materializations(instance, run_id):
            version, asset = saved.metadata.get(SAVE_VERSION), view.table.by_key.get(saved.asset_key)
            if version is None or asset is None or not asset.is_dataset:
                continue
            variants = (variant.name for variant in view.graph.entries[asset.name] if variant.versioned)
            for variant in plan.inputs.intersection(variants):
                versions.setdefault(variant, str(version.value))
    return versions


def _continued(run: dg.DagsterRun, instance: dg.DagsterInstance) -> tuple[str, ...]:
    """Return the runs that a re-execution continues, nearest first."""
    found: dict[str, None] = {}
    parent = run.parent_run_id
    while parent and parent not in found:
        found[parent] = None
        record = instance.get_run_by_id(parent)
        parent = record.parent_run_id if record else run.root_run_id
    return tuple(found)
