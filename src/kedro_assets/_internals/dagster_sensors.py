"""Sensors of Dagster's that look at runs."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol

import dagster as dg
from dagster._core.definitions.run_request import DagsterRunReaction
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster_shared.record import copy

_MOST_RUNS = 5  # that one tick looks at again, as Dagster does with new ones: a tick has to end within a minute


class FailedRuns(Protocol):
    """What a sensor does about failed runs.

    Reason: as for `FailureSensor`, which asks it.
    Risk: low; it is ours.
    """

    def concerns(self, run: dg.DagsterRun, repository: dg.RepositoryDefinition | None) -> bool:
        """Whether there is something to do about a run."""

    def evaluate(self, context: dg.RunFailureSensorContext) -> None:
        """Do it; the tick shows the error that is raised."""

    def left_open(self, instance: dg.DagsterInstance) -> Iterable[dg.DagsterRun]:
        """Return the runs that earlier ticks have left to the next one."""


class FailureSensor(dg.RunStatusSensorDefinition):
    """A sensor of failed runs that comes back to those it has left open, and leaves no line in those it has nothing to do with.

    Args:
        name: Its name.
        description: Its description.
        runs: What it does about failed runs.
        metadata: Its metadata.

    Reason: a sensor of Dagster's looks once at each failed run, whatever comes of it, and writes into the log of each that it
    has acted on it.
    Risk: medium; where it changes, `on_pipeline_error` has one try for a run whose own process has died, or such lines are
    in the logs of all failed runs.
    """

    def __init__(
        self, name: str, description: str, runs: FailedRuns, metadata: Mapping[str, Any] | None = None
    ) -> None:
        def evaluate(context: dg.RunStatusSensorContext) -> None:
            runs.evaluate(context.for_run_failure())

        super().__init__(
            name=name,
            run_status=dg.DagsterRunStatus.FAILURE,
            run_status_sensor_fn=evaluate,
            description=description,
            default_status=dg.DefaultSensorStatus.RUNNING,
            metadata=metadata,
        )
        self._runs = runs

    def with_attributes(self, *, jobs: Any = None, metadata: Any = None) -> "FailureSensor":  # noqa: ARG002
        """Return a copy with other metadata; it starts no jobs."""
        return FailureSensor(self.name, self.description or "", self._runs, metadata or self.metadata)

    def evaluate_tick(self, context: dg.SensorEvaluationContext) -> SensorExecutionData:
        """Look at the runs that are open, and at those that have failed since the last tick."""
        left = (run for run in self._runs.left_open(context.instance) if _is_of(run, context))
        again = [self._again(run, context) for run in islice(left, _MOST_RUNS)]
        found = super().evaluate_tick(context)
        new = [each for each in found.dagster_run_reactions or () if self._has_acted(each, context)]
        reactions = sorted(
            [*again, *new], key=lambda each: each.error is not None
        )  # the last one is the state of the tick
        return copy(found, dagster_run_reactions=reactions)

    def _has_acted(self, reaction: DagsterRunReaction, context: dg.SensorEvaluationContext) -> bool:
        run = reaction.dagster_run
        return reaction.error is not None or run is None or self._runs.concerns(run, context.repository_def)

    def _again(self, run: dg.DagsterRun, context: dg.SensorEvaluationContext) -> DagsterRunReaction:
        kind = dg.DagsterEventType.RUN_FAILURE
        failures = [entry.get_dagster_event() for entry in context.instance.all_logs(run.run_id, of_type=kind)]
        unknown = dg.DagsterEvent(kind.value, run.job_name, message="Dagster has not recorded why.")
        failure = dg.RunFailureSensorContext(
            sensor_name=self.name,
            dagster_run=run,
            dagster_event=failures[-1] if failures else unknown,
            instance=context.instance,
            logger=context.log,
            repository_def=context.repository_def,
        )
        error = None
        try:
            self._runs.evaluate(failure)
        except dg.DagsterError:
            raise
        except Exception:  # noqa: BLE001 - as Dagster does: the tick shows it
            error = serializable_error_info_from_exc_info(sys.exc_info())
        return DagsterRunReaction(run, error, dg.DagsterRunStatus.FAILURE)


def _is_of(run: dg.DagsterRun, context: dg.SensorEvaluationContext) -> bool:
    """Whether a run is of the repository of a sensor, as Dagster compares the two: several share an instance."""
    job, own = run.remote_job_origin, context.code_location_origin
    origin = job.repository_origin if job else None
    location = origin.code_location_origin.location_name if origin else None
    name = origin.repository_name if origin else None
    return (location, name) == (own.location_name if own else None, context.repository_name)


@contextmanager
def whole_tick() -> Iterator[None]:
    """Let the whole tick fail with an error raised inside, so that the next one looks at the same runs again.

    Reason: Dagster moves on behind a run after any other error.
    Risk: medium; where it changes, such a run is not looked at again.
    """
    try:
        yield
    except Exception as error:
        msg = f"Dagster's storage cannot be read or written: {error}. The next tick looks at the same runs again."
        raise dg.DagsterInvariantViolationError(msg) from error
