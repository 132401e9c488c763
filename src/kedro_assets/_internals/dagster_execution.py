"""How an executor runs steps."""

from __future__ import annotations

import copy
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.execution.api import create_execution_plan, execute_plan_iterator
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.retries import RetryMode
from dagster._utils.error import serializable_error_info_from_exc_info

RETRIES = RetryMode.ENABLED
"""How an executor says that it tries failed steps again."""


def context_of(executor: dg.Executor, plan_context: Any) -> Any:
    """Give an executor the context of a run as its own: those of Dask and Celery look for their options there."""
    found = copy.copy(plan_context)
    found._executor = executor
    return found


@contextmanager
def active_steps(execution_plan: Any, retries: Any, plan_context: Any) -> Iterator[Any]:
    """Start a plan: an executor has no public way to learn which steps are due, to be tried again or to be skipped."""
    with (
        InstanceConcurrencyContext(plan_context.instance, plan_context.dagster_run) as limits,
        execution_plan.start(retry_mode=retries, instance_concurrency_context=limits) as active,
    ):
        yield active


def step_arguments(plan_context: Any, step: Any, active: Any, retries: Any) -> tuple[Any, ...]:
    """Give what `run_one_step` needs in another process."""
    return (
        plan_context.reconstructable_job.to_dict(),  # pickled, it would keep a hash that is none in another process
        plan_context.dagster_run,
        step.key,
        plan_context.instance.get_ref(),
        retries.for_inner_plan(),
        active.get_known_state(),
    )


_one_step = threading.Lock()
"""Steps of one process take turns: Dagster configures logging for each, and with two at once it waits for itself."""


def run_one_step(
    packed: Mapping[str, Any], run: dg.DagsterRun, step: str, instance: Any, retries: Any, known_state: Any
) -> list[dg.DagsterEvent]:
    """Run a step of a run and give its events."""
    job = ReconstructableJob.from_dict(packed)
    with _one_step, dg.DagsterInstance.from_ref(instance) as here:
        plan = create_execution_plan(job, run.run_config, step_keys_to_execute=[step], known_state=known_state)
        return list(execute_plan_iterator(plan, job, run, here, retry_mode=retries, run_config=run.run_config))


def step_failure(executor: dg.Executor, step_context: Any, active: Any) -> dg.DagsterEvent:
    """Record that a step has failed with the exception that is being handled, or is to be tried again after it."""
    error = serializable_error_info_from_exc_info(sys.exc_info())
    return executor.log_failure_or_retry_event_after_error(step_context, error, active.get_known_state())


def dask_resources(step: Any) -> dict[str, Any]:
    """Give what a step needs of a Dask worker, by the tag that dagster-dask reads."""
    return dict(json.loads(step.tags.get("dagster-dask/resource_requirements", "{}")))
