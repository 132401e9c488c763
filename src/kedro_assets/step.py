"""What a cluster's step does when Dagster runs it."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
from collections.abc import Iterator, Mapping
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
from kedro_assets.run import SAVE_VERSION, KedroRun


@frozen
class ClusterStep:
    """The step of one cluster.

    Attributes:
        cluster: Its nodes.
        opener: Opens the project for a run.
        io_managers: The IO manager of every dataset.
        values: The project's parameters, by the names that nodes use.
    """

    cluster: Cluster
    opener: RunOpener
    io_managers: Mapping[str, DatasetIOManager]
    values: Mapping[str, Any]

    def materialize(self, context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        """Run the nodes that the selected assets need, and report every dataset once it is saved."""
        with captured_logs(context.log, context.instance.managed_python_loggers) as capture:
            run = self.opener.for_run(context.run, context.job_def, context.instance)
            capture.renew(run.redactor)
            join_run(run.identity.mlflow_run_id)
            with run.redacted():
                yield from self._materialize(context, run)

    def _materialize(self, context: dg.AssetExecutionContext, run: KedroRun) -> Iterator[dg.MaterializeResult[Any]]:
        operation = context.op_execution_context
        step = str(operation.op_handle)
        parameters = changed_parameters(operation.op_config, self.values)
        run_metadata: dict[str, Any] = {"kedro/run_id": run.identity.kedro_run_id, **run_link()}
        try:
            for node, saved in run_step(
                run, run.plan.steps[step], self.opener.graph.nodes, self.io_managers, parameters
            ):
                vertex: Vertex = ("dataset", base_name(saved)) if saved else ("node", node.name)
                key = self.opener.index.keys.get(vertex)
                metadata = dict(run_metadata)
                if saved in run.plan.versioned:
                    metadata[SAVE_VERSION] = run.identity.kedro_run_id
                if saved and not run.own_process:
                    run.hand_back(saved)
                if key in context.selected_asset_keys:
                    yield dg.MaterializeResult(asset_key=key, metadata=metadata)
                elif key is not None:  # made because its node ran, though nobody selected it
                    context.log_event(dg.AssetMaterialization(key, metadata=metadata))
        except Exception as error:
            run.errors[step] = error
            raise
