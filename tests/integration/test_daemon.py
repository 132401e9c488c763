"""A schedule of dagster.yml, started by Dagster's own daemon."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, json_dataset, write_project
from servers import daemon, first_run


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


@pytest.mark.slow
def test_a_schedule_that_is_on_by_default_runs_its_job_with_its_hooks(project: KedroProject, tmp_path: Path) -> None:
    with daemon(tmp_path / "home", project):
        run = first_run(tmp_path / "home")
    assert run.status == dg.DagsterRunStatus.SUCCESS
    assert (run.job_name, run.tags["dagster/schedule_name"]) == ("minutely", "always")
    assert len(project.calls("before_pipeline_run")) == len(project.calls("after_pipeline_run")) >= 1
    assert project.read("final.json") == 11
