"""Kedro's pipeline hooks around a Dagster run: the executor is the session.

An executor runs once, in the run's own process, around all steps. That is what Kedro's session is around a runner, and
Dagster has no other place like it: resources are set up in every process, and run sensors come too late.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from attrs import frozen
from kedro import __version__ as kedro_version

from kedro_assets import _private
from kedro_assets.config import PipelineFilter
from kedro_assets.errors import StepError
from kedro_assets.opener import RunOpener
from kedro_assets.run import KedroRun


@frozen
class JobFilter:
    """The Kedro filter that made a job, and the nodes that it leaves."""

    pipeline: PipelineFilter
    nodes: frozenset[str]


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
        if not self._opener.plan(dagster_run, job).steps:
            yield from self._inner.execute(plan_context, execution_plan)
            return
        os.environ[_private.JOB_VARIABLE] = _private.pack_job(plan_context.job)  # for `preload`
        self._opener.open_runs.hold(dagster_run.run_id)
        try:
            run = self._opener.for_run(dagster_run, job, plan_context.instance)
            yield from self._execute(run, job.name, plan_context, execution_plan)
        finally:
            self._opener.open_runs.release(dagster_run.run_id)

    def _execute(self, run: KedroRun, job_name: str, plan_context: Any, execution_plan: Any) -> Iterator[Any]:
        hooks = run.hooks.hook
        common = {
            "run_params": self._run_params(run, job_name),
            "pipeline": run.plan.pipeline,
            "catalog": run.catalog,
        }
        hooks.before_pipeline_run(**common)
        failures: list[Any] = []
        try:
            for event in self._inner.execute(plan_context, execution_plan):
                if event.is_step_failure or event.is_resource_init_failure:
                    failures.append(event)
                yield event
        except Exception as error:
            hooks.on_pipeline_error(error=_original(run, failures) or error, **common)
            raise
        failure = _original(run, failures)
        if failure is not None:
            hooks.on_pipeline_error(error=failure, **common)
            return
        results = {name: run.catalog.get(name, fallback_to_runtime_pattern=True) for name in run.plan.outputs}
        hooks.after_pipeline_run(run_result=results, **common)
        self._opener.forget_earlier(run, plan_context.instance)

    def _run_params(self, run: KedroRun, job_name: str) -> dict[str, Any]:
        """Describe the run with the keys that Kedro's session gives to its hooks."""
        nodes = [node.name for node in run.plan.pipeline.nodes]
        job = self._filters.get(job_name)
        chosen = job.pipeline if job and job.nodes == set(nodes) else None  # else only some of the job's nodes run
        return {
            "run_id": run.identity.kedro_run_id,
            "project_path": run.context.project_path.as_posix(),
            "env": run.context.env,
            "kedro_version": kedro_version,
            "tags": chosen.tags if chosen else None,
            "from_nodes": chosen.from_nodes if chosen else None,
            "to_nodes": chosen.to_nodes if chosen else None,
            "node_names": chosen.node_names if chosen else nodes,
            "from_inputs": chosen.from_inputs if chosen else None,
            "to_outputs": chosen.to_outputs if chosen else None,
            "load_versions": None,
            "runtime_params": dict(run.identity.runtime_params),
            "pipeline_names": [chosen.pipeline_name] if chosen else None,
            "namespaces": chosen.node_namespaces if chosen else None,
            "runner": self._name,
            "only_missing_outputs": False,
        }


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
