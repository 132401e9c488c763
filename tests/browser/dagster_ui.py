"""Dagster's UI on a copy of the example project, and a browser to look at it with.

For the tests of this folder and for docs/screenshots.py.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from playwright.sync_api import Browser, Page, Playwright

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"
ENVIRONMENT = "fast"  # a sample of the data
START_SECONDS = 180
STOP_SECONDS = 60
RUN_SECONDS = 300
WAIT_SECONDS = 60  # for something to show up on a page
CHROMIUM_OPTIONS = [
    "--no-sandbox",  # there is none in most containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Workspace:
    """A copy of the example, and a Dagster instance of its own."""

    project: Path
    dagster_home: Path

    @property
    def variables(self) -> dict[str, str]:
        """The environment of every process that works on it."""
        own = {"DAGSTER_HOME": str(self.dagster_home), "DO_NOT_TRACK": "1", "KEDRO_DISABLE_TELEMETRY": "1"}
        return {**os.environ, **own, "KEDRO_ENV": ENVIRONMENT}

    def listed(self) -> dict[str, list[dict[str, Any]]]:
        """What `kedro assets list` says; Kedro may log something before."""
        command = [sys.executable, "-m", "kedro", "assets", "list", "--json"]
        text = subprocess.check_output(command, cwd=self.project, env=self.variables, text=True)
        lines = text.splitlines()
        return json.loads("\n".join(lines[lines.index("{") :]))


@dataclass(frozen=True)
class DagsterUI:
    """A web server that runs."""

    url: str

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask what the UI shows, in the words of its own API."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=WAIT_SECONDS) as response:
            answer = json.load(response)
        if answer.get("errors"):
            raise RuntimeError(json.dumps(answer["errors"], indent=2))
        return answer["data"]

    @cached_property
    def repository(self) -> tuple[str, str]:
        """The names of the repository and its code location."""
        asked = (
            "{repositoriesOrError {... on RepositoryConnection {nodes {name location {name}}} ... on Error {message}}}"
        )
        answer = self.graphql(asked)["repositoriesOrError"]
        if not answer.get("nodes"):
            raise RuntimeError(f"No code location has been loaded: {answer}")
        (node,) = answer["nodes"]
        return node["name"], node["location"]["name"]

    def page_of(self, kind: str, name: str) -> str:
        """The address of a job or a schedule."""
        return f"{self.url}/locations/{quote(self.repository[1])}/{kind}/{name}"

    def launch(self, job: str, tags: dict[str, str] | None = None) -> str:
        """Launch a job, and give the id of its run."""
        repository, location = self.repository
        asked = """mutation ($parameters: ExecutionParams!) {
            launchPipelineExecution(executionParams: $parameters) {
                ... on LaunchRunSuccess {run {runId}} ... on Error {message}
            }
        }"""
        selector = {"repositoryName": repository, "repositoryLocationName": location, "jobName": job}
        metadata = {"tags": [{"key": key, "value": value} for key, value in (tags or {}).items()]}
        parameters = {"selector": selector, "mode": "default", "executionMetadata": metadata}
        answer = self.graphql(asked, parameters=parameters)["launchPipelineExecution"]
        if "run" not in answer:
            raise RuntimeError(answer["message"])
        return answer["run"]["runId"]

    def runs(self) -> list[str]:
        """The ids of all runs, the latest first."""
        answer = self.graphql("{runsOrError {... on Runs {results {runId}}}}")
        return [run["runId"] for run in answer["runsOrError"]["results"]]

    def wait_for_run(self, run_id: str) -> str:
        """Wait until a run has ended, and give its status."""
        asked = "query ($id: ID!) {runOrError(runId: $id) {... on Run {status}}}"
        end = time.monotonic() + RUN_SECONDS
        while time.monotonic() < end:
            status = self.graphql(asked, id=run_id)["runOrError"]["status"]
            if status in ("SUCCESS", "FAILURE", "CANCELED"):
                return status
            time.sleep(1)
        raise TimeoutError(f"run {run_id} has not ended in {RUN_SECONDS} s")


def copy_example(folder: Path) -> Workspace:
    """Copy the example into a folder, without what earlier runs left in it."""
    project, home = folder / "flights", folder / "dagster_home"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("data", "__pycache__", "*.egg-info"))
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    return Workspace(project, home)


@contextmanager
def serving(workspace: Workspace) -> Iterator[DagsterUI]:
    """Run `kedro assets dev` on a free port, and stop it with everything that it started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = workspace.dagster_home / "dev.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "kedro", "assets", "dev", "--port", str(port)],
            cwd=workspace.project,
            env=workspace.variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Where SIGINT is ignored, as it is in the background jobs of a shell script, Dagster ignores SIGTERM too.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads yet
        )
    try:
        ui = DagsterUI(f"http://127.0.0.1:{port}")
        _wait_for_server(ui, process, log)
        yield ui
    finally:
        _stop(process)


def _wait_for_server(ui: DagsterUI, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with suppress(URLError, ConnectionError), urlopen(f"{ui.url}/server_info", timeout=WAIT_SECONDS):
            return
        time.sleep(0.5)
    raise RuntimeError(f"Dagster has not started:\n{log.read_text(encoding='utf-8')[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def find_chromium(playwright: Playwright) -> str | None:
    """Give the path of the system's Chromium, or else of Playwright's own; None where neither is installed."""
    own = playwright.chromium.executable_path
    return shutil.which("chromium") or (own if Path(own).exists() else None)


def launch_chromium(playwright: Playwright, path: str) -> Browser:
    """Start a browser that calls nobody."""
    return playwright.chromium.launch(executable_path=path, args=CHROMIUM_OPTIONS)


def new_page(browser: Browser, stored: dict[str, Any] | None = None, **options: Any) -> Page:
    """Open a page of a visitor's own.

    Args:
        browser: The browser.
        stored: What the UI finds in its local storage, in JSON.
        options: Options of Playwright's `new_context`.
    """
    context = browser.new_context(viewport={"width": 1600, "height": 1000}, **options)
    # The invitation to join Dagster's community would cover the page.
    for key, value in {"communityNux": "1", **(stored or {})}.items():
        context.add_init_script(f"localStorage.setItem({json.dumps(key)}, {json.dumps(json.dumps(value))})")
    page = context.new_page()
    page.set_default_timeout(WAIT_SECONDS * 1000)
    return page


def open_graph(page: Page, address: str) -> None:
    """Go to a page with an asset graph, and wait for it."""
    page.goto(address)
    page.get_by_label("zoom_in").wait_for()
    page.locator("foreignObject").first.wait_for()


def expand_graph(page: Page) -> None:
    """Show the assets of every group of an asset graph."""
    page.get_by_role("button").filter(has=page.get_by_label("settings", exact=True)).last.click()
    page.get_by_role("menuitem", name="Expand all groups").click()
