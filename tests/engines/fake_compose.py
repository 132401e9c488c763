"""`docker compose` without Docker, as a program: the services are processes of this machine, and PostgreSQL is one that runs already.

It reads compose.yaml, Dockerfile and .env in its folder. FAKE_COMPOSE names a file with what is elsewhere here than in the containers.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

WAIT_SECONDS = 180
STOP_SECONDS = 30
STARTED = Path("started.json")


@dataclass(frozen=True)
class Compose:
    """The services of the folder.

    Attributes:
        replaced: What stands in place of addresses, ports and folders of the containers.
        variables: More of the environment of every service.
        names: The services by their names, with the variables of `.env`.
        image: The Dockerfile.
    """

    replaced: dict[str, str]
    variables: dict[str, str]
    names: dict[str, dict[str, Any]]
    image: str

    @classmethod
    def read(cls) -> Compose:
        given = dict(line.split("=", 1) for line in Path(".env").read_text().splitlines())
        text = re.sub(r"\$\{(\w+)\}", lambda found: given[found[1]], Path("compose.yaml").read_text())
        return cls(
            **json.loads(Path(os.environ["FAKE_COMPOSE"]).read_text()),
            names=yaml.safe_load(text)["services"],
            image=Path("Dockerfile").read_text(),
        )

    def here(self, text: str) -> str:
        anything = "|".join(map(re.escape, self.replaced))
        return re.sub(anything, lambda found: self.replaced[found[0]], text)

    def words(self, words: Sequence[str]) -> list[str]:
        """A command, whose program is that of this Python if it has it."""
        program, *arguments = map(self.here, words)
        own = Path(sys.executable).with_name(program)
        return [str(own if own.exists() else program), *arguments]

    def command(self, service: str) -> list[str]:
        """The command of a service, or that of the image."""
        [of_the_image] = re.findall(r"^CMD (.+)$", self.image, re.MULTILINE)
        return self.words(self.names[service].get("command") or json.loads(of_the_image))

    def environment(self, service: str) -> dict[str, str]:
        """The variables of a service, with those of the image."""
        [of_the_image] = re.findall(r"^ENV (.+)$", self.image, re.MULTILINE)
        image = dict(word.split("=", 1) for word in shlex.split(of_the_image))
        found = {**image, **self.names[service]["environment"]}
        return {**os.environ, **{name: self.here(str(value)) for name, value in found.items()}, **self.variables}

    def is_healthy(self, service: str) -> bool:
        """What the health check of a service says."""
        kind, *words = self.names[service]["healthcheck"]["test"]
        assert kind == "CMD"
        done = subprocess.run(self.words(words), env=self.environment(service), check=False, capture_output=True)
        return done.returncode == 0

    def up(self, service: str) -> None:
        """Start a service after those that it depends on, unless it runs, and wait until it is healthy."""
        for other, wanted in self.names[service].get("depends_on", {}).items():
            assert wanted == {"condition": "service_healthy"}
            self.up(other)
        process = None
        if "POSTGRES_DB" not in self.names[service]["environment"] and service not in running():
            with Path(f"{service}.log").open("ab") as log:
                options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
                command, environment = self.command(service), self.environment(service)
                process = subprocess.Popen(command, env=environment, start_new_session=True, **options)
            STARTED.write_text(json.dumps({**running(), service: process.pid}))
        end = time.monotonic() + WAIT_SECONDS
        while not self.is_healthy(service):
            if time.monotonic() > end or (process is not None and process.poll() is not None):
                sys.exit(f"{service} is not healthy")
            time.sleep(0.3)


def running() -> dict[str, int]:
    """The processes of the services that run."""
    known = json.loads(STARTED.read_text()) if STARTED.exists() else {}
    return {service: pid for service, pid in known.items() if is_alive(pid)}


def is_alive(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def stop(pid: int) -> None:
    """End a process as Docker does, and what it has left."""
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + STOP_SECONDS
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.1)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def main(arguments: Sequence[str]) -> int:
    """Do one of the commands, with the options that it is known to have."""
    compose = Compose.read()
    parser = argparse.ArgumentParser(prog="docker", allow_abbrev=False)
    commands = parser.add_subparsers(required=True).add_parser("compose").add_subparsers(dest="command", required=True)
    up, halt, run, inside = (commands.add_parser(name) for name in ("up", "stop", "run", "exec"))
    up.add_argument("-d", action="store_true", required=True)
    up.add_argument("--wait", action="store_true", required=True)
    halt.add_argument("services", nargs="+", choices=compose.names)
    run.add_argument("--rm", action="store_true", required=True)
    inside.add_argument("-T", action="store_true", required=True)
    for parsed in (run, inside):
        parsed.add_argument("service", choices=compose.names)
        parsed.add_argument("words", nargs=argparse.REMAINDER)
    asked = parser.parse_args(arguments)
    if asked.command == "up":
        for service in compose.names:
            compose.up(service)
    elif asked.command == "stop":
        for service in asked.services:
            stop(running()[service])
    else:
        environment = compose.environment(asked.service)
        return subprocess.run(compose.words(asked.words), env=environment, check=False).returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
