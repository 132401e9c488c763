"""What holds for any input: it is accepted and Dagster loads it, or it is refused with a place in the user's files.

There is never another error than those that kedro-assets raises on purpose, and never more than a few seconds.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.remote_representation.external_data import RepositorySnap  # what a code server sends
from dagster._utils.schedules import schedule_execution_time_iterator  # what the daemon asks
from hypothesis import HealthCheck, settings
from kedro.framework.project import LOGGING, configure_logging

from kedro_assets import ConfigError, KedroAssetsError, build_definitions
from kedro_assets.errors import Problem

EXAMPLES = int(os.environ.get("KEDRO_ASSETS_EXAMPLES", "250"))
"""How many inputs the fuzzers draw together."""
SECONDS = 5
"""How long an input may take of a processor; most take a fiftieth of it. It may wait ten times as long."""
START = 1_800_000_000.0
PLACE = re.compile(r"([^\s:()]+):(\d+)(?=[\s:)]|$)")
"""File and line, as in `conf/base/dagster.yml:3`."""


def share(percent: float) -> settings:
    """Give a fuzzer its share of the inputs."""
    return settings(max_examples=max(round(EXAMPLES * percent / 100), 1), suppress_health_check=list(HealthCheck))


class TakesTooLongError(BaseException):
    """An input takes longer than it may. No `except Exception` of the code under test catches it."""


@contextmanager
def bounded(seconds: int = SECONDS) -> Iterator[None]:
    """Let what is done inside take some seconds of a processor at most, and not wait for ever."""

    def interrupt(*_: object) -> None:
        raise TakesTooLongError

    timers = {signal.SIGPROF: (signal.ITIMER_PROF, seconds), signal.SIGALRM: (signal.ITIMER_REAL, 10 * seconds)}
    before = {each: signal.signal(each, interrupt) for each in timers}
    for timer, limit in timers.values():
        signal.setitimer(timer, limit)
    try:
        yield
    finally:
        for each, (timer, _) in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(each, before[each])


@contextmanager
def quiet() -> Iterator[None]:
    """Write no log lines to the terminal, which takes longer than to load a project."""
    before, level = LOGGING.data, logging.root.level
    configure_logging({"version": 1, "disable_existing_loggers": False, "root": {"handlers": [], "level": "ERROR"}})
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    configure_logging(before)
    logging.root.setLevel(level)  # Kedro's own configuration has none


def refused(project: Path) -> KedroAssetsError | None:
    """Load a project; return the error that refuses it, or None if it is accepted and Dagster loads it too."""
    with bounded(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            definitions = build_definitions(project)
        except KedroAssetsError as error:
            return error
        assert_loadable(definitions)
        return None


def assert_loadable(definitions: dg.Definitions) -> None:
    """Do with definitions what a code server does: validate them, resolve all jobs, and describe all of it."""
    dg.Definitions.validate_loadable(definitions)
    repository = definitions.get_repository_def()
    dg.serialize_value(RepositorySnap.from_def(repository))
    assert {job.name for job in repository.get_all_jobs()} >= {job.name for job in definitions.jobs or ()}
    for schedule in repository.schedule_defs:
        following = schedule_execution_time_iterator(START, schedule.cron_schedule, schedule.execution_timezone)
        assert next(following).timestamp() >= START


def assert_report(error: KedroAssetsError, project: Path) -> None:
    """Look whether an error is one report whose problems have a path, and a place that is in the project's files."""
    text = str(error)
    assert "Traceback (most recent call last)" not in text
    assert len(text) < 100_000
    if isinstance(error, ConfigError):
        assert error.problems
        assert len({(problem.path, problem.found) for problem in error.problems}) == len(error.problems)
        for problem in error.problems:
            assert problem.path, problem
            assert problem.found.strip(), problem
            assert_place(problem.source, project, problem)
        return
    places = PLACE.findall(text)
    assert places, f"no file and line in: {text}"
    assert any((project / file).is_file() for file, _ in places), text


def assert_place(source: str, project: Path, problem: Problem | None = None) -> None:
    """Look whether a file and line is in a project."""
    found = PLACE.fullmatch(source)
    assert found, f"no file and line: {problem or source}"
    lines = (project / found[1]).read_bytes().splitlines()
    assert 1 <= int(found[2]) <= max(len(lines), 1), f"no such line: {problem or source}"


def line_at(source: str, project: Path) -> str:
    """Return the line of a place."""
    file, _, line = source.rpartition(":")
    return (project / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]


def overlap(first: str, second: str) -> bool:
    """Whether one of two dotted paths is the other one, or leads to it."""
    short, long = sorted((first, second), key=len)
    return long == short or (long.startswith(short) and long[len(short)] in ".[")


def nested(path: tuple[Any, ...], value: Any) -> Any:
    """Return a value inside the mappings and lists that a path leads through."""
    for key in reversed(path):
        value = [value] if isinstance(key, int) else {key: value}
    return value


def put(raw: Mapping[str, Any], path: tuple[Any, ...], value: Any, rivals: Mapping[str, frozenset[str]]) -> Any:
    """Return configuration with a value at a path, without what excludes a key that is put in."""
    if not path:
        return value
    key, *rest = path
    if isinstance(key, int):
        items = list(raw) if isinstance(raw, list) else []
        return [put(items[0] if items else None, tuple(rest), value, rivals), *items[1:]]
    held = dict(raw) if isinstance(raw, Mapping) else {}
    kept = {name: item for name, item in held.items() if name == key or name not in rivals.get(key, ())}
    return {**kept, key: put(held.get(key), tuple(rest), value, rivals)}
