"""A deployment on Docker: PostgreSQL, a daemon, a code server, a container for each run, and one for each of its steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from signal import SIGTERM

import dagster as dg
import pytest
from comparing import PIPELINE_HOOKS, assert_same, by_kedro, left_behind, start_over
from docker_engine import DockerEngine
from engine_project import DATA, make_project
from engine_tests import CANCELLED
from helpers import KedroProject
from servers import DagsterDev, dagster_dev, wait_for

PASSED_ON = ["DOCKER_HOST", "DAGSTER_STEP_DELEGATING_EXECUTOR_SLEEP_SECONDS"]


@dataclass(frozen=True)
class Bench:
    """What is deployed.

    Attributes:
        project: The project.
        dev: The web server, the daemon and the code server.
        docker: The engine that they use.
    """

    project: KedroProject
    dev: DagsterDev
    docker: DockerEngine


@pytest.fixture(scope="module")
def database(postgres_url: str) -> str:
    """A database that no other file of tests uses."""
    connection = import_module("psycopg2").connect(postgres_url.replace("+psycopg2", ""))
    connection.autocommit = True
    connection.cursor().execute("CREATE DATABASE deployed")
    connection.close()
    return f"{postgres_url.rpartition('/')[0]}/deployed"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, database: str, docker_engine: DockerEngine) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("deployed")
    project = make_project(
        folder,
        executors={"containers": {"docker": {}}},  # the image is that of the run launcher
        default_executor="containers",
        jobs={"everything": {}},
    )
    settings = {
        "storage": {"postgres": {"postgres_url": database}},
        "run_launcher": docker_engine.run_launcher(PASSED_ON),
        "run_coordinator": {"module": "dagster", "class": "QueuedRunCoordinator"},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", docker_engine.url)
        patch.setenv("DAGSTER_STEP_DELEGATING_EXECUTOR_SLEEP_SECONDS", "0.1")
        with dagster_dev(folder / "home", project, settings=settings) as dev:
            yield Bench(project, dev, docker_engine)
    docker_engine.clear()


@pytest.mark.slow
def test_a_queued_run_in_a_container_with_steps_in_others_does_what_kedro_run_does(bench: Bench) -> None:
    project, dev = bench.project, bench.dev
    theirs = by_kedro(project)
    start_over(project, DATA)
    run_id = dev.start(
        dev.location(project.package), "everything"
    )  # a schedule would start more where this takes minutes
    assert dev.wait_for_run(run_id) == "SUCCESS"
    with dg.DagsterInstance.from_config(str(dev.home)) as instance:
        ours = left_behind(project, instance, run_id)
    assert_same(ours, theirs, one_process=False)
    assert bench.docker.exit_codes() == [0] * 4
    [own, *steps] = [container.pid for container in bench.docker.containers]
    assert {call["pid"] for call in ours.of(*PIPELINE_HOOKS)} == {own}
    assert {call["pid"] for call in ours.of("before_node_run")} == set(steps)


@pytest.mark.slow
def test_a_run_that_is_cancelled_in_the_ui_stops_the_containers_of_its_steps(bench: Bench) -> None:
    project, dev = bench.project, bench.dev
    start_over(project, DATA)
    bench.docker.clear()
    project.write("wait", "")
    run_id = dev.start(dev.location(project.package), "everything")
    wait_for((project.path / "waiting").exists, "the node")
    dev.ask("mutation ($id: String!) {terminateRun(runId: $id) {__typename}}", id=run_id)
    assert dev.wait_for_run(run_id) == "CANCELED"
    bench.docker.exit_codes()
    waited = {call["pid"] for call in project.calls("before_node_run") if call["node"] == "total"}
    stopped = {container.pid for container in bench.docker.containers if SIGTERM in container.signals}
    assert stopped == {bench.docker.containers[0].pid, *waited}
    assert [call["hook"] for call in project.calls(*PIPELINE_HOOKS)] == CANCELLED
    assert [call["node"] for call in project.calls("after_node_run") if call["node"] in ("total", "report")] == []
