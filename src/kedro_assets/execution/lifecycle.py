"""Kedro's pipeline hooks around a Dagster run: the executor is the session.

An executor runs once, in the run's own process, around all steps. That is what Kedro's session is around a runner, and
Dagster has no other place like it: resources are set up in every process, and run sensors come too late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_execution, dagster_storage
from kedro_assets.errors import StepError
from kedro_assets.execution import forkserver
from kedro_assets.runtime import (
    KedroProject,
    KedroRun,
    LogCapture,
    PipelineHooks,
    captured_logs,
    check_inputs,
    env_of,
    is_needed,
    join_run,
    left_as_found,
    run_tags,
)
from kedro_assets.steps import observe_inputs, projects_of


def with_lifecycle(inner: dg.ExecutorDefinition) -> dg.ExecutorDefinition:
    """Wrap an executor so that Kedro's pipeline hooks fire around what it executes; one that is wrapped stays as it is.

    Args:
        inner: Any executor of Dagster's; its name, its options and what it requires stay.
    """
    if isinstance(inner.executor_creation_fn, _Creation):
        return inner
    return dg.ExecutorDefinition(
        name=inner.name,
        config_schema=inner.config_schema,  # type: ignore[arg-type]  # Dagster takes its own type, though it does not say so
        requirements=inner.get_requirements,
        executor_creation_fn=_Creation(inner),
        description=inner.description,
    )


@frozen
class _Creation:
    inner: dg.ExecutorDefinition

    def __call__(self, context: dg.InitExecutorContext) -> dg.Executor:
        create = self.inner.executor_creation_fn
        if create is None:
            msg = f"The executor '{self.inner.name}' cannot be created by itself."
            raise dg.DagsterInvariantViolationError(msg)
        return LifecycleExecutor(create(context), self.inner.name)


class LifecycleExecutor(dg.Executor):
    """Executes with another executor, with Kedro's pipeline hooks around it.

    Args:
        inner: Does the work.
        name: Its name, for `run_params`.
    """

    def __init__(self, inner: dg.Executor, name: str) -> None:
        self._inner = inner
        self._name = name

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

        That is done for each project of which the run has nodes, one around the other. A project of which it has none is not
        opened.
        """
        events = self._inner.execute(dagster_execution.context_of(self._inner, plan_context), execution_plan)
        dagster_run, job = plan_context.dagster_run, plan_context.job.get_definition()
        projects = [project for project in projects_of(job) if project.plan(dagster_run, job).steps]
        if not projects:
            yield from events
            return
        forkserver.tell(plan_context.job, _dataset_types(projects, dagster_run, job))
        with dagster_storage.open_event_log(plan_context.instance, dagster_run.run_id):
            for project in projects:
                events = _around(project, self._name, plan_context, events)
            yield from events


def _dataset_types(projects: Sequence[KedroProject], run: dg.DagsterRun, job: dg.JobDefinition) -> set[str]:
    """Return the types of the datasets that a run uses."""
    return {
        kind
        for project in projects
        for kind in project.view(job.name).graph.dataset_types(project.plan(run, job).pipeline)
    }


def _around(project: KedroProject, executor: str, plan_context: Any, events: Iterator[Any]) -> Iterator[Any]:
    """Open a project, and pass on the events of a run with the project's pipeline hooks around them."""
    dagster_run, job = plan_context.dagster_run, plan_context.job.get_definition()
    project.open_runs.hold(dagster_run.run_id)
    try:
        with captured_logs(plan_context.log):
            run = project.for_run(dagster_run, job, plan_context.instance)
        run.own_process = True
        hooks = PipelineHooks(run, project.filters.get(job.name), executor)
        with left_as_found(), run.redacted():
            yield from _Lifecycle(run, hooks, project, plan_context).around(events)
        run.handover.tidy_up(lambda run_id: is_needed(run_id, plan_context.instance))
    finally:
        project.open_runs.release(dagster_run.run_id)


@frozen
class _Lifecycle:
    """One run whose project is open."""

    run: KedroRun
    hooks: PipelineHooks
    project: KedroProject
    plan_context: Any

    def around(self, events: Iterator[Any]) -> Iterator[Any]:
        """Fire `before_pipeline_run`, pass events on, and fire the hook that fits how they ended."""
        self.project.enter()
        if self._resumed():
            join_run(self.run.identity.mlflow_run_id)
        else:
            with self._captured_logs():
                self.hooks.before()
            tags = self.project.tags
            identity = {tags.run_id: self.run.identity.kedro_run_id, tags.env: env_of(self.run.context)}
            self._tag({**identity, **run_tags()})
        failures: list[Any] = []
        try:
            plan, job = self.run.plan, self.plan_context.job.get_definition()
            check_inputs(self.run, plan.inputs.difference(*(step.handed_in for step in plan.steps.values())))
            observe_inputs(self.run, self.project.table, job, self.plan_context.instance)
            for event in events:
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
        """Whether another process of this run has fired `before_pipeline_run`, and has died since."""
        return self.plan_context.resume_from_failure and self.project.tags.run_id in self.plan_context.dagster_run.tags

    def _fail(self, error: Exception) -> None:
        self.project.enter()
        self._tag({self.project.tags.ended: "fired"})
        with self._captured_logs():
            self.hooks.error(error)

    def _succeed(self) -> None:
        self.project.enter()
        try:
            with self._captured_logs():
                self.hooks.after(self.run.handover.results())
        except Exception:
            self._tag({self.project.tags.ended: "fired"})  # as in Kedro, this is no error of the pipeline
            raise

    def _captured_logs(self) -> AbstractContextManager[LogCapture]:
        return captured_logs(self.plan_context.log, redactor=self.run.redactor)

    def _tag(self, tags: Mapping[str, str]) -> None:
        self.plan_context.instance.add_run_tags(self.plan_context.run_id, dict(tags))


def _original(run: KedroRun, failures: list[Any]) -> Exception | None:
    """Return the error of the first step that failed: the exception itself if it was raised in this process."""
    if not failures:
        return None
    event = failures[0]
    if event.step_key in run.errors:
        return run.errors[event.step_key]
    recorded = getattr(event.event_specific_data, "error", None)
    cause = recorded.cause or recorded if recorded else None
    return StepError(event.step_key, cause.to_string() if cause else event.message or "no error was recorded")
