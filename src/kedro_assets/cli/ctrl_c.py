"""Whether Ctrl-C was pressed in a command, so that nothing begins after it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_pressed: list[int] = []


@contextmanager
def ctrl_c_remembered() -> Iterator[None]:
    """Remember that Ctrl-C was pressed: Python drops the interrupt where it comes in a callback or while an object is deleted."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    _pressed.clear()
    signal.signal(signal.SIGINT, _remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _remember(number: int, frame: FrameType | None) -> None:
    _pressed.append(number)
    signal.default_int_handler(number, frame)


def raise_if_pressed() -> None:
    """Begin nothing after Ctrl-C.

    Raises:
        KeyboardInterrupt: If it was pressed.
    """
    if _pressed:
        raise KeyboardInterrupt
