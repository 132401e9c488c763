"""What a step does when Dagster runs it: a cluster's, which makes assets, or that of an op, which is one node."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import dagster as dg
from attrs import evolve, frozen

from kedro_assets._internals import dagster_contexts, dagster_instance, dagster_jobs, dagster_partitions
from kedro_assets.assets import AssetTable, KedroAsset, Validation, check_evaluations, check_result
from kedro_assets.errors import PartitionError
from kedro_assets.graph import Cluster, Vertex, same_node
from kedro_assets.metadata import masked_metadata
from kedro_assets.partitions import (
    PARTITION_TAG,
    Partitioning,
    Partitions,
    check_given,
    check_keys,
    has_partition,
    partition_of,
    runtime_params,
    shown,
)
from kedro_assets.redaction import Redactor
from kedro_assets.runtime import (
    CODE_METADATA,
    KEPT_FROM_RUN,
    History,
    KedroProject,
    KedroRun,
    Saved,
    StepExecution,
    captured_logs,
    changed_parameters,
    run_config_of,
)
from kedro_assets.steps.failures import Failed, step_failure

CheckEvent = dg.AssetCheckResult | dg.AssetCheckEvaluation
_WITHOUT_HOOKS = (
    "The pipeline hooks of the Kedro project '{}' do not fire in this run, as its executor is not wrapped. Wrap the executor of "
    "the job or of the Definitions with `kedro_assets.with_hooks`. `execute_in_process` and `dagster.materialize` use no "
    "executor of yours; `dagster.execute_job` does."
)


@frozen
class KedroStep:
    """The step of some nodes; the project is in the run's resources.

    Attributes:
        resource_key: The key of the project's resource.
        cluster: The nodes.
    """

    resource_key: str
    cluster: Cluster

    def materialize(
        self, context: dg.AssetExecutionContext, _inputs: Any
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult | dg.AssetCheckEvaluation]:
        """Run the nodes that the selected assets need, and report every dataset once it is saved.

        A selected check of a dataset that no node makes here looks at what is stored. Every run gives new data, unless the
        catalog asks for its content to be compared: that of a node can depend on more than its code and what it reads of other
        assets, so Dagster must not take the same code for the same data. In-memory data never has another version than where it is not reported: Dagster looks through it, and
        what is made from it must be as new whether it was selected or not.
        """
        table = self._project(context).table
        checks, made = set(context.selected_asset_check_keys), self._made(context)
        for found in self._events(dagster_contexts.op_context(context), frozenset(checks), made):
            if isinstance(found, Validation):
                yield from self._check_events(context, found, checks)
                continue
            version = dg.DataVersion(found.version or found.content or context.run.run_id)
            asset = table.by_vertex.get(found.vertex)
            if asset is None:  # a hidden dataset
                continue
            if asset.key in context.selected_asset_keys:
                yield dg.MaterializeResult(
                    asset_key=asset.key,
                    metadata=_metadata(found, asset),
                    data_version=dagster_contexts.UNRECORDED if asset.is_virtual else version,
                )
            elif found.lasts and found.version is None and not asset.is_virtual:
                # made because its node ran, though nobody selected it
                read = dagster_contexts.data_read(context, asset.spec)
                tags = dagster_contexts.version_tags(asset.spec, version, context.run.run_id, read)
                for partition in (*made,) or (None,):
                    context.log_event(
                        dg.AssetMaterialization(
                            asset.key, metadata=_metadata(found, asset), partition=partition, tags=tags
                        )
                    )
                dagster_contexts.forget_version(context, asset.key)

    def validate(self, context: dg.AssetCheckExecutionContext) -> Iterator[CheckEvent]:
        """Look at what is stored of a dataset that no node writes."""
        checks = set(context.selected_asset_check_keys)
        for found in self._events(dagster_contexts.op_context(context), frozenset(checks), self._made(context)):
            if isinstance(found, Validation):
                yield from self._check_events(context, found, checks)

    def execute(
        self, context: dg.OpExecutionContext
    ) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation | dg.Output[None]]:
        """Run one node, and yield every output once it is saved, with the materialization of its asset."""
        project = self._project(context)
        view, table = project.view(context.job_def.name), project.table
        made = view.graph.assets_of(self.cluster.nodes)
        assets = {asset.vertex: _shown(asset, table) for asset in view.table.made_by(self.cluster.nodes)}
        before = {dep.asset_key for asset in assets.values() for dep in asset.spec.deps}
        read = dagster_contexts.data_recorded(context.instance, before)
        outputs = dict(zip(made, context.op_def.outs, strict=False))  # a node without any has one if others wait
        for found in self._events(context):
            if isinstance(found, Validation):
                if found.dataset in table.checks:
                    yield from check_evaluations(table.checks[found.dataset], found)
                continue
            asset = assets.get(found.vertex) if found.version is None else None
            if asset is not None and not (asset.in_memory and found.vertex not in table.by_vertex):
                version = dg.DataVersion(found.content or context.run_id)
                own = dagster_contexts.UNRECORDED if asset.is_virtual else version
                tags = dagster_contexts.version_tags(asset.spec, own, context.run_id, read)
                yield dg.AssetMaterialization(asset.key, metadata=_metadata(found, asset), tags=tags)
            if found.vertex in outputs:
                yield dg.Output(None, outputs[found.vertex])

    def _project(self, context: Any) -> KedroProject:
        project: KedroProject = getattr(context.resources, self.resource_key).project
        return project

    def _made(self, context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Sequence[str]:
        """Return the partitions that the step makes or looks at, which are the same of all its assets."""
        partitioning = self._partitioning(self._project(context).table.partitions)
        return context.partition_keys if partitioning and has_partition(context.run.tags) else ()

    def _partitioning(self, partitions: Partitions) -> Partitioning | None:
        """Return how what the step makes, or looks at, is partitioned."""
        nodes = self.cluster.nodes
        return partitions.nodes.get(nodes[0]) if nodes else partitions.of_dataset(self.cluster.name)

    def _check_events(self, context: Any, found: Validation, awaited: set[dg.AssetCheckKey]) -> Iterator[CheckEvent]:
        """Report what a validator has found, if its dataset is an asset; Dagster takes one result for each check it awaits.

        In a run of several partitions that result would be of none, so each of them has its own evaluation.
        """
        spec = self._project(context).table.checks.get(found.dataset)
        if spec is None:
            return
        if spec.key in awaited and (spec.partitions_def is None or context.has_partition_key):
            awaited.discard(spec.key)
            yield check_result(spec, found)
        else:
            yield from check_evaluations(spec, found)

    def _events(
        self, context: dg.OpExecutionContext, checks: Collection[dg.AssetCheckKey] = (), made: Sequence[str] = ()
    ) -> Iterator[Saved | Validation]:
        """Run the step's nodes, and yield what is saved and found; at last, what is found in the data of other checks."""
        project, execution, redactor = self._project(context), None, Redactor()
        managed, output = dagster_instance.captured_loggers(context.instance), project.project.config.mask_output
        step = dagster_contexts.step_key(context)
        try:
            with captured_logs(context.log, managed, output=output) as capture:
                run = project.for_run(context.run, context.job_def, context.instance)
                redactor = run.redactor
                capture.renew(redactor)
                with run.redacted(), run.joined():
                    execution = self._execution(run, step, context)
                    yield from self._go_on(execution, context, project)
                    yield from self._executed(execution, checks, made, context.instance)
        except dg.RetryRequested:
            raise
        except Exception as error:  # noqa: BLE001 - it is raised again, as what Dagster is told of it
            node = execution.current if execution else None
            failure, policy = error, project.retries.of_failure(node, context.job_def.op_retry_policy)
            if not isinstance(error, dg.Failure):  # which Dagster records with its metadata
                what = Failed(step, node, execution.partition if execution else None)
                failure = step_failure(error, what, project.project, redactor)
                failure.__cause__ = error
            again = _again(failure, policy, context)
            if again is not None:
                raise again from failure
            raise failure from failure.__cause__

    def _execution(self, run: KedroRun, step: str, context: dg.OpExecutionContext) -> StepExecution:
        """Return the execution of the step in a run."""
        project = self._project(context)
        if run.without_hooks and step == next(iter(run.plan.steps), None) and not context.retry_number:
            context.log.warning(_WITHOUT_HOOKS.format(project.project.package_name))
        values, shown = project.project.parameter_values, project.project.shown_parameters
        parameters = changed_parameters(_step_config(context, step), values, shown)
        if has_partition(context.run.tags):
            check_given(parameters, run.identity.runtime_params)
        return StepExecution(
            run,
            step,
            project.view(context.job_def.name),
            project.io_managers,
            parameters,
            is_another_try=lambda: (
                context.retry_number > 0 or dagster_instance.has_begun_before(context.instance, context.run_id, step)
            ),
        )

    def _go_on(
        self, execution: StepExecution, context: dg.OpExecutionContext, project: KedroProject
    ) -> Iterator[Saved]:
        """Leave out what need not run, and yield what stays of that as other runs have saved it: what is behind waits for it.

        That is what an earlier try, or the run before, has done, and what is to be made only if what it is made from has come
        out otherwise.
        """
        nodes, view, run = execution.plan.nodes, execution.view, context.run
        kept = list(execution.plan.kept)
        if context.retry_number and project.project.config.assets.resume:
            left = project.nodes_left(run.run_id, nodes, view, run, context.instance)
            execution.done = [node for node in nodes if node not in left]
        elif execution.run.identity.if_changed:
            left = project.nodes_changed(execution.run.identity.if_changed, nodes, view, run, context.instance)
            execution.done = [node for node in nodes if node not in left]
            kept += execution.done
            execution.pin_versions(context.instance, run)
        if execution.done or kept:
            context.log.info("These nodes need not run again: %s.", ", ".join(dict.fromkeys([*execution.done, *kept])))
        history = History(view.table, context.instance, partition_of(run.tags))
        for asset in view.table.made_by(kept):
            made = history.latest(asset.key)
            if made is not None:
                metadata = {KEPT_FROM_RUN: made.run_id, **made.materialization.metadata}
                yield Saved(asset.vertex, metadata, version=made.data_version)

    def _executed(
        self,
        execution: StepExecution,
        checks: Collection[dg.AssetCheckKey],
        made: Sequence[str],
        instance: dg.DagsterInstance,
    ) -> Iterator[Saved | Validation]:
        """Run the step's nodes; what validators have found until an error is reported before it."""
        run = execution.run
        try:
            check_keys(made)
            if len(made) > 1 and self._one_by_one(execution):
                yield from self._partitions(execution, checks, made, instance)
            else:
                execution.keys = self._keys(execution, made, instance)
                yield from (self._as_it_was(found, execution, made, instance) for found in execution.run_nodes())
                yield from execution.stored(checks, made)
        except Exception as error:
            found = _masked(error, run.redactor)
            run.errors[execution.step] = found
            yield from execution.validated()
            if found is error:
                raise
            raise found from found.__cause__

    def _one_by_one(self, execution: StepExecution) -> bool:
        """Whether the nodes, or the check of a dataset that no node makes, can make or see no two partitions at once."""
        partitions = execution.view.table.partitions
        if self.cluster.nodes:
            return partitions.one_by_one(execution.plan.nodes or self.cluster.nodes)
        return partitions.in_one_place(self.cluster.name) is None

    def _partitions(
        self,
        execution: StepExecution,
        checks: Collection[dg.AssetCheckKey],
        made: Sequence[str],
        instance: dg.DagsterInstance,
    ) -> Iterator[Saved | Validation]:
        """Run the nodes once for each partition; what they save is reported when all of it is there."""
        partitioning = self._partitioning(execution.view.table.partitions)
        definition = partitioning.definition if partitioning else None
        saved: dict[Vertex, Saved] = {}
        for key in made:
            execution.partition = key
            run = execution.run.at_partition(runtime_params({PARTITION_TAG: key}, definition), key)
            execution.keys = self._keys(execution, [key], instance)
            one = evolve(execution, run=run)
            try:
                for found in chain(one.run_nodes(), one.stored(checks, [key])):
                    if isinstance(found, Saved):
                        saved[found.vertex] = found.common(saved.get(found.vertex, found))
                    else:
                        yield found
            finally:
                execution.current = one.current  # it is asked for the node that has failed
        execution.partition = None
        yield from (self._as_it_was(found, execution, made, instance) for found in saved.values())

    def _as_it_was(
        self, found: Saved | Validation, execution: StepExecution, made: Sequence[str], instance: dg.DagsterInstance
    ) -> Saved | Validation:
        """Give a dataset that a node has left untouched the data version that it has, where that is known."""
        if not isinstance(found, Saved) or not found.is_untouched:
            return found
        asset = execution.view.table.by_vertex.get(found.vertex)
        history = History(execution.view.table, instance, made[0] if len(made) == 1 else None)
        latest = history.latest(asset.key) if asset is not None else None
        if latest is None:
            return found
        metadata = {KEPT_FROM_RUN: latest.run_id, **latest.materialization.metadata}
        return evolve(found, metadata=metadata, version=latest.data_version)

    def _keys(
        self, execution: StepExecution, made: Sequence[str], instance: dg.DagsterInstance
    ) -> Mapping[str, Sequence[str]]:
        """Return the partitions that nodes of the step read and make, by dataset.

        Raises:
            PartitionError: If they would have to read some that do not exist.
        """
        partitions, graph, nodes = execution.view.table.partitions, execution.view.graph, execution.plan.nodes
        found = {name: made for node in nodes for name in graph.outputs(node)} if made else {}
        mappings = partitions.read_by(self.cluster.nodes)
        for name in {name for node in nodes for name in graph.inputs(node)}.intersection(mappings):
            own, read = partitions.nodes.get(nodes[0]), partitions.of_dataset(name)
            keys, missing = dagster_partitions.partitions_read(
                mappings[name], own and own.definition, made, read and read.definition, instance
            )
            if missing:
                read_for = f"To make {shown(made)}, the step reads" if made else "The step reads"
                some = "partitions" if len(missing) > 1 else "partition"
                verb = "do" if len(missing) > 1 else "does"
                msg = f"{read_for} {some} {shown(missing)} of '{name}', which {verb} not exist."
                raise PartitionError(msg)
            found[name] = keys
        return found


