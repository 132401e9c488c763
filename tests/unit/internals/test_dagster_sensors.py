"""Fails when what Dagster's sensors do about failed runs changes."""

import dagster as dg
import pytest

from kedro_assets._internals import dagster_sensors

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")


@dg.job
def job():
    """Do nothing."""


class Runs:
    """Does something about runs with a tag, and may fail; what has failed is left open."""

    def __init__(self):
        self.acted, self.open, self.breaks = [], [], []

    def concerns(self, run, repository):
        return "ours" in run.tags

    def left_open(self, instance):
        return [instance.get_run_by_id(run_id) for run_id in self.open]

    def evaluate(self, context):
        if not self.concerns(context.dagster_run, context.repository_def):
            return
        run_id = context.dagster_run.run_id
        self.acted.append((run_id, context.failure_event.message))
        if self.breaks:
            raise self.breaks.pop(0)
        self.open = [each for each in self.open if each != run_id]


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def runs():
    return Runs()


@pytest.fixture
def sensor(runs):
    return dagster_sensors.FailureSensor("failures", "Looks at failed runs.", runs)


def fail(instance, **tags):
    run = instance.create_run_for_job(job, tags=tags)
    instance.report_run_failed(run, "It died.")
    return run.run_id


def tick(sensor, instance, cursor=None):
    repository = dg.Definitions(jobs=[job], sensors=[sensor]).get_repository_def()
    with dg.build_sensor_context(instance, cursor, repository_def=repository, sensor_name=sensor.name) as context:
        return repository.get_sensor_def(sensor.name).evaluate_tick(context)


def reactions(found):
    """Tell of which runs a tick leaves a line, and whether it is an error."""
    return [(each.dagster_run.run_id, each.error is not None) for each in found.dagster_run_reactions]


@pytest.fixture
def started(sensor, instance):
    """The cursor of a sensor that has looked once."""
    return tick(sensor, instance).cursor


def test_a_run_that_concerns_the_sensor_is_acted_on_once(sensor, runs, instance, started):
    run_id = fail(instance, ours="yes")
    first = tick(sensor, instance, started)
    assert (reactions(first), runs.acted) == ([(run_id, False)], [(run_id, "It died.")])
    assert reactions(tick(sensor, instance, first.cursor)) == []
    assert len(runs.acted) == 1


def test_a_run_that_does_not_concern_the_sensor_gets_no_line_and_is_passed_over(sensor, runs, instance, started):
    fail(instance)
    run_id = fail(instance, ours="yes")
    found = tick(sensor, instance, started)
    assert reactions(found) == [(run_id, False)]
    assert found.cursor != started


def test_a_run_that_is_left_open_is_looked_at_by_the_next_tick_without_another_failure(sensor, runs, instance, started):
    run_id = fail(instance, ours="yes")
    runs.breaks, runs.open = [ValueError("not now"), ValueError("not yet")], []
    first = tick(sensor, instance, started)
    runs.open = [run_id]
    second = tick(sensor, instance, first.cursor)
    third = tick(sensor, instance, second.cursor)
    assert [reactions(each) for each in (first, second, third)] == [
        [(run_id, True)],
        [(run_id, True)],
        [(run_id, False)],
    ]
    assert "not yet" in second.dagster_run_reactions[0].error.message
    assert runs.acted == [(run_id, "It died.")] * 3


def test_a_tick_looks_again_at_some_of_the_runs_that_are_left_open(sensor, runs, instance, started):
    runs.open = [fail(instance, ours="yes") for _ in range(7)]
    runs.breaks = [ValueError("not now")] * 99
    assert len(tick(sensor, instance, tick(sensor, instance).cursor).dagster_run_reactions) == 5


def test_runs_that_are_left_open_hold_up_no_other(sensor, runs, instance, started):
    left = fail(instance, ours="yes")
    cursor = tick(sensor, instance, started).cursor
    runs.open, runs.breaks = [left], [ValueError("not now")]
    run_id = fail(instance, ours="yes")
    found = tick(sensor, instance, cursor)
    assert reactions(found) == [(run_id, False), (left, True)]  # Dagster shows a tick as its last reaction is


def test_a_run_of_another_code_location_is_not_looked_at_again(sensor, runs, instance, started):
    location = dg._core.remote_origin.InProcessCodeLocationOrigin
    loadable = dg._core.types.loadable_target_origin.LoadableTargetOrigin(module_name="other")
    origin = dg._core.remote_origin.RemoteRepositoryOrigin(location(loadable, location_name="other"), "__repository__")
    run = instance.create_run_for_job(job, tags={"ours": "yes"}, remote_job_origin=origin.get_job_origin("job"))
    runs.open = [run.run_id]
    assert reactions(tick(sensor, instance, started)) == []
    assert runs.acted == []


def test_a_tick_that_fails_as_a_whole_keeps_its_cursor(sensor, runs, instance, started):
    def evaluate(_):
        with dagster_sensors.whole_tick():
            msg = "database is locked"
            raise OSError(msg)

    runs.evaluate = evaluate
    fail(instance, ours="yes")
    with pytest.raises(dg.DagsterInvariantViolationError, match="database is locked"):
        tick(sensor, instance, started)


def test_a_sensor_stays_what_it_is_where_its_metadata_is_replaced(sensor):
    other = sensor.with_attributes(metadata={"by": "a component"})
    assert (type(other), other.name, other.description) == (type(sensor), sensor.name, sensor.description)
    assert (other.default_status, set(other.metadata)) == (dg.DefaultSensorStatus.RUNNING, {"by"})
