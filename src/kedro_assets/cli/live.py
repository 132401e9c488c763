"""The live view of a run at the bottom of a terminal: which steps run, how many are done and left; the log goes on above it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from kedro_assets.cli.output import answer, wants_colours
from kedro_assets.cli.progress import Progress
from kedro_assets.names import counted

_MOST_STEPS = 6  # that are shown by name


def live_view(progress: Progress) -> AbstractContextManager[None]:
    """Return what shows a run while it goes on: nothing where the answer goes to no terminal, or no colours are wanted."""
    return _live(progress, answer()) if wants_colours() and os.name == "posix" else nullcontext()


@contextmanager
def _live(progress: Progress, file: TextIO) -> Iterator[None]:
    terminal = os.fdopen(os.dup(file.fileno()), "w", encoding=file.encoding, errors=file.errors)
    console = Console(file=terminal, force_terminal=True)
    view = Live(
        _View(progress),
        console=console,
        refresh_per_second=8,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    above = import_module("kedro_assets.cli.own_terminal").output_above  # which not every system can import
    with terminal, view, above(console, file):
        yield


class _View:
    """What is seen of a run at a moment."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._spinner = Spinner("dots", style="cyan")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield a line for each step that runs, and one for the run."""
        progress, now = self._progress, console.get_time()
        running = dict(progress.running)  # another thread adds to it
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(no_wrap=True, overflow="ellipsis")
        table.add_column(justify="right", no_wrap=True)
        for step, since in list(running.items())[:_MOST_STEPS]:
            table.add_row(self._spinner.render(now), step, Text(f"{progress.clock() - since:.1f} s", style="dim"))
        if len(running) > _MOST_STEPS:
            table.add_row("", Text(f"and {len(running) - _MOST_STEPS} more", style="dim"), "")
        yield table
        yield self._summary(len(running), options.max_width)

    def _summary(self, running: int, width: int) -> Text:
        progress = self._progress
        left = max(progress.steps - progress.ended - running, 0)
        text = Text(f"{progress.ended} of {counted(progress.steps, 'step')} done", style="bold")
        text.append(f", {running} running, {left} left", style="not bold")
        if progress.failed:
            text.append(f", {progress.failed} failed", style="red")
        text.append(f"  {progress.seconds:.1f} s", style="not bold dim")
        text.truncate(width, overflow="ellipsis")
        return text
