"""A run queue for dagster.yaml. The daemon that loads it looks at backfills every other second, not every 30 seconds."""

from __future__ import annotations

import sys

from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator

__all__ = ["QueuedRunCoordinator"]

controller = sys.modules.get("dagster._daemon.controller")  # it is there in the daemon only
if controller is not None:
    controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 2  # type: ignore[attr-defined]
