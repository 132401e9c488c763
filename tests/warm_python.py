"""A Python that has imported Dagster and Kedro: commands of the tests are forked from it, as importing takes most of their time.

What a command is given is all as in a process of its own: arguments, folder, environment and output.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

MODULES = (
    *("dagster", "dagster._cli", "dagster._core.storage.sqlite", "alembic.command", "pandas"),
    *("dagster._core.storage.sqlite_storage", "dagster._daemon.controller", "dagster._utils.test"),
    *("networkx", "requests", "rich.logging", "rich.traceback", "structlog", "cattrs"),
    *("kedro.config", "kedro.io", "kedro.pipeline", "kedro_datasets.json"),
)
"""What is imported: nothing that reads the environment, as `kedro.framework.project` does, and nothing of this project."""
IF_INSTALLED = ("mlflow", "mlflow.tracking", "fastapi")
"""What plugins of Kedro need most of their time for."""
START_SECONDS = 120
AT_START = ("PYTHON", "COVERAGE", "LD_", "LC_", "LANG", "TZ")
"""How the names of variables begin that a Python, or one of the modules, reads when it starts."""


class Forked:
    """A command that was forked from a warm Python, as `subprocess.Popen` would have it.

    Attributes:
        pid: The id of its process.
        code: Its exit code; None while it runs.
    """

    def __init__(self, pid: int, changed: threading.Condition) -> None:
        self.pid = pid
        self.code: int | None = None
        self._changed = changed

    def poll(self) -> int | None:
        """Return its exit code; None while it runs."""
        return self.code

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code, once it has ended."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.code is not None, timeout):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        assert self.code is not None
        return self.code

    def terminate(self) -> None:
        """Ask it to end."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)


class WarmPython:
    """Runs commands as `python -m` does; it is started with the first one, and ends with this process."""

    def __init__(self, more: Sequence[str] = ()) -> None:
        """Have more modules imported: what the projects need in which commands are run."""
        self._more = more
        self._server: subprocess.Popen[str] | None = None
        self._environment: Mapping[str, str] = {}
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._forked: list[Forked] = []

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the module that a command begins with in a folder; without an environment it is that of this process."""
        environment = dict(os.environ if environment is None else environment)
        with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
            forked = self.start(command, folder, environment, (out.name, err.name))
            if forked is None:
                return _run_anew(command, folder, environment)
            return subprocess.CompletedProcess(list(command), forked.wait(), _text(out), _text(err))

    def start(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        files: tuple[str, str],
        *,
        leads: bool = False,
    ) -> Forked | None:
        """Start the module that a command begins with.

        Args:
            command: The module and its arguments.
            folder: Where it runs.
            environment: Its variables.
            files: Where its output and its errors go.
            leads: Whether it is the leader of a group of processes.

        Returns:
            What runs; None if the warm Python was started with other variables that it has read.
        """
        asked = {"command": command, "folder": str(folder), "environment": environment, "files": files, "leads": leads}
        with self._lock:
            server = self._serving(environment)
            if _read_at_start(environment) != _read_at_start(self._environment):
                return None
            assert server.stdin
            with self._changed:
                before = len(self._forked)
                server.stdin.write(f"{json.dumps(asked)}\n")
                server.stdin.flush()
                assert self._changed.wait_for(lambda: len(self._forked) > before, START_SECONDS), (
                    "the warm Python has ended"
                )
                return self._forked[before]

    def end(self) -> None:
        """Let the Python end before this process does."""
        if self._server is not None and self._server.stdin:
            self._server.stdin.close()
            self._server.wait()

    def _serving(self, environment: Mapping[str, str]) -> subprocess.Popen[str]:
        if self._server is None:
            pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            self._server = subprocess.Popen([sys.executable, __file__, *self._more], env=environment, **pipes)
            self._environment = environment
            threading.Thread(target=self._listen, args=(self._server.stdout,), daemon=True).start()
        return self._server

    def _listen(self, answers: IO[str]) -> None:
        with answers:
            for line in answers:
                number, *code = map(int, line.split())
                with self._changed:
                    if code:
                        self._forked[number].code = code[0]
                    else:
                        self._forked.append(Forked(number, self._changed))
                    self._changed.notify_all()


WARM_PYTHON = WarmPython()
"""That of this process."""


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
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes)
    left, forked, numbers = b"", -1, dict[int, int]()
    while True:
        ready, *_ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 1000)
            _say_what_has_ended(numbers)
        if 0 not in ready:
            continue
        read = os.read(0, 100_000)
        if not read:
            return None
        *lines, left = (left + read).split(b"\n")
        for line in lines:
            process = os.fork()
            if not process:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.close(woken)
                os.close(wakes)
                return json.loads(line)
            numbers[process] = forked = forked + 1
            _say(f"{process}")


def _say_what_has_ended(numbers: Mapping[int, int]) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            _say(f"{numbers[ended[0]]} {os.waitstatus_to_exitcode(ended[1])}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _become(asked: Mapping[str, Any]) -> None:
    """Make this process the one that was asked for."""
    if asked["leads"]:
        os.setsid()
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
        for name in IF_INSTALLED:
            if find_spec(name.partition(".")[0]):
                import_module(name)
        import_module("stack_names").ask_for_names_only()
    gc.freeze()  # what is imported is no garbage, and commands share its pages for as long as nobody looks at it
    found = _serve()
    if found is not None:
        _become(found)
