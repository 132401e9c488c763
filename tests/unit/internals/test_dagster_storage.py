"""Fails when Dagster's storages change."""

import importlib.util
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib import import_module
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from kedro_assets._internals import dagster_storage


@pytest.fixture(autouse=True)
def _not_plain(monkeypatch):
    monkeypatch.delenv(dagster_storage.PLAIN_VARIABLE, raising=False)


@pytest.mark.parametrize("module", dagster_storage.STEP_MODULES)
def test_what_a_step_imports_late_is_there(module):
    assert import_module(module)


@pytest.mark.parametrize("place", [place for place in dagster_storage.STORAGES if place.startswith("dagster.")])
def test_the_storages_of_dagster_are_where_they_were(place):
    assert importlib.util.find_spec(place.rstrip("."))


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("0", False), ("", False)])
def test_one_variable_leaves_the_storages_as_they_are(monkeypatch, value, expected):
    monkeypatch.setenv("KEDRO_ASSETS_PLAIN_DAGSTER", value)
    assert dagster_storage.is_plain() is expected


@pytest.fixture
def written(tmp_path):
    """Write an event of a run, and say of the two files that it goes to whether they are still open."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run = instance.create_run_for_job(dg.GraphDefinition("empty").to_job())
        logs = [Path(instance.event_log_storage.path_for_shard(shard) + "-wal") for shard in (run.run_id, "index")]

        def write():
            instance.report_run_canceled(run)
            return [log.exists() for log in logs]  # SQLite moves everything into the file when the last one closes it

        yield instance, run.run_id, write


def events_of(instance, run_id):
    return [entry.dagster_event.event_type_value for entry in instance.all_logs(run_id)]


def test_the_files_of_an_event_log_stay_open_while_a_run_writes_to_it(written):
    instance, run_id, write = written
    assert write() == [False, False]
    with dagster_storage.kept_open(instance, run_id):
        assert write() == [True, True]
    assert write() == [False, False]
    assert events_of(instance, run_id) == ["PIPELINE_CANCELED"] * 3


def test_an_instance_whose_files_are_kept_open_twice_keeps_them_to_the_end_of_the_first(written):
    instance, run_id, write = written
    write()
    with dagster_storage.kept_open(instance, run_id):
        with dagster_storage.kept_open(instance, run_id):
            assert write() == [True, True]
        assert write() == [True, True]
    assert write() == [False, False]


def test_no_file_stays_open_if_the_storages_are_left_as_they_are(written, monkeypatch):
    monkeypatch.setenv(dagster_storage.PLAIN_VARIABLE, "1")
    instance, run_id, write = written
    with dagster_storage.kept_open(instance, run_id):
        assert write() == [False, False]


@pytest.mark.parametrize("plain", ["", "1"])
def test_a_database_is_asked_once_for_what_it_has(written, monkeypatch, plain):
    monkeypatch.setenv(dagster_storage.PLAIN_VARIABLE, plain)
    instance, run_id, _ = written
    storage, asked = instance.event_log_storage, []
    column = "_has_asset_key_col_on_connection"  # Dagster 1.13.0 has one method for columns
    for name in ("has_table", "has_secondary_index", column if hasattr(storage, column) else "has_asset_key_col"):
        monkeypatch.setattr(type(storage), name, spied(getattr(type(storage), name), asked))
    with dagster_storage.kept_open(instance, run_id):
        for _ in range(3):
            instance.report_runless_asset_event(dg.AssetMaterialization("made", metadata={"of": "tests"}))
            assert instance.get_asset_records([dg.AssetKey("made")])
    assert {"asset_key_index_columns", "cached_status_data", "last_materialization_timestamp"} <= set(asked)
    if plain:
        assert all(asked.count(name) >= 3 for name in asked)
    else:
        assert len(asked) == len(set(asked))
    before = len(asked)
    instance.get_asset_records([dg.AssetKey("made")])
    assert len(asked) > before


def test_a_database_is_asked_again_for_what_it_has_not(written):
    instance, run_id, _ = written
    with dagster_storage.kept_open(instance, run_id), instance.event_log_storage.index_connection() as connection:
        assert not instance.event_log_storage.has_table("made_later")
        connection.execute(text("CREATE TABLE made_later (id INTEGER)"))
        connection.commit()
        assert instance.event_log_storage.has_table("made_later")


def spied(method, asked):
    """Write down the last argument of each call, if the answer is yes."""

    def spy(*arguments):
        answer = method(*arguments)
        if answer:
            asked.append(arguments[-1])
        return answer

    return spy


def test_the_files_of_other_runs_are_opened_by_dagster(written):
    instance, run_id, _ = written
    other = instance.create_run_for_job(dg.GraphDefinition("other").to_job())
    with dagster_storage.kept_open(instance, run_id):
        instance.report_run_canceled(other)
        assert not Path(instance.event_log_storage.path_for_shard(other.run_id) + "-wal").exists()
    assert events_of(instance, other.run_id) == ["PIPELINE_CANCELED"]


def test_a_run_without_a_file_yet_gets_one(written):
    instance, _, _ = written
    with dagster_storage.kept_open(instance, NEW):
        run = instance.create_run_for_job(dg.GraphDefinition("new").to_job(), run_id=NEW)
        instance.report_run_canceled(run)
    assert events_of(instance, NEW) == ["PIPELINE_CANCELED"]


def test_a_file_that_has_been_replaced_is_opened_anew(written):
    instance, run_id, write = written
    path = Path(instance.event_log_storage.path_for_shard(run_id))
    with dagster_storage.kept_open(instance, run_id):
        write()
        write()
        copy = path.with_suffix(".copy")
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        copy.replace(path)
        for old in ("-wal", "-shm"):
            Path(f"{path}{old}").unlink()
        write()
    assert events_of(instance, run_id) == ["PIPELINE_CANCELED"] * 3


@pytest.mark.parametrize("plain", ["", "1"])
def test_a_file_that_is_damaged_is_the_same_error_as_without_this_package(written, monkeypatch, plain):
    monkeypatch.setenv(dagster_storage.PLAIN_VARIABLE, plain)
    instance, run_id, write = written
    Path(instance.event_log_storage.path_for_shard(run_id)).write_bytes(b"no database" * 100)
    with dagster_storage.kept_open(instance, run_id), pytest.raises(DatabaseError, match="not a database"):
        write()


NEW = "7f1f2f6e-5a51-4a53-9f0e-0a8e2f1d3c4b"
KILLED = """
import os, signal, sys
import dagster as dg
from kedro_assets._internals import dagster_storage

