"""An instance of Dagster with a code server, a daemon and a web server, each in a process of its own, on Linux."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from urllib.error import URLError

import dagster as dg
import yaml
from helpers import KedroProject
from servers import LOCATIONS, Server, wait_for
from typing_extensions import Self

PROC = Path("/proc")
STOP_SECONDS = 30
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
NOTHING_IS_LOST = {"PYTHONFAULTHANDLER": "1", "DO_NOT_TRACK": "1", "KEDRO_DISABLE_TELEMETRY": "1"}


@dataclass
class Service:
    """A process that is started again once it has died, as containers are.

    Attributes:
        name: What it is.
        command: What starts it.
        folder: Where it is started.
        log: What it prints.
        variables: More of its environment.
        starts: How often it was started.
        begin: Where in the log its last start begins.
    """

    name: str
    command: Sequence[str]
    folder: Path
    log: Path
    variables: Mapping[str, str]
    starts: int = 0
    begin: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it unless it is there."""
        if self.is_alive():
            return
        self.starts += 1
        self.begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env={**os.environ, **NOTHING_IS_LOST, **self.variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Where SIGINT is ignored, as in the background jobs of a shell script, Dagster ignores SIGTERM too.
                preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads yet
            )

    def printed(self) -> str:
        """Return what it has printed since its last start."""
        return self.log.read_bytes()[self.begin :].decode(errors="replace")

    def kill(self) -> None:
        """Kill it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """Stop it, with force if need be."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        if self.is_alive():
            self.kill()


@dataclass(frozen=True)
class Process:
    """A process of a deployment.

    Attributes:
        pid: Its id.
        parent: The id of its parent.
        state: Its state, as Linux has it: `Z` has ended, and its parent has not asked yet.
        command: What it runs.
    """

    pid: int
    parent: int
    state: str
    command: str

    @property
    def megabytes(self) -> float:
        """What of its memory is its own: in the main, what it has written to."""
        rollup = (PROC / str(self.pid) / "smaps_rollup").read_text(encoding="utf-8")
        kilobytes = [int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_")]
        return sum(kilobytes) / 1024

    @property
    def descriptors(self) -> int:
        """How many files and sockets it has open."""
        return len(os.listdir(PROC / str(self.pid) / "fd"))  # noqa: PTH208 - a process that ends is no folder any more


@dataclass
class Deployment:
    """The services, with the instance that they share.

    Attributes:
        project: What the code server serves.
        home: Its DAGSTER_HOME.
        settings: More of dagster.yaml.
        web: Whether there is a web server.
    """

    project: KedroProject
    home: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    web: bool = True
    services: dict[str, Service] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.home.mkdir(parents=True, exist_ok=True)
        written = {"telemetry": {"enabled": False}, **self.settings}
        (self.home / "dagster.yaml").write_text(yaml.safe_dump(written), encoding="utf-8")
        ports = [_free_port() for _ in range(2)]
        server = {"host": "127.0.0.1", "port": ports[0], "location_name": self.project.package}
        workspace = self.home / "workspace.yaml"
        workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}), encoding="utf-8")
        module = ("-m", f"{self.project.package}.definitions", "-d", str(self.project.path / "src"))
        location = ("--location-name", self.project.package)
        commands = {
            "code server": ("dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(ports[0]), *module, *location),
            "daemon": ("dagster._daemon", "run", "-w", str(workspace)),
        }
        if self.web:
            commands["web server"] = ("dagster_webserver", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(ports[1]))
        for name, command in commands.items():
            self.services[name] = Service(
                name,
                [sys.executable, "-m", *command],
                self.project.path,
                self.home / f"{name.replace(' ', '_')}.log",
                {"DAGSTER_HOME": str(self.home)},
            )
        self.server = Server(f"http://127.0.0.1:{ports[1]}")
        _ = self.instance  # makes the databases, which no two processes should make at once
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        for name in ("web server", "daemon", "code server"):
            if name in self.services:
                self.services[name].stop()
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        self.instance.dispose()

    @cached_property
    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(str(self.home))

    def start(self) -> None:
        """Start each service that is not there."""
        for service in self.services.values():
            service.start()

    def wait(self) -> None:
        """Wait until the web server has the code location, so that jobs can be launched."""

        def found() -> bool:
            with suppress(URLError, ConnectionError, TimeoutError):
                entries = self.server.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
                return any("repositories" in (entry["locationOrLoadError"] or {}) for entry in entries)
            return False

        wait_for(found, "the code location")

    def processes(self) -> list[Process]:
        """The processes that have this DAGSTER_HOME, whoever their parent is by now; none of this process itself."""
        mark = f"DAGSTER_HOME={self.home}".encode()
        return [process for process in _all_processes() if mark in _environment(process.pid) and process.state != "Z"]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _all_processes() -> Iterator[Process]:
    for folder in PROC.iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            with suppress(OSError):
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                yield Process(int(folder.name), int(stat[1]), stat[0], command.strip())


def _environment(pid: int) -> list[bytes]:
    try:
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def wait_until(moment: float) -> None:
    """Wait until a time of the clock."""
    time.sleep(max(0.0, moment - time.time()))
