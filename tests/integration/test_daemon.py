"""A schedule of dagster.yml, started by Dagster's own daemon."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, json_dataset, write_project


@pytest.fixture
def project(tmp_path: Path) -> KedroProject:
    project = write_project(
        tmp_path,
        nodes="def add(value, step):\n    return value + step\n",
        pipelines='{"__default__": pipeline([node(add, ["raw", "params:step"], "final", name="add")])}',
        catalog=json_dataset("raw", "final"),
        parameters="step: 1",
        dagster="""
            schedules:
              always: {cron_schedule: "* * * * *", default_status: RUNNING}
            jobs:
              minutely: {pipeline: {}, schedule: always, config: {runtime_params: {step: 10}}}
        """,
    )
    project.write("data/raw.json", "1")
    return project


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    return home


@pytest.fixture
def daemon(project: KedroProject, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon, and the code server that it starts."""
    program = Path(sys.executable).with_name("dagster-daemon")
    command = [str(program), "run", "-m", f"{project.package}.definitions", "-d", "src"]
    with (home / "daemon.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=project.path, env={**os.environ, "DAGSTER_HOME": str(home)}, stdout=log, stderr=log
        )
        yield process
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.usefixtures("daemon")
def test_a_schedule_that_is_on_by_default_runs_its_job_with_its_hooks(project: KedroProject, home: Path) -> None:
    deadline = time.monotonic() + 150
    finished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE])
    with dg.DagsterInstance.from_config(str(home)) as instance:
        while not (runs := instance.get_runs(finished)):
            assert time.monotonic() < deadline, (home / "daemon.log").read_text(encoding="utf-8")[-4000:]
            time.sleep(1)
    assert runs[0].status == dg.DagsterRunStatus.SUCCESS
    assert (runs[0].job_name, runs[0].tags["dagster/schedule_name"]) == ("minutely", "always")
    assert len(project.calls("before_pipeline_run")) == len(project.calls("after_pipeline_run")) >= 1
    assert project.read("final.json") == 11
