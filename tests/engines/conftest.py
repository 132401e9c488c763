"""The project as fixtures, and the servers that are stopped at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("engine_tests")

from docker_engine import DockerEngine, running_engine  # noqa: E402
from engine_servers import accepts, celery_worker, dask_cluster, need_modules, postgres_programs, redis_server  # noqa: E402
from engine_tests import Engine  # noqa: E402
from helpers import KedroProject  # noqa: E402
from servers import free_port, started  # noqa: E402


@pytest.fixture
def project(tmp_path: Path, engine: Engine) -> KedroProject:
    """The project for a module's engine, each node with a step of its own."""
    return engine.project(tmp_path)


@pytest.fixture
def clustered(tmp_path: Path, engine: Engine) -> KedroProject:
    """The project for a module's engine, whose first step has `clean`, `split` and `total`."""
    return engine.project(tmp_path, "memory")


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server that keeps nothing."""
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server with one empty database."""
    need_modules("dagster_postgres")
    programs = postgres_programs()
    user = "nobody" if os.geteuid() == 0 else None  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="postgres_"))  # not below pytest's folder, which is closed to other users
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    port = free_port()
    try:
        make = (
            str(programs / "initdb"),
            "-D",
            str(folder / "data"),
            "-U",
            "tester",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
        )
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


@pytest.fixture(scope="session")
def docker_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEngine]:
    """A Docker Engine with two images; the tests that need it are skipped where none can be started."""
    need_modules("dagster_docker")
    with running_engine(tmp_path_factory.getbasetemp()) as engine:
        yield engine


@pytest.fixture(scope="module", params=["dask", "celery"])
def one_worker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, dagster_home: Path
) -> Iterator[dict[str, Any]]:
    """An executor with one worker process, which all tests of a module share."""
    folder = tmp_path_factory.mktemp("workers")
    with ExitStack() as stack:
        if request.param == "dask":
            address = stack.enter_context(dask_cluster(folder, workers=1))
            yield {"dask": {"cluster": {"existing": {"address": address}}}}
        else:
            url, variables = request.getfixturevalue("redis_url"), {"DAGSTER_HOME": str(dagster_home)}
            stack.enter_context(celery_worker(folder, "celery", url, variables=variables, concurrency=1))
            yield {"celery": {"broker": url, "backend": url}}
