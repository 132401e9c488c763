"""A cancelled run ends as cancelled, and no step starts any more, whoever runs its steps."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from docker_engine import IMAGE
from engine_servers import celery_worker, dask_cluster, hurry_celery, hurry_steps
from engine_tests import CANCELLED, Watcher, hooks_of_the_pipeline
from helpers import KedroProject, execute, json_dataset, write_project

pytestmark = [
    pytest.mark.filterwarnings("ignore:Task name 'execute_plan' is already registered"),
    pytest.mark.filterwarnings("ignore:.*docker_executor. is currently in beta"),
]

WORKERS = 2
NODES = """
    import time
    from pathlib import Path

    HERE = Path(__file__).parents[2]

    def hold(raw, number):
        (HERE / f"begun_{number}").touch()
        while (HERE / "wait").exists():
            time.sleep(0.1)
        return number
"""


@pytest.fixture(scope="module", params=["in_process", "multiprocess", "dask", "celery", "docker"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, dagster_home: Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    """An executor that runs two steps at a time, or one: its name and its options, with the workers that it needs."""
    folder = tmp_path_factory.mktemp("workers")
    with ExitStack() as stack:
        options: dict[str, Any] = {}
        if request.param == "multiprocess":
            options = {"max_concurrent": WORKERS}
        elif request.param == "dask":
            options = {"cluster": {"existing": {"address": stack.enter_context(dask_cluster(folder, WORKERS))}}}
        elif request.param == "celery":
            url, variables = request.getfixturevalue("redis_url"), {"DAGSTER_HOME": str(dagster_home)}
            stack.enter_context(celery_worker(folder, "celery", url, variables=variables, concurrency=WORKERS))
            options = {"broker": url, "backend": url}
        elif request.param == "docker":
            # Each container has process ids of its own, as is usual: that of a step is 1, to which signals mean less.
            volumes = request.getfixturevalue("docker_engine").volumes
            seen = {"networks": ["host"], "container_kwargs": {"volumes": volumes}}
            options = {"image": IMAGE, "env_vars": ["DAGSTER_HOME"], "max_concurrent": WORKERS, **seen}
        yield request.param, options


@pytest.fixture
def executor(
    request: pytest.FixtureRequest, served: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """The executor as dagster.yml has it."""
    name, options = served
    with ExitStack() as stack:
        if name == "celery":
            hurry_celery(monkeypatch)
        elif name == "docker":
            docker = request.getfixturevalue("docker_engine")
            stack.callback(docker.clear)
            hurry_steps(monkeypatch, "dagster_docker.docker_executor")
            monkeypatch.setenv("DOCKER_HOST", docker.url)
        yield {name: options}


def write(folder: Path, executor: dict[str, Any], nodes: int) -> KedroProject:
    """Write a project with nodes that are all ready from the start, and wait as long as the file `wait` is there."""
    numbers = range(nodes)
    project = write_project(
        folder,
        nodes=NODES,
        pipelines=f"""{{"__default__": pipeline([
            node(hold, ["raw", f"params:p{{n}}"], f"held_{{n}}", name=f"hold_{{n}}") for n in range({nodes})
        ])}}""",
        catalog=json_dataset("raw", *(f"held_{number}" for number in numbers)),
        parameters=yaml.safe_dump({f"p{number}": number for number in numbers}),
        dagster=yaml.safe_dump({"assets": {"cluster_by": "node"}, "default_executor": executor}),
    )
    project.write("data/raw.json", "1")
    project.write("wait", "")
    return project


def cancel(project: KedroProject, instance: dg.DagsterInstance, begun: int) -> tuple[int, dg.DagsterRunStatus]:
    """Run it, and cancel the run when so many nodes have begun; return how many have in the end, and the run's status."""

    def found() -> int:
        return len(list(project.path.glob("begun_*")))

    def terminate() -> None:
        time.sleep(1)  # until all steps that are ready have been submitted
        [run] = instance.get_runs(limit=1)
        instance.report_run_canceling(run)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(2)
        (project.path / "wait").unlink()

    with Watcher(lambda: found() == begun, terminate):
        result = execute(project, instance)
    time.sleep(1)
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    return found(), run.status


def test_steps_that_wait_for_a_worker_do_not_start_once_the_run_is_cancelled(
    tmp_path: Path, executor: dict[str, Any], instance: dg.DagsterInstance
) -> None:
    project, begun = write(tmp_path, executor, 6), 1 if "in_process" in executor else WORKERS
    assert cancel(project, instance, begun) == (begun, dg.DagsterRunStatus.CANCELED)
    assert hooks_of_the_pipeline(project) == CANCELLED


def test_a_run_that_is_cancelled_during_its_last_step_is_cancelled(
    tmp_path: Path, executor: dict[str, Any], instance: dg.DagsterInstance
) -> None:
    project = write(tmp_path, executor, 1)
    assert cancel(project, instance, 1) == (1, dg.DagsterRunStatus.CANCELED)
    assert hooks_of_the_pipeline(project) == CANCELLED