with dg.DagsterInstance.from_config(sys.argv[1]) as instance, dagster_storage.kept_open(instance, sys.argv[2]):
    run = instance.create_run_for_job(dg.GraphDefinition("empty").to_job(), run_id=sys.argv[2])
    instance.report_run_canceling(run)
    if os.fork() == 0:
        instance.report_run_canceled(run)
        os.kill(os.getpid(), signal.SIGKILL)
    os.wait()
    instance.report_run_failed(run)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_stored_is_there_after_a_kill_and_a_forked_process_stores_by_itself(tmp_path):
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), NEW], check=False)
    assert done.returncode == -signal.SIGKILL
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert events_of(instance, NEW) == ["PIPELINE_CANCELING", "PIPELINE_CANCELED", "PIPELINE_FAILURE"]
        assert instance.get_run_by_id(NEW).status == dg.DagsterRunStatus.FAILURE


def test_an_event_log_without_files_needs_nothing():
    with dg.DagsterInstance.ephemeral() as instance, dagster_storage.kept_open(instance, "a run"):
        assert not list(Path.cwd().glob("*.db"))


MIGRATIONS = """
import sys
import tempfile
import alembic.script.base as base
import dagster as dg
from kedro_assets._internals import dagster_storage

if sys.argv[1] == "once":
    dagster_storage.read_migrations_once()
with tempfile.TemporaryDirectory() as folder:
    with dg.DagsterInstance.local_temp(folder):
        read, load = [], base.util.load_python_file
        base.util.load_python_file = lambda *args: read.append(args) or load(*args)
    with dg.DagsterInstance.local_temp(folder) as instance:
        assert instance.create_run_for_job(dg.GraphDefinition("empty").to_job())
print(len(read))
"""


@pytest.mark.parametrize(
    ("way", "plain", "expected"),
    [("each", "", True), ("once", "", False), ("once", "1", True)],
    ids=["by Dagster", "by this package", "by this package, switched off"],
)
def test_migrations_are_read_once_for_all_storages(monkeypatch, way, plain, expected):
    monkeypatch.setenv(dagster_storage.PLAIN_VARIABLE, plain)
    done = subprocess.run([sys.executable, "-c", MIGRATIONS, way], capture_output=True, text=True, check=True)
    assert (int(done.stdout.splitlines()[-1]) > 0) is expected
