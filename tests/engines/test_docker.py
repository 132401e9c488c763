"""The docker executor: dagster-docker starts a container for each step, on an engine that runs them as processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from textwrap import indent

import dagster as dg
import pytest
import yaml
from comparing import PIPELINE_HOOKS, assert_same, by_dagster, by_kedro, left_behind, start_over
from dagster._core.executor.step_delegating import StepDelegatingExecutor
from dagster._core.launcher import LaunchRunContext, ResumeRunContext
from engine_servers import need_modules
from fake_docker import FakeDocker, Watcher, fake_docker
from helpers import KedroProject, execute, json_dataset, materialized, write_project
from servers import has_ended, wait_for

pytestmark = pytest.mark.filterwarnings("ignore:.*docker_executor. is currently in beta")

TESTS = Path(__file__).parents[1]
NODES = """
    import logging
    import os

    logger = logging.getLogger(__name__)

    def clean(raw, factor):
        logger.info("cleaning %d values", len(raw))
        return [value * factor for value in raw]

    def chunks(cleaned):
        for value in cleaned:
            logger.warning("the next chunk is %d", value)
            yield {"value": value}

    def total(cleaned, last):
        return {"total": sum(cleaned), "last": last, "greeting": os.environ["GREETING"]}

    def report(total):
        logger.error("the total is %d", total["total"])
        return {"reported": total}
"""
PIPELINES = """{"__default__": pipeline([
    node(clean, ["raw", "params:factor"], "cleaned", name="clean"),
    node(chunks, "cleaned", "rows", name="chunks"),
    node(total, ["cleaned", "rows"], "total", name="total"),
    node(report, "total", "reported", name="report"),
])}"""
CATALOG = json_dataset("raw", "rows") + json_dataset("total", versioned=True)
RAW = {"raw.json": "[1, 2, 3]"}

SMALL_NODES = """
    import os
    import time
    from pathlib import Path

    HERE = Path(__file__).parents[2]

    def first(raw):
        return raw + 1

    def second(one):
        if (HERE / "exit_once").exists():
            (HERE / "exit_once").unlink()
            os._exit(3)
        if (HERE / "exit").exists():
            os._exit(3)
        while (HERE / "wait").exists():
            (HERE / "waiting").touch()
            time.sleep(0.1)
        return one + 1
"""
SMALL_PIPELINES = """{"__default__": pipeline([
    node(first, "raw", "one", name="first"),
    node(second, "one", "two", name="second"),
])}"""

IMAGE = "flights:1.0"
OPTIONS = f"""
image: "{IMAGE}"
env_vars: [DAGSTER_HOME, GREETING, FROM_THE_FILE=yes]
networks: [backend, monitoring]
container_kwargs:
  volumes: ["/mnt/data:/mnt/data:rw"]
  labels: {{team: operations}}
  stop_timeout: 30
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look after the containers every second, and not every 20."""
    need_modules("dagster_docker")
    soon = partial(StepDelegatingExecutor, check_step_health_interval_seconds=1)
    monkeypatch.setattr(import_module("dagster_docker.docker_executor"), "StepDelegatingExecutor", soon)
    monkeypatch.setenv("DAGSTER_STEP_DELEGATING_EXECUTOR_SLEEP_SECONDS", "0.1")


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDocker]:
    """An engine with one image and two networks."""
    with fake_docker(images=[IMAGE], networks=["backend", "monitoring"]) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        monkeypatch.setenv("GREETING", "hello")
        monkeypatch.setenv("NOT_FOR_CONTAINERS", "secret")
        yield engine


def dagster_yml(options: str, *, retries: int = 0) -> str:
    """Write dagster.yml with the executor `containers`."""
    again = f"\n    retries: {{max_retries: {retries}}}" if retries else ""
    return f"""assets: {{cluster_by: node}}
executors:
  containers:
    docker:
{indent(options.strip(), " " * 6)}
jobs:
  everything:
    pipeline: {{}}
    executor: containers{again}
