"""Dagster's storages.

What is done here to make runs faster can be switched off: with `KEDRO_ASSETS_PLAIN_DAGSTER=1` in the environment Dagster's
storages work as they do without this package.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from attrs import field, frozen

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

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
def kept_open(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Keep the SQLite databases open that a run writes to, if the instance has such, and what SQLAlchemy has compiled for them.

    Dagster opens and closes them for each event, and all of its statements are compiled anew each time. Whenever nobody else
    has one open, SQLite also moves what was written from its log into the file, which takes longer than to write it. And of
    every database it asks for each event which tables, columns and indexes there are.

    Reason: Dagster has no setting for it. It is changed for the storages of this instance only, and for this time.
    Risk: high; `KEDRO_ASSETS_PLAIN_DAGSTER` switches it off. Each write is a transaction of SQLite's as before, with the same
    settings. A process that a node forks opens them anew.

    Args:
        instance: The instance.
        run_id: The run.
    """
    with ExitStack() as stack:
        if not is_plain():
            stack.enter_context(_remembered(instance.event_log_storage))
            for kept in _databases(instance, run_id):
                stack.enter_context(kept.in_use())
        yield


_ASKED = ("has_table", "has_secondary_index", "has_asset_key_col", "_has_asset_key_col_on_connection")
"""The methods with which Dagster asks what a database has; the name of that is their last argument."""


@contextmanager
def _remembered(events: Any) -> Iterator[None]:
    """Ask a database once for each thing that it has: a migration only ever adds to it. What it has not is asked for again."""
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

    with ExitStack() as stack:
        for name in _ASKED if isinstance(events, SqlEventLogStorage) else ():
            if name in vars(events) or not hasattr(events, name):
                continue
            setattr(events, name, _once(getattr(events, name)))
            stack.callback(delattr, events, name)
        yield


def _once(ask: Callable[..., bool]) -> Callable[..., bool]:
    """Return a function that asks for a name until the answer is yes."""
    known: set[str] = set()

    def answer(*arguments: Any) -> bool:
        name = arguments[-1]
        if name not in known and ask(*arguments):
            known.add(name)
        return name in known

    return answer


def _databases(instance: dg.DagsterInstance, run_id: str) -> Iterator[_Databases]:
    """Yield the databases of SQLite that the storages of an instance work with during a run."""
    from dagster._core.storage import sqlite
    from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage, sqlite_event_log
    from dagster._core.storage.runs.sqlite import SqliteRunStorage
    from sqlalchemy.engine import make_url

    events, runs = instance.event_log_storage, instance.run_storage
    if isinstance(events, SqliteEventLogStorage):
        shards = (run_id, sqlite_event_log.INDEX_SHARD_NAME)
        places = {(shard,): (events.conn_string_for_shard(shard), events.path_for_shard(shard)) for shard in shards}
        patience = getattr(sqlite, "SQLITE_BUSY_TIMEOUT_SECONDS", _PATIENCE)
        yield _Databases(events, "_connect", places, events._db_lock, patience)
    if isinstance(runs, SqliteRunStorage):
        place = (runs._conn_string, str(make_url(runs._conn_string).database))
        yield _Databases(runs, "connect", {(): place}, nullcontext(), _PATIENCE)


_PATIENCE = 5
"""How many seconds SQLite's driver waits for others by itself."""


@frozen(eq=False)
class _Databases:
    """Databases that one method of a storage opens, as a context manager; here they stay open.

    Attributes:
        storage: The storage.
        method: The name of the method.
        places: The address and the file of each database, by the arguments of the method. It opens all others as before.
        lock: What the storage holds while it works with one of them.
        patience: How many seconds to wait for others that write to one.
        engines: What was opened, with the process and the file that it is of, by its address.
    """

    storage: Any
    method: str
    places: Mapping[Any, tuple[str, str]]
    lock: AbstractContextManager[Any]
    patience: float
    engines: dict[str, tuple[tuple[int, int, int], Engine]] = field(factory=dict)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Have the storage use what is kept open here, unless it does so already."""
        if self.method in vars(self.storage):
            yield
            return
        by_dagster = getattr(self.storage, self.method)

        @contextmanager
        def connect(*arguments: str) -> Iterator[Any]:
            engine = self._engine(*self.places[arguments]) if arguments in self.places else None
            if engine is None:
                with by_dagster(*arguments) as connection:
                    yield connection
            else:
                with self.lock, engine.begin() as connection:
                    yield connection

        setattr(self.storage, self.method, connect)
        try:
            yield
        finally:
            delattr(self.storage, self.method)
            for _, engine in self.engines.values():
                engine.dispose()

    def _engine(self, address: str, path: str) -> Engine | None:
        """Return what keeps a database open in this process; None if its file is not there yet, or no more."""
        from sqlalchemy import create_engine
        from sqlalchemy.pool import QueuePool

        try:
            file = Path(path).stat()
        except OSError:
            return None
        now = (os.getpid(), file.st_dev, file.st_ino)
        opened, engine = self.engines.get(address, (None, None))
        if engine is None or opened != now:  # neither another process's connections nor another file's
            if engine is not None:
                engine.dispose(close=opened is not None and opened[0] == now[0])
            options = {"timeout": self.patience, "check_same_thread": False}
            engine = create_engine(address, poolclass=QueuePool, pool_size=1, max_overflow=-1, connect_args=options)
            self.engines[address] = (now, engine)
        return engine
