"""The executors celery_docker and celery_k8s: Celery workers take steps from a queue and start containers for them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from comparing import PIPELINE_HOOKS, assert_same, by_dagster, by_kedro, start_over
from engine_servers import RAW, MakeProject, need_modules, started
from fake_docker import FakeDocker, fake_docker
from fake_kubernetes import FakeKubernetes, fake_kubernetes
from helpers import KedroProject, execute, materialized

# dagster-celery-docker and dagster-celery-k8s define their task anew for every step that they submit.
pytestmark = pytest.mark.filterwarnings("ignore:Task name 'execute_step_.* is already registered")
IMAGE = "registry.example.com/flights:1.0"


@contextmanager
def worker(folder: Path, app: str, url: str, variables: Mapping[str, str]) -> Iterator[None]:
    """Run `dagster-celery worker start` with four processes."""
    config = folder / "celery.yaml"
    config.write_text(yaml.safe_dump({"execution": {"config": {"broker": url, "backend": url}}}), encoding="utf-8")
    log = folder / "worker.log"
    command = ("worker", "start", "-A", app, "-y", str(config), "--", "--concurrency", "4", "--without-gossip")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # for the program `celery`
    with started(
        (sys.executable, "-m", "dagster_celery.cli", *command),
        log,
        lambda: " ready." in log.read_text(errors="replace"),
        variables={"PATH": path, **variables},
    ):
        yield


def new_project(make_project: MakeProject, folder: Path, executor: dict[str, Any], cluster_by: str) -> KedroProject:
    jobs = {"everything": {"pipeline": {}, "executor": executor}}
    return make_project(folder, assets={"cluster_by": cluster_by}, jobs=jobs)


def assert_one_error_of_the_pipeline(project: KedroProject, said: str) -> None:
    [before, error] = project.calls(*PIPELINE_HOOKS)
    assert (before["hook"], error["hook"]) == ("before_pipeline_run", "on_pipeline_error")
    assert before["pid"] == error["pid"] == os.getpid()
    assert said in error["message"]


@pytest.fixture(scope="module")
def docker_url(redis_url: str) -> str:
    """The queue for containers of Docker."""
    need_modules("dagster_celery_docker", "redis")
    return f"{redis_url}/1"


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory, dagster_home: Path, docker_url: str) -> Iterator[FakeDocker]:
    """An engine, and a worker that uses it."""
    with fake_docker(images=[IMAGE], networks=["backend"]) as engine:
        variables = {"DAGSTER_HOME": str(dagster_home), "DOCKER_HOST": engine.url, "FROM_WORKER": "yes"}
        with worker(tmp_path_factory.mktemp("worker"), "dagster_celery_docker.app", docker_url, variables):
            yield engine


@pytest.fixture
def in_docker(docker: FakeDocker, docker_url: str) -> dict[str, Any]:
    """The executor as dagster.yml has it."""
    inside = {
        "image": IMAGE,
        "network": "backend",
        "env_vars": ["DAGSTER_HOME", "FROM_WORKER"],
        "container_kwargs": {"volumes": ["/mnt/data:/mnt/data:rw"], "environment": ["FROM_THE_FILE=yes"]},
    }
    return {"celery_docker": {"broker": docker_url, "backend": docker_url, "docker": inside}}


def test_a_run_in_containers_of_a_celery_worker_does_what_kedro_run_does(
    tmp_path: Path,
    docker: FakeDocker,
    in_docker: dict[str, Any],
    instance: dg.DagsterInstance,
    make_project: MakeProject,
) -> None:
    project = new_project(make_project, tmp_path, in_docker, "node")
    theirs = by_kedro(project)
    start_over(project, RAW)
    before = len(docker.containers)
    ours = by_dagster(project, instance, "everything")
    assert_same(ours, theirs, one_process=False)
    containers = docker.containers[before:]
    inside = {container.process.pid for container in containers if container.process}
    assert {call["pid"] for call in ours.of("before_node_run")} == inside
    assert {call["pid"] for call in ours.of(*PIPELINE_HOOKS)} == {os.getpid()}
    for container in containers:
        assert (container.asked["Image"], container.networks) == (IMAGE, ["backend"])
        assert container.asked["HostConfig"]["Binds"] == ["/mnt/data:/mnt/data:rw"]
        assert container.environment.items() >= {"FROM_WORKER": "yes", "FROM_THE_FILE": "yes"}.items()


def test_a_failing_node_in_a_container_of_a_celery_worker_fails_the_run_as_in_kedro_run(
    tmp_path: Path,
    docker: FakeDocker,
    in_docker: dict[str, Any],
    instance: dg.DagsterInstance,
    make_project: MakeProject,
) -> None:
    project = new_project(make_project, tmp_path, in_docker, "node")
    project.write("fail", "")
    theirs = by_kedro(project)
    start_over(project, RAW)
    ours = by_dagster(project, instance, "everything")
    assert ours.error == ("RuntimeError", "never")
    assert_same(ours, theirs, one_process=False)


def test_a_container_of_a_celery_worker_that_is_killed_fails_the_run_with_one_error_of_the_pipeline(
    tmp_path: Path,
    docker: FakeDocker,
    in_docker: dict[str, Any],
    instance: dg.DagsterInstance,
    make_project: MakeProject,
) -> None:
    project = new_project(make_project, tmp_path, in_docker, "node")
    project.write("kill", "")
    result = execute(project, instance, "everything")
    assert not result.success
    assert {"cleaned", "low", "high"} <= set(materialized(result))
    assert not {"total", "stats/history", "report"} & set(materialized(result))
    assert_one_error_of_the_pipeline(project, "returned non-zero exit status 137")


@pytest.fixture(scope="module")
def kubernetes_url(redis_url: str) -> str:
    """The queue for pods of Kubernetes."""
    need_modules("dagster_celery_k8s", "redis")
    return f"{redis_url}/2"


@pytest.fixture(scope="module")
def kubernetes() -> Iterator[FakeKubernetes]:
    """A cluster."""
    with fake_kubernetes() as cluster:
        cluster.secrets["postgres"] = {"postgresql-password": "unused"}
        cluster.config_maps["settings"] = {"FROM_CONFIG_MAP": "yes"}
        yield cluster


@pytest.fixture(scope="module")
def kubernetes_instance(
    tmp_path_factory: pytest.TempPathFactory, kubernetes: FakeKubernetes, kubernetes_url: str
) -> Iterator[dg.DagsterInstance]:
    """An instance with the run launcher that dagster-celery-k8s wants there, and a worker."""
    home = tmp_path_factory.mktemp("celery_k8s")
    launcher = {
        "instance_config_map": "dagster-instance",
        "dagster_home": str(home),
        "postgres_password_secret": "postgres",
        "load_incluster_config": False,
        "kubeconfig_file": str(kubernetes.write_kubeconfig(home / "kubeconfig.yaml")),
        "broker": kubernetes_url,
        "backend": kubernetes_url,
    }
    config = {
        "telemetry": {"enabled": False},
        "run_launcher": {"module": "dagster_celery_k8s", "class": "CeleryK8sRunLauncher", "config": launcher},
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with (
        dg.DagsterInstance.from_config(str(home)) as found,
        worker(home, "dagster_celery_k8s.app", kubernetes_url, {"DAGSTER_HOME": str(home)}),
    ):
        yield found


@pytest.fixture
def in_pods(kubernetes_instance: dg.DagsterInstance, kubernetes_url: str) -> dict[str, Any]:
    """The executor as dagster.yml has it."""
    options = {
        "broker": kubernetes_url,
        "backend": kubernetes_url,
        "job_image": IMAGE,
        "job_namespace": "flights",
        "load_incluster_config": False,
        "kubeconfig_file": str(Path(kubernetes_instance.root_directory) / "kubeconfig.yaml"),
        "env_config_maps": ["settings"],
        "labels": {"department": "flights"},
        "per_step_k8s_config": {"chunks": {"container_config": {"resources": {"limits": {"cpu": "2"}}}}},
    }
    return {"celery_k8s": options}


@pytest.mark.slow
def test_a_run_in_pods_of_a_celery_worker_does_what_kedro_run_does(
    tmp_path: Path,
    kubernetes: FakeKubernetes,
    in_pods: dict[str, Any],
    kubernetes_instance: dg.DagsterInstance,
    make_project: MakeProject,
) -> None:
    project = new_project(make_project, tmp_path, in_pods, "memory")
    theirs = by_kedro(project)
    start_over(project, RAW)
    before = len(kubernetes.jobs)
    ours = by_dagster(project, kubernetes_instance, "everything")
    assert_same(ours, theirs, one_process=False)
    jobs = kubernetes.jobs[before:]
    assert {call["pid"] for call in ours.of("before_node_run")} == {job.process.pid for job in jobs}
    assert {call["pid"] for call in ours.of(*PIPELINE_HOOKS)} == {os.getpid()}
    for job in jobs:
        assert (job.namespace, job.container["image"]) == ("flights", IMAGE)
        assert {"configMapRef": {"name": "settings"}} in job.container["envFrom"]
        assert job.asked["metadata"]["labels"]["department"] == "flights"
        alone = job.environment["DAGSTER_RUN_STEP_KEY"] == "chunks"
        assert job.container["resources"] == ({"limits": {"cpu": "2"}} if alone else {})


@pytest.mark.slow
def test_a_pod_of_a_celery_worker_that_is_killed_fails_the_run_with_one_error_of_the_pipeline(
    tmp_path: Path,
    kubernetes: FakeKubernetes,
    in_pods: dict[str, Any],
    kubernetes_instance: dg.DagsterInstance,
    make_project: MakeProject,
) -> None:
    project = new_project(make_project, tmp_path, in_pods, "memory")
    project.write("kill", "")
    result = execute(project, kubernetes_instance, "everything")
    assert not result.success
    assert not {"total", "stats/history", "report"} & set(materialized(result))
    assert_one_error_of_the_pipeline(project, "Encountered failed job pods")
