"""Dagster's storages.

What is done here to make runs faster can be switched off: with `KEDRO_ASSETS_PLAIN_DAGSTER=1` in the environment Dagster's
storages work as they do without this package.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

import dagster as dg

PLAIN_VARIABLE = "KEDRO_ASSETS_PLAIN_DAGSTER"
"""The environment variable that leaves Dagster's storages as they are."""


def is_plain() -> bool:
    """Whether Dagster's storages are left as they are."""
    return os.environ.get(PLAIN_VARIABLE, "") not in ("", "0")


STEP_MODULES = (
    "alembic.command",
    "sqlalchemy.dialects.sqlite",
    "upath.implementations.local",
    "upath.registry",
    "dagster._core.instance.factory",
    "dagster._core.secrets",
    "dagster._core.storage.event_log.sqlite",
    "dagster._core.storage.runs.sqlite",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.storage.migration.utils",
    "dagster._core.storage.root",
    "dagster._core.system_config.composite_descent",
    "kedro.framework.context",
    "kedro.framework.session",
    "kedro.io",
)
"""What a step imports late: the storages of the instance, and Kedro's side of a run. The forkserver does so before.

Reason: a forked step does not import again what was imported before it.
Risk: low; a module that is not there is left out, and steps start more slowly.
"""


STORAGES = ("dagster._core.storage.event_log.", "dagster._core.storage.runs.", "dagster_postgres.", "dagster_mysql.")
"""Where Dagster's storages are.

Reason: what they log while they hold a lock cannot be written to them.
Risk: medium; where they move, a process may wait for itself when SQLAlchemy's own lines are logged.
"""


def read_migrations_once() -> None:
    """Read the migrations of Dagster's databases for this process and those that are forked from it.

    Each of its SQLite storages reads all of them, some ninety Python files, whenever it is opened, and a step opens four.

    Reason: Dagster has no setting for it. It is done in the forkserver and in the steps that are forked from it only.
    Risk: high, as it replaces the class with which Dagster's storages read their migrations, for the whole process;
    `KEDRO_ASSETS_PLAIN_DAGSTER` switches it off. Where the class or its place changes, nothing is replaced.
    """
    if is_plain():
        return
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from dagster._core.storage import sql
    from dagster._core.storage.event_log.sqlite import sqlite_event_log

    read: dict[str | None, ScriptDirectory] = {}

    class Migrations(ScriptDirectory):
        @classmethod
        def from_config(cls, config: Config) -> ScriptDirectory:
            place = config.get_main_option("script_location")
            if place not in read:
                read[place] = super().from_config(config)
            return read[place]

    sql.ScriptDirectory = Migrations  # type: ignore[attr-defined]
    Migrations.from_config(sql.get_alembic_config(sqlite_event_log.__file__)).as_revision_number("head")


@contextmanager
def open_event_log(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Keep the SQLite files open that the events of a run go to, if that is where the instance stores them.

    Dagster opens and closes them for each event, and whenever nobody else has one open, SQLite moves what was written from
    its log into the file, which takes longer than to write it.

    Reason: Dagster has no setting for it, and which files these are is not public.
    Risk: high; `KEDRO_ASSETS_PLAIN_DAGSTER` switches it off. The files are read only, so that no event can be lost by it. One
    that cannot be opened, as it is locked or gone, is left to Dagster.
    """
    with ExitStack() as stack:
        for path in () if is_plain() else _event_files(instance, run_id):
            with suppress(sqlite3.Error):
                # the steps of a Dask worker take turns, and may be in different threads
                kept = stack.enter_context(closing(sqlite3.connect(path, check_same_thread=False)))
                kept.execute("SELECT 1 FROM sqlite_master").fetchall()  # it is opened when it is first read
        yield


def _event_files(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Return the SQLite files that the events of a run go to; none if the instance stores them elsewhere."""
    from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage, sqlite_event_log

    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return []
    return [storage.path_for_shard(shard) for shard in (run_id, sqlite_event_log.INDEX_SHARD_NAME)]
