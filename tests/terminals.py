"""A terminal for tests: what a command writes to it, key by key, and what is seen on its screen at the end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from dataclasses import dataclass
from pathlib import Path

CTRL_C = b"\x03"
_TOKENS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\]8;[^\x1b]*\x1b\\|\r|\n|[^\x1b\r\n]+|.")
_SECONDS = 120  # that a command may take
_PATIENCE = 20  # seconds after which a user presses Ctrl-C again


@dataclass(frozen=True)
class Shown:
    """What a command has left on a terminal.

    Attributes:
        code: Its exit code.
        written: All that was written, control sequences included.
    """

    code: int
    written: str

    @property
    def screen(self) -> list[str]:
        """The lines that stay on the screen, without colours."""
        lines, row, column = [""], 0, 0
        for token in _TOKENS.findall(self.written):
            if token.startswith("\x1b["):
                row = max(0, row - int(token[2:-1] or 1)) if token.endswith("A") else row
                lines[row] = "" if token == "\x1b[2K" else lines[row]
            elif token == "\r":
                column = 0
            elif token == "\n":
                row += 1
                lines += [""] * (row == len(lines))
            elif not token.startswith("\x1b"):
                before = lines[row].ljust(column)
                lines[row] = before[:column] + token + before[column + len(token) :]
                column += len(token)
        return [line.rstrip() for line in lines]


def _enter_terminal() -> None:
    """Make standard input the terminal of this process, where Ctrl-C works: background jobs of shell scripts ignore it."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def in_terminal(
    command: list[str], folder: Path, *, width: int = 100, ctrl_c_after: str = "", env: dict[str, str] | None = None
) -> Shown:
    """Run a command in a terminal of its own.

    Args:
        command: The command.
        folder: Where it runs.
        width: The width of the terminal.
        ctrl_c_after: Press Ctrl-C once this has been written, and again if nothing ends.
        env: Further environment variables.
    """
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env={**os.environ, "TERM": "xterm-256color", **(env or {})},
        preexec_fn=_enter_terminal,  # noqa: PLW1509 - no thread is there
    )
    os.close(inside)
    written, pressed, until = b"", 0.0, time.monotonic() + _SECONDS
    try:
        while time.monotonic() < until:
            ready, _, _ = select.select([terminal], [], [], 0.1)
            try:
                written += os.read(terminal, 65536) if ready else b""
            except OSError:  # all who wrote to it have ended
                break
            if ctrl_c_after and ctrl_c_after.encode() in written and time.monotonic() > pressed + _PATIENCE:
                os.write(terminal, CTRL_C)
                pressed = time.monotonic()
            if not ready and process.poll() is not None:
                break
    finally:
        if process.poll() is None and time.monotonic() >= until:
            process.kill()
        code = process.wait()
        os.close(terminal)
    return Shown(code, written.decode("utf-8", "replace"))
