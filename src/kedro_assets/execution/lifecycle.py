"""Kedro's pipeline hooks around a Dagster run: the executor is the session.

An executor runs once, in the run's own process, around all steps. That is what Kedro's session is around a runner, and
Dagster has no other place like it: resources are set up in every process, and run sensors come too late.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_events, dagster_executors, dagster_instance, dagster_storage, garbage
from kedro_assets.errors import StepError
from kedro_assets.execution import forkserver
from kedro_assets.execution.ended_hooks import EndedHooks
from kedro_assets.execution.interrupts import interrupted
from kedro_assets.execution.neighbours import LOCATION_TAG, notes_on_neighbours
from kedro_assets.execution.stale_runs import assets_to_make, leave_out
from kedro_assets.graph import RunPlan
from kedro_assets.partitions import has_several
from kedro_assets.runtime import (
    KedroProject,
    KedroRun,
    LogCapture,
    PipelineHooks,
    captured_logs,
    check_inputs,
    env_of,
    is_needed,
    left_as_found,
    mark_run_process,
    run_tags,
)
from kedro_assets.steps import behind, observe_files, observe_inputs, projects_of, run_failure

logger = logging.getLogger(__name__)


def with_lifecycle(inner: dg.ExecutorDefinition) -> dg.ExecutorDefinition:
    """Wrap an executor so that Kedro's pipeline hooks fire around what it executes; one that is wrapped stays as it is.

    Args:
        inner: Any executor of Dagster's; its name, its options and what it requires stay.
    """
    if isinstance(dagster_executors.creation_of(inner), _Creation):
        return inner
    return dagster_executors.created_otherwise(inner, _Creation(inner))


@frozen
class _Creation:
    inner: dg.ExecutorDefinition

    def __call__(self, context: dg.InitExecutorContext) -> dg.Executor:
        create = dagster_executors.creation_of(self.inner)
        if create is None:
            msg = f"Dagster cannot create the executor '{self.inner.name}': its definition has no creation function."
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
        return dagster_executors.step_dependencies(self._inner)

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[Any]:
        """Fire `before_pipeline_run`, execute, then fire `after_pipeline_run` or `on_pipeline_error`.

        That is done for each project of which the run has nodes, one around the other. A project of which it has none is not
        opened. Steps that make nothing, where only what is not up to date is to be made, are left out before.
        """
        executed = dagster_executors.executed_run(plan_context)
        projects = projects_of(executed.job)
        made = assets_to_make(projects, executed)
        if made is None:
            yield from self._execute(plan_context, execution_plan, executed, None)
            return
        plan, skipped = leave_out(plan_context, execution_plan, projects, made)
        if plan is not None:
            yield from self._execute(plan_context, plan, executed, made)
        yield from skipped  # at last: some executors take every event of a step for one of their own steps

    def _execute(
        self,
        plan_context: Any,
        execution_plan: Any,
        executed: dagster_executors.ExecutedRun,
        made: Collection[dg.AssetKey] | None,
    ) -> Iterator[Any]:
        """Execute, with the pipeline hooks of each project that has nodes in the run around it."""
        job = executed.job
        events = _until_cancelled(dagster_executors.execute_with(self._inner, plan_context, execution_plan), executed)
        plans = [(project, project.plan(executed.run, job, made)) for project in projects_of(job)]
        opened = [(project, plan) for project, plan in plans if plan.steps]
        if not opened:
            yield from events
            return
        mark_run_process()
        forkserver.tell(executed.source, _dataset_types(opened, job))
        with dagster_storage.kept_open(executed.instance, executed.run.run_id), garbage.old_left():
            for project, _ in opened:
                events = _around(project, self._name, executed, events)
            try:
                yield from events
            except Exception as error:
                failure = error if executed.raises else run_failure(error, [project.project for project, _ in opened])
                if failure is error:
                    raise
                raise failure from error


def _until_cancelled(events: Iterator[Any], executed: dagster_executors.ExecutedRun) -> Iterator[Any]:
    """Pass on the events of a run; one that was cancelled during its last steps is cancelled, though they have succeeded.

    Raises:
        DagsterExecutionInterruptedError: If it was.
    """
    try:
        yield from events
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        interrupted(executed.run, executed.instance)
        raise
    record = executed.instance.get_run_by_id(executed.run.run_id)
    if record is not None and record.status == dg.DagsterRunStatus.CANCELING:
        msg = "The run was cancelled while its last steps ran."
        raise dg.DagsterExecutionInterruptedError(msg)


def _dataset_types(plans: Sequence[tuple[KedroProject, RunPlan]], job: dg.JobDefinition) -> set[str]:
    """Return the types of the datasets that a run uses."""
    return {kind for project, plan in plans for kind in project.view(job.name).graph.dataset_types(plan.pipeline)}


def _around(
    project: KedroProject, executor: str, executed: dagster_executors.ExecutedRun, events: Iterator[Any]
) -> Iterator[Any]:
    """Open a project, and pass on the events of a run with the project's pipeline hooks around them."""
    dagster_run, job, instance = executed.run, executed.job, executed.instance
    project.open_runs.hold(dagster_run.run_id)
    try:
        if not executed.is_resumed:
            kept = [] if project.leaves_out(job) else _kept_nodes(project, dagster_run, job, instance)
            tags = {name: "" for name in project.tags.of_one_run if dagster_run.tags.get(name)}
            tags |= {project.tags.kept: json.dumps(kept)} if kept else {}
            if tags:
                dagster_instance.add_run_tags(instance, dagster_run.run_id, tags)
        with captured_logs(executed.log, output=project.project.config.mask_output):
            run = project.for_run(dagster_run, job, instance)
        run.own_process = True
        hooks = project.pipeline_hooks(run, dagster_run, job, executor)
        with left_as_found(), run.redacted():
            yield from _Lifecycle(run, hooks, project, executed).around(events)
        _tidy_up(run, instance)
    finally:
        project.open_runs.release(dagster_run.run_id)


