"""Where a command writes its answer: standard output, apart from all that Kedro, the project and its steps write there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

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


def answer() -> TextIO:
    """Return the file of the answer."""
    return _answers[-1] if _answers else sys.stdout


def echo(message: Any = None) -> None:
    """Write a line of the answer."""
    click.echo(message, file=answer())
