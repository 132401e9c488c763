"""Fails when the events of Dagster's runs change."""

import dagster as dg
import pytest

from kedro_assets._internals import dagster_events
from kedro_assets._internals.dagster_errors import FailureError


@dg.op
def fails():
    try:
        int("at the bottom")
    except ValueError as error:
        raise KeyError("above it") from error


@dg.op
def succeeds():
    pass


@pytest.fixture(scope="module")
def events():
    graph = dg.GraphDefinition("ops", node_defs=[fails, succeeds])
    with dg.DagsterInstance.ephemeral() as instance:
        return graph.execute_in_process(instance=instance, raise_on_error=False).all_events


def test_the_error_of_a_failure_is_that_of_the_code_with_its_traceback(events):
    [failure] = [event for event in events if event.is_step_failure]
    text = dagster_events.error_text(failure)
    assert text.startswith("KeyError: 'above it'")
    assert "at the bottom" in text
    assert __file__ in text


def test_the_message_of_a_failure_is_that_of_the_error_that_the_code_has_raised(events):
    [failure] = [event for event in events if event.is_step_failure]
    assert dagster_events.error_message(failure) == "KeyError: 'above it'"


def retried(error):
    @dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
    def fails():
        raise dg.RetryRequested(max_retries=1) from error

    graph = dg.GraphDefinition("ops", node_defs=[fails])
    with dg.DagsterInstance.ephemeral() as instance:
        found = graph.execute_in_process(instance=instance, raise_on_error=False).all_events
    return [event for event in found if event.is_step_failure or event.is_step_up_for_retry]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FailureError("Node 'a' failed", ValueError("no"), 0), "Node 'a' failed"),
        (ValueError("no"), "ValueError: no"),
    ],
    ids=["a failure with a headline", "another error"],
)
def test_the_message_of_a_step_that_is_tried_again_is_that_of_its_error(error, message):
    assert list(map(dagster_events.error_message, retried(error))) == [message, message]


def test_an_event_without_an_error_has_its_message_only(events):
    [success] = [event for event in events if event.is_step_success]
    assert (dagster_events.error_text(success), dagster_events.error_message(success)) == (success.message, "")


def test_a_step_that_succeeds_has_a_duration(events):
    [success] = [event for event in events if event.is_step_success]
    assert 0 <= dagster_events.step_seconds(success) < 10


def test_a_materialization_that_stays_as_another_run_has_made_it_is_told_from_others():
    @dg.multi_asset(specs=[dg.AssetSpec("made"), dg.AssetSpec("kept")])
    def both():
        yield dg.MaterializeResult("made")
        yield dg.MaterializeResult("kept", metadata={"kedro/kept_from_run": "1"})

    with dg.DagsterInstance.ephemeral() as instance:
        found = dg.materialize([both], instance=instance).get_asset_materialization_events()
    assert {event.asset_key.to_user_string(): dagster_events.is_kept(event) for event in found} == {
        "made": False,
        "kept": True,
    }
