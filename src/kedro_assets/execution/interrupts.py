"""Whether a signal that interrupts a run is the wish of its user, as Ctrl-C in the terminal of `kedro assets run` is.

Everywhere else it may be a machine that is taken away, and Dagster counts the run as failed unless somebody has cancelled it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from kedro_assets._internals import dagster_instance

_noticed: list[set[str]] = []


@contextmanager
def cancelled_when_interrupted() -> Iterator[set[str]]:
    """Let runs of this process end as canceled when they are interrupted; yield the ids of those that are."""
    found = set[str]()
    _noticed.append(found)
    try:
        yield found
    finally:
        _noticed.remove(found)


def interrupted(run: dg.DagsterRun, instance: dg.DagsterInstance) -> None:
    """Record that a run is to end as canceled, if its user has interrupted it."""
    for found in _noticed:
        found.add(run.run_id)
    if _noticed:
        dagster_instance.report_canceling(instance, run)
