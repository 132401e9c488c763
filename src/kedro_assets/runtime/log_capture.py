"""Standard logging into Dagster's event log: what nodes, hooks and libraries log shows in the UI, at its step.

Nothing is taken away: the handlers of the project's own logging configuration write what they always write.
"""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import dagster as dg
import kedro
from attrs import define, field

from kedro_assets._internals.dagster_storage import STORAGES
from kedro_assets.redaction import Redactor
from kedro_assets.runtime.masked_output import masked_output

_LEVELS = (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)
_KEDRO = str(Path(kedro.__file__).parent)
_PRINTED_IN_CELERY = "celery.redirected"
"""The logger to which a Celery worker sends what is printed, other handlers' lines among it."""
_exceptions = logging.Formatter()


@define(eq=False)
class LogCapture:
    """Passes log records on to the log of a step, or of a run, while it is open.

    Kedro's own lines below WARNING are left out: they say what Dagster's events say, and each would cost another
    write to the event log. So are Python's warnings about Kedro's own code, which every process repeats. All of it stays
    in the step's captured output.

    Attributes:
        log: Dagster's log of the step or the run.
        managed: Loggers that Dagster itself captures, as the instance's `managed_python_loggers` has them.
        thread: The thread that the step runs in.
        redactor: Masks secrets.
    """

    log: dg.DagsterLogManager
    managed: Collection[str] = ()
    thread: int = field(factory=threading.get_ident)
    redactor: Redactor = field(factory=Redactor)

    def takes(self, record: logging.LogRecord) -> bool:
        """Whether a record belongs into Dagster's log and does not come there by itself."""
        parts = record.name.split(".")
        if record.name == _PRINTED_IN_CELERY:
            return False
        if parts[0] == "dagster" or (parts[0] == "kedro" and record.levelno < logging.WARNING):
            return False
        if record.name == "py.warnings" and record.getMessage().startswith(_KEDRO):
            return False
        return not (set(_heard_by(record.name)) & {*self.managed})

    def write(self, record: logging.LogRecord) -> None:
        """Write a record, with the traceback of its exception, at the nearest level that Dagster has."""
        message = record.getMessage()
        if record.exc_info:
            message = f"{message}\n{_exceptions.formatException(record.exc_info)}"
        if record.stack_info:
            message = f"{message}\n{record.stack_info}"
        message = self.masked(message)
        level = next((level for level in _LEVELS if level <= record.levelno), logging.DEBUG)
        self.log.log(level, message)

    def masked(self, text: str) -> str:
        """Mask the secrets that are known by now."""
        return self.redactor.text(text)

    def renew(self, redactor: Redactor) -> None:
        """Go on after the project was opened: its hooks may have configured logging anew, and its secrets are known."""
        self.redactor = redactor
        _handler.attach()


class _Handler(logging.Handler):
    """The one handler of this process: gives each record to the capture it belongs to."""

    def __init__(self) -> None:
        super().__init__()
        self.captures: list[LogCapture] = []
        self._loggers: list[logging.Logger] = []
        self._thread = threading.local()

    def attach(self) -> None:
        """Hang on where records end up; once more has no effect."""
        for logger in _ends_of_propagation():
            logger.addHandler(self)
            self._loggers.append(logger)

    def detach(self) -> None:
        """Leave every logger as it was."""
        for logger in self._loggers:
            logger.removeHandler(self)
        self._loggers.clear()

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on to the innermost capture of its thread; one of a thread that a node started, to the latest."""
        thread = self._thread
        if getattr(thread, "writing", False) or getattr(thread, "last", None) is record:
            return  # the storage of the event log logs too; and a logger may begin to propagate what it has kept before
        captures = tuple(self.captures)
        own = [capture for capture in captures if capture.thread == record.thread]
        capture = next(iter([*own[::-1], *captures[::-1]]), None)
        thread.writing, thread.last = True, record
        try:
            if capture is not None and capture.takes(record) and not _by_storage():
                capture.write(record)
        except Exception:  # noqa: BLE001 - as in every handler: a line that cannot be written ends no run
            self.handleError(record)
        finally:
            thread.writing = False


_handler = _Handler()


@contextmanager
def captured_logs(
    log: dg.DagsterLogManager,
    managed: Collection[str] = (),
    redactor: Redactor | None = None,
    *,
    output: bool = False,
) -> Iterator[LogCapture]:
    """Pass on to Dagster's log what is logged inside.

    Args:
        log: Dagster's log of the step or the run.
        managed: Loggers that Dagster itself captures.
        redactor: Masks secrets, if they are known already.
        output: Whether to mask them in what the process writes to its terminal, too.
    """
    capture = LogCapture(log, managed, redactor=redactor or Redactor.of({}))
    _handler.captures.append(capture)
    _handler.attach()
    if output:
        masked_output.attach(capture.masked)
    try:
        yield capture
    finally:
        if output:
            masked_output.detach(capture.masked)
        _handler.captures.remove(capture)
        if not _handler.captures:
            _handler.detach()


def mask(redactor: Redactor) -> None:
    """Mask credentials from now on in what this thread logs: they become known before all hooks of the project have fired."""
    for capture in _handler.captures:
        if capture.thread == threading.get_ident():
            capture.redactor = redactor


def _by_storage() -> bool:
    """Whether a storage of Dagster's logs this: it may hold the lock that writing the line would wait for."""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith(STORAGES):
            return True
        frame = frame.f_back
    return False


def _heard_by(name: str) -> Iterator[str]:
    """Yield the names of the loggers that a record of this one reaches."""
    logger: logging.Logger | None = logging.getLogger(name)
    while logger is not None:
        yield logger.name
        logger = logger.parent if logger.propagate else None


def _ends_of_propagation() -> list[logging.Logger]:
    """Return the loggers whose records go no further: the root, and those that a configuration keeps to themselves."""
    root = logging.getLogger()
    known = list(root.manager.loggerDict.values())
    return [root, *(logger for logger in known if isinstance(logger, logging.Logger) and not logger.propagate)]
