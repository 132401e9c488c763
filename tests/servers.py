"""`dagster dev` on some code locations: web server, daemon and code servers, and the API that the UI talks to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import dagster as dg
import yaml
from helpers import KedroProject

START_SECONDS = 180
STOP_SECONDS = 60
RUN_SECONDS = 300
WAIT_SECONDS = 120

LAUNCH = """mutation ($params: ExecutionParams!) {
    launchPipelineExecution(executionParams: $params) {
        __typename
        ... on LaunchRunSuccess {run {runId}}
        ... on Error {message}
        ... on RunConfigValidationInvalid {errors {message}}
    }
}"""
CONTINUE = """mutation ($params: ReexecutionParams!) {
    launchRunReexecution(reexecutionParams: $params) {
        __typename
        ... on LaunchRunSuccess {run {runId}}
        ... on Error {message}
    }
}"""
LOCATIONS = """{workspaceOrError {... on Workspace {locationEntries {
    name loadStatus locationOrLoadError {__typename ... on Error {message} ... on RepositoryLocation {repositories {name}}}
}}}}"""
START_SCHEDULE = """mutation ($selector: ScheduleSelector!) {
    startSchedule(scheduleSelector: $selector) {
        __typename ... on ScheduleStateResult {scheduleState {id}} ... on PythonError {message}
    }
}"""
STOP_SCHEDULE = """mutation ($id: String!) {
    stopRunningSchedule(id: $id) {__typename ... on PythonError {message}}
}"""

BACKFILL = """mutation ($params: LaunchBackfillParams!) {
    launchPartitionBackfill(backfillParams: $params) {
        __typename ... on LaunchBackfillSuccess {backfillId} ... on Error {message}
    }
}"""
BACKFILL_STATUS = """query ($id: String!) {
    partitionBackfillOrError(backfillId: $id) {... on PartitionBackfill {status error {message}} ... on Error {message}}
}"""

HASTY_BACKFILLS = {
    "module": "hasty_backfills",
    "class": "QueuedRunCoordinator",
    "config": {"max_concurrent_runs": 2, "dequeue_interval_seconds": 1},
}
"""A `run_coordinator` with which the daemon of `dagster_dev` looks at backfills every other second."""


@dataclass(frozen=True)
class Server:
    """A web server of Dagster that runs, with its daemon and its code servers.

    Attributes:
        url: The address of its web server.
    """

    url: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask as the UI does."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=WAIT_SECONDS) as response:
            answer = json.load(response)
        assert not answer.get("errors"), json.dumps(answer["errors"], indent=2)
        return answer["data"]

    def location(self, name: str) -> dict[str, str]:
        """Wait until a code location is there, and give it in the words of the API."""

        def found() -> dict[str, str] | None:
            for entry in self.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]:
                loaded = entry["locationOrLoadError"] or {}
                if entry["name"] == name and loaded:
                    assert "repositories" in loaded, loaded["message"]
                    [repository] = loaded["repositories"]
                    return {"repositoryLocationName": name, "repositoryName": repository["name"]}
            return None

        return wait_for(found, f"the code location {name}")

    def start(
        self,
        location: Mapping[str, str],
        job: str,
        assets: Sequence[Sequence[str]] | None = None,
        tags: Mapping[str, str] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> str:
        """Launch a job, or some of its assets, and give the id of the run."""
        selector: dict[str, Any] = {**location, "pipelineName": job}
        if assets is not None:
            selector.update(assetSelection=[{"path": path} for path in assets], assetCheckSelection=[])
        metadata = {"tags": [{"key": key, "value": value} for key, value in (tags or {}).items()]}
        params = {"selector": selector, "mode": "default", "runConfigData": config or {}, "executionMetadata": metadata}
        return _launched(self.ask(LAUNCH, params=params)["launchPipelineExecution"])

    def status(self, run_id: str) -> str:
        asked = "query ($id: ID!) {runOrError(runId: $id) {... on Run {status}}}"
        return self.ask(asked, id=run_id)["runOrError"]["status"]

    def runs(self) -> dict[str, str]:
        """The status of every run by its id, the oldest first."""
        found = self.ask("{runsOrError {... on Runs {results {runId status}}}}")["runsOrError"]["results"]
        return {run["runId"]: run["status"] for run in reversed(found)}

    def wait_for_run(self, run_id: str) -> str:
        """Wait until a run has ended, and give its status."""
        wait_for(lambda: has_ended(self.status(run_id)), f"run {run_id}", RUN_SECONDS)
        return self.status(run_id)


@dataclass(frozen=True)
class DagsterDev(Server):
    """A `dagster dev` on projects of the tests.

    Attributes:
        home: Its DAGSTER_HOME.
    """

    home: Path

    def launch(self, project: KedroProject, job: str, assets: Sequence[Sequence[str]] | None = None) -> str:
        """Launch a job, or some assets, and give the id of the run once it has ended."""
        run_id = self.start(self.location(project.package), job, assets)
        self.wait_for_run(run_id)
        return run_id

    def continue_from_failure(self, run_id: str) -> str:
        """Re-execute a run from its failure, and give the id of the new run once it has ended."""
        params = {"parentRunId": run_id, "strategy": "FROM_FAILURE"}
        new = _launched(self.ask(CONTINUE, params=params)["launchRunReexecution"])
        self.wait_for_run(new)
        return new

    def backfill(self, assets: Sequence[Sequence[str]]) -> str:
        """Ask for all partitions of some assets, as the UI does, and return the id of the backfill."""
        wanted = {"assetSelection": [{"path": list(path)} for path in assets], "allPartitions": True}
        answer = self.ask(BACKFILL, params=wanted)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def wait_for_backfill(self, backfill: str, seconds: float = RUN_SECONDS) -> str:
        """Wait until a backfill has ended, and return its status."""

        def status() -> str | None:
            answer = self.ask(BACKFILL_STATUS, id=backfill)["partitionBackfillOrError"]
            assert not answer.get("error"), answer
            return None if answer["status"] in ("REQUESTED", "FAILING") else answer["status"]

        return str(wait_for(status, f"the backfill {backfill}", seconds))

    def start_schedule(self, project: KedroProject, name: str) -> str:
        """Switch a schedule on, and give what `stop_schedule` wants."""
        selector = {**self.location(project.package), "scheduleName": name}
        answer = self.ask(START_SCHEDULE, selector=selector)["startSchedule"]
        assert "scheduleState" in answer, answer
        return answer["scheduleState"]["id"]

    def stop_schedule(self, state: str) -> None:
        answer = self.ask(STOP_SCHEDULE, id=state)["stopRunningSchedule"]
        assert answer["__typename"] == "ScheduleStateResult", answer


def _launched(answer: dict[str, Any]) -> str:
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return answer["run"]["runId"]


def has_ended(status: str) -> bool:
    return status in ("SUCCESS", "FAILURE", "CANCELED")


def wait_for(found: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
    """Ask until there is an answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        time.sleep(0.3)
    raise TimeoutError(f"{what}: not in {seconds} s")


