"""What Dagster tells the code that it runs: contexts of steps, IO managers and sensors."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import dagster as dg
from attrs import frozen
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    DEFAULT_DATA_VERSION,
    NULL_EVENT_POINTER,
    extract_data_version_from_entry,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)

UNRECORDED = DEFAULT_DATA_VERSION
"""The data version that Dagster takes for data of which it was told nothing.

Reason: in-memory data has it where it is reported, too, so that it is one and the same for what is made from it.
Risk: low; where it changes, reporting in-memory data marks what is made from it as stale.
"""


@frozen
class RecordedData:
    """What Dagster was last told of an asset's data.

    Attributes:
        version: The data version; None if it was told none.
        storage_id: The event that told it.
    """

    version: dg.DataVersion | None
    storage_id: int


def op_context(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> dg.OpExecutionContext:
    """Return the context of the op behind that of assets or of their checks.

    Reason: the two have no public class in common, and that of checks lacks some of what a step needs.
    Risk: low; Dagster's own libraries use it.
    """
    return context.op_execution_context


def step_key(context: dg.OpExecutionContext) -> str:
    """Return Dagster's key of the step that is running.

    Reason: no public property has it.
    Risk: medium; where it changes, a step does not find its plan, and every run fails at once.
    """
    return str(context.op_handle)


def version_tags(
    spec: dg.AssetSpec, version: dg.DataVersion, run_id: str, read: Mapping[dg.AssetKey, RecordedData | None]
) -> Mapping[str, str]:
    """Return the tags of a materialization that say of which data it is, and from which data and code it was made.

    Reason: Dagster adds them to what a step returns for the assets that were selected, and to nothing else.
    Risk: medium; where it changes, assets that are made beside the selected ones, or by a job of ops, show as stale, or their
    readers do not.

    Args:
        spec: The asset.
        version: Its data version.
        run_id: The run that has made it.
        read: What was known of the data of all that it depends on.
    """
    tags = {
        DATA_VERSION_TAG: version.value,
        DATA_VERSION_IS_USER_PROVIDED_TAG: "true",
        CODE_VERSION_TAG: spec.code_version or run_id,
    }
    for dep in spec.deps:
        known = read.get(dep.asset_key)
        own = known.version if known else None
        tags[get_input_data_version_tag(dep.asset_key)] = (own or DEFAULT_DATA_VERSION).value
        tags[get_input_event_pointer_tag(dep.asset_key)] = str(known.storage_id) if known else NULL_EVENT_POINTER
    return tags


def data_read(context: dg.AssetExecutionContext, spec: dg.AssetSpec) -> Mapping[dg.AssetKey, RecordedData | None]:
    """Return what a step of assets knows of the data that one of them was made from.

    Reason: as for `version_tags`.
    Risk: medium, as there.
    """
    step, graph = context.get_step_execution_context(), context.job_def.asset_layer
    found: dict[dg.AssetKey, RecordedData | None] = {}
    for key in [dep.asset_key for dep in spec.deps]:
        info = step.maybe_fetch_and_get_input_asset_version_info(key) if graph.has(key) else None
        found[key] = RecordedData(info.data_version, info.storage_id) if info else None
    return found


def data_recorded(
    instance: dg.DagsterInstance, keys: Collection[dg.AssetKey]
) -> Mapping[dg.AssetKey, RecordedData | None]:
    """Return what Dagster was last told of the data of some assets, for a step that is none of assets.

    Reason: as for `version_tags`; the step of an op looks up nothing by itself.
    Risk: medium, as there.
    """
    events = {
        record.asset_entry.asset_key: record.asset_entry.last_materialization_record
        for record in instance.get_asset_records(list(keys))
    }
    for key in keys:
        if events.get(key) is None:
            events[key] = next(iter(instance.fetch_observations(key, limit=1).records), None)
    return {
        key: RecordedData(extract_data_version_from_entry(event.event_log_entry), event.storage_id) if event else None
        for key, event in events.items()
    }


def forget_version(context: dg.AssetExecutionContext | dg.OpExecutionContext, key: dg.AssetKey) -> None:
    """Let a step look up anew which data an asset has, now that it has reported some itself.

    Reason: Dagster looks it up before the step, and again only for what it has selected.
    Risk: medium; where it changes, what is made from such an asset in the same step counts as made from its data before.
    """
    context.get_step_execution_context().wipe_input_asset_version_info(key)


@frozen
class RunInProgress:
    """The run that something is done in."""

    run: dg.DagsterRun
    job: dg.JobDefinition
    instance: dg.DagsterInstance


def run_in_progress(context: dg.InputContext | dg.OutputContext) -> RunInProgress | None:
    """Return the run in which an IO manager loads or saves; None outside a run.

    Reason: what these contexts publish has neither the run nor its job.
    Risk: medium; where it changes, assets that are no Kedro nodes cannot reach Kedro's data.
    """
    try:
        step: Any = context.step_context
    except dg.DagsterInvariantViolationError:
        return None
    return RunInProgress(step.dagster_run, step.job_def, step.instance)


def instance_outside_run(context: dg.InputContext | dg.OutputContext) -> dg.DagsterInstance:
    """Return the instance of which something is loaded or saved outside a run, an empty one if there is none.

    Reason: no public property has it.
    Risk: low; only in-memory data and dynamic partitions are looked up there.
    """
    if isinstance(context, dg.InputContext):
        try:
            return context.instance
        except dg.DagsterInvariantViolationError:
            pass
    return dg.DagsterInstance.ephemeral()


def job_of_failed_run(run: dg.DagsterRun, repository: dg.RepositoryDefinition | None) -> dg.JobDefinition | None:
    """Return the job of a failed run, with the selection of the run; None if the sensor has no repository.

    Reason: neither the repository of the sensor nor the part of a job that a run executes is public.
    Risk: medium; where it changes, `on_pipeline_error` does not fire for runs whose own process has died.
    """
    if repository is None:
        return None
    job = repository.get_job(run.job_name)
    if run.asset_selection or run.op_selection:
        return job.get_subset(op_selection=run.op_selection, asset_selection=run.asset_selection)
    return job
