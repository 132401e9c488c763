"""`kedro assets dev`: Dagster's UI on the project, started and ended as a terminal does."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from conftest import DAGSTER, Project, clean_environment, make_project
from page_commands import RUN_BY, commands_for

LINES = sorted({line for page in RUN_BY["tests/cli/test_dev.py"] for line in commands_for(__file__, page)})
MARK = "KEDRO_ASSETS_TEST_OF_DEV"
QUERY = """{ assetNodes { assetKey { path } metadataEntries { label ... on TextMetadataEntry { text } } } }"""


class Server:
    """A command of a page that starts `kedro assets dev`, in a process group of its own and on a free port."""

    def __init__(self, line: str, project: Project, home: Path, variables: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.mark = uuid4().hex
        self.log = home / "dev.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *shlex.split(line), "--port", str(self.port)],
                cwd=project.path,
                env=clean_environment({"DAGSTER_HOME": str(home), MARK: self.mark, **variables}),
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def ask(self, query: str) -> dict[str, Any]:
        request = Request(
            f"http://127.0.0.1:{self.port}/graphql",
            data=json.dumps({"query": query}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urlopen(request, timeout=20) as answer:
            return json.load(answer)["data"]

    def wait_for_assets(self, seconds: float) -> list[dict[str, Any]]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            try:
                found = self.ask(QUERY)["assetNodes"]
            except (URLError, ConnectionError, TimeoutError):
                found = []
            if found:
                return found
            time.sleep(0.5)
        raise AssertionError(self.log.read_text(encoding="utf-8"))

    def processes(self) -> list[str]:
        """Every process that has come of it, by the variable that they inherit; none where there is no /proc."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def wait_until_nothing_runs(self, seconds: float) -> list[str]:
        end = time.monotonic() + seconds
        while self.processes() and time.monotonic() < end:
            time.sleep(0.2)
        return self.processes()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose environment `test` is called `fast`, as that of the tutorial."""
    made = make_project(tmp_path_factory.mktemp("dev"), dagster=DAGSTER)
    made.write("definitions.py", "from kedro_assets import build_definitions\n\ndefs = build_definitions()\n")
    (made.path / "conf" / "test").rename(made.path / "conf" / "fast")
    return made


@pytest.fixture(scope="module", params=LINES)
def server(
    request: pytest.FixtureRequest, project: Project, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The server of each line; where it does not name the environment, a variable does."""
    home = tmp_path_factory.mktemp("dev_home")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    started = Server(request.param, project, home, {} if "--env" in request.param else {"KEDRO_ENV": "fast"})
    yield started
    started.kill()


def test_the_pages_start_it_with_and_without_an_environment() -> None:
    assert LINES == ["kedro assets dev", "kedro assets dev --env fast"]


def test_the_environment_reaches_the_code_server(server: Server) -> None:
    assets = {"/".join(node["assetKey"]["path"]): node for node in server.wait_for_assets(120)}
    assert assets.keys() == {"raw", "cleaned", "doubled", "reports/summary"}
    metadata = {entry["label"]: entry.get("text") for entry in assets["doubled"]["metadataEntries"]}
    assert metadata["kedro/filepath"].endswith("data/test/doubled.json")
    locations = server.ask("{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } } }")
    assert len(locations["repositoriesOrError"]["nodes"]) == 1


def test_sigterm_ends_it_and_all_that_it_started(server: Server) -> None:
    server.wait_for_assets(120)
    started = server.processes()
    if Path("/proc/self/environ").exists():
        assert len(started) > 2, started
    server.process.send_signal(signal.SIGTERM)
    code = server.process.wait(60)
    assert 0 <= code < 128, "it did not end by itself, as Dagster does"
    assert server.wait_until_nothing_runs(20) == []
    with pytest.raises(URLError):
        server.ask("{ version }")
    log = server.log.read_text(encoding="utf-8")
    assert "Serving dagster-webserver on http://127.0.0.1:" in log  # the line for which the tutorial lets one wait
    assert "Traceback" not in log
    assert "superseded" not in log


def test_nothing_is_left_in_the_project(server: Server, project: Project) -> None:
    server.process.wait(60)
    assert not [name for name in project.files() if ".tmp_dagster" in name or "dagster_home" in name]


def test_the_exit_code_passes_through(shop, cli) -> None:
    assert cli(shop, "dev", "--nonsense").code == 2
