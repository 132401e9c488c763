"""What is in the files of a Dagster instance."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any


def files(home: Path) -> Iterator[tuple[str, str]]:
    """What is in the files of an instance; what its databases have compressed is unpacked."""
    for file in sorted(path for path in home.rglob("*") if path.is_file()):
        name = str(file.relative_to(home))
        if file.suffix == ".db":
            yield name, "\n".join(values(file))
        yield f"{name} as bytes", file.read_bytes().decode("latin-1")


def values(database: Path) -> Iterator[str]:
    with closing(sqlite3.connect(database)) as connection:
        tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            for row in connection.execute(f'select * from "{table}"'):
                yield from (text(value) for value in row)


def text(value: Any) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return zlib.decompress(value).decode()
    except zlib.error:
        return value.decode("latin-1")
