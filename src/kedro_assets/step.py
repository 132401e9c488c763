"""What a step does when Dagster runs it: a cluster's, which makes assets, or that of an op, which is one node."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from attrs import field, frozen

from kedro_assets import _private
from kedro_assets.checks import check_evaluation, check_result
from kedro_assets.clusters import Cluster
from kedro_assets.errors import PartitionError
from kedro_assets.io_managers import DatasetIOManager
from kedro_assets.logs import captured_logs
from kedro_assets.mlflow_run import join_run
from kedro_assets.opener import RunOpener
from kedro_assets.parameters import changed_parameters
from kedro_assets.partition_keys import has_partition, shown
from kedro_assets.step_run import Saved, StepRun
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
        mappings: Which partitions the nodes read, by the partitioned datasets of other steps; None for Dagster's choice.
    """

    cluster: Cluster
    view: View
    opener: RunOpener
    io_managers: Mapping[str, DatasetIOManager]
    values: Mapping[str, Any]
    mappings: Mapping[str, dg.PartitionMapping | None] = field(factory=dict)

    def materialize(
        self, context: dg.AssetExecutionContext, _inputs: Mapping[str, None]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult | dg.AssetCheckEvaluation]:
        """Run the nodes that the selected assets need, and report every dataset once it is saved.

        A selected check of a dataset that no node makes here looks at what is stored. Every run gives new data: that of a
        node can depend on more than its code and what it reads of other assets, so Dagster must not take the same code
        for the same data.
        """
        checks, made = set(context.selected_asset_check_keys), self._made(context)
        data_version = dg.DataVersion(context.run.run_id)
        for found in self._found(context.op_execution_context, frozenset(checks), made):
            if isinstance(found, Validation):
                yield from self._check_events(found, checks, made)
                continue
            key = self.view.index.keys.get(found.vertex)
            if key in context.selected_asset_keys:
                yield dg.MaterializeResult(asset_key=key, metadata=found.metadata, data_version=data_version)
            elif key is not None:  # made because its node ran, though nobody selected it
                for partition in (*made,) or (None,):
                    context.log_event(dg.AssetMaterialization(key, metadata=found.metadata, partition=partition))

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
        made = self.view.graph.assets_of(self.cluster.nodes)
        outputs = dict(zip(made, context.op_def.output_dict, strict=False))  # a node without any has one if others wait
        checks = self.opener.assets.index.checks
        for found in self._found(context):
            if isinstance(found, Validation):
                if found.dataset in checks:
                    yield check_evaluation(checks[found.dataset], found)
                continue
            kind, name = found.vertex
            key = self.view.index.keys.get(found.vertex)
            in_memory = kind == "dataset" and self.view.graph.in_memory(name)
            if key is not None and not (in_memory and found.vertex not in self.opener.assets.index.keys):
                yield dg.AssetMaterialization(key, metadata=found.metadata)
            if found.vertex in outputs:
                yield dg.Output(None, outputs[found.vertex])

    def _made(self, context: dg.AssetExecutionContext) -> Sequence[str]:
        """Give the partitions that the step makes, which are the same of all its assets."""
        partitioned = ("node", self.cluster.nodes[0]) in self.opener.partitions and has_partition(context.run.tags)
        return context.op_execution_context.partition_keys if partitioned else ()

    def _keys(
        self, nodes: Sequence[str], made: Sequence[str], instance: dg.DagsterInstance
    ) -> Mapping[str, Sequence[str]]:
        """Give the partitions that nodes of the step read and make, by dataset.

        Raises:
            PartitionError: If they would have to read some that do not exist.
        """
        definitions, graph = self.opener.partitions, self.view.graph
        found = {name: made for node in nodes for name in graph.outputs(node)} if made else {}
        for name in {name for node in nodes for name in graph.inputs(node)}.intersection(self.mappings):
            own, definition = definitions.get(("node", nodes[0])), definitions["dataset", name]
            read, missing = _private.partitions_read(self.mappings[name], own, made, definition, instance)
            if missing:
                msg = f"{shown(made) or 'The data'} would be made from partition {shown(missing)} of '{name}', which is none."
                raise PartitionError(msg)
            found[name] = read
        return found

    def _check_events(
        self, found: Validation, awaited: set[dg.AssetCheckKey], made: Sequence[str] = ()
    ) -> Iterator[dg.AssetCheckResult | dg.AssetCheckEvaluation]:
        """Report what a validator has found, if its dataset is an asset; Dagster takes one result for each check it awaits."""
        spec = self.opener.assets.index.checks.get(found.dataset)
        if spec is None:
            return
        if spec.key in awaited:
            awaited.discard(spec.key)
            yield check_result(spec, found, made)
        else:
            yield check_evaluation(spec, found, made)

    def _found(
        self, context: dg.OpExecutionContext, checks: Collection[dg.AssetCheckKey] = (), made: Sequence[str] = ()
    ) -> Iterator[Saved | Validation]:
        """Run the step's nodes, and give what is saved and found; at last, what is found in the data of other checks."""
        with captured_logs(context.log, context.instance.managed_python_loggers) as capture:
            run = self.opener.for_run(context.run, context.job_def, context.instance)
            capture.renew(run.redactor)
            join_run(run.identity.mlflow_run_id)
            step = StepRun(run, str(context.op_handle), self.view, self.io_managers)
            plan = run.plan.steps.get(step.step)
            try:
                keys = self._keys(plan.nodes if plan else (), made, context.instance)
                yield from step.nodes(changed_parameters(context.op_config, self.values), keys)
                yield from step.stored(checks)
            except Exception as error:
                run.errors[step.step] = error
                run.redactor.error(error)
                yield from step.validated()
                raise
