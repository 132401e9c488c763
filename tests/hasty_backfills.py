"""A run queue for dagster.yaml. The daemon that loads it looks at backfills every other second, not every 30 seconds.

As it looks so often, it would often look in the moment in which Dagster can call a backfill failed although the retry of
a run has made it whole: it reads what is made, the retry ends, and it then finds no run at work (see also
https://github.com/dagster-io/dagster/issues/34204). So a backfill is over here once two looks have found no run at work.
"""

from __future__ import annotations

import sys
from typing import Any

from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator

__all__ = ["QueuedRunCoordinator"]

controller = sys.modules.get("dagster._daemon.controller")  # it is there in the daemon only
if controller is not None:
    from dagster._core.execution import asset_backfill

    controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 2  # type: ignore[attr-defined]
    runs_are_complete = asset_backfill.backfill_runs_are_complete
    complete_before: dict[str, bool] = {}

    def complete_twice(backfill_id: str, *args: Any) -> bool:
        complete = runs_are_complete(backfill_id, *args)
        before, complete_before[backfill_id] = complete_before.get(backfill_id, False), complete
        return complete and before

    asset_backfill.backfill_runs_are_complete = complete_twice
