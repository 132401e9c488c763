"""A terminal of their own for all that writes to the terminal while a live view is at its bottom; Windows has no such terminals."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.text import Text


@contextmanager
def output_above(console: Console, file: TextIO) -> Iterator[None]:
    """Let all that this process and those that it starts write to a terminal appear above the view.

    They write to a terminal of their own, which is read here line by line, so that their colours stay, and the view too.
    """
    files = sorted({number for number in (1, 2, file.fileno()) if os.isatty(number)})
    before = [os.dup(number) for number in files]
    theirs = _OwnTerminal(console)
    _flush(file)
    for number in files:
        os.dup2(theirs.end, number)
    try:
        yield
    finally:
        _flush(file)
        for number, old in zip(files, before, strict=True):
            os.dup2(old, number)
            os.close(old)
        theirs.close()


def _flush(file: TextIO) -> None:
    for each in (file, sys.stdout, sys.stderr):
        each.flush()


class _OwnTerminal:
    """A terminal whose lines are printed on a console.

    Attributes:
        end: The file that others write to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._master, self.end = pty.openpty()
        tty.setraw(self.end)  # else each end of a line becomes two characters
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", console.height, console.width, 0, 0))
        self._open = True
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Print what is still there, and end; a process that goes on writes to nobody."""
        self._open = False
        self._thread.join(timeout=5)
        os.close(self.end)
        os.close(self._master)

    def _read(self) -> None:
        rest = b""
        while True:
            ready, _, _ = select.select([self._master], [], [], 0.05)
            if not ready and not self._open:
                break
            if ready:
                *lines, rest = (rest + os.read(self._master, 65536)).split(b"\n")
                for line in lines:
                    self._print(line)
        if rest:
            self._print(rest)

    def _print(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r")
        self._console.print(Text.from_ansi(text), soft_wrap=True)
