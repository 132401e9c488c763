"""The record that the hook has fired which ends a pipeline."""

import dagster as dg
import pytest

from kedro_assets._internals import dagster_instance
from kedro_assets.execution import ended_hooks
from kedro_assets.execution.ended_hooks import EndedHooks
from kedro_assets.runtime import RunTags


@dg.job
def job():
    """Do nothing."""


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def record(instance):
    return EndedHooks(RunTags("kedro"), instance.create_run_for_job(job).run_id, instance)


@pytest.fixture
def failing(monkeypatch):
    """Let the storage refuse to write tags as often as the test says."""
    real, left = dagster_instance.add_run_tags, [0]

    def add_run_tags(*arguments):
        if left[0]:
            left[0] -= 1
            msg = "database is locked"
            raise OSError(msg)
        real(*arguments)

    monkeypatch.setattr(dagster_instance, "add_run_tags", add_run_tags)
    monkeypatch.setattr(ended_hooks, "_WAITS", (0.0, 0.0, 0.0))
    return left


def tag(record):
    return record.instance.get_run_by_id(record.run_id).tags.get("kedro/pipeline_hooks")


def test_the_record_is_a_tag_of_the_run(record):
    assert (tag(record), record.is_in_file()) == (None, False)
    record.record()
    assert (tag(record), record.is_in_file()) == ("fired", False)


def test_a_storage_that_fails_for_a_moment_is_asked_again(record, failing):
    failing[0] = 2
    record.record()
    assert (tag(record), record.is_in_file()) == ("fired", False)


def test_a_storage_that_goes_on_failing_leaves_a_file_until_the_tag_can_be_written(record, failing):
    failing[0] = 3
    record.record()
    assert (tag(record), record.is_in_file()) == (None, True)
    record.move_to_tag()
    assert (tag(record), record.is_in_file()) == ("fired", False)


def test_a_file_stays_while_the_tag_cannot_be_written(record, failing):
    failing[0] = 4
    record.record()
    with pytest.raises(OSError, match="database is locked"):
        record.move_to_tag()
    assert record.is_in_file()


def test_the_file_is_of_one_run_and_one_project(record, failing, instance):
    failing[0] = 3
    record.record()
    others = [
        EndedHooks(RunTags("kedro_east"), record.run_id, instance),
        EndedHooks(record.tags, instance.create_run_for_job(job).run_id, instance),
    ]
    assert [other.is_in_file() for other in others] == [False, False]


def test_what_can_be_written_nowhere_is_a_warning_and_no_error(record, failing, monkeypatch, tmp_path, caplog):
    failing[0] = 3
    full = tmp_path / "full"
    full.write_text("", encoding="utf-8")
    monkeypatch.setattr(dagster_instance, "storage_folder", lambda _: full)
    record.record()
    assert not record.is_in_file()
    [message] = caplog.messages
    assert record.run_id in message
    assert "(database is locked)" in message
