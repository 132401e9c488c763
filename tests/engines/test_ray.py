"""Runs on Ray: dagster-ray submits a job for each step to a cluster on this machine, and one for the run if it is to."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from comparing import PIPELINE_HOOKS, assert_same, by_kedro, left_behind, start_over
from dagster._core.launcher import ResumeRunContext
from engine_project import DATA
from engine_servers import hurry_steps, ray_cluster
from engine_tests import (
    CANCELLED,
    Engine,
    EngineTests,
    ended,
    error_of_the_pipeline,
    launch,
    step_errors,
)
from helpers import KedroProject, execute, json_dataset, write_project
from servers import free_port, wait_for

PID_OF_A_STEP = re.compile(r" - (\d+) - \w+ - STEP_(?:START|RESTARTED) - ")


def on_ray(**ray: Any) -> dict[str, Any]:
    return {"dagster_ray.ray_executor": {"ray": ray}}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster's dashboard, which all tests share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", os.urandom(16).hex())
        with ray_cluster(tmp_path_factory.mktemp("ray")) as found:
            yield found


@pytest.fixture
def client(address: str) -> Any:
    return import_module("ray.job_submission").JobSubmissionClient(address)


@pytest.fixture
def engine(client: Any, address: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> Engine:
    hurry_steps(monkeypatch, "dagster_ray.core.executor")
    return Engine(on_ray(address=address), instance, lambda: processes(client), ends_steps=True)


def processes(client: Any) -> set[int]:
    """The processes of steps, as the output says that Ray has kept of their jobs."""
    outputs = [client.get_job_logs(job.submission_id) for job in client.list_jobs()]
    return {int(pid) for output in outputs for pid in PID_OF_A_STEP.findall(output)}


class TestRay(EngineTests):
    """What every engine does, but for two tests of twelve steps: each step is two new processes, which takes seconds.

    What is up to date is left out before the executor gets its plan, and ops are below.
    """

    test_what_is_up_to_date_is_left_out = None
    test_a_job_of_ops_does_what_kedro_run_does = None


@pytest.mark.parametrize("view", ["assets", "ops"])
def test_a_step_has_what_the_tag_of_its_node_asks_ray_for_and_its_node_can_use_the_cluster(
    tmp_path: Path, engine: Engine, address: str, view: str
) -> None:
    project = write_project(
        tmp_path,
        nodes="""
            import os

            def look(raw):
                return {"card": os.environ.get("CUDA_VISIBLE_DEVICES"), "greeting": os.environ.get("GREETING")}

            def pid():
                return os.getpid()

            def ask(raw):
                import ray

                with ray.init():
                    elsewhere = ray.get(ray.remote(pid).remote()) != os.getpid()
                    return {**look(raw), "free": ray.available_resources().get("GPU", 0), "elsewhere": elsewhere}
        """,
        pipelines="""{"__default__": pipeline([
            node(look, "raw", "seen", name="look"), node(ask, "raw", "told", name="ask", tags="gpu"),
        ])}""",
        catalog=json_dataset("raw", "seen", "told"),
    )
    tag = {"dagster-ray/config": {"num_gpus": 1, "runtime_env": {"env_vars": {"GREETING": "hello"}}}}
    search = os.pathsep.join([str(project.path / "src"), os.environ.get("PYTHONPATH", "")])
    dagster = {
        "assets": {"step_tags": {"gpu": tag}},
        "default_executor": on_ray(address=address, env_vars=[f"PYTHONPATH={search}"]),
        "jobs": {"__default__": {"view": view}},
    }
    project.write("conf/base/dagster.yml", yaml.safe_dump(dagster))
    start_over(project, {"raw.json": "1"})
    assert execute(project, engine.instance).success
    assert project.read("seen.json") == {"card": None, "greeting": None}
    assert project.read("told.json") == {"card": "0", "greeting": "hello", "free": 0, "elsewhere": True}


def test_a_step_whose_process_dies_is_tried_again_and_fails_the_run_with_one_error_of_the_pipeline(
    clustered: KedroProject, engine: Engine, client: Any
) -> None:
    clustered.write("kill", "")
    result = execute(clustered, engine.instance, "retried", assets=["total"])
    assert not result.success
    assert clustered.nodes_run() == ["clean", "split", "total"] * 2
    jobs = [job for job in client.list_jobs() if job.metadata["dagster/run-id"] == result.run_id]
    assert [job.status.value for job in jobs] == ["FAILED", "FAILED"]
    assert "Discovered failed Ray job" in step_errors(result)
    error = error_of_the_pipeline(clustered)
    assert (error["error"], error["nodes"]) == ("StepError", ["clean", "split", "total"])
    assert "Discovered failed Ray job" in error["message"]


@pytest.fixture
def launching(tmp_path: Path, engine: Engine, address: str) -> Iterator[Engine]:
    """The engine for an instance whose runs are jobs of Ray's, too; its executor talks to the cluster of the run launcher."""
    home = tmp_path / "home"
    home.mkdir()
    variables = ["DAGSTER_STEP_DELEGATING_EXECUTOR_SLEEP_SECONDS", "RAY_JOB_STOP_WAIT_TIME_S=30"]
    launcher = {"ray": {"address": address, "env_vars": variables}}
    config = {
        "telemetry": {"enabled": False},
        "run_launcher": {"module": "dagster_ray", "class": "RayRunLauncher", "config": launcher},
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield replace(engine, executor=on_ray(), instance=instance)


def test_a_run_in_a_job_of_rays_that_dies_and_is_resumed_does_what_kedro_run_does(
    tmp_path: Path, launching: Engine
) -> None:
    project = launching.project(tmp_path, "memory")
    theirs = by_kedro(project)
    start_over(project, DATA)
    wait = project.write("wait", "")
    run = launch(project, launching.instance, "__default__")
    wait_for((project.path / "waiting").exists, "the node")
    [before] = project.calls("before_pipeline_run")
    os.kill(before["pid"], signal.SIGKILL)
    launching.instance.run_launcher.resume_run(ResumeRunContext(run, workspace=None, resume_attempt_number=1))
    wait.unlink()
    assert ended(run, launching.instance) == "SUCCESS"
    ours = left_behind(project, launching.instance, run.run_id)
    assert_same(ours, theirs, one_process=False)
    of_runs = [call["pid"] for call in ours.of(*PIPELINE_HOOKS)]
    assert len({*of_runs, os.getpid()}) == 3
    assert {call["pid"] for call in ours.of("before_node_run")} <= launching.processes() - {*of_runs, os.getpid()}


def test_terminating_a_run_in_a_job_of_rays_ends_the_steps(tmp_path: Path, launching: Engine) -> None:
    project = launching.project(tmp_path, "memory")
    project.write("wait", "")
    run = launch(project, launching.instance, "short")
    wait_for((project.path / "waiting").exists, "the node")
    assert launching.instance.run_launcher.terminate(run.run_id)
    assert ended(run, launching.instance) == "CANCELED"
    assert [call["hook"] for call in project.calls(*PIPELINE_HOOKS)] == CANCELLED
    [pid] = {call["pid"] for call in project.calls("before_node_run")}
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the end of the step")


def test_a_run_that_finds_no_cluster_fails_before_the_first_hook_of_the_pipeline(
    tmp_path: Path, engine: Engine
) -> None:
    nowhere = on_ray(address=f"http://127.0.0.1:{free_port()}")
    project = replace(engine, executor=nowhere).project(tmp_path)
    with pytest.raises(ConnectionError, match="Failed to connect to Ray"):
        execute(project, engine.instance)
    assert project.calls(*PIPELINE_HOOKS) == []