"""


def small_project(folder: Path, *, options: str = OPTIONS, retries: int = 0) -> KedroProject:
    """Two nodes, the second of which does what files tell it to."""
    catalog, dagster = json_dataset("raw", "one", "two"), dagster_yml(options, retries=retries)
    project = write_project(
        folder, nodes=SMALL_NODES, pipelines=SMALL_PIPELINES, catalog=catalog, parameters="", dagster=dagster
    )
    start_over(project, {"raw.json": "1"})
    return project


def step_errors(result: dg.JobExecutionResult) -> str:
    return "\n".join(str(event.step_failure_data.error) for event in result.all_events if event.is_step_failure)


def test_a_run_in_containers_does_what_kedro_run_does(
    tmp_path: Path, docker: FakeDocker, instance: dg.DagsterInstance
) -> None:
    dagster = dagster_yml(OPTIONS)
    project = write_project(
        tmp_path, nodes=NODES, pipelines=PIPELINES, catalog=CATALOG, parameters="factor: 10", dagster=dagster
    )
    start_over(project, RAW)
    theirs = by_kedro(project)
    start_over(project, RAW)
    ours = by_dagster(project, instance, "everything")
    assert_same(ours, theirs, one_process=False)
    inside = {container.process.pid for container in docker.containers if container.process}
    assert (len(docker.containers), len(inside)) == (4, 4)
    assert {call["pid"] for call in ours.of("before_node_run")} == inside
    assert {call["pid"] for call in ours.of(*PIPELINE_HOOKS)} == {os.getpid()}
    for container in docker.containers:
        assert (container.asked["Image"], container.networks) == (IMAGE, ["backend", "monitoring"])
        assert container.asked["HostConfig"]["Binds"] == ["/mnt/data:/mnt/data:rw"]
        assert container.asked["Labels"] == {"team": "operations"}
        assert container.environment["FROM_THE_FILE"] == "yes"
        assert container.environment["DAGSTER_HOME"] == os.environ["DAGSTER_HOME"]
        assert "NOT_FOR_CONTAINERS" not in container.environment


BY_NAME = "{registry: registry.example.com, image: 'flights:2.0'}"
BY_LOGIN = """
registry: {url: registry.example.com, username: me, password: {env: REGISTRY_PASSWORD}}
image: "registry.example.com/flights:2.0"
env_vars: [REGISTRY_PASSWORD]
"""


@pytest.mark.parametrize("options", [BY_NAME, BY_LOGIN], ids=["a name", "a login"])
def test_an_image_that_is_not_here_is_pulled_from_the_registry(
    tmp_path: Path, docker: FakeDocker, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "open sesame")
    image = "registry.example.com/flights:2.0"
    docker.registry.add(image)
    project = small_project(tmp_path, options=options)
    assert execute(project, instance, "everything").success
    assert {container.asked["Image"] for container in docker.containers} == {image}
    assert sum(request.endswith("/images/create") for request in docker.requests) == 1
    if options == BY_LOGIN:
        assert {(login["username"], login["password"]) for login in docker.logins} == {("me", "open sesame")}
    else:
        assert not docker.logins


def test_containers_use_the_environment_of_kedro_that_they_are_given(
    tmp_path: Path, docker: FakeDocker, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = small_project(tmp_path, options=OPTIONS.replace("GREETING", "KEDRO_ENV"))
    project.write("conf/prod/catalog.yml", "one: {type: json.JSONDataset, filepath: data/one_of_prod.json}\n")
    monkeypatch.setenv("KEDRO_ENV", "prod")
    assert execute(project, instance, "everything").success
    assert {call["env"] for call in project.calls("after_context_created")} == {"prod"}
    assert set(project.data()) == {"raw.json", "one_of_prod.json", "two.json"}


def test_a_registry_by_its_name_a_network_more_and_an_environment_reach_the_container(
    tmp_path: Path, docker: FakeDocker, instance: dg.DagsterInstance
) -> None:
    options = """
image: "flights:1.0"
registry: "registry.example.com"
network: "network"
networks: ["network_1", "network_2"]
container_kwargs:
  volumes: ["/host/path:/container/path"]
  environment: ["ENV_VAR=value"]
