"""A run that is followed until it has ended, interrupted or not."""

import dagster as dg
import pytest

from kedro_assets._internals.dagster_jobs import StartedRun
from kedro_assets.cli.interrupts import follow


@dg.op
def nothing():
    pass


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def run(instance):
    job = dg.GraphDefinition("g", node_defs=[nothing]).to_job()
    return instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)


def started(run, events):
    return StartedRun(run, 1, events)


def test_all_events_are_told(run, instance):
    told = []
    follow(started(run, (event for event in "ab")), instance, told.append)
    assert told == ["a", "b"]


def test_an_interruption_of_the_reader_reaches_the_run_which_ends_as_canceled(run, instance):
    told = []

    def events():
        try:
            yield "a"
        except KeyboardInterrupt:
            yield instance.get_run_by_id(run.run_id).status

    def tell(event):
        told.append(event)
        if event == "a":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(started(run, events()), instance, tell)
    assert told == ["a", dg.DagsterRunStatus.CANCELING]


def test_the_second_interruption_ends_at_once(run, instance):
    told = []

    def events():
        try:
            yield "a"
        except KeyboardInterrupt:
            yield "b"
        yield "c"

    def tell(event):
        told.append(event)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(started(run, events()), instance, tell)
    assert told == ["a", "b"]


def test_an_error_of_the_run_is_raised(run, instance):
    def events():
        yield "a"
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        follow(started(run, events()), instance, lambda _: None)
