"""Runs on a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
import yaml
from comparing import assert_same, by_dagster, by_kedro, start_over
from engine_project import DATA
from engine_servers import dask_cluster
from engine_tests import SUCCEEDED, Engine, WorkerTests, error_of_the_pipeline, hooks_of_the_pipeline
from helpers import KedroProject, execute, json_dataset, materialized, write_project


def on_dask(address: str) -> dict[str, object]:
    return {"dask": {"cluster": {"existing": {"address": address}}}}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Dask scheduler with two workers of one thread each, one of them with a card, which all tests share."""
    with dask_cluster(tmp_path_factory.mktemp("dask"), resources="GPU=1") as found:
        yield found


@pytest.fixture
def engine(address: str, instance: dg.DagsterInstance) -> Engine:
    def processes() -> set[int]:
        from distributed import Client  # noqa: PLC0415 - it may be missing

        with Client(address) as client:
            return set(client.run(os.getpid).values())

    return Engine(on_dask(address), instance, processes)


class TestDask(WorkerTests):
    """What every engine does."""


def test_a_run_on_a_local_cluster_does_what_kedro_run_does(
    tmp_path: Path, engine: Engine, instance: dg.DagsterInstance
) -> None:
    local = {"n_workers": 2, "dashboard_address": "127.0.0.1:0"}
    project = replace(engine, executor={"dask": {"cluster": {"local": local}}}).project(tmp_path, "memory")
    theirs = by_kedro(project)
    start_over(project, DATA)
    assert_same(by_dagster(project, instance), theirs, one_process=False)


def test_dask_gives_the_step_of_a_killed_worker_to_another_one(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    theirs = by_kedro(project)
    start_over(project, DATA)
    project.write("kill_once", "")
    ours = by_dagster(project, instance)
    assert ours.success, ours.error
    assert ours.files == theirs.files
    assert len(ours.identities()) == 1
    assert hooks_of_the_pipeline(project) == SUCCEEDED


def test_a_step_that_kills_every_worker_fails_the_run_with_one_error_of_the_pipeline(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    project.write("kill", "")
    result = execute(project, instance)
    assert not result.success
    assert sorted(materialized(result)) == ["cleaned", "high", "low", "stats/rows"]
    error = error_of_the_pipeline(project)
    assert error["error"] == "StepError"
    assert "KilledWorker" in error["message"]


def test_steps_on_a_worker_with_several_threads_take_turns_with_a_warning_and_keep_their_logs_apart(
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
    [warning] = [(level, message) for level, message in ours.logs if "run one step at a time" in message]
    assert warning[0] == "WARNING"
    del ours.logs[warning]
    assert_same(ours, theirs, one_process=False)
    lines = [entry for entry in instance.all_logs(ours.run_id) if entry.user_message.startswith("line ")]
    assert len(lines) == 15
    assert all(entry.user_message.endswith(f" of {entry.step_key}") for entry in lines)


@pytest.mark.parametrize("job", ["short", "ops"])
def test_a_node_runs_on_a_worker_that_has_the_resources_which_a_tag_of_it_asks_for(
    tmp_path: Path, engine: Engine, address: str, job: str
) -> None:
    from distributed import Client  # noqa: PLC0415 - it may be missing

    tags = {"gpu": {"dagster-dask/resource_requirements": {"GPU": 1}}}
    project = engine.project(tmp_path, step_tags=tags)
    for _ in range(2):
        assert execute(project, engine.instance, job).success
    with Client(address) as client:
        workers = client.scheduler_info()["workers"]
        with_cards = {pid for name, pid in client.run(os.getpid).items() if workers[name]["resources"]}
    assert len(with_cards) == 1
    assert {call["pid"] for call in project.calls("before_node_run") if call["node"] == "total"} == with_cards
