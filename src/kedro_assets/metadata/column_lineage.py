"""From which columns of stored datasets each column of an Ibis table is computed, read off its expression.

A dataset is recognised by the operation of the table that was loaded from it, never by a name. What the expression does
not tell is left out: a column that is computed from a table of unknown origin, in SQL text, or by a function of the database.
It counts what a value is computed from, and not what decides which rows there are: filters, join predicates, groups, order.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import chain
from types import ModuleType
from typing import Any

import dagster as dg

Column = tuple[dg.AssetKey, str]
Origin = frozenset[Column] | Mapping[str, Any] | None
"""The columns that a value is computed from; of a struct that is put together, those of each field. None if unknown."""

Columns = Mapping[str, Origin]
"""The origin of each column of a table; of a column that is not there, nothing is known."""

_NOTHING: frozenset[Column] = frozenset()
_MOST_COLUMNS = 10_000  # in all; they are written to the event log with every materialization
_MOST_SHOWN = 20

_OF_PYTHON = ("PYTHON", "PANDAS", "PYARROW")


class LoadedTables:
    """The Ibis tables that have been loaded in this process for one run, each with the asset that it was loaded from."""

    def __init__(self) -> None:
        self._assets: dict[Any, set[dg.AssetKey]] = {}

    def add(self, key: dg.AssetKey, data: Any) -> None:
        """Note what was loaded from a dataset, if it is an Ibis table.

        Args:
            key: The asset key of the dataset.
            data: What was loaded.
        """
        if _is_table(data):
            self._assets.setdefault(data.op(), set()).add(key)

    def lineage(self, data: Any) -> dg.TableColumnLineage | None:
        """Return the lineage of the columns of which it is known; None if the data is no Ibis table, or nothing is known."""
        operations = sys.modules.get("ibis.expr.operations")
        if operations is None or not self._assets or not _is_table(data):
            return None
        walk = _Walk(operations, self._assets)
        found = data.op().map(walk.visit)[data.op()]
        flat = {name: _flat(found.get(name)) for name in data.columns}
        known = {name: columns for name, columns in flat.items() if columns is not None}
        if not any(known.values()) or sum(map(len, known.values())) > _MOST_COLUMNS:
            return None
        return dg.TableColumnLineage(
            {name: [dg.TableColumnDep(key, column) for key, column in columns] for name, columns in known.items()}
        )


def described(schema: dg.TableSchema, lineage: dg.TableColumnLineage) -> dg.TableSchema:
    """Return the columns of a table, each described by those that it is computed from."""
    columns = []
    for column in schema.columns:
        deps = lineage.deps_by_column.get(column.name)
        columns.append(dg.TableColumn(column.name, column.type, None if deps is None else _sentence(deps)))
    return dg.TableSchema(columns)


def _sentence(deps: Sequence[dg.TableColumnDep]) -> str:
    if not deps:
        return "From no column"
    shown = [f"`{dep.asset_key.to_user_string()}`.`{dep.column_name}`" for dep in deps[:_MOST_SHOWN]]
    more = len(deps) - len(shown)
    return f"From {', '.join(shown)}{f' and {more} more' if more else ''}"


def _is_table(data: Any) -> bool:
    """Whether data is an Ibis table; whoever made it has imported Ibis by now."""
    types = sys.modules.get("ibis.expr.types")
    return types is not None and isinstance(data, types.Table)


class _Walk:
    """Goes through the operations of an expression, each after those that it is made of."""

    def __init__(self, operations: ModuleType, assets: Mapping[Any, set[dg.AssetKey]]) -> None:
        self._operations = operations
        self._assets = assets
        how: dict[Callable[[Any, Mapping[Any, Any]], Any], str] = {
            _of_values: "Project Aggregate JoinChain DummyTable",
            _of_parent: "Filter Sort Limit Distinct Sample DropColumns DropNull DropNa SelfReference JoinReference AliasedRelation",
            _of_both_sides: "Union Intersection",
            _of_left_side: "Difference",
            self._of_filled: "FillNull FillNa",
            _of_unnested: "TableUnnest",
            _of_column: "Field",
            _of_struct: "StructColumn",
            _of_field: "StructField",
            self._of_rows: "CountStar",
            self._of_tables: "CountDistinctStar ScalarSubquery InSubquery",
            self._of_elements: "Alias Array Unnest",
        }
        self._how = {
            getattr(operations, name): function
            for function, names in how.items()
            for name in names.split()
            if hasattr(operations, name)  # they differ a little from version to version
        }

    def visit(self, node: Any, results: Mapping[Any, Any], /, **_: Any) -> Any:
        """Return the origins of the columns of a table, or that of a value."""
        how = self._how.get(type(node))
        if isinstance(node, self._operations.Relation):
            if node in self._assets:
                return _of_asset(node, self._assets[node])
            return how(node, results) if how else {}
        return (how or self._of_parts)(node, results)

    def _of_parts(self, node: Any, results: Mapping[Any, Any]) -> Origin:
        """Return the origin of what is computed from other values; of an unknown use of a table nothing is known."""
        values, tables = self._parts(node)
        if tables or (hasattr(node, "__input_type__") and node.__input_type__.name not in _OF_PYTHON):
            return None  # a function of the database may read any table
        return _union(results[value] for value in values)

    def _of_rows(self, node: Any, results: Mapping[Any, Any]) -> Origin:
        """Return the origin of a number of rows, whatever is in them."""
        return _union(results[value] for value in self._parts(node)[0])

    def _of_tables(self, node: Any, results: Mapping[Any, Any]) -> Origin:
        """Return the origin of what is computed from all columns of a table, which may be one only."""
        values, tables = self._parts(node)
        columns = (results[table].get(name) for table in tables for name in table.schema.names)
        return _union(chain((results[value] for value in values), columns))

    def _of_filled(self, node: Any, results: Mapping[Any, Any]) -> Columns:
        """Return the columns of a table with constants for what is missing."""
        others = _union(results[value] for value in self._parts(node)[0])
        return _of_parent(node, results) if others == _NOTHING else {}

    def _of_elements(self, node: Any, results: Mapping[Any, Any]) -> Origin:
        """Return the origin of values that are put side by side or taken apart, as they are."""
        origins: list[Origin] = [results[value] for value in self._parts(node)[0]]
        return reduce(_together, origins) if origins else _NOTHING

    def _parts(self, node: Any) -> tuple[list[Any], list[Any]]:
        """Return the values and the tables that an operation is made of."""
        parts = list(_flattened(node.args))
        tables = [part for part in parts if isinstance(part, self._operations.Relation)]
        return [part for part in parts if isinstance(part, self._operations.Value)], tables


def _of_asset(node: Any, assets: Collection[dg.AssetKey]) -> Columns:
    """Return the columns of a table that was loaded from a dataset; if several are one table, none."""
    key, *others = assets
    return {} if others else {name: frozenset({(key, name)}) for name in node.schema.names}


def _of_values(node: Any, results: Mapping[Any, Any]) -> Columns:
    return {name: results[value] for name, value in node.values.items()}


def _of_parent(node: Any, results: Mapping[Any, Any]) -> Columns:
    return {name: results[node.parent].get(name) for name in node.schema.names}


def _of_both_sides(node: Any, results: Mapping[Any, Any]) -> Columns:
    left, right = results[node.left], results[node.right]
    return {name: _together(left.get(name), right.get(name)) for name in node.schema.names}


def _of_left_side(node: Any, results: Mapping[Any, Any]) -> Columns:
    found: Columns = results[node.left]
    return found


def _of_unnested(node: Any, results: Mapping[Any, Any]) -> Columns:
    origin = results[node.column]
    offset = {node.offset: _flat(origin)} if node.offset is not None else {}
    return {**results[node.parent], node.column_name: origin, **offset}


def _of_column(node: Any, results: Mapping[Any, Any]) -> Origin:
    found: Origin = results[node.rel].get(node.name)
    return found


def _of_struct(node: Any, results: Mapping[Any, Any]) -> Origin:
    return {name: results[value] for name, value in zip(node.names, node.values, strict=True)}


def _of_field(node: Any, results: Mapping[Any, Any]) -> Origin:
    whole: Origin = results[node.arg]
    return whole[node.field] if isinstance(whole, Mapping) else whole


def _flattened(args: Iterable[Any]) -> Iterator[Any]:
    """Yield the arguments of an operation; tuples, lists and mappings of them, one by one."""
    for arg in args:
        if isinstance(arg, tuple | list):
            yield from _flattened(arg)
        elif isinstance(arg, Mapping):
            yield from _flattened(chain.from_iterable(arg.items()))
        else:
            yield arg


def _together(one: Origin, other: Origin) -> Origin:
    """Return the origin of what is the one value or the other."""
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        return {name: _together(one[name], other[name]) for name in one}
    return _union([one, other])


def _union(origins: Iterable[Origin]) -> frozenset[Column] | None:
    found = [_flat(origin) for origin in origins]
    return _NOTHING.union(*(each for each in found if each is not None)) if None not in found else None


def _flat(origin: Origin) -> frozenset[Column] | None:
    return _union(origin.values()) if isinstance(origin, Mapping) else origin
