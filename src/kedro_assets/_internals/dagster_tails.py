"""The programs with which Dagster shows in a terminal what it captures of a step's output."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from dagster._core.execution import compute_logs

from kedro_assets._internals.process_output import VARIABLE


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


_module: Any = compute_logs


def _set(module: Any) -> None:
    _module.subprocess = module


if VARIABLE in os.environ:  # this is a process that a command has started
    _set(_InSessionsOfTheirOwn())
