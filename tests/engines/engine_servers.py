"""The servers that engines need, each on a free port of this machine.

Where a program is missing its tests are skipped; with KEDRO_ASSETS_ENGINES=1 that is an error.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from dagster._core.executor.step_delegating import StepDelegatingExecutor
from page_commands import commands_for
from servers import free_port, started


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


def postgres_programs() -> Path:
    """Return the folder with the programs of PostgreSQL, which Debian keeps out of the PATH."""
    initdb = shutil.which("initdb") or max(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)
    need(initdb, "PostgreSQL")
    return Path(str(initdb)).resolve().parent


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
def redis_server(folder: Path) -> Iterator[str]:
    """Run a Redis server that keeps nothing; yield its address."""
    program = shutil.which("redis-server")
    need(program, "redis-server")
    port = free_port()
    options = ("--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder))
    with started((str(program), *options), folder / "redis.log", lambda: answers(port)):
        yield f"redis://127.0.0.1:{port}"


def on_page(executor: str, *, has: str, but: str = "(?!)", **others: object) -> list[str]:
    """Take a command from the page of an executor.

    Args:
        executor: The name of the page.
        has: What the command matches, and no other there.
        but: What it does not match.
        others: Words that take the place of those on the page, by what stands before them: `q="cards"` for what follows `-q`.

    Returns:
        Its words, of which the first is the program of this Python.
    """
    lines = commands_for(__file__, f"docs/reference/executors/{executor}.md")
    [line] = [line for line in lines if re.search(has, line) and not re.search(but, line)]
    program, *words = shlex.split(line)
    for option, value in others.items():
        [at] = [at for at, word in enumerate(words) if word.lstrip("-") == option]
        words[at + 1] = str(value)
    return [str(Path(sys.executable).with_name(program)), *words]


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
    scheduler = (*on_page("dask", has="scheduler --", port=port), *here)
    with ExitStack() as stack:
        stack.enter_context(started(scheduler, folder / "scheduler.log", lambda: answers(port)))
        for number in range(workers):
            name, log = f"worker_{number}", folder / f"worker_{number}.log"
            if resources and number == workers - 1:
                words = on_page("dask", has="--resources", worker=address, nthreads=threads, resources=resources)
            else:
                words = on_page("dask", has="worker", but="--resources|scheduler --", worker=address, nthreads=threads)
            command = (*words, *here, "--name", name, "--local-directory", str(folder / name))
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
            "include-log-monitor": False,
            "num-cpus": 2,
            "num-gpus": 1,
            "object-store-memory": 10**8,
            "temp-dir": sockets,
        }
        given = (f"--{name}={value}" for name, value in options.items())
        command = (*on_page("ray", has="start"), "--block", *given)
        with started(command, folder / "ray.log", ready, variables={"RAY_USAGE_STATS_ENABLED": "0"}):
            yield address


@contextmanager
def celery_worker(
    folder: Path, page: str, url: str, *, variables: Mapping[str, str], queue: str = "", **others: object
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker on a queue of a Redis server; it forks its processes and replaces those that die.

    Args:
        folder: Where its files are.
        page: The page of the executor, whose command it is.
        url: The address of the server.
        variables: More of its environment.
        queue: The queue of which the page tells, if it is not Dagster's own.
        others: What the command has in place of what is on the page: `concurrency`, `A`.
    """
    need_modules("dagster_celery", "redis")
    config = {"execution": {"config": {"broker": url, "backend": url}}}
    (folder / "celery.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    log = folder / "worker.log"
    words = on_page(page, has=f"-q {queue}" if queue else "worker", but="(?!)" if queue else "-q ", **others)
    # It starts a program called `celery`.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with started(
        [*words, "--without-gossip", "--without-mingle"],
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
