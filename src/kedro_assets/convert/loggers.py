"""Loggers of kedro-dagster in the words of Python's `logging.config`, which kedro-assets reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kedro_assets.errors import Scope

_OWN = re.compile(r"kedro_dagster\.(?:logging\.)?(?:Dagster(\w+)Formatter|dagster_(\w+)_formatter)")
PLAIN = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
_COLORED = {
    "()": "coloredlogs.ColoredFormatter",
    "fmt": PLAIN,
    "datefmt": "%Y-%m-%d %H:%M:%S %z",
    "field_styles": {"levelname": {"color": "blue"}, "asctime": {"color": "green"}},
    "level_styles": {"debug": {}, "error": {"color": "red"}},
}
"""What the coloured formatter of kedro-dagster is, of a library that Dagster has."""


def converted_logger(logger: object, scope: Scope) -> object:
    """Return a logger as kedro-assets reads it.

    Args:
        logger: As dagster.yml has it.
        scope: Its place; collects what is not the same.
    """
    if not isinstance(logger, dict):
        return logger
    found = dict(logger)
    level = _level(found.get("log_level"))
    if level is not None:
        found["log_level"] = "DEBUG" if level == "NOTSET" else level
    if isinstance(found.get("handlers"), list):
        found["handlers"] = [_handler(handler) for handler in found["handlers"]]
    for key, convert in (("formatters", _formatter), ("filters", _filter)):
        if isinstance(found.get(key), dict):
            items = found[key].items()
            found[key] = {name: convert(value, scope.at(key, str(name))) for name, value in items}
    return found


def _level(level: object) -> str | None:
    """Return a level in capitals; None if it is none."""
    if not isinstance(level, str):
        return None
    text = level.strip().upper()
    return text if text in {"CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET"} else None


def _handler(handler: object) -> object:
    level = _level(handler.get("level")) if isinstance(handler, dict) else None
    return {**handler, "level": level} if isinstance(handler, dict) and level else handler


def _formatter(formatter: object, scope: Scope) -> object:
    if not isinstance(formatter, dict):
        return formatter
    factory = formatter.get("()", formatter.get("class"))
    own = _OWN.fullmatch(factory) if isinstance(factory, str) else None
    given = {key: value for key, value in formatter.items() if key not in {"()", "class"}}
    if own is None:
        return _as_factory(formatter)
    if (own[1] or own[2]).lower() == "colored":
        return {**_COLORED, **({"fmt": given.pop("format")} if "format" in given else {}), **given}
    found = f"the formatter '{factory}' belongs to kedro-dagster; a plain format takes its place."
    scope.add(found, "To have lines as before, give a formatter of your own by its import path under `()`.")
    return {"format": given.get("format") or given.get("fmt") or PLAIN}


def _filter(found: object, _: Scope) -> object:
    return _with_factory(found) if isinstance(found, dict) and _is_class(found) else found


def _with_factory(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what has a class with the class as a factory, which gets all other keys as arguments."""
    return {"()": found["class"], **{key: value for key, value in found.items() if key != "class"}}


def _as_factory(formatter: Mapping[str, Any]) -> Mapping[str, Any]:
    known = {"class", "format", "datefmt", "style", "validate"}
    return _with_factory(formatter) if _is_class(formatter) and formatter.keys() - known else formatter


def _is_class(found: Mapping[str, Any]) -> bool:
    return isinstance(found.get("class"), str) and "()" not in found