def _kept_nodes(
    project: KedroProject, run: dg.DagsterRun, job: dg.JobDefinition, instance: dg.DagsterInstance
) -> list[str]:
    """Return the nodes that a run need not run again, once Dagster knows of the files that are there now."""
    failed = project.goes_on_with(run, instance)
    if failed is None:
        return []
    observe_files(project, run, job, instance)
    return project.kept_nodes(failed, run, job, instance)


def _tidy_up(run: KedroRun, instance: dg.DagsterInstance) -> None:
    """Delete what nobody needs any more; a run whose hooks have all fired does not fail because that is not possible."""
    try:
        run.handover.tidy_up(lambda run_id: is_needed(run_id, instance))
    except Exception as error:  # noqa: BLE001 - whatever a storage raises
        logger.warning("In-memory data of earlier runs is left where it is, as it cannot be deleted now: %s", error)


@frozen
class _Lifecycle:
    """One run whose project is open.

    Each hook fires before Dagster's storage is told so: the storage can fail, be locked, full or gone, and the hook fires all
    the same.
    """

    run: KedroRun
    hooks: PipelineHooks
    project: KedroProject
    executed: dagster_executors.ExecutedRun

    def around(self, events: Iterator[Any]) -> Iterator[Any]:
        """Fire `before_pipeline_run`, pass events on, and fire the hook that fits how they ended."""
        self.project.enter()
        resumed = self._resumed()
        if resumed and self.executed.run.tags.get(self.project.tags.ended):
            yield from events  # the process before this one has died after its last hook
            return
        if not resumed:
            with self._captured_logs():
                self.hooks.before()
        failures: list[Any] = []
        try:
            if resumed:
                self.run.join()
            else:
                self._tag_identity()
                self._warn_of_neighbours()
            plan = self.run.plan
            inputs = plan.inputs.difference(*(step.handed_in for step in plan.steps.values()))
            if has_several(self.executed.run.tags):  # the key is there once the steps run for each partition
                partitions = self.project.view(self.executed.job.name).table.partitions
                inputs = inputs.difference(*map(partitions.told_singly, plan.nodes))
            check_inputs(self.run, inputs)
            observe_inputs(self.run, self.project.table, self.executed.job, self.executed.instance)
            for event in events:
                if event.is_step_failure or event.is_resource_init_failure:
                    failures.append(event)
                yield event
            failure = _original(self.run, failures)
            results = self._results() if failure is None else {}
        except Exception as error:
            self._fail(_original(self.run, failures) or _of_step(self.run, error) or behind(error))
            raise
        if failure is not None:
            self._fail(failure)
        else:
            self._succeed(results)

    def _resumed(self) -> bool:
        """Whether another process of this run has fired `before_pipeline_run`, and has died since."""
        return self.executed.is_resumed and bool(self.executed.run.tags.get(self.project.tags.run_id))

    def _results(self) -> Mapping[str, Any]:
        self.project.enter()
        return self.run.handover.results()

    def _fail(self, error: Exception) -> None:
        with self._last_hook():
            self.hooks.error(error)

    def _succeed(self, results: Mapping[str, Any]) -> None:
        with self._last_hook():
            self.hooks.after(results)

    @contextmanager
    def _last_hook(self) -> Iterator[None]:
        """Fire a hook inside, and record it then; as in Kedro, no hook follows one that has raised an error."""
        self.project.enter()
        record = EndedHooks(self.project.tags, self.executed.run.run_id, self.executed.instance).record
        try:
            with self._captured_logs():
                yield
        except Exception:
            record()
            raise
        record()

    def _captured_logs(self) -> AbstractContextManager[LogCapture]:
        return captured_logs(self.executed.log, redactor=self.run.redactor, output=self.run.project.config.mask_output)

    def _tag_identity(self) -> None:
        """Tell the other processes of the run that `before_pipeline_run` has fired, and what they have to agree on."""
        tags = self.project.tags
        identity = {
            tags.run_id: self.run.identity.kedro_run_id,
            tags.env: env_of(self.run.context),
            tags.project: self.run.project.package_name,
        }
        dagster_instance.add_run_tags(self.executed.instance, self.executed.run.run_id, {**identity, **run_tags()})

    def _warn_of_neighbours(self) -> None:
        """Warn in the run's log if another project in this instance makes assets of the same keys."""
        table = self.project.view(self.executed.job.name).table
        made = [asset.key for asset in table.made_by(self.run.plan.nodes) if not asset.in_memory]
        package, location = self.run.project.package_name, self.executed.run.tags.get(LOCATION_TAG)
        for note in notes_on_neighbours(package, made, self.executed.instance, location):
            self.executed.log.warning(note)


def _original(run: KedroRun, failures: list[Any]) -> Exception | None:
    """Return the error of the first step that failed: the exception itself if it was raised in this process."""
    if not failures:
        return None
    event = failures[0]
    if event.step_key in run.errors:
        return run.errors[event.step_key]
    return StepError(event.step_key, dagster_events.error_text(event) or "no error was recorded")


def _of_step(run: KedroRun, error: BaseException) -> Exception | None:
    """Return the error of the step during whose handling another was raised, such as by the storage that was to record it."""
    own, seen, todo = {id(found): found for found in run.errors.values()}, set[int](), [error]
    while todo:
        found = todo.pop()
        if id(found) in own:
            return own[id(found)]
        if id(found) not in seen:
            seen.add(id(found))
            todo += [each for each in (found.__cause__, found.__context__) if each is not None]
    return None
