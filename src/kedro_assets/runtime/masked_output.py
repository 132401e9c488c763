"""Secrets masked in what this process writes to its terminal, which Dagster keeps as the output of a step.

That is what Python prints and logs. What libraries write past Python, and other programs, goes there as it is.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

Mask = Callable[[str], str]

_exceptions = logging.Formatter()


class MaskedOutput:
    """Masks the output of this process as long as somebody asks for it."""

    def __init__(self) -> None:
        self._masks: list[Mask] = []
        self._lock = threading.RLock()
        self._before: tuple[TextIO, TextIO, Any] | None = None

    def attach(self, mask: Mask) -> None:
        """Mask what is written from now on."""
        with self._lock:
            self._masks.append(mask)
            if self._before is None:
                self._before = sys.stdout, sys.stderr, logging.getLogRecordFactory()
                sys.stdout, sys.stderr = _MaskedStream(sys.stdout, self.mask), _MaskedStream(sys.stderr, self.mask)
                logging.setLogRecordFactory(self._record)

    def detach(self, mask: Mask) -> None:
        """Leave the output as it was, unless somebody else still asks."""
        with self._lock:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()  # what was begun is still masked
            self._masks.remove(mask)
            if self._before is None or self._masks:
                return
            sys.stdout, sys.stderr, factory = self._before
            logging.setLogRecordFactory(factory)
            self._before = None

    def mask(self, text: str) -> str:
        """Mask a text for all who ask."""
        for mask in tuple(self._masks):
            text = mask(text)
        return text

    def _record(self, *arguments: Any, **options: Any) -> logging.LogRecord:
        """Make a record whose text is masked before any handler breaks it into lines."""
        factory: Any = self._before[2] if self._before else logging.LogRecord
        record: logging.LogRecord = factory(*arguments, **options)
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - the handlers report it
            return record
        if record.exc_info:
            text = f"{text}\n{_exceptions.formatException(record.exc_info)}"
        masked = self.mask(text)
        if masked != text:
            record.msg, record.args, record.exc_info = masked, None, None
        return record


class _MaskedStream:
    """Writes line by line to another stream."""

    def __init__(self, stream: TextIO, mask: Mask) -> None:
        self._stream = stream
        self._mask = mask
        self._begun = ""

    def write(self, text: str) -> int:
        """Write the lines that are whole."""
        lines, newline, self._begun = (self._begun + text).rpartition("\n")
        if newline:
            self._stream.write(self._mask(lines) + newline)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write what there is of the last line."""
        begun, self._begun = self._begun, ""
        self._stream.write(self._mask(begun))
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


masked_output = MaskedOutput()
"""That of this process."""
