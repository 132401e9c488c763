"""The sensor that fires `on_pipeline_error` for a run whose own process has died."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_contexts, dagster_events, dagster_instance
from kedro_assets.errors import KedroAssetsError, RunError, StepError
from kedro_assets.names import identifier
from kedro_assets.project import masked_errors
from kedro_assets.runtime import KedroProject, PipelineHooks


def build_failure_sensor(project: KedroProject) -> dg.SensorDefinition:
    """Build the sensor that completes the hooks of a run which could not do so itself.

    It acts on failed runs in which `before_pipeline_run` has fired and nothing after it has.

    Args:
        project: The project.
    """
    name = project.project.config.assets.prefixed(project.project.package_name)
    decorate = dg.run_failure_sensor(
        name=f"{identifier(name)}_on_pipeline_error",
        description="Fires Kedro's hook `on_pipeline_error` for a run whose own process has died.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    return decorate(_FailureSensor(project).evaluate)


@frozen
class _FailureSensor:
    project: KedroProject

    def evaluate(self, context: dg.RunFailureSensorContext) -> None:
        """Fire the hook if the run has left it open."""
        dagster_run, tags = context.dagster_run, self.project.tags
        if tags.run_id not in dagster_run.tags or tags.ended in dagster_run.tags:
            return
        job = dagster_contexts.job_of_failed_run(context)
        if job is None or not self.project.plan(dagster_run, job).steps:
            return  # another project of this code location has run it
        dagster_instance.add_run_tags(context.instance, dagster_run.run_id, {tags.ended: "fired"})
        try:
            with self.project.entered(), masked_errors(self.project.location):
                run = self.project.for_run(dagster_run, job, context.instance)
                hooks = PipelineHooks(run, self.project.filters.get(job.name), job.executor_def.name)
                with run.redacted():
                    hooks.error(_error(context))
        finally:
            self.project.open_runs.release(dagster_run.run_id)


def _error(context: dg.RunFailureSensorContext) -> KedroAssetsError:
    """Return what Dagster has recorded: the failure of a step, or else that of the run."""
    for event in context.get_step_failure_events():
        return StepError(str(event.step_key), dagster_events.error_text(event))
    run_id = context.dagster_run.run_id
    causes = dagster_instance.engine_messages(context.instance, run_id)[
        -1:
    ]  # such as the signal that killed the process
    return RunError(run_id, "\n".join([*causes, str(context.failure_event.message)]))
