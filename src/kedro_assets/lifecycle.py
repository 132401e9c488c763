"""Kedro's pipeline hooks around a Dagster run: the executor is the session.

An executor runs once, in the run's own process, around all steps. That is what Kedro's session is around a runner, and
Dagster has no other place like it: resources are set up in every process, and run sensors come too late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets import _private, forkserver
from kedro_assets.errors import StepError
from kedro_assets.execute import check_inputs
from kedro_assets.logs import LogCapture, captured_logs
from kedro_assets.mlflow_run import join_run, left_as_found, run_tags
from kedro_assets.observations import observe_inputs
from kedro_assets.opener import RunOpener
from kedro_assets.pipeline_hooks import JobFilter, PipelineHooks
from kedro_assets.run import ENV_TAG, KedroRun, env_of

RUN_ID_TAG = "kedro/run_id"
"""The tag of a run with Kedro's run id; a run has it once `before_pipeline_run` has fired."""
ENDED_TAG = "kedro/pipeline_hooks"
"""The tag of a run that failed after its own process had fired all hooks that it is to fire."""


def with_lifecycle(
    inner: dg.ExecutorDefinition, opener: RunOpener, filters: Mapping[str, JobFilter]
) -> dg.ExecutorDefinition:
    """Wrap an executor so that Kedro's pipeline hooks fire around what it executes.

    Args:
        inner: Any executor of Dagster's; its name, its options and what it requires stay.
        opener: Opens the project for a run.
        filters: For every job that is a Kedro pipeline, the filter that made it, for `run_params`.
    """
    return dg.ExecutorDefinition(
        name=inner.name,
        config_schema=inner.config_schema,  # type: ignore[arg-type]  # Dagster takes its own type, though it does not say so
        requirements=inner.get_requirements,
        executor_creation_fn=_Creation(inner, opener, filters),
        description=inner.description,
    )


@frozen
class _Creation:
    inner: dg.ExecutorDefinition
    opener: RunOpener
    filters: Mapping[str, JobFilter]

    def __call__(self, context: dg.InitExecutorContext) -> dg.Executor:
        create = self.inner.executor_creation_fn
        if create is None:
            msg = f"The executor '{self.inner.name}' cannot be created by itself."
            raise dg.DagsterInvariantViolationError(msg)
        return LifecycleExecutor(create(context), self.inner.name, self.opener, self.filters)


class LifecycleExecutor(dg.Executor):
    """Executes with another executor, with Kedro's pipeline hooks around it.

    Args:
        inner: Does the work.
        name: Its name, for `run_params`.
        opener: Opens the project for a run.
        filters: Kedro filters by job name.
    """

    def __init__(self, inner: dg.Executor, name: str, opener: RunOpener, filters: Mapping[str, JobFilter]) -> None:
        self._inner = inner
        self._name = name
        self._opener = opener
        self._filters = filters

    @property
    def retries(self) -> Any:
        """What the inner executor says."""
        return self._inner.retries

    @property
    def step_dependency_config(self) -> Any:
        """What the inner executor says."""
        return self._inner.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[Any]:
        """Fire `before_pipeline_run`, execute, then fire `after_pipeline_run` or `on_pipeline_error`.

        A run without any of Kedro's assets opens no Kedro project.
        """
        dagster_run, job = plan_context.dagster_run, plan_context.job.get_definition()
        plan = self._opener.plan(dagster_run, job)
        if not plan.steps:
            yield from self._inner.execute(_private.context_of(self._inner, plan_context), execution_plan)
            return
        forkserver.tell(plan_context.job, self._opener.view(job.name).graph.dataset_types(plan.pipeline))
        self._opener.open_runs.hold(dagster_run.run_id)
        try:
            with captured_logs(plan_context.log):
                run = self._opener.for_run(dagster_run, job, plan_context.instance)
            run.own_process = True
            hooks = PipelineHooks(run, self._filters.get(job.name), self._name)
            with left_as_found(), run.redacted(), _private.open_event_log(plan_context.instance, dagster_run.run_id):
                yield from _Lifecycle(run, hooks, self._opener, plan_context).around(self._inner, execution_plan)
            self._opener.tidy_up(run, plan_context.instance)
        finally:
            self._opener.open_runs.release(dagster_run.run_id)


@frozen
class _Lifecycle:
    """One run whose project is open."""

    run: KedroRun
    hooks: PipelineHooks
    opener: RunOpener
    plan_context: Any

    def around(self, inner: dg.Executor, execution_plan: Any) -> Iterator[Any]:
        """Fire `before_pipeline_run`, execute, and fire the hook that fits how it ended."""
        if self._resumed():
            join_run(self.run.identity.mlflow_run_id)
        else:
            with self._captured_logs():
                self.hooks.before()
            identity = {RUN_ID_TAG: self.run.identity.kedro_run_id, ENV_TAG: env_of(self.run.context)}
            self._tag({**identity, **run_tags()})
        failures: list[Any] = []
        try:
            plan = self.run.plan
            check_inputs(self.run, plan.inputs.difference(*(step.handed_in for step in plan.steps.values())))
            observe_inputs(self.run, self.opener, self.plan_context.job.get_definition(), self.plan_context.instance)
            for event in inner.execute(_private.context_of(inner, self.plan_context), execution_plan):
                if event.is_step_failure or event.is_resource_init_failure:
                    failures.append(event)
                yield event
        except Exception as error:
            self._fail(_original(self.run, failures) or error)
            raise
        failure = _original(self.run, failures)
        if failure is not None:
            self._fail(failure)
        else:
            self._succeed()

    def _resumed(self) -> bool:
        """Say whether another process of this run has fired `before_pipeline_run`, and has died since."""
        return self.plan_context.resume_from_failure and RUN_ID_TAG in self.plan_context.dagster_run.tags

    def _fail(self, error: Exception) -> None:
        self._tag({ENDED_TAG: "fired"})
        with self._captured_logs():
            self.hooks.error(error)

    def _succeed(self) -> None:
        try:
            with self._captured_logs():
                self.hooks.after(self.run.results())
        except Exception:
            self._tag({ENDED_TAG: "fired"})  # as in Kedro, this is no error of the pipeline
            raise

    def _captured_logs(self) -> AbstractContextManager[LogCapture]:
        return captured_logs(self.plan_context.log, redactor=self.run.redactor)

    def _tag(self, tags: Mapping[str, str]) -> None:
        self.plan_context.instance.add_run_tags(self.plan_context.run_id, dict(tags))


def _original(run: KedroRun, failures: list[Any]) -> Exception | None:
    """Give the error of the first step that failed: the exception itself if it was raised in this process."""
    if not failures:
        return None
    event = failures[0]
    if event.step_key in run.errors:
        return run.errors[event.step_key]
    recorded = getattr(event.event_specific_data, "error", None)
    cause = recorded.cause or recorded if recorded else None
    return StepError(event.step_key, cause.to_string() if cause else event.message or "no error was recorded")
