"""Loggers of dagster.yml: where else the lines of a run go, in the words of the standard library's `logging.config`."""

from __future__ import annotations

import copy
import inspect
import logging
import sys
import weakref
from collections.abc import Iterable, Iterator, Mapping
from logging.config import DictConfigurator
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets.config import DagsterConfig, JobConfig, LoggerConfig
from kedro_assets.errors import Path, Scope, message, suggest

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
        for path, found, hint in _errors(logger):
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


def _errors(logger: LoggerConfig) -> Iterator[tuple[Path, str, str]]:
    """Yield what the standard library would refuse: where, what, and what is allowed.

    Classes and factories are imported, and their signatures are looked at; none is called, as that is for runs.
    """
    hint = "See Python's `logging.config`."
    for name, wanted in logger.formatters.items():
        found = _formatter_error(wanted)
        if found:
            yield ("formatters", name), f"this formatter cannot be created: {found}.", hint
    for name, wanted in logger.filters.items():
        found = _filter_error(wanted)
        if found:
            yield ("filters", name), f"this filter cannot be created: {found}.", hint
    for position, handler in enumerate(logger.handlers):
        yield from (
            (("handlers", position, *path), found, hint) for path, found, hint in _handler_errors(handler, logger)
        )


def _formatter_error(wanted: Mapping[str, Any]) -> str:
    """Return why a formatter cannot be made; empty if it can."""
    if "()" in wanted:
        arguments = _arguments(wanted)
        renamed = {"fmt" if key == "format" else key: value for key, value in arguments.items()}
        return _factory_error(wanted["()"], "format", arguments, renamed)
    layout = [wanted.get("format"), wanted.get("datefmt"), wanted.get("style", "%")]
    validate = [wanted["validate"]] if "validate" in wanted else []
    if wanted.get("class") not in (None, "", "logging.Formatter"):
        return _factory_error(wanted["class"], "format", dict(enumerate([*layout, *validate])))
    try:
        logging.Formatter(
            *layout, *validate
        )  # the standard library's own: it looks at the format and does nothing else
    except (ValueError, TypeError, AttributeError) as error:
        return str(error)
    return ""


def _filter_error(wanted: Mapping[str, Any]) -> str:
    """Return why a filter cannot be made; empty if it can."""
    if "()" in wanted:
        return _factory_error(wanted["()"], "filter", _arguments(wanted))
    return "" if isinstance(wanted.get("name", ""), str) else f"its name is not a string: {wanted['name']!r}"


