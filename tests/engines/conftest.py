"""The servers that engines need, each started here on a free port of this machine and stopped at the end.

Where a program is missing its tests are skipped; with KEDRO_ASSETS_ENGINES=1 that is an error.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
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
Start = Callable[..., AbstractContextManager[subprocess.Popen[bytes]]]


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


@pytest.fixture(scope="session", name="make_project")
def _make_project() -> MakeProject:
    return make_project


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


@pytest.fixture(scope="session")
def start() -> Start:
    """Start a server in a test."""
    return started


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


DaskCluster = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="session", name="dask_cluster")
def _dask_cluster() -> DaskCluster:
    """Start a Dask cluster in a test; gives the address of its scheduler."""
    return dask_cluster


@pytest.fixture(scope="session")
def dask_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Dask scheduler with two workers of one thread each, which all tests share."""
    with dask_cluster(tmp_path_factory.mktemp("dask")) as address:
        yield address


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server that keeps nothing."""
    program = shutil.which("redis-server")
    need(program, "redis-server")
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    options = ("--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder))
    with started((str(program), *options), folder / "redis.log", lambda: answers(port)):
        yield f"redis://127.0.0.1:{port}"


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


CeleryWorker = Callable[..., AbstractContextManager[subprocess.Popen[bytes]]]


@pytest.fixture(scope="session", name="celery_worker")
def _celery_worker() -> CeleryWorker:
    """Start a Celery worker in a test."""
    return celery_worker


@pytest.fixture(scope="session")
def celery_url(tmp_path_factory: pytest.TempPathFactory, dagster_home: Path, redis_url: str) -> Iterator[str]:
    """The Redis of a Celery worker with two processes, which all tests share."""
    with celery_worker(tmp_path_factory.mktemp("celery"), dagster_home, redis_url, processes=2):
        yield redis_url


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server with one empty database."""
    need_modules("dagster_postgres")
    initdb = shutil.which("initdb") or max(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)
    need(initdb, "PostgreSQL")
    programs = Path(str(initdb)).parent
    user = "nobody" if os.geteuid() == 0 else None  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="postgres_"))  # not below pytest's folder, which is closed to other users
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    port = free_port()
    try:
        make = (str(initdb), "-D", str(folder / "data"), "-U", "tester", "-A", "trust", "--no-sync", "-E", "UTF8")
        subprocess.run(make, check=True, capture_output=True, user=user, cwd=folder)
        options = ("-D", str(folder / "data"), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1", "-F")
        log = tmp_path_factory.mktemp("postgres") / "postgres.log"
        url = f"postgresql://tester@127.0.0.1:{port}/postgres"
        with started(
            (str(programs / "postgres"), *options),
            log,
            lambda: accepts(url),
            user=user,
            stop=signal.SIGINT,
        ):
            # dagster-postgres brings psycopg2, which is not the driver that SQLAlchemy 2.1 takes by itself
            yield url.replace("postgresql:", "postgresql+psycopg2:")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
