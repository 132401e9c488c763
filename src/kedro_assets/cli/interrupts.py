"""A run of this terminal, followed until it has ended: Ctrl-C cancels it, and its last events come still."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import dagster as dg

from kedro_assets._internals import dagster_instance, dagster_jobs, dagster_tails
from kedro_assets.execution import cancelled_when_interrupted


def follow(
    started: dagster_jobs.StartedRun, instance: dg.DagsterInstance, tell: Callable[[dg.DagsterEvent], Any]
) -> None:
    """Execute a run and pass on its events until it has ended; Ctrl-C cancels it, wherever Python notices it.

    Args:
        started: The run.
        instance: Where it is recorded.
        tell: Gets each event.

    Raises:
        KeyboardInterrupt: If the run was interrupted, once it has ended; at once for the second time.
    """
    advance: Callable[[], dg.DagsterEvent] = partial(next, started.events)
    interrupted = None
    with cancelled_when_interrupted() as noticed, dagster_tails.apart_from_terminal():
        while True:
            try:
                event = advance()
                advance = partial(next, started.events)
                tell(event)
            except StopIteration:
                break
            except KeyboardInterrupt as error:
                if interrupted is not None:
                    raise
                interrupted = error
                dagster_instance.report_canceling(instance, started.run)
                advance = partial(started.events.throw, error)
    if interrupted is not None or started.run.run_id in noticed:
        raise KeyboardInterrupt