"""
    docker.images.add("registry.example.com/flights:1.0")
    docker.networks.extend(["network", "network_1", "network_2"])
    result = execute(small_project(tmp_path, options=options), instance, "everything", assets=["one"])
    assert result.success
    [container] = docker.containers
    assert container.networks == ["network", "network_1", "network_2"]
    assert container.asked["HostConfig"]["Binds"] == ["/host/path:/container/path"]
    assert container.environment["ENV_VAR"] == "value"


def test_a_failing_node_in_a_container_fails_the_run_as_in_kedro_run(
    tmp_path: Path, docker: FakeDocker, instance: dg.DagsterInstance
) -> None:
    project = small_project(tmp_path)
    broken = {"raw.json": '"no number"'}
    start_over(project, broken)
    theirs = by_kedro(project)
    start_over(project, broken)
    ours = by_dagster(project, instance, "everything")
    assert ours.error == ("TypeError", 'can only concatenate str (not "int") to str')
    assert_same(ours, theirs, one_process=False)
    assert docker.exit_codes() == [0]


def test_a_container_that_exits_with_an_error_fails_the_run_with_one_error_of_the_pipeline(
    tmp_path: Path, docker: FakeDocker, instance: dg.DagsterInstance
) -> None:
    project = small_project(tmp_path)
    wrong = project.write("exit", "")
    result = execute(project, instance, "everything")
    assert not result.success
    assert "Return code is 3" in step_errors(result)
    assert materialized(result) == ["one"]
    [before, error] = project.calls(*PIPELINE_HOOKS)
    assert (before["hook"], error["hook"]) == ("before_pipeline_run", "on_pipeline_error")
    assert (error["pid"], error["error"], error["nodes"]) == (os.getpid(), "StepError", ["first", "second"])
    assert "Return code is 3" in error["message"]
    wrong.unlink()
    project.forget()
    again = execute(project, instance, "everything", continue_from=result.run_id)
    assert again.success
    assert (project.nodes_run(), project.read("two.json")) == (["second"], 3)


def test_retries_of_a_job_start_another_container_for_a_step_whose_container_exits_with_an_error(
    tmp_path: Path, docker: FakeDocker, instance: dg.DagsterInstance
) -> None:
    project = small_project(tmp_path, retries=1)
    project.write("exit_once", "")
    assert execute(project, instance, "everything").success
    assert project.nodes_run() == ["first", "second", "second"]
    assert docker.exit_codes() == [0, 3, 0]
    assert len({container.name for container in docker.containers}) == 3
    assert [call["hook"] for call in project.calls(*PIPELINE_HOOKS)] == ["before_pipeline_run", "after_pipeline_run"]
    assert len({call["run_id"] for call in project.calls() if "run_id" in call}) == 1


def test_a_container_that_vanishes_fails_the_run_with_one_error_of_the_pipeline(
    tmp_path: Path, docker: FakeDocker, instance: dg.DagsterInstance
) -> None:
    project = small_project(tmp_path)
    project.write("wait", "")
    with Watcher((project.path / "waiting").exists, lambda: docker.lose(docker.containers[-1])) as watcher:
        result = execute(project, instance, "everything")
    assert watcher.done
    assert not result.success
    assert "could not be found" in step_errors(result)
    [error] = project.calls("on_pipeline_error", "after_pipeline_run")
    assert (error["hook"], error["error"]) == ("on_pipeline_error", "StepError")
    assert "could not be found" in error["message"]
    assert materialized(result) == ["one"]


def test_a_container_that_cannot_be_started_fails_the_run_with_one_error_of_the_pipeline(
    tmp_path: Path, docker: FakeDocker, instance: dg.DagsterInstance
) -> None:
    project = small_project(tmp_path)
    docker.start_error = "OCI runtime create failed: dagster: executable file not found in $PATH"
    assert not execute(project, instance, "everything").success
    [error] = project.calls("on_pipeline_error", "after_pipeline_run")
    assert (error["hook"], error["error"]) == ("on_pipeline_error", "APIError")
    assert "executable file not found" in error["message"]


def test_a_run_that_is_cancelled_stops_its_containers_and_fires_no_further_hook_of_the_pipeline(
    tmp_path: Path, docker: FakeDocker, instance: dg.DagsterInstance
) -> None:
    project = small_project(tmp_path)
    project.write("wait", "")

    def cancel() -> None:
        [run] = instance.get_runs(limit=1)
        instance.report_run_canceling(run)
        os.kill(os.getpid(), signal.SIGTERM)

    with Watcher((project.path / "waiting").exists, cancel):
        result = execute(project, instance, "everything")
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.status == dg.DagsterRunStatus.CANCELED
    assert [container.stopped for container in docker.containers] == [False, True]
    assert not docker.running()
    assert [call["hook"] for call in project.calls(*PIPELINE_HOOKS)] == ["before_pipeline_run"]
    assert not (project.path / "data/two.json").exists()


LAUNCHER_OPTIONS = f"""
image: "{IMAGE}"
env_vars: [FROM_THE_FILE=yes]
"""


@pytest.fixture
def launching(tmp_path: Path, docker: FakeDocker) -> Iterator[dg.DagsterInstance]:
    """An instance whose runs have a container of their own, too."""
    home = tmp_path / "home"
    home.mkdir()
    passed_on = ["DOCKER_HOST", "GREETING", "DAGSTER_STEP_DELEGATING_EXECUTOR_SLEEP_SECONDS"]
    launcher = {"image": IMAGE, "env_vars": passed_on, "networks": ["backend"]}
    config = {
        "telemetry": {"enabled": False},
        "run_launcher": {"module": "dagster_docker", "class": "DockerRunLauncher", "config": launcher},
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(home)) as found:
        yield found


def launch(project: KedroProject, instance: dg.DagsterInstance) -> dg.DagsterRun:
    """Start a run as the daemon and the web server do."""
    job = dg.build_reconstructable_job(
        "helpers", "load_job", (str(project.path), "everything"), reconstructor_working_directory=str(TESTS)
    )
    run = instance.create_run_for_job(job_def=job.get_definition(), job_code_origin=job.get_python_origin())
    instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
    return run


def ended(run: dg.DagsterRun, instance: dg.DagsterInstance) -> str:
    """Wait until a run has ended, and give its status."""

    def status() -> str:
        found = instance.get_run_by_id(run.run_id)
        return found.status.value if found else ""

    wait_for(lambda: has_ended(status()), "the run")
    return status()


def test_a_run_in_a_container_with_steps_in_others_does_what_kedro_run_does(
    tmp_path: Path, docker: FakeDocker, launching: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes=NODES,
        pipelines=PIPELINES,
        catalog=CATALOG,
        parameters="factor: 10",
        dagster=dagster_yml(LAUNCHER_OPTIONS),
    )
    start_over(project, RAW)
    theirs = by_kedro(project)
    start_over(project, RAW)
    run = launch(project, launching)
    assert ended(run, launching) == "SUCCESS"
    ours = left_behind(project, launching, run.run_id)
    assert_same(ours, theirs, one_process=False)
    assert docker.exit_codes() == [0] * 5
    [own, *steps] = [container.process.pid for container in docker.containers if container.process]
    assert {call["pid"] for call in ours.of(*PIPELINE_HOOKS)} == {own}
    assert {call["pid"] for call in ours.of("before_node_run")} == set(steps)


def test_terminating_a_run_in_a_container_stops_the_containers_of_its_steps(
    tmp_path: Path, docker: FakeDocker, launching: dg.DagsterInstance
) -> None:
    project = small_project(tmp_path, options=LAUNCHER_OPTIONS)
    project.write("wait", "")
    run = launch(project, launching)
    wait_for((project.path / "waiting").exists, "the node")
    assert launching.run_launcher.terminate(run.run_id)
    assert ended(run, launching) == "CANCELED"
    docker.exit_codes()
    assert [container.stopped for container in docker.containers] == [True, False, True]
    assert [call["hook"] for call in project.calls(*PIPELINE_HOOKS)] == ["before_pipeline_run"]


def test_a_run_whose_own_container_dies_is_resumed_and_fires_the_hooks_of_the_pipeline_once(
    tmp_path: Path, docker: FakeDocker, launching: dg.DagsterInstance
) -> None:
    project = small_project(tmp_path, options=LAUNCHER_OPTIONS)
    wait = project.write("wait", "")
    run = launch(project, launching)
    wait_for((project.path / "waiting").exists, "the node")
    docker.lose(docker.containers[0])
    launching.run_launcher.resume_run(ResumeRunContext(run, workspace=None, resume_attempt_number=1))
    wait.unlink()
    assert ended(run, launching) == "SUCCESS"
    assert project.nodes_run() == ["first", "second"]
    assert [call["hook"] for call in project.calls(*PIPELINE_HOOKS)] == ["before_pipeline_run", "after_pipeline_run"]
    assert len({call["run_id"] for call in project.calls() if "run_id" in call}) == 1
