"""Loggers of dagster.yml: where else the lines of a run go, in the words of the standard library's `logging.config`."""

from __future__ import annotations

import copy
import inspect
import logging
from collections.abc import Iterator, Mapping
from logging.config import DictConfigurator
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets.config import DagsterConfig, LoggerConfig
from kedro_assets.errors import Path, Problems, suggest

CONSOLE = "console"
"""Dagster's own logger, which a job can name beside those of dagster.yml."""

_NO_ARGUMENTS = ("class", "level", "formatter", "filters", ".")  # what `logging.config` keeps for itself


def build_loggers(config: DagsterConfig, problems: Problems) -> dict[str, dg.LoggerDefinition]:
    """Build the loggers of a project; no handler is made before a run needs it, so no file is opened.

    Args:
        config: The project's dagster.yml.
        problems: Collects what the standard library would refuse, and loggers that jobs name and nobody defines.
    """
    for job, wanted in config.jobs.items():
        for position, name in enumerate(wanted.loggers):
            if name not in config.loggers and name != CONSOLE and not problems.at("loggers", name):
                where = ("jobs", job, "loggers", position)
                problems.add(where, f"no logger '{name}' is defined.", suggest(name, [*config.loggers, CONSOLE]))
    for name, logger in config.loggers.items():
        for path, found, hint in _misfits(logger):
            problems.add(("loggers", name, *path), found, hint)
    if not config.loggers:
        return {}
    made = {
        name: dg.LoggerDefinition(_Logger(name, logger).make, config_schema={})
        for name, logger in config.loggers.items()
    }
    return {CONSOLE: dg.colored_console_logger, **made}


def _misfits(logger: LoggerConfig) -> Iterator[tuple[Path, str, str]]:
    """Give what the standard library would refuse: where, what, and what is allowed."""
    for kind, known in (("formatter", logger.formatters), ("filter", logger.filters)):
        for name, wanted in known.items():
            try:
                getattr(DictConfigurator({}), f"configure_{kind}")(copy.deepcopy(wanted))
            except (ValueError, TypeError, AttributeError, ImportError) as error:
                yield (f"{kind}s", name), f"this {kind} cannot be made: {error}.", "See Python's `logging.config`."
    for position, handler in enumerate(logger.handlers):
        yield from (
            (("handlers", position, *path), found, hint) for path, found, hint in _handler_misfits(handler, logger)
        )


def _handler_misfits(handler: Mapping[str, Any], logger: LoggerConfig) -> Iterator[tuple[Path, str, str]]:
    formatter = handler.get("formatter")
    if formatter is not None and formatter not in logger.formatters:
        yield ("formatter",), f"no formatter '{formatter}' is defined.", suggest(str(formatter), logger.formatters)
    for name in handler.get("filters") or []:
        if name not in logger.filters:
            yield ("filters",), f"no filter '{name}' is defined.", suggest(str(name), logger.filters)
    if "level" in handler and not isinstance(logging.getLevelName(handler["level"]), int):
        yield ("level",), f"'{handler['level']}' is no level.", "Allowed: DEBUG, INFO, WARNING, ERROR, CRITICAL."
    factory = handler.get("class", handler.get("()"))
    if factory is None:
        yield (), "this handler has no `class`.", "Write it as in `class: logging.StreamHandler`."
        return
    try:
        found = DictConfigurator({}).resolve(factory) if isinstance(factory, str) else factory
    except (ValueError, ImportError) as error:
        yield ("class",), f"'{factory}' cannot be imported: {error}.", "Give the import path of a handler's class."
        return
    arguments = {key: value for key, value in handler.items() if key not in (*_NO_ARGUMENTS, "()")}
    try:
        inspect.signature(found).bind(**arguments)
    except (TypeError, ValueError) as error:
        yield (), f"'{factory}' cannot be made with these options: {error}.", "See Python's `logging.handlers`."


@frozen
class _Logger:
    """Makes one logger, in each process of each run that wants it."""

    name: str
    config: LoggerConfig

    def make(self, _: dg.InitLoggerContext) -> logging.Logger:
        """Make a logger that no other part of the process knows, so that nothing else changes."""
        settings = {
            "version": 1,
            "formatters": copy.deepcopy(self.config.formatters),
            "filters": copy.deepcopy(self.config.filters),
        }
        configurator = DictConfigurator(settings)
        for kind in ("formatter", "filter"):
            made = configurator.config[f"{kind}s"]
            for name in made:
                made[name] = getattr(configurator, f"configure_{kind}")(made[name])
        logger = logging.Logger(self.name, self.config.log_level)  # noqa: LOG001 - it belongs to this run alone
        for handler in self.config.handlers or [{"class": "logging.StreamHandler"}]:
            configurator.config["handlers"] = {"one": copy.deepcopy(dict(handler))}
            logger.addHandler(configurator.configure_handler(configurator.config["handlers"]["one"]))
        return logger
