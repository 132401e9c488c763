import threading
from datetime import datetime, timedelta, timezone

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.io.core import VERSION_FORMAT, generate_timestamp

from kedro_assets.runtime.kedro_run import OpenRuns, RunIdentity, kedro_timestamp
from kedro_assets.steps.multi_assets import kedro_resource

moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc))  # noqa: DTZ001


@given(moments)
def test_a_timestamp_is_kedros_own_up_to_the_millisecond(moment):
    text = kedro_timestamp(moment)
    assert len(text) == len(generate_timestamp())
    parsed = datetime.strptime(text, VERSION_FORMAT).replace(tzinfo=timezone.utc)
    assert timedelta(0) <= moment - parsed < timedelta(milliseconds=1)


@given(moments, moments)
def test_timestamps_sort_as_their_moments(one, other):
    if one <= other:
        assert kedro_timestamp(one) <= kedro_timestamp(other)


def test_a_moment_of_another_time_zone_is_written_in_utc():
    moment = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert kedro_timestamp(moment) == "2026-02-28T23.30.00.000Z"


# The identity of a run.


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def kedro_job(config=None):
    @dg.op(required_resource_keys={"kedro"})
    def nothing():
        pass

    graph = dg.GraphDefinition(name="g", node_defs=[nothing])
    return graph.to_job(resource_defs={"kedro": kedro_resource}, config=config)


def identity_of(instance, job, run_config=None):
    run = instance.create_run_for_job(job, run_config=run_config)
    return run, RunIdentity.of(run, job, instance)


def asking_for(params):
    return {"resources": {"kedro": {"config": {"runtime_params": params}}}}


def test_an_identity_comes_from_the_record_of_the_run_and_not_from_the_clock(instance):
    run, identity = identity_of(instance, kedro_job())
    created = instance.get_run_record_by_id(run.run_id).create_timestamp
    assert (identity.dagster_run_id, identity.kedro_run_id) == (run.run_id, kedro_timestamp(created))


def test_an_identity_has_the_runtime_parameters_of_the_run(instance):
    params = {"a": {"b": [1, None]}}
    _, identity = identity_of(instance, kedro_job(), asking_for(params))
    assert identity.runtime_params == params


def test_an_identity_has_the_runtime_parameters_of_the_job_if_the_run_asks_for_none(instance):
    _, identity = identity_of(instance, kedro_job(asking_for({"a": 1})))
    assert identity.runtime_params == {"a": 1}


@pytest.mark.parametrize("config", [{}, {"resources": {}}, {"resources": {"kedro": {}}}], ids=["empty", "none", "own"])
def test_a_run_without_runtime_parameters_has_none(instance, config):
    _, identity = identity_of(instance, kedro_job(), config)
    assert identity.runtime_params == {}


def test_a_run_of_a_job_without_kedros_assets_has_no_runtime_parameters(instance):
    _, identity = identity_of(instance, dg.GraphDefinition(name="g").to_job())
    assert identity.runtime_params == {}


# What a process has open.


class Opener:
    """Counts how often each run is opened; an open run is a new object each time."""

    def __init__(self):
        self.runs = OpenRuns()
        self.opened = []

    def get(self, run_id):
        def open_run():
            self.opened.append(run_id)
            return object()

        return self.runs.get(run_id, open_run)


def test_a_run_is_opened_once():
    opener = Opener()
    assert opener.get("a") is opener.get("a")
    assert opener.opened == ["a"]


def test_a_run_makes_way_for_the_next():
    opener = Opener()
    first = opener.get("a")
    opener.get("b")
    assert opener.get("a") is not first
    assert opener.opened == ["a", "b", "a"]


def test_a_run_that_is_held_stays_beside_the_next_until_it_is_let_go():
    opener = Opener()
    opener.runs.hold("a")
    first = opener.get("a")
    opener.get("b")
    assert opener.get("a") is first
    opener.runs.release("a")
    assert opener.get("a") is not first


def test_letting_go_of_a_run_keeps_the_others():
    opener = Opener()
    opener.runs.hold("a")
    opener.get("a")
    second = opener.get("b")
    opener.runs.release("a")
    assert opener.get("b") is second


def test_letting_go_of_a_run_that_was_never_opened_does_nothing():
    opener = Opener()
    opener.runs.release("a")
    assert opener.opened == []


def test_a_run_that_cannot_be_opened_is_tried_again():
    runs = OpenRuns()

    def fail():
        msg = "no database"
        raise OSError(msg)

    with pytest.raises(OSError, match="no database"):
        runs.get("a", fail)
    assert runs.get("a", lambda: "open") == "open"


def test_two_threads_open_a_run_once():
    opener, both = Opener(), threading.Barrier(2)
    found = []

    def work():
        both.wait()
        found.append(opener.get("a"))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] is found[1]
    assert opener.opened == ["a"]
