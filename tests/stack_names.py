"""A stack of which Dynaconf gets only what it wants to know, in this process and in those that are forked from it.

Kedro's settings ask for the stack four times per project. For each frame `inspect.stack` also looks through all modules for
its source, which is a third of the time of a test, and half a second of a command.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

from dynaconf.loaders import py_loader
from dynaconf.utils import files


def _names_of_the_stack() -> list[SimpleNamespace]:
    """The stack, of whose frames Dynaconf wants to know the files."""
    frame, found = sys._getframe(1), []
    while frame is not None:
        found.append(SimpleNamespace(filename=frame.f_code.co_filename))
        frame = frame.f_back
    return found


def ask_for_names_only() -> None:
    """Let Dynaconf ask for the names of files alone."""
    files.inspect = py_loader.inspect = SimpleNamespace(stack=_names_of_the_stack)
