"""Fails when Dagster records the error of a step in another way."""

import dagster as dg
import pytest

from kedro_assets._internals.dagster_errors import BEFORE, FailureError


def of_user():
    try:
        {}["key"]
    except KeyError as error:
        raise ValueError("no such key") from error


def failing(around=1):
    @dg.op
    def fails():
        try:
            of_user()
        except ValueError as error:
            failure = FailureError("Node 'a' failed: no such key\n  in a.py:3", error, around)
            raise failure from error

    return fails


def failure_of(op, hooks=None):
    job = dg.GraphDefinition("ops", node_defs=[op]).to_job(hooks=hooks)
    result = job.execute_in_process(raise_on_error=False)
    [failure] = [event for event in result.all_events if event.is_step_failure]
    return failure


def test_a_failure_begins_with_its_headline_and_ends_with_the_frames_around_the_users_code():
    text = failure_of(failing()).step_failure_data.error.to_string()
    assert text.startswith("Node 'a' failed: no such key\n  in a.py:3\n")
    cause, _, context = text.partition("ValueError: no such key")[2].partition("KeyError: 'key'")
    assert "in of_user" in cause
    assert "in fails" not in cause
    assert "in fails" in context.partition(BEFORE)[2]


def test_a_failure_whose_frames_are_all_the_users_has_none_around_them():
    assert BEFORE not in failure_of(failing(around=0)).step_failure_data.error.to_string()


def test_a_failure_counts_as_one_of_the_users_code():
    event = failure_of(failing())
    assert event.step_failure_data.error_source.value == "USER_CODE_ERROR"
    assert event.step_failure_data.error_display_string.startswith("Node 'a' failed: no such key")


def test_who_executes_in_process_gets_the_error_of_the_users_code():
    graph = dg.GraphDefinition("ops", node_defs=[failing()])
    with pytest.raises(ValueError, match="no such key"):
        graph.execute_in_process()


def test_a_hook_of_an_op_gets_the_error_of_the_users_code():
    found = []

    @dg.failure_hook
    def remember(context):
        found.append(context.op_exception)

    failure_of(failing(), {remember})
    assert list(map(repr, found)) == ["ValueError('no such key')"]
