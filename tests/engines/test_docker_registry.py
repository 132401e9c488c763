"""What the docker executor asks of a registry, and of several networks, on an engine that is faked.

The real one of `test_docker` can be made to do neither: it reaches no registry, and it has no bridge to make networks with.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from engine_servers import hurry_steps, need_modules
from engine_tests import Engine
from fake_docker import FakeDocker, fake_docker
from helpers import execute

pytestmark = pytest.mark.filterwarnings("ignore:.*docker_executor. is currently in beta")

IN_REGISTRY = "registry.example.com/flights:2.0"


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDocker]:
    """An engine with one image and three networks."""
    need_modules("dagster_docker")
    hurry_steps(monkeypatch, "dagster_docker.docker_executor")
    images = ["registry.example.com/flights:1.0"]
    with fake_docker(images, registry=[IN_REGISTRY], networks=["network", "network_1", "network_2"]) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        yield engine


def in_containers(instance: dg.DagsterInstance, docker: FakeDocker, options: dict[str, Any]) -> Engine:
    return Engine({"docker": options}, instance, docker.processes, ends_steps=True)


BY_NAME = {"registry": "registry.example.com", "image": "flights:2.0"}
BY_LOGIN = {
    "registry": {"url": "registry.example.com", "username": "me", "password": {"env": "REGISTRY_PASSWORD"}},
    "image": IN_REGISTRY,
    "env_vars": ["REGISTRY_PASSWORD"],
}


@pytest.mark.parametrize(
    ("options", "logins"), [(BY_NAME, set()), (BY_LOGIN, {("me", "open sesame")})], ids=["a name", "a login"]
)
def test_an_image_that_is_not_here_is_pulled_from_the_registry(
    tmp_path: Path,
    docker: FakeDocker,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    logins: set[tuple[str, str]],
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "open sesame")
    project = in_containers(instance, docker, options).project(tmp_path, "memory")
    assert execute(project, instance, assets=["high"]).success
    assert [container.asked["Image"] for container in docker.containers] == [IN_REGISTRY]
    assert sum(request.endswith("/images/create") for request in docker.requests) == 1
    assert {(login["username"], login["password"]) for login in docker.logins} == logins


def test_a_registry_by_its_name_a_network_more_and_an_environment_reach_the_container(
    tmp_path: Path, docker: FakeDocker, instance: dg.DagsterInstance
) -> None:
    options = {
        "image": "flights:1.0",
        "registry": "registry.example.com",
        "network": "network",
        "networks": ["network_1", "network_2"],
        "container_kwargs": {"volumes": ["/host/path:/container/path"], "environment": ["ENV_VAR=value"]},
    }
    project = in_containers(instance, docker, options).project(tmp_path, "memory")
    assert execute(project, instance, assets=["high"]).success
    [container] = docker.containers
    assert container.networks == ["network", "network_1", "network_2"]
    assert container.asked["HostConfig"]["Binds"] == ["/host/path:/container/path"]
    assert container.environment["ENV_VAR"] == "value"
