"""Runs on a Dask cluster: each does what `kedro run` does."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
import yaml
from comparing import Calls, assert_same, by_dagster, by_kedro, start_over
from engine_servers import RAW, MakeProject, cancel_in_total, dask_cluster
from helpers import KedroProject, execute, json_dataset, materialized, write_project

LAST_HOOKS = ("after_pipeline_run", "on_pipeline_error")


def on_dask(address: str) -> dict[str, object]:
    return {"dask": {"cluster": {"existing": {"address": address}}}}


@pytest.fixture
def project(tmp_path: Path, dask_address: str, make_project: MakeProject) -> KedroProject:
    executor = on_dask(dask_address)
    jobs = {"__default__": {}, "again": {"retries": {"max_retries": 1}}}
    return make_project(tmp_path, assets={"cluster_by": "node"}, default_executor=executor, jobs=jobs)


def last_hook(project: KedroProject) -> Calls:
    """The only pipeline hook that a run has ended with; it was called in the process of the first one."""
    [before], [last] = project.calls("before_pipeline_run"), project.calls(*LAST_HOOKS)
    assert last["pid"] == before["pid"]
    return [last]


@pytest.mark.parametrize("cluster_by", ["memory", "node"])
def test_runs_on_the_same_workers_do_what_kedro_run_does_time_after_time(
    tmp_path: Path, instance: dg.DagsterInstance, dask_address: str, make_project: MakeProject, cluster_by: str
) -> None:
    project = make_project(tmp_path, assets={"cluster_by": cluster_by}, default_executor=on_dask(dask_address))
    theirs = by_kedro(project)
    seen: set[str] = set()
    for _ in range(2):
        start_over(project, RAW)
        ours = by_dagster(project, instance)
        assert_same(ours, theirs, one_process=False)
        assert ours.identities().isdisjoint(seen)
        seen |= ours.identities()


def test_a_run_on_a_local_cluster_does_what_kedro_run_does(
    tmp_path: Path, instance: dg.DagsterInstance, dask_address: str, make_project: MakeProject
) -> None:
    executor = {"dask": {"cluster": {"local": {"n_workers": 2, "dashboard_address": "127.0.0.1:0"}}}}
    project = make_project(tmp_path, default_executor=executor)
    theirs = by_kedro(project)
    start_over(project, RAW)
    assert_same(by_dagster(project, instance), theirs, one_process=False)


@pytest.mark.parametrize("cluster_by", ["memory", "node"])
def test_a_selection_of_assets_runs_the_nodes_that_it_needs_and_no_others(
    tmp_path: Path, instance: dg.DagsterInstance, dask_address: str, make_project: MakeProject, cluster_by: str
) -> None:
    project = make_project(tmp_path, assets={"cluster_by": cluster_by}, default_executor=on_dask(dask_address))
    theirs = by_kedro(project, to_nodes=["split"])
    start_over(project, RAW)
    assets = ["high"] if cluster_by == "memory" else ["cleaned", "high"]
    assert_same(by_dagster(project, instance, assets=assets), theirs, one_process=False)


def test_steps_after_a_failed_one_do_not_run(project: KedroProject, instance: dg.DagsterInstance) -> None:
    execute(project, instance)  # what they would read is there
    start_over(project, {**RAW, "total.json": '{"total": 1}'})
    project.write("fail", "")
    result = execute(project, instance)
    assert not result.success
    assert sorted(project.nodes_run()) == ["chunks", "clean", "split", "total"]
    assert sorted(materialized(result)) == ["cleaned", "high", "low", "rows"]
    [error] = last_hook(project)
    assert (error["hook"], error["error"]) == ("on_pipeline_error", "StepError")
    assert "RuntimeError: never" in error["message"]
    assert len(project.calls("on_node_error")) == 1


def test_continuing_from_a_failure_runs_what_is_left_with_the_data_of_the_first_attempt(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    theirs = by_kedro(project)
    start_over(project, RAW)
    project.write("fail_once", "")
    first = by_dagster(project, instance)
    assert first.error == ("RuntimeError", "not now")
    project.forget()
    second = by_dagster(project, instance, continue_from=first.run_id)
    assert second.success, second.error
    assert sorted(project.nodes_run()) == ["report", "stats.history", "total"]
    assert second.files == theirs.files
    assert second.by_node().items() <= theirs.by_node().items()


def test_retries_of_a_job_try_a_failed_step_again(project: KedroProject, instance: dg.DagsterInstance) -> None:
    theirs = by_kedro(project)
    start_over(project, RAW)
    project.write("fail_once", "")
    ours = by_dagster(project, instance, "again")
    assert ours.success, ours.error
    assert ours.files == theirs.files
    assert sorted(project.nodes_run()) == ["chunks", "clean", "report", "split", "stats.history", "total", "total"]
    assert len(ours.identities()) == 1
    [last] = last_hook(project)
    assert last["hook"] == "after_pipeline_run"
    assert len(project.calls("on_node_error")) == 1


def test_dask_gives_the_step_of_a_killed_worker_to_another_one(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    theirs = by_kedro(project)
    start_over(project, RAW)
    project.write("kill_once", "")
    ours = by_dagster(project, instance)
    assert ours.success, ours.error
    assert ours.files == theirs.files
    assert len(ours.identities()) == 1
    [last] = last_hook(project)
    assert last["hook"] == "after_pipeline_run"


def test_a_step_that_kills_every_worker_fails_the_run_with_one_error_of_the_pipeline(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    project.write("kill", "")
    result = execute(project, instance)
    assert not result.success
    assert sorted(materialized(result)) == ["cleaned", "high", "low", "rows"]
    assert not (project.path / "data/total.json").exists()
    [error] = last_hook(project)
    assert error["hook"] == "on_pipeline_error"
    assert error["error"] == "StepError"
    assert "KilledWorker" in error["message"]


@pytest.mark.slow
def test_a_cancelled_run_ends_the_step_that_runs_and_fires_no_further_hook_of_the_pipeline(
    tmp_path: Path, dask_address: str, make_project: MakeProject
) -> None:
    jobs: dict[str, object] = {"everything": {}}
    project = make_project(tmp_path, assets={"cluster_by": "node"}, default_executor=on_dask(dask_address), jobs=jobs)
    assert cancel_in_total(project, tmp_path / "home") == "CANCELED"
    assert project.calls("before_pipeline_run")
    assert not project.calls(*LAST_HOOKS)
    assert sorted(project.nodes_run()) == ["chunks", "clean", "split", "total"]


def test_steps_on_a_worker_with_several_threads_do_what_kedro_run_does_and_keep_their_logs_apart(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    with dask_cluster(tmp_path, workers=1, threads=3) as address:
        project = write_project(
            tmp_path,
            nodes="""
                import logging
                import time

                logger = logging.getLogger(__name__)

                def make(raw):
                    return [raw]

                def say(shared, name):
                    for number in range(5):
                        logger.info("line %d of %s", number, name)
                        time.sleep(0.05)
                    return shared
            """,
            pipelines="""{"__default__": pipeline([
                node(make, "raw", "shared", name="make"),
                *(node(say, ["shared", f"params:{name}"], name, name=f"say_{name}") for name in ("a", "b", "c")),
            ])}""",
            catalog=json_dataset("raw", "a", "b", "c"),
            parameters="{a: say_a, b: say_b, c: say_c}",
            dagster=yaml.safe_dump({"assets": {"cluster_by": "node"}, "default_executor": on_dask(address)}),
        )
        start_over(project, {"raw.json": "1"})
        theirs = by_kedro(project)
        start_over(project, {"raw.json": "1"})
        ours = by_dagster(project, instance)
    assert_same(ours, theirs, one_process=False)
    lines = [entry for entry in instance.all_logs(ours.run_id) if entry.user_message.startswith("line ")]
    assert len(lines) == 15
    assert all(entry.user_message.endswith(f" of {entry.step_key}") for entry in lines)
