"""Where a command writes its answer: standard output, apart from all that Kedro, the project and its steps write there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO, Any, TextIO

import click

_answers: list[TextIO] = []


@contextmanager
def only_answers() -> Iterator[None]:
    """Keep standard output for the answer of the command: what else is written there goes to standard error.

    That holds for the files of the process, so also for what libraries and other processes write.
    """
    sys.stdout.flush()
    before = os.dup(1)
    answer = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors)
    os.dup2(2, 1)
    _answers.append(answer)
    try:
        yield
    finally:
        _answers.pop()
        sys.stdout.flush()
        with suppress(BrokenPipeError):  # whoever reads it may have ended, such as `head`
            answer.close()
        os.dup2(before, 1)
        os.close(before)


@contextmanager
def own_answers() -> Iterator[None]:
    """Have a file of its own for the answer of the command: Dagster redirects standard output while a step runs."""
    try:
        number = sys.stdout.fileno()
    except OSError:  # it is no file, as in tests
        yield
        return
    if _answers:
        yield
        return
    sys.stdout.flush()
    with os.fdopen(os.dup(number), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors) as file:
        _answers.append(file)
        try:
            yield
        finally:
            _answers.pop()


def answer() -> TextIO:
    """Return the file of the answer."""
    return _answers[-1] if _answers else sys.stdout


def wants_colours() -> bool:
    """Whether the answer goes to a terminal, and nobody has said that it is to be plain."""
    return answer().isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def echo(message: Any = None, file: IO[str] | None = None) -> None:
    """Write a line of the answer, or of a file; nothing more where nobody reads on, as behind `| head`."""
    out = file or answer()
    color = None if file or wants_colours() else False
    written: list[tuple[IO[str], Callable[[], Any]]] = [
        (sys.stdout, sys.stdout.flush),  # what was printed before comes first
        (out, partial(click.echo, message, file=out, color=color)),
    ]
    for each, write in written:
        try:
            write()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, each.fileno())
            os.close(nowhere)
