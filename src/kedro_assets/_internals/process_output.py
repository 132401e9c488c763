"""What the processes of one command write to its terminal that nobody has asked for: the same warnings again, and debug lines."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VARIABLE = "KEDRO_ASSETS_SHOWN_WARNINGS"
"""The environment variable with the folder in which the processes of a command tell each other what they have shown.

Reason: as for `shared_terminal`.
Risk: low; it is ours.
"""
_PLACE = re.compile(r"\A.*?:\d+: (?=\w)")  # file and line, as Python writes them before a warning
_KEDROS = "kedro.framework.project"  # it logs in every process which configuration of logging it uses


@contextmanager
def shared_terminal() -> Iterator[None]:
    """Let this process, and those that it starts, show each warning once.

    Reason: Kedro sends warnings of Python to its log, in every process that reads a project, and Dagster resets what Python
    remembers of them. Neither has an option to leave out what is known already.
    Risk: low; where it changes, warnings are shown more than once.
    """
    folder = tempfile.mkdtemp(prefix="kedro_assets_shown_")
    once = _Once(Path(folder), is_step=False)
    os.environ[VARIABLE] = folder
    once.attach()
    try:
        yield
    finally:
        once.detach()
        os.environ.pop(VARIABLE, None)
        shutil.rmtree(folder, ignore_errors=True)


def join_terminal() -> None:
    """Write no more than is new in a process that such a command has started.

    Reason: as for `shared_terminal`; and Dagster writes with a logger of its own, at the level DEBUG, that a step has started in
    another process, whatever the configuration of the run says.
    Risk: low; where it changes, there are more lines in the terminal.
    """
    folder = os.environ.get(VARIABLE)
    if folder:
        _Once(Path(folder), is_step=True).attach()
        logging.setLoggerClass(_without_debug_lines(logging.getLoggerClass()))


def _without_debug_lines(kind: type[logging.Logger]) -> type[logging.Logger]:
    """Return a class of loggers of which Dagster's own one writes warnings only: the process of the run shows all events."""

    class WithoutDebugLines(kind):  # type: ignore[misc, valid-type]
        def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name is that of logging
            """Whether a record of a level is written."""
            return (self.name != "dagster" or level >= logging.WARNING) and bool(super().isEnabledFor(level))

    return WithoutDebugLines


class _Once(logging.Filter):
    """Lets the first warning of its kind and text pass, wherever it comes from.

    Args:
        folder: Has a file for each warning that was shown.
        is_step: Whether this is a process of a step, to which belongs nothing that is the same in all of them.
    """

    def __init__(self, folder: Path, *, is_step: bool) -> None:
        super().__init__()
        self._folder = folder
        self._loggers = [logging.getLogger(name) for name in ("py.warnings", *([_KEDROS] if is_step else []))]

    def attach(self) -> None:
        """Begin."""
        for logger in self._loggers:
            logger.addFilter(self)

    def detach(self) -> None:
        """End."""
        for logger in self._loggers:
            logger.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is new."""
        if record.name == _KEDROS:
            return record.levelno > logging.INFO
        text = _PLACE.sub("", record.getMessage()).partition("\n  ")[0]
        with suppress(OSError):
            try:
                (self._folder / hashlib.sha256(text.encode()).hexdigest()).open("x").close()
            except FileExistsError:
                return False
        return True


join_terminal()
