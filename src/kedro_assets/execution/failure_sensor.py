"""The sensor that fires `on_pipeline_error` for a run whose own process has died."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
import threading
from collections.abc import Iterator

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_contexts, dagster_events, dagster_instance, dagster_sensors
from kedro_assets.errors import KedroAssetsError, RunError, StepError
from kedro_assets.execution.ended_hooks import FIRED, EndedHooks
from kedro_assets.names import identifier
from kedro_assets.project import masked_errors
from kedro_assets.runtime import KedroProject

MOST_TRIES = 5
"""How often the sensor tries to fire the hook of one run."""

GIVEN_UP = "given up"
"""The value of the tag when the sensor has tried that often in vain."""

_one_at_a_time = threading.Lock()
"""A tick for which the daemon waits no longer goes on in its thread, and the next one looks at the same runs."""


def build_failure_sensor(project: KedroProject) -> dg.SensorDefinition:
    """Build the sensor that completes the hooks of a run which could not do so itself.

    It acts on failed runs in which `before_pipeline_run` has fired and nothing after it has.

    Args:
        project: The project.
    """
    name = project.project.config.assets.prefixed(project.project.package_name)
    description = "Fires Kedro's hook `on_pipeline_error` for a run whose own process has died."
    return dagster_sensors.FailureSensor(f"{identifier(name)}_on_pipeline_error", description, _OpenHooks(project))


@frozen
class _OpenHooks:
    """The failed runs that have left a hook open."""

    project: KedroProject

    def concerns(self, run: dg.DagsterRun, repository: dg.RepositoryDefinition | None) -> bool:
        """Whether a run of the project has left the hook open."""
        tags = self.project.tags
        if not run.tags.get(tags.run_id) or run.tags.get(tags.ended):
            return False
        try:
            job = dagster_contexts.job_of_failed_run(run, repository)
            return job is not None and bool(self.project.plan(run, job).steps)  # else it is another project's
        except Exception:  # noqa: BLE001 - such as a job that is not there any more: to fire the hook fails with it
            return True

    def left_open(self, instance: dg.DagsterInstance) -> Iterator[dg.DagsterRun]:
        """Yield the runs whose hook earlier ticks could not fire."""
        tries = [str(number) for number in range(1, MOST_TRIES)]
        found = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], tags={self.project.tags.tries: tries})
        for record in instance.get_run_records(found, ascending=True):
            if not record.dagster_run.tags.get(self.project.tags.ended):
                yield record.dagster_run

    def evaluate(self, context: dg.RunFailureSensorContext) -> None:
        """Fire the hook if the run has left it open."""
        with _one_at_a_time:
            self._evaluate(context)

    def _evaluate(self, context: dg.RunFailureSensorContext) -> None:
        instance, tags = context.instance, self.project.tags
        record = EndedHooks(tags, context.dagster_run.run_id, instance)
        with dagster_sensors.whole_tick():
            run = instance.get_run_by_id(context.dagster_run.run_id) or context.dagster_run
            if not self.concerns(run, context.repository_def):
                return
            if record.is_in_file():
                record.move_to_tag()
                return
        tries = run.tags.get(tags.tries) or "0"
        try:
            self._fire(run, context)
        except Exception as error:
            raise self._left_open(run, instance, error) from error
        record.record()
        if tries != "0":
            dagster_instance.add_run_tags(instance, run.run_id, {tags.tries: FIRED})  # so that no tick looks for it

    def _fire(self, run: dg.DagsterRun, context: dg.RunFailureSensorContext) -> None:
        """Open the project, and fire the hook."""
        project = self.project
        try:
            with project.entered(), masked_errors(project.location):
                job = dagster_contexts.job_of_failed_run(run, context.repository_def)
                if job is None:
                    return
                opened = project.for_run(run, job, context.instance)
                hooks = project.pipeline_hooks(opened, run, job, job.executor_def.name)
                with opened.redacted(), opened.joined():
                    hooks.error(_error(context))
        finally:
            project.open_runs.release(run.run_id)

    def _left_open(self, run: dg.DagsterRun, instance: dg.DagsterInstance, error: Exception) -> KedroAssetsError:
        """Count the try, and return what the tick says."""
        tags, before = self.project.tags, run.tags.get(self.project.tags.tries, "")
        tries = 1 + (int(before) if before.isdecimal() else 0)
        if tries < MOST_TRIES:
            found = {tags.tries: str(tries)}
            rest = "The hook stays open, and the next tick tries again."
        else:
            found = {tags.tries: str(tries), tags.ended: GIVEN_UP}
            rest = f"The sensor gives up: no tick tries again, and the run has the tag '{tags.ended}: {GIVEN_UP}'."
        with dagster_sensors.whole_tick():
            dagster_instance.add_run_tags(instance, run.run_id, found)
        return KedroAssetsError(
            f"The hook `on_pipeline_error` of run '{run.run_id}' could not be fired in try {tries} of {MOST_TRIES}: "
            f"{type(error).__name__}: {error}\n{rest} The sensor opens the project in the process of the code server, which needs "
            "the environment variables, credentials and services that the project and its hooks need in a run."
        )


def _error(context: dg.RunFailureSensorContext) -> KedroAssetsError:
    """Return what Dagster has recorded: the failure of a step, or else that of the run."""
    for event in context.get_step_failure_events():
        return StepError(str(event.step_key), dagster_events.error_text(event))
    run_id = context.dagster_run.run_id
    causes = dagster_instance.engine_messages(context.instance, run_id)[
        -1:
    ]  # such as the signal that killed the process
    return RunError(run_id, "\n".join([*causes, str(context.failure_event.message)]))
