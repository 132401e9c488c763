"""Have a worker that lives on execute the steps of many runs, and look whether its memory and descriptors stay as they are."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import dagster as dg
from helpers import KedroProject, execute

from soak.deployment import Process
from soak.growth import ENOUGH_SAMPLES, Growth, growth_of

sys.path.append(str(Path(__file__).parents[1] / "engines"))

from engine_project import DATA, make_project
from engine_servers import celery_worker, dask_cluster, redis_server

ENGINES = ("dask", "celery")
PROFILER = "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED"
"""Dask's profiler keeps an hour of what it has seen, whatever runs: some 0.7 MB a run here, until the hour is full."""
TICK_SECONDS = 0.1
"""How often a run looks after its tasks on Celery; Dagster does each second."""


@dataclass
class Worked:
    """What came of the runs of an engine.

    Attributes:
        engine: Its name.
        runs: How many ended as what.
        growth: How the worker's process has changed.
    """

    engine: str
    runs: dict[str, int] = field(default_factory=dict)
    growth: list[Growth] = field(default_factory=list)

    def failures(self) -> list[str]:
        """Say what should not be."""
        failed = [f"{self.engine}: {self.runs}"] if self.runs.keys() != {"SUCCESS"} else []
        return failed + [f"{each.service} grows: {each}" for each in self.growth if not each.is_flat()]


def work(folder: Path, engine: str, runs: int) -> Worked:
    """Execute a project of five steps many times, on one worker.

    Args:
        folder: For the project, the instance and the worker.
        engine: `dask` or `celery`.
        runs: How many.
    """
    home = folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    done, samples, start = Worked(engine), list[tuple[float, float]](), time.monotonic()
    with dg.DagsterInstance.from_config(str(home)) as instance, _RUNNING[engine](folder, home) as (executor, pid):
        worker = Process(pid, 0, "", "")
        project = _project(folder / "project", {engine: executor})
        for _ in range(runs):
            status = execute(project, instance).dagster_run.status.value
            done.runs[status] = done.runs.get(status, 0) + 1
            samples.append((worker.megabytes, worker.descriptors))
    if len(samples) >= ENOUGH_SAMPLES:
        done.growth = [growth_of(f"{engine} worker", samples, (time.monotonic() - start) / 60)]
    return done


def _project(folder: Path, executor: dict[str, object]) -> KedroProject:
    project = make_project(folder, assets={"cluster_by": "node"}, default_executor=executor)
    for name, text in DATA.items():
        project.write(f"data/{name}", text)
    return project


_Running = tuple[dict[str, object], int]
"""The options of an executor, and the id of the process of its worker."""


@contextmanager
def _dask(folder: Path, _: Path) -> Iterator[_Running]:
    os.environ[PROFILER] = "False"  # workers are started with it
    with dask_cluster(folder, workers=1) as address:
        with import_module("distributed").Client(address) as client:
            [pid] = client.run(os.getpid).values()
        yield {"cluster": {"existing": {"address": address}}}, pid


@contextmanager
def _celery(folder: Path, home: Path) -> Iterator[_Running]:
    import_module("dagster_celery.core_execution_loop").TICK_SECONDS = TICK_SECONDS
    variables = {"DAGSTER_HOME": str(home)}
    with (
        redis_server(folder) as url,
        celery_worker(folder, "celery", url, variables=variables, concurrency=1) as started,
    ):
        [forked] = import_module("psutil").Process(started.pid).children(recursive=True)[-1:]
        yield {"broker": url, "backend": url}, forked.pid


_RUNNING: dict[str, Callable[[Path, Path], AbstractContextManager[_Running]]] = {"dask": _dask, "celery": _celery}
