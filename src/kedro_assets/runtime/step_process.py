"""Steps in processes of their own: such a process ends when that of its run has been killed.

The multiprocess executor waits for the processes of its steps, and tells them when the run is cancelled. Once its own process
is killed nobody does so: they would go on, save what their nodes make, and report it to a run that has failed by then. The same
holds once the process is killed that steps are forked from: the run then takes its steps for dead, and tries them again.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

RUN_PROCESS_VARIABLE = "KEDRO_ASSETS_RUN_PROCESS"
"""The id of the run's own process, in the environment of those that it starts."""

_STANDARD_ERROR = 2
_watched: set[int] = set()


def mark_run_process() -> None:
    """Take down that this is a run's own process, for those that it starts from now on."""
    os.environ[RUN_PROCESS_VARIABLE] = str(os.getpid())


def end_with_run() -> None:
    """If this is the process of a step, end it as soon as the run's own process is gone, or has given it up.

    It ends at once, as if it had been killed, too: what an `in_process` run would have been in the middle of stays as it was.
    """
    run = multiprocessing.parent_process()
    if run is None or str(run.pid) != os.environ.get(RUN_PROCESS_VARIABLE) or os.getpid() in _watched:
        return
    _watched.add(os.getpid())  # by process, as a fork has this module with all that is in it
    if not run.is_alive():
        _end(run)
    threading.Thread(target=_end, args=(run,), name="kedro_assets_end_with_run", daemon=True).start()


def _end(run: BaseProcess) -> None:
    wait([run.sentinel])  # a pipe, whose other end the run closes when it gives the step up
    message = f"Process {os.getpid()} executes a step, and ends: the process of its run, {run.pid}, is gone or has given it up.\n"
    with suppress(OSError):  # not by way of a logger, which may wait for Dagster's storage
        os.write(_STANDARD_ERROR, message.encode())
    os._exit(1)
