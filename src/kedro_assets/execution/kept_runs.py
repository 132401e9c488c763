"""The runs that a worker which lives on executes steps of: what is the same for all steps is kept until the run has ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from kedro_assets._internals.dagster_workers import KeptRun
from kedro_assets.steps import projects_of

MOST_RUNS = 4
"""How many runs can take turns on one worker without being opened again each time."""


class KeptRuns:
    """What is kept of each run: the instance and the plan, and each project that it has opened.

    When a step of another run comes, the runs are let go that have ended; and of more than some, the one that was used last
    the longest time ago. A run of which a step is executed stays.

    Args:
        most: Of how many it is kept.
    """

    def __init__(self, most: int = MOST_RUNS) -> None:
        self._most = most
        self._runs: dict[str, KeptRun] = {}  # the one that was used last comes last
        self._lock = threading.RLock()

    def use(self, run_id: str, packed: Any) -> KeptRun:
        """Return what is kept of a run, until `done`.

        Args:
            run_id: The run.
            packed: The instance in which it is recorded, as an executor hands it on.
        """
        with self._lock:
            run = self._runs.pop(run_id, None)
            if run is None:
                self._make_room()
                run = KeptRun.open(run_id, packed, _hold)
            run.users += 1
            self._runs[run_id] = run
            return run

    def done(self, run: KeptRun) -> None:
        """Take down that a step of a run has ended."""
        with self._lock:
            run.users -= 1

    @contextmanager
    def used(self, run_id: str, packed: Any) -> Iterator[KeptRun]:
        """Give inside what is kept of a run."""
        run = self.use(run_id, packed)
        try:
            yield run
        finally:
            self.done(run)

    def let_go(self) -> None:
        """Keep nothing of the runs of which no step is executed now."""
        with self._lock:
            for run in [run for run in self._runs.values() if not run.users]:
                self._close(run)

    def _make_room(self) -> None:
        for run in [run for run in self._runs.values() if not run.users]:
            if len(self._runs) >= self._most or _has_ended(run):
                self._close(run)

    def _close(self, run: KeptRun) -> None:
        del self._runs[run.run_id]
        run.close()


def _has_ended(run: KeptRun) -> bool:
    """Whether a run has ended, or its record is gone."""
    record = run.instance.get_run_by_id(run.run_id)
    return record is None or record.is_finished


def _hold(run: KeptRun, job: dg.JobDefinition) -> None:
    """Keep the projects of a job open for a run."""
    for project in projects_of(job):
        project.open_runs.hold(run.run_id)
        run.at_end.callback(project.open_runs.release, run.run_id)


KEPT_RUNS = KeptRuns()
"""Those of this process."""
