"""Runs whose steps Celery workers take from a queue in Redis."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from subprocess import Popen

import dagster as dg
import pytest
from engine_servers import celery_worker, hurry_celery
from engine_tests import Engine, WorkerTests, error_of_the_pipeline
from helpers import KedroProject, execute, materialized

# dagster-celery defines its task anew for every step that it submits.
pytestmark = pytest.mark.filterwarnings("ignore:Task name 'execute_plan' is already registered")


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory, dagster_home: Path, redis_url: str) -> Iterator[Popen[bytes]]:
    """A Celery worker with two processes, which all tests share."""
    folder, variables = tmp_path_factory.mktemp("celery"), {"DAGSTER_HOME": str(dagster_home)}
    with celery_worker(folder, "celery", redis_url, variables=variables) as process:
        yield process


@pytest.fixture
def engine(
    worker: Popen[bytes], redis_url: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> Engine:
    hurry_celery(monkeypatch)
    celery = {"broker": redis_url, "backend": redis_url}
    return Engine({"celery": celery}, instance, lambda: children_of(worker))


def children_of(worker: Popen[bytes]) -> set[int]:
    return {child.pid for child in import_module("psutil").Process(worker.pid).children(recursive=True)}


class TestCelery(WorkerTests):
    """What every engine does."""


def test_a_step_whose_worker_process_is_killed_fails_the_run_with_one_error_of_the_pipeline(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    kill = project.write("kill", "")
    result = execute(project, instance)
    assert not result.success
    assert sorted(materialized(result)) == ["cleaned", "high", "low", "stats/rows"]
    assert "WorkerLostError" in error_of_the_pipeline(project)["message"]
    kill.unlink()
    project.forget()
    assert execute(project, instance).success
    [last] = project.calls("after_pipeline_run")
    assert project.read(f"total.json/{last['run_id']}/total.json")["total"] == 100


@pytest.fixture(scope="module")
def with_cards(tmp_path_factory: pytest.TempPathFactory, dagster_home: Path, redis_url: str) -> Iterator[Popen[bytes]]:
    """A worker of another queue."""
    folder, variables = tmp_path_factory.mktemp("cards"), {"DAGSTER_HOME": str(dagster_home)}
    with celery_worker(folder, "celery", redis_url, variables=variables, queue="cards") as process:
        yield process


@pytest.mark.parametrize("job", ["short", "ops"])
def test_a_node_runs_in_a_worker_of_the_queue_that_a_tag_of_it_names(
    tmp_path: Path, engine: Engine, with_cards: Popen[bytes], job: str
) -> None:
    project = engine.project(tmp_path, step_tags={"gpu": {"dagster-celery/queue": "cards"}})
    assert execute(project, engine.instance, job).success
    ran_in = {call["node"]: call["pid"] for call in project.calls("before_node_run")}
    assert {node for node, pid in ran_in.items() if pid in children_of(with_cards)} == {"total"}
    assert {pid for node, pid in ran_in.items() if node != "total"} <= engine.processes()
