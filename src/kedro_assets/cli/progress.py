"""What `kedro assets run` writes while a run goes on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import click
import dagster as dg

from kedro_assets._internals import dagster_events
from kedro_assets.names import counted

Echo = Callable[[str], Any]

_COLOURS = {">": "bright_black", ".": "bright_black", "o": "bright_black", "+": "green", "~": "yellow", "!": "red"}
"""What the mark of a line is on a terminal; elsewhere click leaves colours out."""
_STARTS = (dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_RESTARTED)


class Progress:
    """Writes a line for each step that starts, for each asset with the seconds it took, for each failure, and a summary."""

    def __init__(self, echo: Echo) -> None:
        self._echo = echo
        self._started = time.perf_counter()
        self._since: dict[str | None, float] = {}  # when a step started, or saved its last asset
        self._of_step: Counter[str | None] = Counter()
        self._assets = 0
        self._failures = 0
        self._succeeded = False

    def tell(self, event: dg.DagsterEvent) -> None:
        """Write what an event means to a user, if anything."""
        kind, step, now = event.event_type, event.step_key, time.perf_counter()
        if kind in _STARTS:
            self._since[step], self._of_step[step] = now, 0
            self._line(">", f"step {step}")
        elif kind == dg.DagsterEventType.ASSET_MATERIALIZATION and dagster_events.is_kept(event):
            self._of_step[step] += 1
            self._line("o", f"{event.asset_key.to_user_string() if event.asset_key else step}  (stays as it is)")
        elif kind == dg.DagsterEventType.ASSET_MATERIALIZATION:
            self._assets += 1
            self._of_step[step] += 1
            name = event.asset_key.to_user_string() if event.asset_key else step
            self._line("+", f"{name}  ({now - self._since.get(step, now):.1f} s)")
            self._since[step] = now
        elif kind == dg.DagsterEventType.STEP_SUCCESS and self._of_step[step] != 1:  # else its asset says it all
            self._line(".", f"step {step}  ({dagster_events.step_seconds(event):.1f} s)")
        elif kind == dg.DagsterEventType.STEP_UP_FOR_RETRY:
            self._line("~", f"{_failure(event)}\nIt is tried again.")
        elif kind == dg.DagsterEventType.STEP_FAILURE:
            self._failures += 1
            self._line("!", _failure(event))
        elif kind == dg.DagsterEventType.RUN_FAILURE and not self._failures:
            self._line("!", f"the run failed: {dagster_events.error_message(event) or event.message}")
        elif kind == dg.DagsterEventType.RUN_SUCCESS:
            self._succeeded = True

    def finish(self) -> bool:
        """Sum up, and say whether the run succeeded."""
        outcome = "succeeded" if self._succeeded else "failed"
        self._line("=", f"the run {outcome}: {counted(self._assets, 'asset')} materialized")
        return self._succeeded

    def _line(self, mark: str, text: str) -> None:
        start = f"{click.style(mark, _COLOURS.get(mark))} {time.perf_counter() - self._started:7.1f} s  "
        self._echo(start + text.replace("\n", f"\n{'':13}"))


def _failure(event: dg.DagsterEvent) -> str:
    """Return what a step has failed with; that of a Kedro node says which one it is."""
    message = dagster_events.error_message(event)
    return message if message.startswith(("Node '", "Step '")) else f"step {event.step_key} failed: {message}"
