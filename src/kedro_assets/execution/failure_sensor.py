"""The sensor that fires `on_pipeline_error` for a run whose own process has died."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
import dagster as dg
from attrs import frozen

from kedro_assets.errors import KedroAssetsError, RunError, StepError
from kedro_assets.names import identifier
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
        description="Fires Kedro's `on_pipeline_error` for a run whose own process has died.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    return decorate(_FailureSensor(project).evaluate)


@frozen
class _FailureSensor:
    project: KedroProject

    def evaluate(self, context: dg.RunFailureSensorContext) -> None:
        """Fire the hook if the run has left it open."""
        dagster_run, repository, tags = context.dagster_run, context.repository_def, self.project.tags
        if tags.run_id not in dagster_run.tags or tags.ended in dagster_run.tags or repository is None:
            return
        job = repository.get_job(dagster_run.job_name)
        if dagster_run.asset_selection or dagster_run.op_selection:
            job = job.get_subset(op_selection=dagster_run.op_selection, asset_selection=dagster_run.asset_selection)
        if not self.project.plan(dagster_run, job).steps:
            return  # another project of this code location has run it
        context.instance.add_run_tags(dagster_run.run_id, {tags.ended: "fired"})
        try:
            with self.project.entered():
                run = self.project.for_run(dagster_run, job, context.instance)
                hooks = PipelineHooks(run, self.project.filters.get(job.name), job.executor_def.name)
                hooks.error(_error(context))
        finally:
            self.project.open_runs.release(dagster_run.run_id)


def _error(context: dg.RunFailureSensorContext) -> KedroAssetsError:
    """Return what Dagster has recorded: the failure of a step, or else that of the run."""
    for event in context.for_run_failure().get_step_failure_events():
        recorded = event.step_failure_data.error
        cause = recorded.cause or recorded if recorded else None
        return StepError(str(event.step_key), cause.to_string() if cause else str(event.message))
    told = context.instance.all_logs(context.dagster_run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    causes = [entry.message for entry in told[-1:]]  # such as the signal that killed the process
    return RunError(context.dagster_run.run_id, "\n".join([*causes, str(context.failure_event.message)]))
