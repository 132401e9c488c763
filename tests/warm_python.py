"""A Python that has imported Dagster and Kedro: commands of the tests are forked from it, as importing takes most of their time.

What a command is given is all as in a process of its own: arguments, folder, environment and output.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import IO, Any

MODULES = (
    *("dagster", "dagster._cli", "dagster._core.storage.sqlite", "alembic.command", "pandas"),
    *("dagster._core.storage.sqlite_storage", "dagster._daemon.controller", "dagster._utils.test"),
    *("networkx", "requests", "rich.logging", "rich.traceback", "structlog", "cattrs"),
    *("kedro.config", "kedro.io", "kedro.pipeline", "kedro_datasets.json"),
)
"""What is imported: nothing that reads the environment, as `kedro.framework.project` does, and nothing of this project."""
AT_START = ("PYTHON", "COVERAGE", "LD_", "LC_", "LANG", "TZ")
"""How the names of variables begin that a Python, or one of the modules, reads when it starts."""


class WarmPython:
    """Runs commands as `python -m` does, one at a time; it is started with the first one, and ends with this process."""

    def __init__(self, more: Sequence[str] = ()) -> None:
        """Have more modules imported: what the projects need in which commands are run."""
        self._more = more
        self._server: subprocess.Popen[str] | None = None
        self._environment: Mapping[str, str] = {}
        self._lock = threading.Lock()

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the module that a command begins with in a folder; without an environment it is that of this process."""
        environment = dict(os.environ if environment is None else environment)
        if not self._lock.acquire(blocking=False):  # another thread has a command that runs
            return _run_anew(command, folder, environment)
        try:
            server = self._started(environment)
            if server is None:
                return _run_anew(command, folder, environment)
            with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
                asked = {"command": command, "folder": str(folder), "environment": environment}
                asked["files"] = [out.name, err.name]
                code = _ask(server, asked)
                return subprocess.CompletedProcess(list(command), code, _text(out), _text(err))
        finally:
            self._lock.release()

    def end(self) -> None:
        """Let the Python end before this process does."""
        if self._server is not None and self._server.stdin and self._server.stdout:
            self._server.stdin.close()
            self._server.wait()
            self._server.stdout.close()

    def _started(self, environment: Mapping[str, str]) -> subprocess.Popen[str] | None:
        """Return the Python; None if it was started with other variables that it has read."""
        if self._server is None:
            pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            self._server = subprocess.Popen([sys.executable, __file__, *self._more], env=environment, **pipes)
            self._environment = environment
        is_same = _read_at_start(environment) == _read_at_start(self._environment)
        return self._server if is_same else None


WARM_PYTHON = WarmPython()
"""That of this process."""


def _ask(server: subprocess.Popen[str], asked: Mapping[str, Any]) -> int:
    """Return the exit code of a command."""
    assert server.stdin
    assert server.stdout
    server.stdin.write(f"{json.dumps(asked)}\n")
    server.stdin.flush()
    return int(server.stdout.readline())


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(AT_START)}


def _run_anew(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", *command]
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False, env=env)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n")


def _serve() -> dict[str, Any] | None:
    """Fork a process for each command that is asked for, and say how it has ended. Return the command in that process."""
    for line in sys.stdin:
        process = os.fork()
        if not process:
            return json.loads(line)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])}\n")
        sys.stdout.flush()
    return None


def _become(asked: Mapping[str, Any]) -> None:
    """Make this process the one that was asked for."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, file in enumerate(asked["files"], 1):
        os.dup2(os.open(file, os.O_WRONLY), number)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    module, *arguments = asked["command"]
    sys.argv, sys.path[0] = [module, *arguments], asked["folder"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    with redirect_stdout(sys.stderr):  # Kedro logs while it is imported, and the answers are on the other one
        for name in (*MODULES, *sys.argv[1:]):
            import_module(name)
        import_module("stack_names").ask_for_names_only()
    gc.freeze()  # what is imported is no garbage, and commands share its pages for as long as nobody looks at it
    found = _serve()
    if found is not None:
        _become(found)
