"""The engines of the benchmark `workers`, each with servers of its own on this machine: those of the tests of the engines."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest
from projects import Executor

TESTS = Path(__file__).parents[1].resolve() / "tests"
sys.path += [str(TESTS), str(TESTS / "engines")]

from docker_engine import IMAGE, running_engine  # noqa: E402
from engine_servers import celery_worker, dask_cluster, need_modules, redis_server  # noqa: E402

Missing = pytest.skip.Exception
"""What is raised, as in the tests, where something is missing that an engine needs."""


@dataclass(frozen=True)
class Engine:
    """An engine that runs.

    Attributes:
        executor: The executor that hands it steps, with its options.
        used: Gives the seconds of CPU that its workers or containers have used so far.
    """

    executor: Executor
    used: Callable[[], float]


Start = Callable[[Path], AbstractContextManager[Engine]]
"""Starts an engine, with its files in a folder, and stops it at the end of a block."""


@contextmanager
def dask(folder: Path) -> Iterator[Engine]:
    """Run a scheduler and two workers of one thread."""
    with dask_cluster(folder, workers=2) as address:
        yield Engine({"dask": {"cluster": {"existing": {"address": address}}}}, partial(_used, "--nthreads"))


@contextmanager
def celery(folder: Path) -> Iterator[Engine]:
    """Run Redis and three worker processes."""
    home = folder / "home"  # which the command of the workers wants; the run brings its own
    home.mkdir()
    variables = {"DAGSTER_HOME": str(home)}
    with (
        redis_server(folder) as url,
        celery_worker(folder, "celery", url, variables=variables, concurrency=3),
    ):
        yield Engine({"celery": {"broker": url, "backend": url}}, partial(_used, "dagster_celery"))


@contextmanager
def docker(folder: Path) -> Iterator[Engine]:
    """Run a Docker Engine; two steps have a container at a time."""
    need_modules("dagster_docker")
    before = os.environ.get("DOCKER_HOST")
    with running_engine(folder) as engine:
        os.environ["DOCKER_HOST"] = engine.url
        try:
            seen = {"networks": ["host"], "container_kwargs": engine.container_kwargs}
            options = {"image": IMAGE, "env_vars": ["DAGSTER_HOME"], "max_concurrent": 2, **seen}
            yield Engine({"docker": options}, partial(_used_by_group, engine.socket.parent.name))
        finally:
            del os.environ["DOCKER_HOST"]
            if before is not None:
                os.environ["DOCKER_HOST"] = before


def _used(program: str) -> float:
    """Give the CPU of the workers that this process has started, with that of all their children, those that have ended too."""
    found = 0.0
    for child in psutil.Process().children():
        if any(program in argument for argument in child.cmdline()):
            for process in (child, *child.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    found += sum(process.cpu_times()[:4])
    return found


def _used_by_group(name: str) -> float:
    """Give the CPU of all processes that were ever in a control group or in one below it."""
    root = Path("/sys/fs/cgroup")
    second = root / name / "cpu.stat"
    if second.exists():
        lines = dict(line.split() for line in second.read_text().splitlines())
        return int(lines["usage_usec"]) / 1e6
    return int((root / "cpuacct" / name / "cpuacct.usage").read_text()) / 1e9
