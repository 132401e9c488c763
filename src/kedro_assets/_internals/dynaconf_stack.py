"""What Dynaconf asks of the stack when it reads a project's settings."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, SimpleNamespace
from typing import Any

_ASKING = ("dynaconf.loaders.py_loader", "dynaconf.utils.files")
_alone = threading.RLock()


@contextmanager
def without_sources() -> Iterator[None]:
    """Let Dynaconf have the names of the stack's files alone, which is all that it looks at.

    It asks for the stack four times whenever a project is opened, and Python then looks through all modules for the source of
    each frame: a fifteenth of a second in a command, and up to half a second in a process with many modules.

    Reason: Dynaconf has no setting for it.
    Risk: low; `inspect` is replaced in two modules of Dynaconf for this time. Where they ask otherwise, nothing is replaced.
    """
    with _alone:
        asking: list[Any] = [sys.modules[name] for name in _ASKING if name in sys.modules]  # Kedro has imported them
        replaced = [module for module in asking if getattr(module, "inspect", None) is inspect]
        for module in replaced:
            module.inspect = SimpleNamespace(stack=_stack)
        try:
            yield
        finally:
            for module in replaced:
                module.inspect = inspect


def _stack() -> list[SimpleNamespace]:
    """Return the frames of the stack, innermost first, as `inspect.stack` does, but with the names of their files alone."""
    frame: FrameType | None = inspect.currentframe()
    found = []
    while frame := frame and frame.f_back:
        found.append(SimpleNamespace(filename=frame.f_code.co_filename))
    return found