def _metadata(found: Saved, asset: KedroAsset) -> Mapping[str, Any]:
    """Return the metadata of a materialization: with the code by which it was made, if it was not kept."""
    if found.version is not None or asset.record.code is None or asset.is_virtual:
        return found.metadata
    return {**found.metadata, CODE_METADATA: dg.MetadataValue.json(asset.record.code.pieces)}


def _again(error: Exception, policy: dg.RetryPolicy | None, context: dg.OpExecutionContext) -> dg.RetryRequested | None:
    """Return what asks Dagster to try a step again as a policy says; None where it is to be told of the error itself.

    By its own policy of the step or of the job Dagster tries again after a `Failure`, and after no other error that it is
    told of here.
    """
    known, tries = context.op_def.retry_policy or context.job_def.op_retry_policy, context.retry_number
    if isinstance(error, dg.Failure):
        if policy == known or not error.allow_retries:
            return None
        is_last = known is None and policy is not None and tries >= policy.max_retries
    else:
        policy = policy or known
        is_last = policy is not None and tries >= policy.max_retries
    if policy is None or is_last:
        return None
    return dg.RetryRequested(policy.max_retries, dagster_jobs.retry_delay(policy, tries + 1))


def _shown(asset: KedroAsset, table: AssetTable) -> KedroAsset:
    """Return the asset as the project shows it, which may hide in-memory data or cluster nodes, if the same node makes it there."""
    own = table.by_vertex.get(asset.vertex)
    if own is None or own.record.producer is None or asset.record.producer is None:
        return asset
    return own if same_node(own.record.producer, asset.record.producer) else asset


def _step_config(context: dg.OpExecutionContext, step: str) -> Mapping[str, Any]:
    """Return the configuration of a step; that of its job where the run has none."""
    own = {} if context.run.run_config else run_config_of(context.run, context.job_def)
    config: Mapping[str, Any] = own.get("ops", {}).get(step, {}).get("config") or context.op_config
    return config


def _masked(error: Exception, redactor: Redactor) -> Exception:
    """Mask secrets in the error of a step, and in the metadata with which Dagster records a failure."""
    found = redactor.error(error)
    if isinstance(found, dg.Failure):
        found.metadata = masked_metadata(found.metadata, redactor.text)
    return found
