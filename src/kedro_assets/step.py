"""What a step does when Dagster runs it: a cluster's, which makes assets, or that of an op, which is one node."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets.checks import check_evaluation, check_result
from kedro_assets.clusters import Cluster
from kedro_assets.execute import run_step
from kedro_assets.graph import Vertex
from kedro_assets.io_managers import DatasetIOManager
from kedro_assets.logs import captured_logs
from kedro_assets.mlflow_run import join_run, run_link
from kedro_assets.names import base_name
from kedro_assets.notes import StepNotes
from kedro_assets.opener import RunOpener
from kedro_assets.parameters import changed_parameters
from kedro_assets.partition_keys import has_partition
from kedro_assets.run import SAVE_VERSION, KedroRun
from kedro_assets.validation import Validation
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
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult | dg.AssetCheckEvaluation]:
        """Run the nodes that the selected assets need, and report every dataset once it is saved.

        A selected check of a dataset that no node makes here looks at what is stored. Every run gives new data: that of a
        node can depend on more than its code and what it reads of other assets, so Dagster must not take the same code
        for the same data.
        """
        checks, keys = set(context.selected_asset_check_keys), self._keys(context)
        data_version = dg.DataVersion(context.run.run_id)
        for found in self._found(context.op_execution_context, frozenset(checks), keys):
            if isinstance(found, Validation):
                yield from self._check_events(found, checks)
                continue
            vertex, metadata = found
            key = self.view.index.keys.get(vertex)
            if key in context.selected_asset_keys:
                yield dg.MaterializeResult(asset_key=key, metadata=metadata, data_version=data_version)
            elif key is not None:  # made because its node ran, though nobody selected it
                for partition in keys.get(vertex[1], [None]):
                    context.log_event(dg.AssetMaterialization(key, metadata=metadata, partition=partition))

    def validate(
        self, context: dg.AssetCheckExecutionContext
    ) -> Iterator[dg.AssetCheckResult | dg.AssetCheckEvaluation]:
        """Look at what is stored of a dataset that no node writes."""
        checks = set(context.selected_asset_check_keys)
        for found in self._found(context.op_execution_context, frozenset(checks)):
            if isinstance(found, Validation):
                yield from self._check_events(found, checks)

    def execute(
        self, context: dg.OpExecutionContext
    ) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation | dg.Output[None]]:
        """Run one node, and give every output once it is saved, with the materialization of its asset."""
        outputs = dict(zip(self.view.graph.outputs(self.cluster.name), context.op_def.output_dict, strict=True))
        checks = self.opener.assets.index.checks
        for found in self._found(context):
            if isinstance(found, Validation):
                if found.dataset in checks:
                    yield check_evaluation(checks[found.dataset], found)
                continue
            vertex, metadata = found
            kind, name = vertex
            key = self.view.index.keys.get(vertex)
            hidden = (
                kind == "dataset" and self.view.graph.in_memory(name) and vertex not in self.opener.assets.index.keys
            )
            if key is not None and not hidden:
                yield dg.AssetMaterialization(key, metadata=metadata)
            if kind == "dataset":
                yield dg.Output(None, outputs[name])

    def _keys(self, context: dg.AssetExecutionContext) -> Mapping[str, Sequence[str]]:
        """Give the partitions that the step reads and makes, by dataset, or by node where it writes none."""
        found: dict[str, Sequence[str]] = {}
        partitioned, op_context = self.opener.partitions, context.op_execution_context
        if ("node", self.cluster.nodes[0]) in partitioned and has_partition(context.run.tags):
            made = self.view.graph.assets_of(self.cluster.nodes)
            found.update(dict.fromkeys((name for _, name in made), op_context.partition_keys))
        for port, key in context.assets_def.keys_by_input_name.items():
            vertex = self.view.index.vertices.get(key)
            if vertex is not None and vertex in partitioned and vertex[1] not in found:
                found[vertex[1]] = op_context.asset_partition_keys_for_input(port)
        return found

    def _check_events(
        self, found: Validation, awaited: set[dg.AssetCheckKey]
    ) -> Iterator[dg.AssetCheckResult | dg.AssetCheckEvaluation]:
        """Report what a validator has found, if its dataset is an asset; Dagster takes one result for each check it awaits."""
        spec = self.opener.assets.index.checks.get(found.dataset)
        if spec is None:
            return
        if spec.key in awaited:
            awaited.discard(spec.key)
            yield check_result(spec, found)
        else:
            yield check_evaluation(spec, found)

    def _found(
        self,
        context: dg.OpExecutionContext,
        checks: Collection[dg.AssetCheckKey] = (),
        keys: Mapping[str, Sequence[str]] | None = None,
    ) -> Iterator[tuple[Vertex, dict[str, Any]] | Validation]:
        """Run the step's nodes; give each dataset once it is saved, each node without outputs once it has run.

        What validators find comes with it, and at last what they find in the stored datasets of other checks.
        """
        with captured_logs(context.log, context.instance.managed_python_loggers) as capture:
            run = self.opener.for_run(context.run, context.job_def, context.instance)
            capture.renew(run.redactor)
            join_run(run.identity.mlflow_run_id)
            step = str(context.op_handle)
            try:
                yield from self._run_nodes(run, step, changed_parameters(context.op_config, self.values), keys or {})
                yield from self._stored(run, step, checks)
            except Exception as error:
                run.errors[step] = error
                run.redactor.error(error)
                yield from self._validated(run)
                raise

    def _run_nodes(
        self, run: KedroRun, step: str, parameters: Mapping[str, Any], keys: Mapping[str, Sequence[str]]
    ) -> Iterator[tuple[Vertex, dict[str, Any]] | Validation]:
        plan = run.plan.steps.get(step)
        if plan is None:  # only checks are selected
            return
        run_metadata: dict[str, Any] = {"kedro/run_id": run.identity.kedro_run_id, **run_link()}
        graph, notes = (
            self.view.graph,
            StepNotes(self.view.graph.entries, run.catalog, run.identity.kedro_run_id, run.redactor),
        )
        for node, saved in run_step(run, plan, graph.nodes, self.io_managers, parameters, keys, notes):
            if saved is None:
                yield ("node", node.name), run_metadata
                continue
            if not run.own_process:
                run.hand_back(saved)
            version = {SAVE_VERSION: run.identity.kedro_run_id} if saved in run.plan.versioned else {}
            yield ("dataset", base_name(saved)), notes.metadata(saved) | run_metadata | version
            validation = run.validations.pop((saved, "save"), None)
            if validation is not None:
                yield validation
        yield from self._validated(run)

    def _validated(self, run: KedroRun) -> Iterator[Validation]:
        """Give what validators have found and nobody has told: on load, what was not already seen on save."""
        while run.validations:
            (name, mode), found = run.validations.popitem()
            producer = self.view.graph.producer(base_name(name)) if name not in run.plan.inputs else None
            saved_here = producer is not None and name in self.view.graph.nodes[producer].outputs
            if mode == "save" or found.error is not None or not saved_here or "save" not in found.spec.on:
                yield found

    def _stored(self, run: KedroRun, step: str, checks: Collection[dg.AssetCheckKey]) -> Iterator[Validation]:
        """Have validators look at stored data, for the checks of datasets that the step's nodes have not made."""
        plan = run.plan.steps.get(step)
        made = {name for node in (plan.nodes if plan else ()) for name in self.view.graph.outputs(node)}
        for name, spec in self.view.index.checks.items():
            if spec.key in checks and base_name(name) not in made:
                yield run.validate(name, in_memory=self.view.graph.in_memory(base_name(name)))
