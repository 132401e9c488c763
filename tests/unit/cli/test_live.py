"""The live view: what it shows of a run, and where it is not shown."""

import io

import pytest
from rich.console import Console

from kedro_assets.cli import live
from kedro_assets.cli.live import _View, live_view
from kedro_assets.cli.progress import Progress


def seen(progress, width=60):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(_View(progress))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def progress_of(*running, steps=12, ended=3, failed=0):
    found = Progress(lambda _: None, steps=steps, ended=ended, failed=failed)
    found.running.update(dict.fromkeys(running, found.clock() - 2))
    return found


def test_the_view_has_a_line_for_each_step_and_one_for_the_run():
    *steps, run = seen(progress_of("clean", "forest_fit"))
    assert [line.split()[1:] for line in steps] == [["clean", "2.0", "s"], ["forest_fit", "2.0", "s"]]
    assert run.startswith("3 of 12 steps done, 2 running, 7 left  0.0 s")


def test_failed_steps_are_counted():
    assert ", 2 failed" in seen(progress_of(failed=2))[-1]


def test_many_steps_are_counted():
    lines = seen(progress_of(*(f"step_{number}" for number in range(10)), steps=20))
    assert len(lines) == 8
    assert lines[-2].strip() == "and 4 more"


@pytest.mark.parametrize("width", [10, 20, 40])
def test_no_line_is_wider_than_the_terminal(width):
    lines = seen(progress_of("a_step_with_quite_a_long_name_that_does_not_fit_in_a_line"), width)
    assert len(lines) == 2
    assert max(map(len, lines)) <= width


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("name", "value", "file"),
    [("NO_COLOR", "1", Terminal()), ("TERM", "dumb", Terminal()), ("TERM", "xterm", io.StringIO())],
    ids=["NO_COLOR", "a dumb terminal", "a file"],
)
def test_where_it_does_not_fit_there_is_no_view(monkeypatch, name, value, file):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(live, "answer", lambda: file)
    with live_view(progress_of("clean")):
        pass
    assert file.getvalue() == ""
