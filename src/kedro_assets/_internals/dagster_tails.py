"""How Dagster shows in a terminal what it captures of a step's output: by programs, or here by threads."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen
from dagster._core.execution import compute_logs

from kedro_assets._internals import dagster_storage
from kedro_assets._internals.process_output import VARIABLE

_LOOK_SECONDS = 0.002, 0.05  # between two looks for output: where some has just come, and where none comes for long
_END_SECONDS = 1  # that a step waits for its terminal to take the last output


class _InSessionsOfTheirOwn:
    """Python's `subprocess`, whose programs get no signal from the terminal."""

    Popen = staticmethod(partial(subprocess.Popen, start_new_session=True))

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)


@contextmanager
def apart_from_terminal() -> Iterator[None]:
    """Keep Ctrl-C away from these programs: Dagster ends them with the step, and they would end with a traceback.

    Reason: Dagster starts them in the session of the terminal.
    Risk: low; where it changes, Ctrl-C shows their tracebacks.
    """
    before = _module.subprocess
    _set(_InSessionsOfTheirOwn())
    try:
        yield
    finally:
        _set(before)


def show_output_in_threads() -> None:
    """Let threads show in this process's terminal what is captured of a step's output, and no programs.

    Reason: for each step Dagster starts four processes, two of which are Python, and ends them; their CPU is that of a small step.
    Risk: medium, as it is so for the whole process: for one in which steps run and nothing else.
    `KEDRO_ASSETS_PLAIN_DAGSTER` switches it off. Where the function has another name, Dagster starts its processes.
    """
    by_dagster = getattr(_module, "tail_to_stream", None)
    if by_dagster is not None and not isinstance(by_dagster, _Shown) and not dagster_storage.is_plain():
        _module.tail_to_stream = _Shown(by_dagster)


@frozen
class _Shown:
    """Shows in a stream what comes to a file.

    Attributes:
        by_dagster: How Dagster does.
    """

    by_dagster: Any

    @contextmanager
    def __call__(self, path: str, stream: Any) -> Iterator[Any]:
        try:
            terminal = os.dup(stream.fileno())  # Dagster redirects the stream to the file after this
        except (AttributeError, OSError, ValueError):  # it is no file, so that Dagster may not redirect it
            with self.by_dagster(path, stream) as processes:
                yield processes
            return
        ended = threading.Event()
        thread = threading.Thread(target=_copy, args=(path, terminal, ended), name="step-output", daemon=True)
        thread.start()
        try:
            yield (None, None)
        finally:
            ended.set()
            thread.join(_END_SECONDS)


def _copy(path: str, terminal: int, ended: threading.Event) -> None:
    """Copy what comes to a file until the end, and close where it goes to; one that takes nothing any more gets nothing."""
    with suppress(OSError), os.fdopen(terminal, "wb", buffering=0), Path(path).open("rb", buffering=0) as file:
        is_last, (soon, late) = False, _LOOK_SECONDS
        pause = soon
        while not is_last:
            is_last = ended.wait(pause)
            pause = min(2 * pause, late)
            while text := file.read(1 << 16):
                pause = soon
                rest = memoryview(text)
                while rest:
                    rest = rest[os.write(terminal, rest) :]


_module: Any = compute_logs


def _set(module: Any) -> None:
    _module.subprocess = module


if VARIABLE in os.environ:  # this is a process that a command has started
    _set(_InSessionsOfTheirOwn())
