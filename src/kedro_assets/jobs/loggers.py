"""Loggers of dagster.yml: where else the lines of a run go, in the words of the standard library's `logging.config`."""

from __future__ import annotations

import copy
import inspect
import logging
import weakref
from collections.abc import Iterable, Iterator, Mapping
from logging.config import DictConfigurator
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets.config import DagsterConfig, JobConfig, LoggerConfig
from kedro_assets.errors import Path, Scope, suggest

CONSOLE = "console"
"""Dagster's own logger, which a job can name beside those of dagster.yml."""

_NO_ARGUMENTS = ("class", "()", "level", "formatter", "filters", ".")  # what `logging.config` keeps for itself


def build_loggers(config: DagsterConfig, problems: Scope) -> dict[str, dg.LoggerDefinition]:
    """Build the loggers of a project; no handler is made before a run needs it, so no file is opened.

    Args:
        config: The project's dagster.yml.
        problems: Collects what the standard library would refuse, and loggers that jobs name and nobody defines.
    """
    for job, wanted in config.jobs.items():
        for position, name in enumerate(wanted.loggers):
            if name not in config.loggers and name != CONSOLE and not problems.at("loggers", name).failed:
                scope = problems.at("jobs", job, "loggers", position)
                scope.add(f"no logger '{name}' is defined.", suggest(name, [*config.loggers, CONSOLE]))
    for name, logger in config.loggers.items():
        for path, found, hint in _misfits(logger):
            problems.at("loggers", name, *path).add(found, hint)
    if not config.loggers:
        return {}
    made = {
        title: dg.LoggerDefinition(_Logger(name, config.loggers[name]).make, config_schema={})
        for name, title in _titles(config).items()
    }
    return {CONSOLE: dg.colored_console_logger, **made}


def loggers_of(job: JobConfig, config: DagsterConfig) -> list[str]:
    """Return the loggers of a job by their names in Dagster: those of dagster.yml have the key prefix before them."""
    titles = _titles(config)
    return [titles.get(name, name) for name in job.loggers]


def _titles(config: DagsterConfig) -> Mapping[str, str]:
    return {name: config.assets.prefixed(name) for name in config.loggers}


def _misfits(logger: LoggerConfig) -> Iterator[tuple[Path, str, str]]:
    """Yield what the standard library would refuse: where, what, and what is allowed."""
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
    formatter, filters, level = (handler.get(key) for key in ("formatter", "filters", "level"))
    if formatter is not None and not _is_known(formatter, logger.formatters):
        yield ("formatter",), f"no formatter {formatter!r} is defined.", suggest(str(formatter), logger.formatters)
    for name in filters if isinstance(filters, list) else [filters] if filters else []:
        if not _is_known(name, logger.filters):
            yield ("filters",), f"no filter {name!r} is defined.", suggest(str(name), logger.filters)
    is_level = isinstance(level, int) or (isinstance(level, str) and isinstance(logging.getLevelName(level), int))
    if level is not None and not is_level:
        yield ("level",), f"{level!r} is no level.", "Allowed: DEBUG, INFO, WARNING, ERROR, CRITICAL."
    factory = handler.get("class", handler.get("()"))
    if not isinstance(factory, str):
        yield (), "this handler has no `class`.", "Write it as in `class: logging.StreamHandler`."
        return
    try:
        found = DictConfigurator({}).resolve(factory)
    except (ValueError, ImportError) as error:
        yield ("class",), f"'{factory}' cannot be imported: {error}.", "Give the import path of a handler's class."
        return
    if isinstance(found, type) and not issubclass(found, logging.Handler):
        yield ("class",), f"'{factory}' is no handler.", "Give the import path of a handler's class."
        return
    if "target" in handler:
        yield ("target",), "a handler cannot refer to another one here.", "List the other handler itself."
        return
    arguments = {key: value for key, value in handler.items() if key not in _NO_ARGUMENTS}
    try:
        inspect.signature(found).bind(**arguments)
    except (TypeError, ValueError) as error:
        yield (), f"'{factory}' cannot be made with these options: {error}.", "See Python's `logging.handlers`."


def _is_known(name: object, known: Mapping[str, Any]) -> bool:
    return isinstance(name, str) and name in known


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
        weakref.finalize(logger, _close, tuple(logger.handlers))  # Dagster does not say when a run has no more lines
        return logger


def _close(handlers: Iterable[logging.Handler]) -> None:
    for handler in handlers:
        handler.close()
