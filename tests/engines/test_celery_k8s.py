"""The celery_k8s executor: Celery workers take steps from a queue and create a Kubernetes Job for each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from engine_servers import celery_worker, hurry_celery, need_modules
from engine_tests import Engine, EngineTests, error_of_the_pipeline
from fake_kubernetes import FakeKubernetes, fake_kubernetes
from helpers import KedroProject, execute, materialized

# dagster-celery-k8s defines its task anew for every step that it submits.
pytestmark = pytest.mark.filterwarnings("ignore:Task name 'execute_step_k8s_job' is already registered")
HERE = Path(__file__).parent
IMAGE = "registry.example.com/flights:1.0"


@pytest.fixture(scope="module")
def url(redis_url: str) -> str:
    """The queue."""
    need_modules("dagster_celery_k8s", "redis")
    return f"{redis_url}/2"


@pytest.fixture(scope="module")
def shared_kubernetes() -> Iterator[FakeKubernetes]:
    """A cluster, which all tests share."""
    with fake_kubernetes() as cluster:
        cluster.secrets["postgres"] = {"postgresql-password": "unused"}
        cluster.config_maps["settings"] = {"FROM_CONFIG_MAP": "yes"}
        yield cluster


@pytest.fixture(scope="module")
def instance(
    tmp_path_factory: pytest.TempPathFactory, shared_kubernetes: FakeKubernetes, url: str
) -> Iterator[dg.DagsterInstance]:
    """An instance with the run launcher that dagster-celery-k8s wants there, and a worker."""
    home = tmp_path_factory.mktemp("celery_k8s")
    launcher = {
        "instance_config_map": "dagster-instance",
        "dagster_home": str(home),
        "postgres_password_secret": "postgres",
        "load_incluster_config": False,
        "kubeconfig_file": str(shared_kubernetes.write_kubeconfig(home / "kubeconfig.yaml")),
        "broker": url,
        "backend": url,
    }
    config = {
        "telemetry": {"enabled": False},
        "run_launcher": {"module": "dagster_celery_k8s", "class": "CeleryK8sRunLauncher", "config": launcher},
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    variables = {"DAGSTER_HOME": str(home), "PYTHONPATH": path}
    with (
        dg.DagsterInstance.from_config(str(home)) as found,
        celery_worker(home, "celery-k8s", url, variables=variables, A="hasty_celery_k8s"),
    ):
        yield found


@pytest.fixture
def kubernetes(shared_kubernetes: FakeKubernetes) -> FakeKubernetes:
    """The cluster, with no Job yet."""
    shared_kubernetes.clear()
    return shared_kubernetes


@pytest.fixture
def engine(
    kubernetes: FakeKubernetes, url: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> Engine:
    hurry_celery(monkeypatch)
    options = {
        "broker": url,
        "backend": url,
        "job_image": IMAGE,
        "job_namespace": "flights",
        "load_incluster_config": False,
        "kubeconfig_file": str(Path(instance.root_directory) / "kubeconfig.yaml"),
        "env_config_maps": ["settings"],
        "labels": {"department": "flights"},
        "per_step_k8s_config": {"split": {"container_config": {"resources": {"limits": {"cpu": "2"}}}}},
    }
    return Engine({"celery_k8s": options}, instance, kubernetes.processes, ends_steps=True)


class TestCeleryKubernetes(EngineTests):
    """What every engine does."""

    def test_a_run_does_what_kedro_run_does(
        self, engine: Engine, project: KedroProject, kubernetes: FakeKubernetes
    ) -> None:
        super().test_a_run_does_what_kedro_run_does(engine, project)
        assert {call["pid"] for call in project.calls("before_node_run")} == kubernetes.processes()
        assert kubernetes.exit_codes() == [0] * 5
        for job in kubernetes.jobs:
            assert (job.namespace, job.container["image"]) == ("flights", IMAGE)
            assert {"configMapRef": {"name": "settings"}} in job.container["envFrom"]
            assert job.asked["metadata"]["labels"]["department"] == "flights"
            assert job.container["resources"] == ({"limits": {"cpu": "2"}} if job.step == "split" else {})

    def test_retries_of_a_job_try_a_failed_step_again(
        self, engine: Engine, clustered: KedroProject, kubernetes: FakeKubernetes
    ) -> None:
        super().test_retries_of_a_job_try_a_failed_step_again(engine, clustered)
        [first, second, *rest] = kubernetes.jobs
        assert second.name == f"{first.name}-1"
        assert {job.step for job in rest} == {"stats_chunks", "stats_report"}

    def test_a_cancelled_run_starts_no_more_steps_and_fires_no_further_hook_of_the_pipeline(
        self, engine: Engine, clustered: KedroProject, kubernetes: FakeKubernetes
    ) -> None:
        super().test_a_cancelled_run_starts_no_more_steps_and_fires_no_further_hook_of_the_pipeline(engine, clustered)
        [job] = kubernetes.jobs
        assert kubernetes.is_gone(job)


def test_what_a_tag_of_a_node_asks_for_is_in_the_specification_of_its_pod(
    tmp_path: Path, kubernetes: FakeKubernetes, engine: Engine
) -> None:
    limits = {"limits": {"nvidia.com/gpu": "1"}}
    tags = {"dagster-k8s/config": {"container_config": {"resources": limits}}}
    project = engine.project(tmp_path, step_tags={"gpu": tags})
    assert execute(project, engine.instance, "short").success
    asked = {job.step: job.container["resources"] for job in kubernetes.jobs}
    assert asked == {"clean": {}, "split": {"limits": {"cpu": "2"}}, "total": limits}


def test_a_pod_that_is_killed_fails_the_run_with_one_error_of_the_pipeline(
    engine: Engine, project: KedroProject
) -> None:
    project.write("kill", "")
    result = execute(project, engine.instance, "short")
    assert not result.success
    assert sorted(materialized(result)) == ["cleaned", "high", "low"]
    assert "Encountered failed job pods" in error_of_the_pipeline(project)["message"]
