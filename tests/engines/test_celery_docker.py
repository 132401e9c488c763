"""The celery_docker executor: Celery workers take steps from a queue and start a container for each, on a real engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from docker_engine import IMAGE, DockerEngine
from engine_servers import celery_worker, hurry_celery, need_modules
from engine_tests import Engine, EngineTests, error_of_the_pipeline
from helpers import KedroProject, execute, materialized

# dagster-celery-docker defines its task anew for every step that it submits.
pytestmark = pytest.mark.filterwarnings("ignore:Task name 'execute_step_docker' is already registered")


@pytest.fixture(scope="module")
def url(redis_url: str) -> str:
    """The queue."""
    need_modules("dagster_celery_docker", "redis")
    return f"{redis_url}/1"


@pytest.fixture(scope="module")
def worker(
    tmp_path_factory: pytest.TempPathFactory, dagster_home: Path, url: str, docker_engine: DockerEngine
) -> Iterator[None]:
    """A worker that uses the engine."""
    variables = {"DAGSTER_HOME": str(dagster_home), "DOCKER_HOST": docker_engine.url, "FROM_WORKER": "yes"}
    folder = tmp_path_factory.mktemp("celery_docker")
    with celery_worker(folder, "celery-docker", url, variables=variables):
        yield


@pytest.fixture
def docker(docker_engine: DockerEngine, worker: None) -> Iterator[DockerEngine]:
    """The Docker engine, with no container yet."""
    yield docker_engine
    docker_engine.clear()


@pytest.fixture
def engine(docker: DockerEngine, url: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> Engine:
    hurry_celery(monkeypatch)
    inside = {
        "image": IMAGE,
        "network": "host",
        "env_vars": ["DAGSTER_HOME", "FROM_WORKER"],
        "container_kwargs": {**docker.container_kwargs, "environment": ["FROM_THE_FILE=yes"]},
    }
    executor = {"celery_docker": {"broker": url, "backend": url, "docker": inside}}
    return Engine(executor, instance, docker.processes)


class TestCeleryDocker(EngineTests):
    """What every engine does."""

    def test_a_run_does_what_kedro_run_does(self, engine: Engine, project: KedroProject, docker: DockerEngine) -> None:
        super().test_a_run_does_what_kedro_run_does(engine, project)
        assert {call["pid"] for call in project.calls("before_node_run")} == docker.processes()
        assert docker.exit_codes() == [0] * 5
        for container in docker.containers:
            assert container.image == IMAGE
            assert container.asked["HostConfig"]["NetworkMode"] == "host"
            assert set(container.asked["HostConfig"]["Binds"]) == set(docker.volumes)
            assert container.environment.items() >= {"FROM_WORKER": "yes", "FROM_THE_FILE": "yes"}.items()

    def test_retries_of_a_job_try_a_failed_step_again(
        self, engine: Engine, clustered: KedroProject, docker: DockerEngine
    ) -> None:
        super().test_retries_of_a_job_try_a_failed_step_again(engine, clustered)
        assert len(docker.containers) == 4

    def test_a_cancelled_run_starts_no_more_steps_and_fires_no_further_hook_of_the_pipeline(
        self, engine: Engine, clustered: KedroProject, docker: DockerEngine
    ) -> None:
        super().test_a_cancelled_run_starts_no_more_steps_and_fires_no_further_hook_of_the_pipeline(engine, clustered)
        assert docker.exit_codes() == [0]
        assert docker.containers[0].signals == []


def test_a_container_that_is_killed_fails_the_run_with_one_error_of_the_pipeline(
    engine: Engine, project: KedroProject
) -> None:
    project.write("kill", "")
    result = execute(project, engine.instance, "short")
    assert not result.success
    assert sorted(materialized(result)) == ["cleaned", "high", "low"]
    assert "returned non-zero exit status 137" in error_of_the_pipeline(project)["message"]
