"""Fails when Dagster's storages change."""

import importlib.util
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import dagster as dg
import pytest

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


def test_the_files_of_an_event_log_stay_open_while_a_run_writes_to_it(written):
    instance, run_id, write = written
    assert write() == [False, False]
    with dagster_storage.open_event_log(instance, run_id):
        assert write() == [True, True]
    assert write() == [False, False]


def test_no_file_stays_open_if_the_storages_are_left_as_they_are(written, monkeypatch):
    monkeypatch.setenv(dagster_storage.PLAIN_VARIABLE, "1")
    instance, run_id, write = written
    with dagster_storage.open_event_log(instance, run_id):
        assert write() == [False, False]


def test_a_file_that_cannot_be_opened_is_left_to_dagster(written, monkeypatch):
    instance, run_id, _ = written
    path = Path(instance.event_log_storage.path_for_shard(run_id))
    path.write_bytes(b"no database" * 100)
    with dagster_storage.open_event_log(instance, run_id):
        assert path.exists()


def test_an_event_log_without_files_needs_nothing():
    with dg.DagsterInstance.ephemeral() as instance, dagster_storage.open_event_log(instance, "a run"):
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
