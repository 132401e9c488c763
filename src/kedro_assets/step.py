"""What a step does when Dagster runs it: a cluster's, which makes assets, or that of an op, which is one node."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets.clusters import Cluster
from kedro_assets.execute import run_step
from kedro_assets.graph import Vertex
from kedro_assets.io_managers import DatasetIOManager
from kedro_assets.logs import captured_logs
from kedro_assets.mlflow_run import join_run, run_link
from kedro_assets.names import base_name
from kedro_assets.opener import RunOpener
from kedro_assets.parameters import changed_parameters
from kedro_assets.partition_keys import has_partition
from kedro_assets.run import SAVE_VERSION, KedroRun
from kedro_assets.view import View


@frozen
class KedroStep:
    """The step of some nodes.

    Attributes:
        cluster: The nodes.
        view: The nodes around them, and the assets.
        opener: Opens the project for a run.
        io_managers: The IO manager of every dataset.
        values: The project's parameters, by the names that nodes use.
    """

    cluster: Cluster
    view: View
    opener: RunOpener
    io_managers: Mapping[str, DatasetIOManager]
    values: Mapping[str, Any]

    def materialize(
        self, context: dg.AssetExecutionContext, _inputs: Mapping[str, None]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Run the nodes that the selected assets need, and report every dataset once it is saved."""
        keys = self._keys(context)
        for vertex, metadata in self._saved(context.op_execution_context, keys):
            key = self.view.index.keys.get(vertex)
            if key in context.selected_asset_keys:
                yield dg.MaterializeResult(asset_key=key, metadata=metadata)
            elif key is not None:  # made because its node ran, though nobody selected it
                for partition in keys.get(vertex, [None]):
                    context.log_event(dg.AssetMaterialization(key, metadata=metadata, partition=partition))

    def execute(self, context: dg.OpExecutionContext) -> Iterator[dg.AssetMaterialization | dg.Output[None]]:
        """Run one node, and give every output once it is saved, with the materialization of its asset."""
        made = self.view.graph.assets_of(self.cluster.nodes)
        outputs = dict(zip(made, context.op_def.output_dict, strict=False))  # a node without any has one if others wait
        for vertex, metadata in self._saved(context, {}):
            kind, name = vertex
            key = self.view.index.keys.get(vertex)
            hidden = (
                kind == "dataset" and self.view.graph.in_memory(name) and vertex not in self.opener.assets.index.keys
            )
            if key is not None and not hidden:
                yield dg.AssetMaterialization(key, metadata=metadata)
            if vertex in outputs:
                yield dg.Output(None, outputs[vertex])

    def _keys(self, context: dg.AssetExecutionContext) -> Mapping[Vertex, Sequence[str]]:
        """Give the partitions that the step reads and makes."""
        found: dict[Vertex, Sequence[str]] = {}
        partitioned, op_context = self.opener.partitions, context.op_execution_context
        if ("node", self.cluster.nodes[0]) in partitioned and has_partition(context.run.tags):
            found.update(dict.fromkeys(self.view.graph.assets_of(self.cluster.nodes), op_context.partition_keys))
        for port, key in context.assets_def.keys_by_input_name.items():
            vertex = self.view.index.vertices.get(key)
            if vertex is not None and vertex in partitioned and vertex not in found:
                found[vertex] = op_context.asset_partition_keys_for_input(port)
        return found

    def _saved(
        self, context: dg.OpExecutionContext, keys: Mapping[Vertex, Sequence[str]]
    ) -> Iterator[tuple[Vertex, dict[str, Any]]]:
        """Run the step's nodes; give each dataset once it is saved, each node without outputs once it has run."""
        with captured_logs(context.log, context.instance.managed_python_loggers) as capture:
            run = self.opener.for_run(context.run, context.job_def, context.instance)
            capture.renew(run.redactor)
            join_run(run.identity.mlflow_run_id)
            step = str(context.op_handle)
            by_dataset = {name: found for (kind, name), found in keys.items() if kind == "dataset"}
            try:
                yield from self._run_nodes(run, step, changed_parameters(context.op_config, self.values), by_dataset)
            except Exception as error:
                run.errors[step] = error
                run.redactor.error(error)
                raise

    def _run_nodes(
        self, run: KedroRun, step: str, parameters: Mapping[str, Any], keys: Mapping[str, Sequence[str]]
    ) -> Iterator[tuple[Vertex, dict[str, Any]]]:
        run_metadata: dict[str, Any] = {"kedro/run_id": run.identity.kedro_run_id, **run_link()}
        plan = run.plan.steps[step]
        for node, saved in run_step(run, plan, self.view.graph.nodes, self.io_managers, parameters, keys):
            if saved is None:
                yield ("node", node.name), run_metadata
                continue
            if not run.own_process:
                run.hand_back(saved)
            version = {SAVE_VERSION: run.identity.kedro_run_id} if saved in run.plan.versioned else {}
            yield ("dataset", base_name(saved)), run_metadata | version
