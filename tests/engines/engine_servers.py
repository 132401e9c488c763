"""The servers that engines need, each on a free port of this machine.

Where a program is missing its tests are skipped; with KEDRO_ASSETS_ENGINES=1 that is an error.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from dagster._core.executor.step_delegating import StepDelegatingExecutor
from servers import wait_for

START_SECONDS = 60
STOP_SECONDS = 20


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
def redis_server(folder: Path) -> Iterator[str]:
    """Run a Redis server that keeps nothing; yield its address."""
    program = shutil.which("redis-server")
    need(program, "redis-server")
    port = free_port()
    options = ("--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder))
    with started((str(program), *options), folder / "redis.log", lambda: answers(port)):
        yield f"redis://127.0.0.1:{port}"


@contextmanager
def dask_cluster(folder: Path, workers: int = 2, threads: int = 1, resources: str = "") -> Iterator[str]:
    """Run a Dask scheduler and its workers, each in a process of its own that is started again when it dies.

    Args:
        folder: Where their logs and files are.
        workers: How many there are.
        threads: How many threads each has.
        resources: What the last one has, as in `GPU=1`.
    """
    need_modules("distributed", "dagster_dask")
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    here = ("--host", "127.0.0.1", "--no-dashboard")
    scheduler = (sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", str(port), *here)
    with ExitStack() as stack:
        stack.enter_context(started(scheduler, folder / "scheduler.log", lambda: answers(port)))
        for number in range(workers):
            name, log = f"worker_{number}", folder / f"worker_{number}.log"
            options = ("--nthreads", str(threads), "--name", name, "--local-directory", str(folder / name))
            has = ("--resources", resources) if resources and number == workers - 1 else ()
            command = (sys.executable, "-m", "distributed.cli.dask_worker", address, *here, *options, *has)
            stack.enter_context(started(command, log, lambda log=log: "Starting established" in log.read_text()))
        yield address


@contextmanager
def ray_cluster(folder: Path) -> Iterator[str]:
    """Run the head of a Ray cluster with two CPUs and one GPU that is none; yield the address of its dashboard, which takes jobs.

    Of 127.0.0.1 Ray makes the address at which others reach this machine, of 127.0.0.2 it does not. Some of its processes listen
    on all interfaces all the same, so it has a token, for which `RAY_AUTH_MODE` and `RAY_AUTH_TOKEN` have to be set before.
    """
    need_modules("dagster_ray", "ray", "aiohttp")
    ports = {option: free_port() for option in ("port", "dashboard-port", "dashboard-agent-listen-port")}
    address = f"http://127.0.0.1:{ports['dashboard-port']}"

    def ready() -> bool:
        with suppress(ConnectionError, RuntimeError):
            return import_module("ray.job_submission").JobSubmissionClient(address).list_jobs() is not None
        return False

    # The paths of its sockets are limited to 107 characters.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as sockets:
        options = {
            **ports,
            "ray-client-server-port": free_port(),
            "node-ip-address": "127.0.0.2",
            "dashboard-host": "127.0.0.1",
            "include-dashboard": True,
            "include-log-monitor": False,
            "num-cpus": 2,
            "num-gpus": 1,
            "object-store-memory": 10**8,
            "temp-dir": sockets,
        }
        given = (f"--{name}={value}" for name, value in options.items())
        command = (sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", *given)
        with started(command, folder / "ray.log", ready, variables={"RAY_USAGE_STATS_ENABLED": "0"}):
            yield address


@contextmanager
def celery_worker(
    folder: Path, app: str, url: str, *, processes: int, variables: Mapping[str, str], queue: str = "dagster"
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `dagster-celery worker start` on a queue of a Redis server; it forks its processes and replaces those that die."""
    need_modules("dagster_celery", "redis")
    config = folder / "celery.yaml"
    config.write_text(yaml.safe_dump({"execution": {"config": {"broker": url, "backend": url}}}), encoding="utf-8")
    log = folder / "worker.log"
    command = ("worker", "start", "-A", app, "-y", str(config), "-q", queue)
    options = ("--", "--concurrency", str(processes), "--without-gossip", "--without-mingle")
    # It starts a program called `celery`.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with started(
        (sys.executable, "-m", "dagster_celery.cli", *command, *options),
        log,
        lambda: " ready." in log.read_text(errors="replace"),
        variables={"PATH": path, **variables},
    ) as process:
        yield process


def hurry_celery(patch: pytest.MonkeyPatch) -> None:
    """Let runs look at their Celery tasks ten times a second, and not every second."""
    patch.setattr(import_module("dagster_celery.core_execution_loop"), "TICK_SECONDS", 0.1)


def hurry_steps(patch: pytest.MonkeyPatch, module: str) -> None:
    """Let the executor of a module look after its containers every second, and not every 20."""
    soon = partial(StepDelegatingExecutor, check_step_health_interval_seconds=1)
    patch.setattr(import_module(module), "StepDelegatingExecutor", soon)
    patch.setenv("DAGSTER_STEP_DELEGATING_EXECUTOR_SLEEP_SECONDS", "0.1")
