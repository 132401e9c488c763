"""What is written while a run goes on; how it looks for a whole run is in test_run.py."""

import dagster as dg
import pytest

from kedro_assets.cli.progress import Progress


@dg.asset
def good():
    pass


@dg.asset
def bad():
    msg = "no data"
    raise ValueError(msg)


@pytest.mark.parametrize(
    ("asset", "succeeds", "marks"), [(good, True, [">", "+", "="]), (bad, False, [">", "!", "="])], ids=["good", "bad"]
)
def test_a_run_is_said_to_succeed_or_to_fail(asset, succeeds, marks):
    lines = []
    progress = Progress(lines.append)
    with dg.DagsterInstance.ephemeral() as instance:
        for event in dg.materialize([asset], instance=instance, raise_on_error=False).all_events:
            progress.tell(event)
    assert progress.finish() is succeeds
    assert [line.replace("\x1b[", "").lstrip("0123456789m")[0] for line in lines] == marks
