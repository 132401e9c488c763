"""When Python looks for garbage: not while a process makes what stays, such as modules, syntax trees and definitions.

Python looks through all objects again each time their number has grown by a quarter, an eighth of the CPU of a short run.
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_is_left = False
"""Whether it is `left` that has switched the collector off."""


@contextmanager
def left(*, to_the_end: bool = False) -> Iterator[None]:
    """Look for no garbage in a block, in all threads of the process; where a user has switched that off, it stays off.

    Args:
        to_the_end: Whether the process ends after the block: Python does not look at its end either, unless `look_again` was
            called.

    Reason: nothing of what is made is garbage, and to look at it takes as long as to make it.
    Risk: low; what others make and drop meanwhile in cycles is kept for as long.
    """
    global _is_left  # noqa: PLW0603
    if not gc.isenabled():
        yield
        return
    gc.disable()
    _is_left = True
    try:
        yield
    finally:
        if to_the_end and _is_left:
            atexit.register(gc.freeze)
        gc.enable()
        _is_left = False


def look_again() -> None:
    """Look for garbage from here on, before the end of `left`, but never among what is there by now.

    For a process that has made what stays until its end, and begins to run the code of users.

    Reason: as for `left`.
    Risk: low; what became garbage in cycles before is kept until the process ends.
    """
    global _is_left  # noqa: PLW0603
    if _is_left:
        gc.freeze()
        gc.enable()
        _is_left = False


@contextmanager
def old_left() -> Iterator[None]:
    """Look for garbage only among what is made in a block, and not among what is there before it.

    Reason: as for `left`; a run makes little that stays, beside the libraries and definitions that are there.
    Risk: low; what becomes garbage in cycles of what was there before is kept until the end of the block.
    """
    if gc.get_freeze_count():  # somebody has said so for longer
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
