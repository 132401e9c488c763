"""What the lines in the terminal say of a run: what happens, and at the end what was made, where it is and how long it took."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import click
import dagster as dg
from attrs import define, field, frozen

from kedro_assets._internals import dagster_events
from kedro_assets.names import counted

Echo = Callable[[str], Any]

_COLOURS = {">": "bright_black", ".": "bright_black", "o": "bright_black", "+": "green", "~": "yellow", "!": "red"}
"""What the mark of a line is on a terminal; elsewhere click leaves colours out."""
_STARTS = (dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_RESTARTED)
_OUTCOMES = {dg.DagsterEventType.RUN_SUCCESS: "succeeded", dg.DagsterEventType.RUN_CANCELED: "was canceled"}


@frozen
class Made:
    """An asset that the run has made.

    Attributes:
        name: Its key.
        place: Where its data is; empty if nobody says so.
        seconds: How long it took since its step began, or saved what was before it.
    """

    name: str
    place: str
    seconds: float


@define
class Progress:
    """Follows the events of a run, and writes a line for each step that starts, each asset and each failure.

    Attributes:
        echo: Writes a line.
        steps: How many steps the run has.
        running: When each step has started that runs now.
        ended: How many have ended.
        made: What was made.
        failed: How many steps have failed.
        outcome: What became of the run.
    """

    echo: Echo
    steps: int = 0
    running: dict[str, float] = field(factory=dict)
    ended: int = 0
    made: list[Made] = field(factory=list)
    failed: int = 0
    outcome: str = "failed"
    _started: float = field(factory=time.perf_counter)
    _since: dict[str | None, float] = field(factory=dict)  # when a step started, or saved its last asset
    _of_step: Counter[str | None] = field(factory=Counter)

    @staticmethod
    def clock() -> float:
        """Return the moment by the clock of `running`."""
        return time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long the run takes."""
        return time.perf_counter() - self._started

    @property
    def succeeded(self) -> bool:
        """Whether the run has succeeded."""
        return self.outcome == "succeeded"

    def tell(self, event: dg.DagsterEvent) -> None:
        """Write what an event means to a user, if anything."""
        kind, step, now = event.event_type, event.step_key, time.perf_counter()
        if step is not None and kind in _STARTS:
            self._since[step] = self.running[step] = now
            self._of_step[step] = 0
            self._line(">", f"step {step}")
        elif kind == dg.DagsterEventType.ASSET_MATERIALIZATION:
            self._materialized(event, now)
        elif step is not None and kind in _ENDS:
            self.running.pop(step, None)
            self.ended += kind != dg.DagsterEventType.STEP_UP_FOR_RETRY
            self._step_ended(event)
        elif kind == dg.DagsterEventType.RUN_FAILURE and not self.failed:
            self._line("!", f"the run failed: {dagster_events.error_message(event) or event.message}")
        elif kind in _OUTCOMES:
            self.outcome = _OUTCOMES[kind]

    def _materialized(self, event: dg.DagsterEvent, now: float) -> None:
        step = event.step_key
        name = event.asset_key.to_user_string() if event.asset_key else str(step)
        self._of_step[step] += 1
        if dagster_events.is_kept(event):
            self._line("o", f"{name}  (stays as it is)")
            return
        made = Made(name, dagster_events.location(event), now - self._since.get(step, now))
        self.made.append(made)
        self._line("+", f"{name}  ({made.seconds:.1f} s)")
        self._since[step] = now

    def _step_ended(self, event: dg.DagsterEvent) -> None:
        if event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY:
            self._line("~", f"{_failure(event)}\nIt is tried again.")
        elif event.event_type == dg.DagsterEventType.STEP_FAILURE and dagster_events.is_interrupted(event):
            self._line("~", f"step {event.step_key} was interrupted")
        elif event.event_type == dg.DagsterEventType.STEP_FAILURE:
            self.failed += 1
            self._line("!", _failure(event))
        elif event.event_type == dg.DagsterEventType.STEP_SUCCESS and self._of_step[event.step_key] != 1:
            self._line(".", f"step {event.step_key}  ({dagster_events.step_seconds(event):.1f} s)")

    def finish(self, root: Path) -> None:
        """Sum up: what was made, where it is, and how long it took."""
        for row in _table(self.made, root):
            self.echo(f"{'':13}{row}")
        failed = f", {counted(self.failed, 'step')} failed" if self.failed else ""
        self._line("=", f"the run {self.outcome}: {counted(len(self.made), 'asset')} materialized{failed}")

    def _line(self, mark: str, text: str) -> None:
        start = f"{click.style(mark, _COLOURS.get(mark))} {self.seconds:7.1f} s  "
        self.echo(start + text.replace("\n", f"\n{'':13}"))


_ENDS = (
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_SKIPPED,
    dg.DagsterEventType.STEP_UP_FOR_RETRY,
)


def _failure(event: dg.DagsterEvent) -> str:
    """Return what a step has failed with; that of a Kedro node says which one it is."""
    message = dagster_events.error_message(event)
    return message if message.startswith(("Node '", "Step '")) else f"step {event.step_key} failed: {message}"


def _table(made: list[Made], root: Path) -> Iterator[str]:
    """Yield a row for each asset of which it is known where it is: the place last, as it may be long."""
    rows = [(each.name, f"{each.seconds:.1f} s", _place(each.place, root)) for each in made if each.place]
    names, seconds = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    yield from (f"{name:<{names}}  {took:>{seconds}}  {place}" for name, took, place in rows)


def _place(place: str, root: Path) -> str:
    """Return where data is as a user would write it: a path of the project from its root, and an address as it is.

    Examples:
        >>> _place("file:///shop/data/a%20b.json", Path("/shop")), _place("s3://shop/a.json", Path("/shop"))
        ('data/a b.json', 's3://shop/a.json')
        >>> _place("file:///elsewhere/a.json", Path("/shop"))
        '/elsewhere/a.json'
    """
    if not place.startswith("file://"):
        return place
    path = Path(unquote(urlsplit(place).path))
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
