"""The two views of a project's nodes: assets made by clusters, and one op per node for a job that asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
from attrs import field, frozen

from kedro_assets import _private
from kedro_assets.clusters import Cluster
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.plan import RunPlan, plan_run
from kedro_assets.project import DEFAULT_PIPELINE


@frozen
class AssetIndex:
    """The two-way table of assets: what in Kedro is which asset key, and in which cluster it is made.

    Attributes:
        keys: Asset keys by dataset or node.
        vertices: Datasets or nodes by asset key.
        clusters: The cluster that makes an asset; external datasets have none.
        checks: The checks of validators by the names of datasets in the catalog.
    """

    keys: Mapping[Vertex, dg.AssetKey]
    vertices: Mapping[dg.AssetKey, Vertex]
    clusters: Mapping[Vertex, Cluster]
    checks: Mapping[str, dg.AssetCheckSpec] = field(factory=dict)


def build_index(
    specs: Mapping[Vertex, dg.AssetSpec],
    graph: ProjectGraph,
    clusters: Sequence[Cluster],
    checks: Mapping[str, dg.AssetCheckSpec] | None = None,
) -> AssetIndex:
    """Build the two-way table of assets."""
    return AssetIndex(
        keys={vertex: spec.key for vertex, spec in specs.items()},
        vertices={spec.key: vertex for vertex, spec in specs.items()},
        clusters={vertex: cluster for cluster in clusters for vertex in graph.assets_of(cluster.nodes)},
        checks=checks or {},
    )


@frozen
class View:
    """Nodes as Dagster shows them.

    Attributes:
        graph: The nodes and their datasets.
        index: The assets.
        ops: The cluster behind each op, by the op's name, for a job of ops; none where nodes make assets.
    """

    graph: ProjectGraph
    index: AssetIndex
    ops: Mapping[str, Cluster] = field(factory=dict)

    def plan(self, run: dg.DagsterRun, job: dg.JobDefinition) -> RunPlan:
        """Plan what each step of a run does; every process of the run comes to the same plan."""
        steps = {
            step: (cluster, selected)
            for step, cluster, selected in (self._ops_of(job) if self.ops else self._clusters_of(job))
            if run.step_keys_to_execute is None or step in run.step_keys_to_execute
        }
        read, made = (set[str](), set[str]()) if self.ops else self._foreign(job)
        return plan_run(self.graph, steps, read, made)

    def pipeline_around(self, plan: RunPlan) -> str | None:
        """Name the smallest registered pipeline that holds all nodes of a run; None if it is `__default__` or there is none.

        For `__default__` Kedro checks the parameters of all pipelines.
        """
        running = {node.name for node in plan.pipeline.nodes}
        around = (name for name, nodes in self.graph.pipelines.items() if running.issubset(nodes))
        found = min(around, key=lambda name: len(self.graph.pipelines[name]), default=None)
        return found if found != DEFAULT_PIPELINE else None

    def _ops_of(self, job: dg.JobDefinition) -> Iterator[tuple[str, Cluster, list[Vertex]]]:
        for op in job.nodes:
            cluster = self.ops[op.name]
            yield op.name, cluster, self.graph.assets_of(cluster.nodes)

    def _clusters_of(self, job: dg.JobDefinition) -> Iterator[tuple[str, Cluster, list[Vertex]]]:
        for step, keys in _private.assets_by_step(job).items():
            vertices = (self.index.vertices[key] for key in keys if key in self.index.vertices)
            selected = [vertex for vertex in vertices if vertex in self.index.clusters]  # the rest is of other origin
            if selected:
                yield step, self.index.clusters[selected[0]], selected

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
