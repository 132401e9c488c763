"""The two views of a project's nodes: assets made by clusters, and one op per node for a job that asks for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import dagster as dg
from attrs import field, frozen

from kedro_assets._internals import dagster_jobs
from kedro_assets.assets import AssetTable
from kedro_assets.errors import SelectionError
from kedro_assets.graph import Cluster, ProjectGraph, RunPlan, Vertex, early_reads, plan_run
from kedro_assets.project import DEFAULT_PIPELINE


@frozen
class View:
    """Nodes as Dagster shows them.

    Attributes:
        table: The assets, and the nodes and datasets behind them.
        ops: The cluster behind each op, by the op's name, for a job of ops; none where nodes make assets.
    """

    table: AssetTable
    ops: Mapping[str, Cluster] = field(factory=dict)

    @property
    def graph(self) -> ProjectGraph:
        """The nodes and their datasets."""
        return self.table.graph

    def plan(
        self,
        run: dg.DagsterRun | None,
        job: dg.JobDefinition,
        kept: Collection[str] = (),
        only: Collection[dg.AssetKey] | None = None,
    ) -> RunPlan:
        """Plan what each step of a run does; every process of the run comes to the same plan.

        Args:
            run: The run; None for any that runs all of the job.
            job: Its job.
            kept: Nodes that are not run again, as an earlier run has saved what they make.
            only: The assets that the run makes of those that are selected; None for all. A step that makes none has no plan.
        """
        steps = {
            step: (cluster, selected)
            for step, cluster, selected in (self._ops_of(job) if self.ops else self._clusters_of(job, only))
            if run is None or run.step_keys_to_execute is None or step in run.step_keys_to_execute
        }
        read, made = (set[str](), set[str]()) if self.ops else self._foreign(job)
        return plan_run(self.graph, steps, read, made, kept, lambda: dagster_jobs.steps_before(job))

    def check_order(self, plan: RunPlan, job: dg.JobDefinition) -> None:
        """Look whether everything is made before it is read.

        Args:
            plan: What the run does.
            job: Its job.

        Raises:
            SelectionError: If a step may read the old data of what another step makes, though nobody has selected it.
        """
        reads = early_reads(self.graph, plan, lambda: dagster_jobs.steps_before(job))
        if reads:
            names = dict.fromkeys(read.dataset for read in reads)
            shown = " and ".join(f"'{self.table.by_vertex['dataset', name].key.to_user_string()}'" for name in names)
            msg = (
                f"Node '{reads[0].reader}' may read '{reads[0].dataset}' before node '{reads[0].maker}' of the same run has "
                f"made it anew: Dagster lets a step wait only for what is selected. Select {shown}, too."
            )
            raise SelectionError(msg)

    def pipeline_around(self, plan: RunPlan) -> str | None:
        """Return the smallest registered pipeline that holds all nodes of a run; None if it is `__default__` or there is none.

        For `__default__` Kedro checks the parameters of all pipelines.
        """
        around = (name for name, nodes in self.graph.pipelines.items() if nodes.issuperset(plan.nodes))
        found = min(around, key=lambda name: len(self.graph.pipelines[name]), default=None)
        return found if found != DEFAULT_PIPELINE else None

    def _ops_of(self, job: dg.JobDefinition) -> Iterator[tuple[str, Cluster, list[Vertex]]]:
        for op in dagster_jobs.op_names(job):
            cluster = self.ops[op]
            yield op, cluster, self.graph.assets_of(cluster.nodes)

    def _clusters_of(
        self, job: dg.JobDefinition, only: Collection[dg.AssetKey] | None
    ) -> Iterator[tuple[str, Cluster, list[Vertex]]]:
        for step, keys in dagster_jobs.assets_by_step(job).items():
            made = keys if only is None else keys.intersection(only)
            selected = [asset for asset in self.table.of_keys(made) if asset.cluster]  # the rest is of other origin
            if selected and selected[0].cluster:
                yield step, selected[0].cluster, [asset.vertex for asset in selected]

    def _foreign(self, job: dg.JobDefinition) -> tuple[set[str], set[str]]:
        """Return the in-memory datasets that assets which are no Kedro nodes read, and those that they make."""
        memory = [asset for asset in self.table.assets if asset.in_memory]
        own = self.table.by_key.keys()
        read = {asset.name for asset in memory if dagster_jobs.readers(job, asset.key) - own}
        made = {asset.name for asset in memory if asset.cluster is None and dagster_jobs.is_made(job, asset.key)}
        return read, made
