"""What the page on deployments and `examples/deploy` say is done without an image: commands, variables, settings, health checks.

The commands are run as they stand there, with PostgreSQL, and with processes in place of containers: see `fake_compose`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from engine_project import make_project
from engine_servers import postgres_programs
from page_commands import ROOT, Block, Shell, commands_for, commands_in
from servers import Server, free_port, wait_for

DEPLOYMENT = ROOT / "examples" / "deploy"
PAGE, STEPS = "docs/how-to/deploy.md", "examples/deploy/README.md"
JOBS = {
    "by_hand": {},
    "every_minute": {"schedule": {"cron_schedule": "* * * * *", "default_status": "RUNNING"}},
}


@pytest.fixture(scope="module")
def replaced(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is elsewhere on this machine than in the containers."""
    folder = tmp_path_factory.mktemp("deployed")
    web, code = str(free_port()), str(free_port())
    addresses = {"0.0.0.0": "127.0.0.1", "postgres": "127.0.0.1"}
    return {"/opt/dagster/dagster_home": f"{folder}/dagster_home", "3000": web, "4000": code, **addresses}


@pytest.fixture(scope="module")
def shell(replaced: dict[str, str], postgres_url: str) -> Shell:
    """A shell in a project with the files of the deployment, in which `docker` is the fake."""
    home = Path(replaced["/opt/dagster/dagster_home"])
    project = make_project(home.parent, jobs=JOBS)
    project.write("definitions.py", (project.path / "src" / project.package / "definitions.py").read_text())
    project.write("conf/prod/catalog.yml", "")
    shutil.copytree(DEPLOYMENT, project.path, dirs_exist_ok=True)
    (project.path / "dagster_home").rename(home)

    postgres = urlsplit(postgres_url)
    with_the_user_of_the_page(postgres_url)
    for file, *change in (
        (home / "dagster.yaml", "db_name: dagster\n", f"db_name: dagster\n      port: {postgres.port}\n"),
        (home / "workspace.yaml", "host: code, port: 4000", f"host: 127.0.0.1, port: {replaced['4000']}"),
    ):
        text = file.read_text()
        assert change[0] in text
        file.write_text(text.replace(*change))

    variables = {"PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PYTHONPATH": f"{project.path}/src"}
    (home.parent / "here.json").write_text(json.dumps({"replaced": replaced, "variables": variables}))
    docker = home.parent / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).with_name("fake_compose.py")}" "$@"\n')
    docker.chmod(0o755)
    path = os.pathsep.join([str(docker.parent), str(postgres_programs()), os.environ.get("PATH", "")])
    own = {"FAKE_COMPOSE": str(home.parent / "here.json"), "PATH": path}
    return Shell(
        project.path, {**own, "PYTHONPATH": os.pathsep.join([f"{project.path}/src", os.environ.get("PYTHONPATH", "")])}
    )


def with_the_user_of_the_page(postgres_url: str) -> None:
    connection = import_module("psycopg2").connect(postgres_url.replace("+psycopg2", ""))
    connection.autocommit = True
    for made in ("ROLE dagster LOGIN", "DATABASE dagster OWNER dagster"):
        connection.cursor().execute(f"CREATE {made}")
    connection.close()


@pytest.fixture(scope="module")
def deployed(shell: Shell, replaced: dict[str, str]) -> Iterator[Server]:
    """The services, healthy."""
    try:
        for line in commands_for(__file__, STEPS):
            done = shell.run(line)
            assert done.returncode == 0, logs(shell, done.stderr)
        yield Server(f"http://127.0.0.1:{replaced['3000']}")
    finally:
        shell.run("docker compose stop webserver daemon code")


def logs(shell: Shell, said: str) -> str:
    return said + "".join(file.read_text()[-2000:] for file in shell.folder.glob("*.log"))


@pytest.fixture(scope="module")
def commands() -> dict[str, list[str]]:
    """The commands of the page: those of the image, of the services, and of the terminal."""
    kinds: dict[str, list[str]] = {"RUN": [], "CMD": [], "dagster": [], "docker": []}
    for line in commands_for(__file__, PAGE):
        kinds[re.split(r"[ -]", line)[0]].append(line)
    return kinds


def test_the_page_has_the_commands_that_the_services_run(commands: dict[str, list[str]]) -> None:
    files = {"dockerfile": DEPLOYMENT / "Dockerfile", "yaml": DEPLOYMENT / "compose.yaml"}
    run = {part.text for kind, file in files.items() for part in commands_in(Block("", 1, kind, file.read_text()))}
    assert {*commands["RUN"], *commands["CMD"], *commands["dagster"]} == {part for part in run if "pip" not in part}


def test_the_check_in_the_image_finds_no_problems(shell: Shell, commands: dict[str, list[str]]) -> None:
    [line] = commands["RUN"]
    done = Shell(shell.folder, {**shell.variables, "KEDRO_ENV": "prod"}).run(line.removeprefix("RUN "))
    assert done.stdout.endswith("No problems.\n"), done.stdout + done.stderr


def test_the_services_become_healthy_and_run_what_is_launched_and_what_is_scheduled(deployed: Server) -> None:
    by_hand = deployed.start(deployed.location("flights"), "by_hand")
    assert deployed.wait_for_run(by_hand) == "SUCCESS"
    asked = '{runsOrError(filter: {pipelineName: "every_minute"}) {... on Runs {results {runId tags {key value}}}}}'

    def scheduled() -> list[dict[str, object]]:
        return deployed.ask(asked)["runsOrError"]["results"]

    [run, *_] = wait_for(scheduled, "a scheduled run")
    assert deployed.wait_for_run(run["runId"]) == "SUCCESS"
    assert {"key": "kedro/env", "value": "prod"} in scheduled()[-1]["tags"]


def test_the_database_is_dumped_and_migrated_and_the_services_come_back_with_their_history(
    shell: Shell, deployed: Server, commands: dict[str, list[str]]
) -> None:
    run_id = deployed.start(deployed.location("flights"), "by_hand")
    assert deployed.wait_for_run(run_id) == "SUCCESS"
    dump, stop, *others = commands["docker"]
    assert shell.run(dump).returncode == 0
    assert run_id in (shell.folder / "dagster.sql").read_text()
    assert shell.run(stop).returncode == 0
    with pytest.raises(OSError, match="refused"):
        deployed.status(run_id)
    for line in others:
        done = shell.run(line)
        assert done.returncode == 0, logs(shell, done.stderr)
    assert deployed.status(run_id) == "SUCCESS"
    assert deployed.location("flights")
