"""What `examples/deploy` says is done without an image: its commands, variables, settings and health checks, with PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from engine_project import make_project
from engine_servers import free_port, started
from servers import Server, wait_for

DEPLOYMENT = Path(__file__).parents[2] / "examples" / "deploy"
JOBS = {
    "by_hand": {},
    "every_minute": {"schedule": {"cron_schedule": "* * * * *", "default_status": "RUNNING"}},
}


@dataclass
class Compose:
    """The services of compose.yaml, as processes of this machine.

    Attributes:
        services: What compose.yaml says.
        replaced: What is elsewhere here than in the containers.
        home: The DAGSTER_HOME of all of them.
        project: The working directory of all of them.
    """

    services: Mapping[str, Mapping[str, object]]
    replaced: Mapping[str, str]
    home: Path
    project: Path

    def here(self, words: list[str]) -> list[str]:
        """A command, with the programs of this Python, and the ports and folders of this machine."""
        found = [self.replace(word) for word in words]
        program = Path(sys.executable).with_name(found[0])
        return [str(program if program.exists() else found[0]), *found[1:]]

    def replace(self, text: str) -> str:
        anything = "|".join(map(re.escape, self.replaced))
        return re.sub(anything, lambda found: self.replaced[found[0]], text)

    def variables(self, service: str) -> dict[str, str]:
        """The variables of a service, with those of the image."""
        given = {name: self.replace(str(value)) for name, value in self.services[service]["environment"].items()}
        return {**given, "DAGSTER_HOME": str(self.home), "PYTHONPATH": str(self.project / "src")}

    def is_healthy(self, service: str) -> bool:
        """What the health check of a service says."""
        kind, *words = self.services[service]["healthcheck"]["test"]
        assert kind == "CMD"
        environment = {**os.environ, **self.variables(service)}
        return not subprocess.run(self.here(words), env=environment, check=False, capture_output=True).returncode


@pytest.fixture
def compose(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Compose:
    """The services, and their files in `dagster_home`."""
    project = make_project(tmp_path, jobs=JOBS)
    project.write("definitions.py", (project.path / "src" / project.package / "definitions.py").read_text())
    project.write("conf/prod/catalog.yml", "")
    postgres, home = urlsplit(postgres_url), tmp_path / "dagster_home"
    home.mkdir()
    code, web = free_port(), free_port()
    replaced = {
        "/opt/dagster/dagster_home": str(home),
        "${DAGSTER_POSTGRES_PASSWORD}": "not-asked-for",
        "${WAREHOUSE_URL}": "",
        "0.0.0.0": "127.0.0.1",
        "4000": str(code),
        "3000": str(web),
    }
    services = yaml.safe_load((DEPLOYMENT / "compose.yaml").read_text())["services"]
    found = Compose(services, {**replaced, "postgres": "127.0.0.1"}, home, project.path)
    settings = (DEPLOYMENT / "dagster_home" / "dagster.yaml").read_text()
    database = settings.replace("db_name: dagster", f"db_name: postgres\n      port: {postgres.port}")
    (home / "dagster.yaml").write_text(database.replace("username: dagster", f"username: {postgres.username}"))
    workspace = (DEPLOYMENT / "dagster_home" / "workspace.yaml").read_text()
    (home / "workspace.yaml").write_text(workspace.replace("host: code", "host: 127.0.0.1").replace("4000", str(code)))
    return found


@pytest.fixture
def deployed(compose: Compose) -> Iterator[Server]:
    """The services, started in the order that they ask for and healthy."""
    instruction = re.search(r"^CMD (.+)$", (DEPLOYMENT / "Dockerfile").read_text(), re.MULTILINE)
    commands = {"code": json.loads(instruction[1])}
    with ExitStack() as stack:
        for service in ("code", "webserver", "daemon"):
            words = compose.services[service].get("command", commands.get(service))
            log, healthy = compose.project / f"{service}.log", partial(compose.is_healthy, service)
            stack.enter_context(started(compose.here(words), log, healthy, variables=compose.variables(service)))
        yield Server(f"http://127.0.0.1:{compose.replaced['3000']}")


def test_the_services_become_healthy_and_run_what_is_launched_and_what_is_scheduled(
    compose: Compose, deployed: Server
) -> None:
    by_hand = deployed.start(deployed.location("flights"), "by_hand")
    assert deployed.wait_for_run(by_hand) == "SUCCESS"
    asked = '{runsOrError(filter: {pipelineName: "every_minute"}) {... on Runs {results {runId tags {key value}}}}}'

    def scheduled() -> list[dict[str, object]]:
        return deployed.ask(asked)["runsOrError"]["results"]

    [run, *_] = wait_for(scheduled, "a scheduled run")
    assert deployed.wait_for_run(run["runId"]) == "SUCCESS"
    assert {"key": "kedro/env", "value": "prod"} in scheduled()[-1]["tags"]
