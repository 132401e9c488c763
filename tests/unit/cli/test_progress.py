"""What the lines say of the events of a run."""

import re
from pathlib import Path

import dagster as dg
import pytest

from kedro_assets.cli.progress import Progress


@dg.asset
def first():
    return dg.MaterializeResult(metadata={"dagster/uri": dg.MetadataValue.text("file:///shop/data/a%20b.json")})


@dg.asset(deps=[first])
def second():
    return dg.MaterializeResult(metadata={"dagster/uri": "s3://shop/second.json"})


@dg.asset(deps=[first])
def nowhere():
    pass


@dg.asset(deps=[first])
def fails():
    raise ValueError("two\nlines")


@dg.asset(deps=[first])
def stopped():
    raise dg.DagsterExecutionInterruptedError


def told(*assets):
    """Follow a run of some assets; return the progress and the lines without seconds."""
    lines = []
    progress = Progress(lines.append, steps=len(assets))
    with dg.DagsterInstance.ephemeral() as instance:
        try:
            dg.materialize([*assets], instance=instance, raise_on_error=False)
        finally:
            [run] = instance.get_runs()
            for entry in instance.all_logs(run.run_id):
                if entry.dagster_event:
                    progress.tell(entry.dagster_event)
    progress.finish(Path("/shop"))
    return progress, [re.sub(r"\x1b\[\d*m|\d+\.\d s", "", line) for line in lines]


@pytest.mark.parametrize(
    ("asset", "succeeds", "marks"), [(nowhere, True, ">+="), (fails, False, ">!=")], ids=["good", "bad"]
)
def test_a_run_is_said_to_succeed_or_to_fail(asset, succeeds, marks):
    progress, lines = told(asset)
    assert progress.succeeded is succeeds
    assert [line[0] for line in lines] == [*marks]


def test_at_the_end_are_the_places_of_what_was_made_and_the_count():
    progress, lines = told(first, second, nowhere)
    assert progress.succeeded
    assert sorted(line for line in lines if line.startswith(" ")) == [
        "             first     data/a b.json",  # between are the seconds, and the place comes last, as it may be long
        "             second    s3://shop/second.json",
    ]
    assert lines[-1].endswith("the run succeeded: 3 assets materialized")
    assert (progress.ended, progress.running) == (3, {})


def test_lines_of_a_message_are_below_each_other_and_failures_are_counted():
    progress, lines = told(first, fails)
    assert not progress.succeeded
    [failure] = [line for line in lines if line.startswith("!")]
    assert failure.endswith("step fails failed: ValueError: two\n             lines")
    assert lines[-1].endswith("the run failed: 1 asset materialized, 1 step failed")


def test_a_step_that_was_interrupted_has_not_failed():
    lines = []
    progress = Progress(lines.append, steps=1)
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(dg.DagsterExecutionInterruptedError):
            dg.materialize([stopped], instance=instance, raise_on_error=True)
        [run] = instance.get_runs()
        for entry in instance.all_logs(run.run_id):
            if entry.dagster_event:
                progress.tell(entry.dagster_event)
    assert any("step stopped was interrupted" in line for line in lines)
    assert progress.failed == 0
