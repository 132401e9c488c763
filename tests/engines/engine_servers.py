"""The project that engines run, and the servers that they need, each on a free port of this machine.

Where a program is missing its tests are skipped; with KEDRO_ASSETS_ENGINES=1 that is an error.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from comparing import start_over
from helpers import KedroProject, json_dataset, write_project
from servers import LAUNCH, dagster_dev, has_ended, wait_for

START_SECONDS = 60
STOP_SECONDS = 20
RAW = {"raw.json": "[1, 2, 3, 4]"}

NODES = """
    import logging
    import os
    import signal
    import time
    from pathlib import Path

    logger = logging.getLogger(__name__)
    HERE = Path(__file__).parents[2]

    def clean(raw, factor):
        logger.info("cleaning %d values", len(raw))
        return [value * factor for value in raw]

    def split(cleaned):
        logger.warning("splitting %s", cleaned)
        return {"low": cleaned[:2], "high": cleaned[2:]}

    def chunks(high):
        for value in high:
            logger.info("the next chunk is %d", value)
            yield {"value": value}

    def total(low, high, everything):
        if (HERE / "fail_once").exists():
            (HERE / "fail_once").unlink()
            raise RuntimeError("not now")
        if (HERE / "fail").exists():
            raise RuntimeError("never")
        if (HERE / "kill_once").exists():
            (HERE / "kill_once").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        if (HERE / "kill").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        while (HERE / "wait").exists():
            (HERE / "waiting").touch()
            time.sleep(0.1)
        return {"total": sum(low) + sum(high), "parameters": sorted(everything)}

    def history(total, depth):
        return [total["total"]] * depth

    def report(total):
        logger.error("the total is %d", total["total"])
"""
PIPELINES = """{
    "__default__": pipeline([
        node(clean, ["raw", "params:factor"], "cleaned", name="clean"),
        node(split, "cleaned", {"low": "low", "high": "high"}, name="split"),
        node(chunks, "high", "rows", name="chunks"),
        node(total, {"low": "low", "high": "high", "everything": "parameters"}, "total", name="total"),
        node(history, ["total", "params:model.depth"], "stats.history", name="history", namespace="stats"),
        node(report, "total", None, name="report"),
    ]),
}"""

MakeProject = Callable[..., KedroProject]


def make_project(folder: Path, **dagster: object) -> KedroProject:
    """Write the project of these tests, with sections of dagster.yml."""
    project = write_project(
        folder,
        nodes=NODES,
        pipelines=PIPELINES,
        catalog=json_dataset("raw", "high", "rows", "total") + json_dataset("stats.history", versioned=True),
        parameters="factor: 10\nmodel: {depth: 3}\n",
        dagster=yaml.safe_dump(dagster),
    )
    start_over(project, RAW)
    return project


def cancel_in_total(project: KedroProject, home: Path) -> str:
    """Launch the job `everything` as the UI does, cancel it while its node `total` runs, and give the run's status."""
    waiting, wait = project.path / "waiting", project.write("wait", "")
    with dagster_dev(home, project) as dev:
        selector = {**dev.location(project), "pipelineName": "everything"}
        params = {"selector": selector, "mode": "default", "runConfigData": {}, "executionMetadata": {"tags": []}}
        run_id = dev.ask(LAUNCH, params=params)["launchPipelineExecution"]["run"]["runId"]
        wait_for(waiting.exists, "the node")
        dev.ask("mutation ($id: String!) {terminateRun(runId: $id) {__typename}}", id=run_id)
        time.sleep(3)  # until the run's process has heard of it
        wait.unlink()
        wait_for(lambda: has_ended(dev.status(run_id)), f"run {run_id}")
        return dev.status(run_id)


def need(found: object, what: str) -> None:
    """Skip a test without what it needs, or fail if it is to run everywhere."""
    if found:
        return
    if os.environ.get("KEDRO_ASSETS_ENGINES") == "1":
        pytest.fail(f"{what} is missing")
    pytest.skip(f"{what} is not installed")


def need_modules(*names: str) -> None:
    for name in names:
        need(find_spec(name), f"the Python package {name}")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def accepts(url: str) -> bool:
    """Say whether PostgreSQL takes connections."""
    psycopg2 = import_module("psycopg2")
    with suppress(psycopg2.OperationalError):
        psycopg2.connect(url).close()
        return True
    return False


@contextmanager
def started(
    command: Sequence[str],
    log: Path,
    ready: Callable[[], bool],
    *,
    variables: Mapping[str, str] | None = None,
    user: str | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the end of the block, and kill what it has started and left."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            env={**os.environ, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
        )

    def ready_or_dead() -> bool:
        assert process.poll() is None, log.read_text(errors="replace")[-4000:]
        return ready()

    try:
        wait_for(ready_or_dead, " ".join(command[:4]), START_SECONDS)
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(stop)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def dask_cluster(folder: Path, workers: int = 2, threads: int = 1) -> Iterator[str]:
    """Run a Dask scheduler and its workers, each in a process of its own that is started again when it dies."""
    need_modules("distributed", "dagster_dask")
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    dask = (sys.executable, "-m", "distributed.cli")
    scheduler = (sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port))
    with ExitStack() as stack:
        stack.enter_context(started((*scheduler, "--no-dashboard"), folder / "scheduler.log", lambda: answers(port)))
        for number in range(workers):
            log = folder / f"worker_{number}.log"
            options = ("--host", "127.0.0.1", "--nthreads", str(threads), "--no-dashboard")
            place = ("--local-directory", str(folder / f"worker_{number}"), "--name", f"worker_{number}")
            command = (*dask[:2], "distributed.cli.dask_worker", address, *options, *place)
            stack.enter_context(started(command, log, lambda log=log: "Starting established" in log.read_text()))
        yield address


@contextmanager
def celery_worker(folder: Path, home: Path, url: str, processes: int = 1) -> Iterator[subprocess.Popen[bytes]]:
    """Run `dagster-celery worker start` on a Redis server; it forks its processes and replaces those that die."""
    need_modules("dagster_celery", "redis")
    config = folder / "celery.yaml"
    config.write_text(yaml.safe_dump({"execution": {"config": {"broker": url, "backend": url}}}), encoding="utf-8")
    log = folder / "worker.log"
    command = ("worker", "start", "-A", "dagster_celery.app", "-y", str(config))
    options = ("--", "--concurrency", str(processes), "--without-gossip", "--without-mingle")
    # It starts a program called `celery`.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with started(
        (sys.executable, "-m", "dagster_celery.cli", *command, *options),
        log,
        lambda: " ready." in log.read_text(errors="replace"),
        variables={"DAGSTER_HOME": str(home), "PATH": path},
    ) as process:
        yield process
