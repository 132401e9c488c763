"""Steps in processes of their own: such a process ends when that of its run has been killed.

The multiprocess executor waits for the processes of its steps, and tells them when the run is cancelled. Once its own process
is killed nobody does so: they would go on, save what their nodes make, and report it to a run that has failed by then.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

RUN_PROCESS_VARIABLE = "KEDRO_ASSETS_RUN_PROCESS"
"""The id of the run's own process, in the environment of those that it starts."""

logger = logging.getLogger(__name__)
_watched: set[int] = set()


def mark_run_process() -> None:
    """Take down that this is a run's own process, for those that it starts from now on."""
    os.environ[RUN_PROCESS_VARIABLE] = str(os.getpid())


def end_with_run() -> None:
    """If this is the process of a step, end it as soon as the run's own process is gone.

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
    wait([run.sentinel])
    logger.error(
        "The process %s of the run is gone. This one, %s, executes a step of it, and ends.", run.pid, os.getpid()
    )
    os._exit(1)
