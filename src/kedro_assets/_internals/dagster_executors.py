"""How an executor is made, what it is given of a run, and how it runs steps."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
from attrs import frozen
from dagster._core.execution.api import create_execution_plan
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.outputs import StepOutputHandle
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.execution.retries import RetryMode
from dagster._utils.error import serializable_error_info_from_exc_info

RETRIES = RetryMode.ENABLED
"""How an executor says that it tries failed steps again.

Reason: `dagster.Executor.retries` is public, and the class of its value is not.
Risk: low.
"""


def created_otherwise(
    executor: dg.ExecutorDefinition, create: Callable[[dg.InitExecutorContext], dg.Executor]
) -> dg.ExecutorDefinition:
    """Return an executor with the name, the options and the requirements of another, that is created in another way.

    Reason: the schema and the requirements are public where an executor is defined, and not where they are read.
    Risk: low; both are what the constructor takes.
    """
    return dg.ExecutorDefinition(
        name=executor.name,
        config_schema=executor.config_schema,  # type: ignore[arg-type]  # Dagster takes its own type, though it does not say so
        requirements=executor.get_requirements,
        executor_creation_fn=create,
        description=executor.description,
    )


def creation_of(executor: dg.ExecutorDefinition) -> Callable[[dg.InitExecutorContext], dg.Executor] | None:
    """Return the function that creates an executor.

    Reason: an executor that fires Kedro's hooks is known by it, and it is public where an executor is defined only.
    Risk: low; it is what the constructor takes.
    """
    return executor.executor_creation_fn


def given_options(context: dg.InitExecutorContext) -> Mapping[str, Any]:
    """Return the options that an executor is created with.

    Reason: the class is public, and its only property of this kind is not marked so.
    Risk: low; every executor reads it.
    """
    options: Mapping[str, Any] = context.executor_config
    return options


def step_dependencies(executor: dg.Executor) -> Any:
    """Return what an executor says of the dependencies of its steps.

    Reason: an executor around another has to say the same.
    Risk: low.
    """
    return executor.step_dependency_config


@frozen
class ExecutedRun:
    """What an executor is given of the run that it executes.

    Attributes:
        run: The run.
        job: Its job.
        source: Where the job is defined, as `dagster_jobs.pack_job` takes it.
        instance: Where the run is recorded.
        log: Dagster's log of the run.
        is_resumed: Whether another process has begun to execute it, and has died.
        raises: Whether errors are raised to who has started it, as in tests of a project, and not only recorded.
    """

    run: dg.DagsterRun
    job: dg.JobDefinition
    source: Any
    instance: dg.DagsterInstance
    log: dg.DagsterLogManager
    is_resumed: bool
    raises: bool


def executed_run(plan_context: Any) -> ExecutedRun:
    """Return what an executor is given of its run.

    Reason: `dagster.Executor.execute` is public, and the class of its argument is not.
    Risk: medium; where it changes, no run starts.
    """
    return ExecutedRun(
        run=plan_context.dagster_run,
        job=plan_context.job.get_definition(),
        source=plan_context.job,
        instance=plan_context.instance,
        log=plan_context.log,
        is_resumed=plan_context.resume_from_failure,
        raises=plan_context.raise_on_error,
    )


def execute_with(executor: dg.Executor, plan_context: Any, execution_plan: Any) -> Iterator[Any]:
    """Execute with an executor that is inside of another.

    Reason: those of Dask and Celery look for their options at the context's own executor, and that of one process looks for its
    plan at the context.
    Risk: medium; where it changes, they take the options of the executor around them, or run steps that are to be left out.
    """
    own = copy.copy(plan_context)
    own._executor = executor
    own._plan_data = plan_context.plan_data._replace(execution_plan=execution_plan)
    return executor.execute(own, execution_plan)


def step_keys(execution_plan: Any) -> list[str]:
    """Return the keys of the steps that an executor is to execute.

    Reason: `dagster.Executor.execute` is public, and the class of its argument is not.
    Risk: low.
    """
    return list(execution_plan.step_keys_to_execute)


def without_steps(
    plan_context: Any, execution_plan: Any, left_out: Collection[str], unmade: Collection[dg.AssetKey]
) -> Any:
    """Return the plan of a run without some of its steps; None if none is left.

    What they would make counts as made, as it was made before, and so does what the other steps do not make of their assets:
    steps behind it do not wait for it, and are not skipped.

    Reason: which steps a run has is fixed when it is created, and what has to be made is known when it starts.
    Risk: medium; the plan of a part of a run is what every step in a process of its own gets. Where it changes, runs of jobs with
    `only: stale` fail when they start.

    Args:
        plan_context: What the executor is given of the run.
        execution_plan: The whole plan.
        left_out: The keys of the steps.
        unmade: The assets that no step makes.
    """
    kept = [key for key in step_keys(execution_plan) if key not in left_out]
    if not kept:
        return None
    ready = {
        StepOutputHandle(step.key, output.name)
        for step in execution_plan.step_dict.values()
        for output in step.step_outputs
        if step.key in left_out or _asset_of(output) in unmade
    }
    known, run = execution_plan.known_state, plan_context.dagster_run
    return create_execution_plan(
        plan_context.job,
        run.run_config,
        step_keys_to_execute=kept,
        known_state=known._replace(ready_outputs={*known.ready_outputs, *ready}),
        tags=run.tags,
        repository_load_data=execution_plan.repository_load_data,
    )


def _asset_of(output: Any) -> dg.AssetKey | None:
    """Return the asset that an output of a step is, or of which it is a check."""
    check = output.properties.asset_check_key
    key: dg.AssetKey | None = check.asset_key if check is not None else output.properties.asset_key
    return key


def skipped(plan_context: Any, execution_plan: Any, keys: Collection[str]) -> Iterator[dg.DagsterEvent]:
    """Record that steps are skipped, so that the UI shows them so and a run that goes on from a failure leaves them out.

    Reason: executors record it of steps whose inputs nobody makes only.
    Risk: low; where it changes, runs of jobs with `only: stale` fail when they start.
    """
    for key in keys:
        step = execution_plan.get_step_by_key(key)
        if isinstance(step, ExecutionStep):
            yield dg.DagsterEvent.step_skipped_event(plan_context.for_step(step))


def is_cancelled(run: dg.DagsterRun, instance: dg.DagsterInstance) -> bool:
    """Whether somebody has cancelled a run, or it has ended, though this process may not have heard of it.

    Reason: Dagster tells the process of the run with a signal, and workers not at all.
    Risk: low; the states of a run are public, and only the list of those that are final is not.
    """
    record = instance.get_run_by_id(run.run_id)
    return record is not None and (record.is_finished or record.status == dg.DagsterRunStatus.CANCELING)


@frozen
class DueStep:
    """A step that can run now.

    Attributes:
        key: Its key.
        arguments: What `dagster_workers.run_one_step` takes in another process, with the instance as `KeptRun.open` takes it.
        dask_resources: What it needs of a Dask worker, by the tag that dagster-dask reads.
    """

    key: str
    arguments: Sequence[Any]
    dask_resources: Mapping[str, Any]


@frozen
class StartedPlan:
    """The plan of a run whose steps an executor starts as they become due.

    Reason: an executor has no public way to learn which steps are due, to be tried again, to be skipped or to wait for a
    pool.
    Risk: high; it is what the executors of Dagster's own libraries do, and nothing says that it stays so. Only the executor
    of Dask needs it.
    """

    plan_context: Any
    active: Any
    retries: Any

    @property
    def is_complete(self) -> bool:
        """Whether no step is left."""
        return bool(self.active.is_complete)

    def is_cancelled(self) -> bool:
        """Whether the run has been told, since this was asked last, that it is cancelled."""
        return bool(self.active.check_for_interrupts())

    def cancel(self) -> None:
        """Let the run end as cancelled if steps are left; none is to start any more."""
        self.active.mark_interrupted()

    def due(self) -> Iterator[DueStep]:
        """Yield the steps that can run now; each is yielded once for each try."""
        context = self.plan_context
        for step in self.active.get_steps_to_execute():
            arguments = (
                context.reconstructable_job.to_dict(),  # pickled, it would keep a hash that is none in another process
                context.dagster_run,
                step.key,
                context.instance.get_ref(),
                self.retries.for_inner_plan(),
                self.active.get_known_state(),
            )
            resources = json.loads(step.tags.get("dagster-dask/resource_requirements", "{}"))
            yield DueStep(step.key, arguments, resources)

    def failure(self, executor: dg.Executor, step: str) -> dg.DagsterEvent:
        """Record that a step has failed with the exception that is being handled, or is to be tried again after it."""
        error = serializable_error_info_from_exc_info(sys.exc_info())
        step_context = self.plan_context.for_step(self.active.get_step_by_key(step))
        return executor.log_failure_or_retry_event_after_error(step_context, error, self.active.get_known_state())

    def ended(self, step: str, events: Sequence[Any]) -> Iterator[Any]:
        """Pass on the events of a step that has ended."""
        for event in events:
            yield event
            self.active.handle_event(event)
        self.active.verify_complete(self.plan_context, step)

    def other_events(self) -> Iterator[Any]:
        """Yield the events of steps that wait, and of those that are skipped."""
        yield from self.active.concurrency_event_iterator(self.plan_context)
        yield from self.active.plan_events_iterator(self.plan_context)


@contextmanager
def started_plan(execution_plan: Any, retries: Any, plan_context: Any) -> Iterator[StartedPlan]:
    """Start the plan of a run.

    Reason: as for `StartedPlan`.
    Risk: high, as there.
    """
    with (
        InstanceConcurrencyContext(plan_context.instance, plan_context.dagster_run) as limits,
        execution_plan.start(retry_mode=retries, instance_concurrency_context=limits) as active,
    ):
        yield StartedPlan(plan_context, active, retries)