@contextmanager
def dagster_dev(home: Path, *projects: KedroProject, settings: Mapping[str, Any] | None = None) -> Iterator[DagsterDev]:
    """Run `dagster dev` with a code location per project, and stop it with everything that it started.

    Args:
        home: Its DAGSTER_HOME.
        projects: What is loaded.
        settings: More of dagster.yaml.
    """
    home.mkdir(parents=True, exist_ok=True)
    written = {"telemetry": {"enabled": False}, **(settings or {})}
    (home / "dagster.yaml").write_text(yaml.safe_dump(written), encoding="utf-8")
    modules = [
        {
            "module_name": f"{project.package}.definitions",
            "working_directory": str(project.path / "src"),
            "location_name": project.package,
        }
        for project in projects
    ]
    workspace = {"load_from": [{"python_module": module} for module in modules]}
    (home / "workspace.yaml").write_text(yaml.safe_dump(workspace), encoding="utf-8")
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(home / "workspace.yaml"), "-h", "127.0.0.1"]
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    with web_server(command, folder=home, home=home, variables={"PYTHONPATH": path}) as url:
        yield DagsterDev(url, home)


@contextmanager
def daemon(home: Path, project: KedroProject) -> Iterator[None]:
    """Run `dagster-daemon` with the code server that it starts, and stop both.

    Args:
        home: Its DAGSTER_HOME, where its output goes too.
        project: What is loaded.
    """
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    program = str(Path(sys.executable).with_name("dagster-daemon"))
    command = [program, "run", "-m", f"{project.package}.definitions", "-d", "src"]
    where: dict[str, Any] = {"folder": project.path, "variables": {"DAGSTER_HOME": str(home)}}
    with started(command, home / "daemon.log", lambda: True, **where, stop=signal.SIGINT):
        yield


def first_run(home: Path) -> dg.DagsterRun:
    """Return the first run of an instance, once one has ended; the daemon starts schedules each minute."""
    finished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE])
    with dg.DagsterInstance.from_config(str(home)) as instance:
        return wait_for(lambda: instance.get_runs(finished), "the first run", RUN_SECONDS)[-1]


def _ignore_no_signal() -> None:
    """Let signals end a process; where SIGINT is ignored, as in the background jobs of a shell script, Dagster ignores SIGTERM too."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_DFL)


@contextmanager
def started(
    command: Sequence[str],
    log: Path,
    ready: Callable[[], bool],
    *,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
    user: str | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the end of the block, and kill what it has started and left.

    Args:
        command: What starts it.
        log: Where its output goes.
        ready: Whether it is.
        folder: Where it is started; that of the log by default.
        variables: More of its environment.
        user: Whose process it is.
        stop: What tells it to end.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder or log.parent,
            env={**os.environ, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            preexec_fn=_ignore_no_signal,  # noqa: PLW1509 - no threads yet
        )

    def ready_or_dead() -> bool:
        assert process.poll() is None, "it has ended"
        return ready()

    try:
        try:
            wait_for(ready_or_dead, " ".join(command[:4]), START_SECONDS)
        except (AssertionError, TimeoutError) as error:
            raise AssertionError(f"It has not started:\n{log.read_text(errors='replace')[-4000:]}") from error
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(stop)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def web_server(
    command: Sequence[str], *, folder: Path, home: Path, variables: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run a web server on a free port, give its address, and stop it with everything that it started.

    Args:
        command: What starts it; the option `--port` is added.
        folder: Where it is started.
        home: Its DAGSTER_HOME, where its output goes too.
        variables: More of its environment.
    """
    port = free_port()
    url, given = f"http://127.0.0.1:{port}", {**(variables or {}), "DAGSTER_HOME": str(home)}
    options: dict[str, Any] = {"folder": folder, "variables": given}
    with started([*command, "--port", str(port)], home / "dev.log", partial(_answers, url), **options):
        yield url


def _answers(url: str) -> bool:
    with suppress(URLError, ConnectionError, TimeoutError), urlopen(f"{url}/server_info", timeout=5):
        return True
    return False
