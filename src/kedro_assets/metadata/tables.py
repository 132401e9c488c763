"""Tables of any library, by what they tell of themselves at no cost; no library is imported for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from attrs import frozen


@frozen
class Table:
    """What a table tells of itself.

    Attributes:
        columns: The names of its columns with their types, in order.
        rows: How many rows it has; None if it would have to be computed.
        head: Gives its first rows; None if they would have to be computed.
    """

    columns: Sequence[tuple[str, str]]
    rows: int | None = None
    head: Callable[[int], Sequence[Sequence[Any]]] | None = None


def table_of(data: Any) -> Table | None:
    """Look at data as a table; None if it is none.

    Whatever library made it has been imported by now. A polars `LazyFrame` tells nothing without work.
    """
    for name, look in _LIBRARIES.items():
        library = sys.modules.get(name)
        found = look(library, data) if library else None
        if found:
            return found
    return None


def _pandas(pandas: ModuleType, data: Any) -> Table | None:
    if isinstance(data, pandas.Series):
        return Table(
            [("value" if data.name is None else str(data.name), str(data.dtype))],
            len(data),
            lambda count: [(value,) for value in data.head(count)],
        )
    if not isinstance(data, pandas.DataFrame):
        return None
    columns = [(str(name), str(dtype)) for name, dtype in data.dtypes.items()]
    return Table(columns, len(data), lambda count: list(data.head(count).itertuples(index=False, name=None)))


def _polars(polars: ModuleType, data: Any) -> Table | None:
    if isinstance(data, polars.Series):
        return Table(
            [(data.name or "value", str(data.dtype))],
            len(data),
            lambda count: [(value,) for value in data.head(count)],
        )
    if not isinstance(data, polars.DataFrame):
        return None
    columns = [(name, str(dtype)) for name, dtype in data.schema.items()]
    return Table(columns, data.height, lambda count: data.head(count).rows())


def _arrow(arrow: ModuleType, data: Any) -> Table | None:
    if not isinstance(data, arrow.Table):
        return None
    columns = [(field.name, str(field.type)) for field in data.schema]
    return Table(
        columns,
        data.num_rows,
        lambda count: list(zip(*(column.to_pylist() for column in data.slice(0, count).columns), strict=True)),
    )


def _spark(spark: ModuleType, data: Any) -> Table | None:
    if not isinstance(data, spark.DataFrame):
        return None
    return Table([(field.name, field.dataType.simpleString()) for field in data.schema.fields])


def _ibis(types: ModuleType, data: Any) -> Table | None:
    if not isinstance(data, types.Table):
        return None
    return Table([(name, str(dtype)) for name, dtype in data.schema().items()])


_LIBRARIES: Mapping[str, Callable[[ModuleType, Any], Table | None]] = {
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": _arrow,
    "pyspark.sql": _spark,
    "ibis.expr.types": _ibis,
}
