"""Runs on an instance whose storage is PostgreSQL, with the executors of Dagster itself: each does what `kedro run` does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from comparing import assert_same, by_dagster, by_kedro, start_over
from engine_project import DATA, make_project
from helpers import KedroProject

EXECUTORS = {
    "one": {"in_process": {}},
    "several": {"multiprocess": {"max_concurrent": 2}},
    "spawning": {"multiprocess": {"max_concurrent": 2, "start_method": {"spawn": {}}}},
}
JOBS = {"sequential": {"executor": "one"}, "parallel": {"executor": "several"}}
MORE_JOBS = {
    "spawned": {"executor": "spawning"},
    "ops": {"view": "ops", "executor": "one"},
    "parallel_ops": {"view": "ops", "executor": "several"},
}
LAST_HOOKS = ("after_pipeline_run", "on_pipeline_error")


@pytest.fixture(scope="module")
def postgres_instance(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[dg.DagsterInstance]:
    """An instance that keeps everything in PostgreSQL but its files."""
    home = tmp_path_factory.mktemp("postgres_home")
    settings = {"storage": {"postgres": {"postgres_url": postgres_url}}, "telemetry": {"enabled": False}}
    (home / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        with dg.DagsterInstance.get() as found:
            yield found


@pytest.fixture(params=["memory", "node"])
def project(tmp_path: Path, request: pytest.FixtureRequest) -> KedroProject:
    return make_project(tmp_path, assets={"cluster_by": request.param}, executors=EXECUTORS, jobs=JOBS)


@pytest.mark.parametrize("job", JOBS)
def test_runs_do_what_kedro_run_does_time_after_time(
    project: KedroProject, postgres_instance: dg.DagsterInstance, job: str
) -> None:
    theirs = by_kedro(project)
    for _ in range(2):
        start_over(project, DATA)
        assert_same(by_dagster(project, postgres_instance, job), theirs, one_process=job == "sequential")


@pytest.mark.parametrize("job", MORE_JOBS)
def test_spawned_steps_and_ops_do_what_kedro_run_does(
    tmp_path: Path, postgres_instance: dg.DagsterInstance, job: str
) -> None:
    project = make_project(tmp_path, assets={"cluster_by": "node"}, executors=EXECUTORS, jobs=MORE_JOBS)
    theirs = by_kedro(project)
    start_over(project, DATA)
    assert_same(by_dagster(project, postgres_instance, job), theirs, one_process=job == "ops")


@pytest.mark.parametrize("job", JOBS)
def test_continuing_from_a_failure_runs_what_is_left_with_the_data_of_the_first_attempt(
    tmp_path: Path, postgres_instance: dg.DagsterInstance, job: str
) -> None:
    project = make_project(tmp_path, assets={"cluster_by": "node"}, executors=EXECUTORS, jobs=JOBS)
    theirs = by_kedro(project)
    start_over(project, DATA)
    project.write("fail_once", "")
    first = by_dagster(project, postgres_instance, job)
    assert first.error == ("RuntimeError", "not now")
    assert [call["hook"] for call in first.of(*LAST_HOOKS)] == ["on_pipeline_error"]
    project.forget()
    second = by_dagster(project, postgres_instance, job, continue_from=first.run_id)
    assert second.success, second.error
    assert sorted(project.nodes_run()) == ["stats.report", "total"]
    assert second.files == theirs.files
    assert second.by_node().items() <= theirs.by_node().items()
    assert [call["hook"] for call in second.of(*LAST_HOOKS)] == ["after_pipeline_run"]
    assert second.identities().isdisjoint(first.identities())
