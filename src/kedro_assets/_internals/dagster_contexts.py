"""What Dagster tells the code that it runs: contexts of steps, IO managers and sensors."""

from __future__ import annotations

from typing import Any

import dagster as dg
from attrs import frozen


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


def job_of_failed_run(context: dg.RunFailureSensorContext) -> dg.JobDefinition | None:
    """Return the job of a failed run, with the selection of the run; None if the sensor has no repository.

    Reason: neither the repository of the sensor nor the part of a job that a run executes is public.
    Risk: medium; where it changes, `on_pipeline_error` does not fire for runs whose own process has died.
    """
    run, repository = context.dagster_run, context.repository_def
    if repository is None:
        return None
    job = repository.get_job(run.job_name)
    if run.asset_selection or run.op_selection:
        return job.get_subset(op_selection=run.op_selection, asset_selection=run.asset_selection)
    return job
