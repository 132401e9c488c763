"""The docker executor on a real engine: dagster-docker starts a container for each step."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from comparing import PIPELINE_HOOKS, assert_same, by_kedro, left_behind, start_over
from dagster._core.launcher import ResumeRunContext
from docker_engine import EMPTY_IMAGE, IMAGE, DockerEngine
from engine_project import DATA
from engine_servers import hurry_steps
from engine_tests import (
    CANCELLED,
    SUCCEEDED,
    Engine,
    EngineTests,
    Watcher,
    ended,
    error_of_the_pipeline,
    hooks_of_the_pipeline,
    launch,
    run_error,
    step_errors,
)
from helpers import KedroProject, execute, materialized
from servers import wait_for

pytestmark = pytest.mark.filterwarnings("ignore:.*docker_executor. is currently in beta")

RUNNING = {dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS}


@pytest.fixture
def docker(docker_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerEngine]:
    """The engine, with no container yet."""
    hurry_steps(monkeypatch, "dagster_docker.docker_executor")
    monkeypatch.setenv("DOCKER_HOST", docker_engine.url)
    monkeypatch.setenv("GREETING", "hello")
    monkeypatch.setenv("NOT_FOR_CONTAINERS", "secret")
    yield docker_engine
    docker_engine.clear()


@pytest.fixture
def engine(docker: DockerEngine, instance: dg.DagsterInstance) -> Engine:
    options = {
        "env_vars": ["DAGSTER_HOME", "GREETING", "FROM_THE_FILE=yes"],
        "container_kwargs": {**docker.container_kwargs, "labels": {"team": "operations"}, "stop_timeout": 30},
    }
    return in_containers(instance, docker, options)


def in_containers(instance: dg.DagsterInstance, docker: DockerEngine, options: dict[str, Any]) -> Engine:
    """The engine whose containers see the network of this machine, and what they need of its folders."""
    network = {"image": IMAGE, "networks": ["host"], "container_kwargs": docker.container_kwargs}
    return Engine({"docker": {**network, **options}}, instance, docker.processes, ends_steps=True)


class TestDocker(EngineTests):
    """What every engine does."""

    def test_a_run_does_what_kedro_run_does(self, engine: Engine, project: KedroProject, docker: DockerEngine) -> None:
        super().test_a_run_does_what_kedro_run_does(engine, project)
        assert {call["pid"] for call in project.calls("before_node_run")} == docker.processes()
        assert docker.exit_codes() == [0] * 5
        for container in docker.containers:
            assert container.image == IMAGE
            assert container.asked["HostConfig"]["NetworkMode"] == "host"
            assert set(container.asked["HostConfig"]["Binds"]) == set(docker.volumes)
            assert container.asked["Config"]["Labels"] == {"team": "operations"}
            given = {"GREETING": "hello", "FROM_THE_FILE": "yes", "DAGSTER_HOME": os.environ["DAGSTER_HOME"]}
            assert container.environment.items() >= given.items()
            assert "NOT_FOR_CONTAINERS" not in container.environment

    def test_a_run_fails_as_in_kedro_run_and_continues_with_what_is_left(
        self, engine: Engine, project: KedroProject, docker: DockerEngine
    ) -> None:
        super().test_a_run_fails_as_in_kedro_run_and_continues_with_what_is_left(engine, project)
        assert docker.exit_codes() == [0] * 6

    def test_a_cancelled_run_starts_no_more_steps_and_fires_no_further_hook_of_the_pipeline(
        self, engine: Engine, clustered: KedroProject, docker: DockerEngine
    ) -> None:
        super().test_a_cancelled_run_starts_no_more_steps_and_fires_no_further_hook_of_the_pipeline(engine, clustered)
        [container] = docker.containers
        assert signal.SIGTERM in container.signals
        assert None not in docker.exit_codes()


def test_containers_use_the_environment_of_kedro_that_they_are_given(
    tmp_path: Path, docker: DockerEngine, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"env_vars": ["DAGSTER_HOME", "KEDRO_ENV"]}
    project = in_containers(instance, docker, options).project(tmp_path, "memory")
    project.write("conf/prod/catalog.yml", "high: {type: json.JSONDataset, filepath: data/high_of_prod.json}\n")
    start_over(project, {"raw.json": "[1]"})
    monkeypatch.setenv("KEDRO_ENV", "prod")
    assert execute(project, instance, assets=["high"]).success
    assert [call["env"] for call in project.calls("after_context_created")] == ["prod", "prod"]
    assert set(project.data()) == {"raw.json", "high_of_prod.json"}


def test_steps_whose_tags_have_one_value_wait_for_each_other_where_the_executor_limits_it(
    tmp_path: Path, docker: DockerEngine, instance: dg.DagsterInstance
) -> None:
    limit = {"key": "memory", "value": "large", "limit": 1}
    options = {"env_vars": ["DAGSTER_HOME"], "tag_concurrency_limits": [limit]}
    large = {"memory": "large"}
    project = in_containers(instance, docker, options).project(
        tmp_path, step_tags={"gpu": large, "stats.chunks": large}
    )
    result = execute(project, instance)
    assert result.success
    logged = [event for event in instance.all_logs(result.run_id) if event.dagster_event]
    first, second = (
        [event.timestamp for event in logged if event.step_key == step and event.dagster_event_type in RUNNING]
        for step in ("total", "stats_chunks")
    )
    assert [len(first), len(second)] == [2, 2]
    assert max(first) < min(second) or max(second) < min(first)


def test_a_container_that_exits_with_an_error_fails_the_run_with_one_error_of_the_pipeline(
    clustered: KedroProject, docker: DockerEngine, instance: dg.DagsterInstance
) -> None:
    wrong = clustered.write("exit", "")
    result = execute(clustered, instance, "short")
    assert not result.success
    assert "Return code is 3" in step_errors(result)
    assert sorted(materialized(result)) == ["high"]
    error = error_of_the_pipeline(clustered)
    assert (error["error"], error["nodes"]) == ("StepError", ["clean", "split", "total"])
    assert "Return code is 3" in error["message"]
    wrong.unlink()
    clustered.forget()
    assert execute(clustered, instance, "short", continue_from=result.run_id).success
    assert clustered.nodes_run() == ["clean", "split", "total"]


def test_retries_of_a_job_start_another_container_for_a_step_whose_container_exits_with_an_error(
    clustered: KedroProject, docker: DockerEngine, instance: dg.DagsterInstance
) -> None:
    clustered.write("exit_once", "")
    assert execute(clustered, instance, "retried", assets=["total"]).success
    assert clustered.nodes_run() == ["clean", "split", "total"] * 2
    assert docker.exit_codes() == [3, 0]
    assert len({container.name for container in docker.containers}) == 2
    assert hooks_of_the_pipeline(clustered) == SUCCEEDED
    assert len({call["run_id"] for call in clustered.calls() if "run_id" in call}) == 1


def test_a_container_that_vanishes_fails_the_run_with_one_error_of_the_pipeline(
    project: KedroProject, docker: DockerEngine, instance: dg.DagsterInstance
) -> None:
    project.write("wait", "")
    with Watcher((project.path / "waiting").exists, lambda: docker.lose(docker.containers[-1])) as watcher:
        result = execute(project, instance, "short")
    assert watcher.done
    assert not result.success
    assert "could not be found" in step_errors(result)
    error = error_of_the_pipeline(project)
    assert error["error"] == "StepError"
    assert "could not be found" in error["message"]
    assert sorted(materialized(result)) == ["cleaned", "high", "low"]


def test_a_container_that_cannot_be_started_fails_the_run_with_one_error_of_the_pipeline(
    tmp_path: Path, docker: DockerEngine, instance: dg.DagsterInstance
) -> None:
    project = in_containers(instance, docker, {"image": EMPTY_IMAGE}).project(tmp_path)
    result = execute(project, instance)
    assert not result.success
    error = error_of_the_pipeline(project)
    assert error["error"] == "APIError"
    assert "executable file not found" in error["message"]
    assert "executable file not found" in run_error(result, instance).partition("Stack Trace")[0]


@pytest.fixture
def launching(tmp_path: Path, docker: DockerEngine) -> Iterator[Engine]:
    """The engine for an instance whose runs have a container of their own, too."""
    home = tmp_path / "home"
    home.mkdir()
    passed_on = ["DOCKER_HOST", "GREETING", "DAGSTER_STEP_DELEGATING_EXECUTOR_SLEEP_SECONDS"]
    config = {"telemetry": {"enabled": False}, "run_launcher": docker.run_launcher(passed_on)}
    (home / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        options = {"image": IMAGE, "env_vars": ["FROM_THE_FILE=yes"], "container_kwargs": {"stop_timeout": 2}}
        yield Engine({"docker": options}, instance, docker.processes, ends_steps=True)


def test_a_run_in_a_container_with_steps_in_others_does_what_kedro_run_does(
    tmp_path: Path, docker: DockerEngine, launching: Engine
) -> None:
    project = launching.project(tmp_path, "memory")
    theirs = by_kedro(project)
    start_over(project, DATA)
    run = launch(project, launching.instance, "__default__")
    assert ended(run, launching.instance) == "SUCCESS"
    ours = left_behind(project, launching.instance, run.run_id)
    assert_same(ours, theirs, one_process=False)
    assert docker.exit_codes() == [0] * 4
    [own, *steps] = [container.pid for container in docker.containers]
    assert {call["pid"] for call in ours.of(*PIPELINE_HOOKS)} == {own}
    assert {call["pid"] for call in ours.of("before_node_run")} == set(steps)


def test_terminating_a_run_in_a_container_stops_the_containers_of_its_steps(
    tmp_path: Path, docker: DockerEngine, launching: Engine
) -> None:
    project = launching.project(tmp_path)
    project.write("wait", "")
    run = launch(project, launching.instance, "short")
    wait_for((project.path / "waiting").exists, "the node")
    assert launching.instance.run_launcher.terminate(run.run_id)
    assert ended(run, launching.instance) == "CANCELED"
    docker.exit_codes()
    assert [signal.SIGTERM in container.signals for container in docker.containers] == [True, False, False, True]
    assert [call["hook"] for call in project.calls(*PIPELINE_HOOKS)] == CANCELLED


def test_a_step_that_goes_on_when_its_run_is_terminated_is_killed_before_the_container_of_the_run_would_be(
    tmp_path: Path, docker: DockerEngine, launching: Engine
) -> None:
    project = launching.project(tmp_path, "memory")
    project.write("stay", "")
    run = launch(project, launching.instance, "short")
    wait_for((project.path / "waiting").exists, "the node")
    assert launching.instance.run_launcher.terminate(run.run_id)
    assert ended(run, launching.instance) == "CANCELED"
    assert docker.exit_codes() == [0, 128 + signal.SIGKILL]
    assert [call["hook"] for call in project.calls(*PIPELINE_HOOKS)] == CANCELLED


def test_a_run_whose_own_container_dies_is_resumed_and_fires_the_hooks_of_the_pipeline_once(
    tmp_path: Path, docker: DockerEngine, launching: Engine
) -> None:
    project = launching.project(tmp_path)
    wait = project.write("wait", "")
    run = launch(project, launching.instance, "short")
    wait_for((project.path / "waiting").exists, "the node")
    docker.lose(docker.containers[0])
    launching.instance.run_launcher.resume_run(ResumeRunContext(run, workspace=None, resume_attempt_number=1))
    wait.unlink()
    assert ended(run, launching.instance) == "SUCCESS"
    assert project.nodes_run() == ["clean", "split", "total"]
    assert [call["hook"] for call in project.calls(*PIPELINE_HOOKS)] == SUCCEEDED
    assert len({call["run_id"] for call in project.calls() if "run_id" in call}) == 1
