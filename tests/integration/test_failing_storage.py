"""Storages of Dagster that fail while a run is in progress: its pipeline hooks fire all the same, and once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, json_dataset, load_definitions, run_command, write_project

from kedro_assets.errors import KedroAssetsError

NODES = """
    import os
    import shutil
    import subprocess
    import sys
    import time
    from pathlib import Path
    from sqlite3 import dbapi2

    HERE = Path(__file__).parents[2]
    connect = dbapi2.connect

    def connect_at_once(*args, **options):
        return connect(*args, **{**options, "timeout": 0.3})  # Dagster would wait 30 seconds for a lock that stays

    dbapi2.connect = connect_at_once

    def break_storage():
        history = Path(os.environ["DAGSTER_HOME"]) / "history"
        how = (HERE / "how").read_text()
        if how == "gone":
            shutil.rmtree(history)
            history.touch()  # so that nobody makes it again
        elif how != "whole":
            subprocess.Popen([sys.executable, str(HERE / "lock.py"), str(history), how])
            while not (HERE / "locked").exists():
                time.sleep(0.1)

    def fails(raw):
        break_storage()
        raise ValueError("the shelf is empty")

    def ends(raw):
        break_storage()
        return raw

    def dies(raw):
        os._exit(9)
"""
LOCK = """
    import sqlite3
    import sys
    import time
    from pathlib import Path

    here = Path(__file__).parent
    kept = [sqlite3.connect(path) for path in Path(sys.argv[1]).glob(sys.argv[2])]
    for each in kept:
        each.execute("BEGIN EXCLUSIVE")
    (here / "locked").touch()
    for _ in range(1500):
        if not (here / "unlock").exists():
            time.sleep(0.1)
"""
PIPELINES = """{
    name: pipeline([node(function, "raw", name, name=name)])
    for name, function in {"fails": fails, "ends": ends, "dies": dies}.items()
}"""
DAGSTER = """
    executors: {two: {multiprocess: {max_concurrent: 2}}}
    jobs:
      fails: {pipeline: {pipeline_name: fails}}
      fails_apart: {pipeline: {pipeline_name: fails}, executor: two}
      ends: {pipeline: {pipeline_name: ends}}
      dies: {pipeline: {pipeline_name: dies}}
"""
CATALOG = json_dataset("raw", "fails", "ends", "dies")
FAR = "far: {type: json.JSONDataset, filepath: 'memory://far.json', credentials: store}\n"
LAST_HOOKS = ("after_pipeline_run", "on_pipeline_error")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KedroProject]:
    """A project, and a DAGSTER_HOME of its own."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    found = write_project(tmp_path / "p", nodes=NODES, pipelines=PIPELINES, catalog=CATALOG, dagster=DAGSTER)
    found.write("data/raw.json", "1")
    found.write("how", "whole")
    found.write("lock.py", LOCK)
    yield found
    found.write("unlock", "")


def sensed(project: KedroProject, instance: dg.DagsterInstance, run_id: str) -> str:
    """Record a run as failed, as Dagster does once its process is gone, let the sensor look at it, and return its error."""
    run = instance.get_run_by_id(run_id)
    assert run is not None
    event = instance.report_run_failed(run, "The process of the run is gone.")
    return looked_at(project, instance, run_id, event)


def looked_at(project: KedroProject, instance: dg.DagsterInstance, run_id: str, event: dg.DagsterEvent) -> str:
    repository = load_definitions(project).get_repository_def()
    name = f"{project.package}_on_pipeline_error"
    run = instance.get_run_by_id(run_id)
    context = dg.RunFailureSensorContext(name, run, event, instance, repository_def=repository)
    try:
        repository.get_sensor_def(name)(context)
    except KedroAssetsError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("job", "how", "error"),
    [
        ("fails", "runs.db", "ValueError"),
        pytest.param("fails_apart", "runs.db", "StepError", marks=pytest.mark.slow),
        pytest.param("fails", "runs/*.db", "ValueError", marks=pytest.mark.slow),
        ("fails", "gone", "ValueError"),
    ],
    ids=["runs are locked", "runs are locked for several processes", "events are locked", "all is gone"],
)
def test_an_error_of_the_pipeline_fires_once_though_the_storage_fails(
    project: KedroProject, job: str, how: str, error: str
) -> None:
    project.write("how", how)
    assert run_command(project, "kedro", "assets", "run", job, check=False).returncode
    [call] = project.calls(*LAST_HOOKS)
    assert (call["hook"], call["error"]) == ("on_pipeline_error", error)
    assert "the shelf is empty" in call["message"]
    if how == "gone":
        return
    project.write("unlock", "")
    with dg.DagsterInstance.get() as instance:
        [run] = instance.get_runs()
        assert sensed(project, instance, run.run_id) == ""
        assert len(project.calls(*LAST_HOOKS)) == 1
        run = instance.get_run_by_id(run.run_id)
        assert run is not None
        assert run.tags["kedro/pipeline_hooks"] == "fired"


@pytest.mark.slow
def test_a_run_whose_success_cannot_be_recorded_is_no_error_of_the_pipeline_later(project: KedroProject) -> None:
    project.write("how", "runs.db")
    assert run_command(project, "kedro", "assets", "run", "ends", check=False).returncode
    [call] = project.calls(*LAST_HOOKS)
    assert call["hook"] == "after_pipeline_run"
    project.write("unlock", "")
    with dg.DagsterInstance.get() as instance:
        [run] = instance.get_runs()
        assert sensed(project, instance, run.run_id) == ""
    assert len(project.calls(*LAST_HOOKS)) == 1


def test_a_code_server_without_the_credentials_leaves_the_hook_open_until_it_has_them(
    project: KedroProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("conf/base/catalog.yml", CATALOG + FAR)
    project.write("conf/base/credentials.yml", "store: {token: '${oc.env:STORE_KEY}'}")
    command = [sys.executable, "-m", "kedro", "assets", "run", "dies"]
    environment = {**os.environ, "STORE_KEY": "planted-key-1"}
    assert subprocess.run(command, cwd=project.path, env=environment, capture_output=True, check=False).returncode == 9
    with dg.DagsterInstance.get() as instance:
        [run] = instance.get_runs()
        message = sensed(project, instance, run.run_id)
        assert "could not be fired in try 1 of 5" in message
        assert "STORE_KEY" in message
        assert not project.calls(*LAST_HOOKS)
        monkeypatch.setenv("STORE_KEY", "planted-key-1")
        event = dg.DagsterEvent(dg.DagsterEventType.RUN_FAILURE.value, run.job_name, message="It is gone.")
        assert looked_at(project, instance, run.run_id, event) == ""
        assert looked_at(project, instance, run.run_id, event) == ""
    [call] = project.calls(*LAST_HOOKS)
    assert (call["hook"], call["error"]) == ("on_pipeline_error", "RunError")