def _arguments(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a factory is called with."""
    return {key: value for key, value in wanted.items() if key.isidentifier()}


def _factory_error(factory: object, method: str, *arguments: Mapping[Any, Any]) -> str:
    """Return why a factory makes nothing that has a method, or cannot be called with any of some arguments."""
    if not isinstance(factory, str):
        return f"{factory!r} is not an import path"
    try:
        found = _resolved(factory)
    except ImportError as error:
        return f"'{factory}' cannot be imported: {error}"
    if not _may_make(found, method):
        return f"'{factory}' does not create an object with the method `{method}`"
    refused = ""
    for given in arguments:
        positional = [value for key, value in given.items() if isinstance(key, int)]
        try:
            inspect.signature(found).bind(*positional, **{k: v for k, v in given.items() if isinstance(k, str)})
        except (TypeError, ValueError) as error:
            refused = refused or str(error)
        else:
            return ""
    return refused


def _may_make(found: object, method: str) -> bool:
    """Whether a class or function may make something that has a method, or that is called in place of it.

    Functions that are built in and those of the standard library do something else.
    """
    if isinstance(found, type):
        return callable(getattr(found, method, None)) or any("__call__" in vars(base) for base in found.__mro__)
    module = str(getattr(found, "__module__", None) or "").partition(".")[0]
    return callable(found) and module not in {*sys.builtin_module_names, *sys.stdlib_module_names}


def _resolved(factory: str) -> Any:
    """Import what a path names.

    Raises:
        ImportError: If there is nothing of that name, or its module cannot be imported.
    """
    try:
        return DictConfigurator({}).resolve(factory)
    except (Exception, SystemExit) as error:
        raise ImportError(message(error)) from error


def _handler_errors(handler: Mapping[str, Any], logger: LoggerConfig) -> Iterator[tuple[Path, str, str]]:
    formatter, filters, level = (handler.get(key) for key in ("formatter", "filters", "level"))
    if formatter is not None and not _is_known(formatter, logger.formatters):
        yield ("formatter",), f"no formatter {formatter!r} is defined.", suggest(str(formatter), logger.formatters)
    for name in filters if isinstance(filters, list) else [filters] if filters else []:
        if not _is_known(name, logger.filters):
            yield ("filters",), f"no filter {name!r} is defined.", suggest(str(name), logger.filters)
    is_level = isinstance(level, int) or (isinstance(level, str) and isinstance(logging.getLevelName(level), int))
    if level is not None and not is_level:
        yield ("level",), f"{level!r} is not a log level.", "Allowed: DEBUG, INFO, WARNING, ERROR, CRITICAL."
    factory = handler.get("class", handler.get("()"))
    if not isinstance(factory, str):
        yield (), "this handler has no `class`.", "Write it as in `class: logging.StreamHandler`."
        return
    try:
        found = _resolved(factory)
    except ImportError as error:
        yield ("class",), f"'{factory}' cannot be imported: {error}.", "Give the import path of a handler's class."
        return
    is_handler = issubclass(found, logging.Handler) if isinstance(found, type) else _may_make(found, "emit")
    if callable(found) and not is_handler:
        yield ("class",), f"'{factory}' is not a handler.", "Give the import path of a handler's class."
        return
    if "target" in handler:
        yield ("target",), "a handler with a `target` is not supported.", "Write the target itself as a handler."
        return
    arguments = {key: value for key, value in handler.items() if key not in _NO_ARGUMENTS}
    try:
        inspect.signature(found).bind(**arguments)
    except (TypeError, ValueError) as error:
        yield (), f"'{factory}' cannot be created with these options: {error}.", "See Python's `logging.handlers`."


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
        logger = _RunLogger(self.name, self.config.log_level)
        for position, wanted in enumerate(self.config.handlers or [{"class": "logging.StreamHandler"}]):
            configurator.config["handlers"] = {"one": copy.deepcopy(dict(wanted))}
            report = _OnceReported(self.name, position)
            try:
                handler = configurator.configure_handler(configurator.config["handlers"]["one"])
            except OSError as error:  # a file that cannot be opened, or a server that is not there
                report.tell(error)
                continue
            handler.handleError = report.handle  # type: ignore[method-assign]
            logger.addHandler(handler)
            logger.reports[handler] = report
        weakref.finalize(logger, _close, tuple(logger.handlers))  # Dagster does not say when a run has no more lines
        return logger


class _RunLogger(logging.Logger):
    """Takes the events of a run at the level INFO: Dagster logs them at DEBUG, among much that is of no use to anyone else."""

    def __init__(self, name: str, level: str) -> None:
        super().__init__(name, level)
        self.reports: dict[logging.Handler, _OnceReported] = {}

    def callHandlers(self, record: logging.LogRecord) -> None:  # noqa: N802 - as `logging` has it
        """Give a line to the handlers; none of them ends the run, as one does that opens its file late."""
        for handler in self.handlers:
            try:
                if record.levelno >= handler.level:
                    handler.handle(record)
            except OSError as error:
                self.reports[handler].tell(error)

    def log(self, level: int, msg: object, *args: Any, **options: Any) -> None:
        """Write a line."""
        if level == logging.DEBUG and (options.get("extra") or {}).get("dagster_event") is not None:
            level = logging.INFO
        options["stacklevel"] = options.get("stacklevel", 1) + 1
        super().log(level, msg, *args, **options)


@frozen
class _OnceReported:
    """Says once in a process that a handler cannot write; Python would print a traceback for every line of the run."""

    logger: str
    position: int

    def handle(self, _: logging.LogRecord) -> None:
        """Take the place of a handler's `handleError`."""
        error = sys.exc_info()[1]
        if error is not None:
            self.tell(error)

    def tell(self, error: BaseException) -> None:
        """Print what is wrong, unless it has been said."""
        said = f"loggers.{self.logger}.handlers[{self.position}] cannot write: {type(error).__name__}: {error}"
        if said not in _SAID and sys.stderr is not None:
            _SAID.add(said)
            print(f"{said}. Its log lines are lost until it can.", file=sys.stderr)  # noqa: T201 - it is no logger's


_SAID: set[str] = set()


def _close(handlers: Iterable[logging.Handler]) -> None:
    for handler in handlers:
        handler.close()
