"""What tables tell of themselves, without work and without an import."""

import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from kedro_assets.metadata.tables import table_of

ROWS = {"a": [1, 2, 3], "b": ["x", "y", "z"]}


@pytest.mark.parametrize(
    ("data", "types"),
    [
        (pd.DataFrame(ROWS), ["int64", str(pd.Series(["x"]).dtype)]),
        (pl.DataFrame(ROWS), ["Int64", "String"]),
        (pa.table(ROWS), ["int64", "string"]),
    ],
    ids=["pandas", "polars", "pyarrow"],
)
def test_a_table_tells_its_columns_its_rows_and_the_first_of_them(data, types):
    table = table_of(data)
    assert list(table.columns) == list(zip("ab", types, strict=True))
    assert table.rows == 3
    assert [tuple(row) for row in table.head(2)] == [(1, "x"), (2, "y")]


@pytest.mark.parametrize("library", [pd, pl])
@pytest.mark.parametrize(("name", "shown"), [("n", "n"), (None, "value")])
def test_a_series_is_a_table_of_one_column(library, name, shown):
    table = table_of(library.Series(name=name, **{"data" if library is pd else "values": [1, 2]}))
    assert [column for column, _ in table.columns] == [shown]
    assert (table.rows, table.head(1)) == (2, [(1,)])


def test_columns_may_be_named_by_anything():
    data = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 1)]))
    assert [column for column, _ in table_of(data).columns] == ["('a', 1)", "('a', 1)"]


def test_a_class_derived_from_a_table_is_one():
    class Frame(pd.DataFrame):
        pass

    assert table_of(Frame(ROWS)).rows == 3


def test_a_table_that_is_computed_later_tells_its_columns_only(monkeypatch):
    class Frame:
        schema = SimpleNamespace(
            fields=[SimpleNamespace(name="a", dataType=SimpleNamespace(simpleString=lambda: "bigint"))]
        )

        def count(self):
            raise AssertionError

    class Expression:
        def schema(self):
            return {"b": "int64"}

    spark, ibis = ModuleType("pyspark.sql"), ModuleType("ibis.expr.types")
    spark.DataFrame, ibis.Table = Frame, Expression
    monkeypatch.setitem(sys.modules, "pyspark.sql", spark)
    monkeypatch.setitem(sys.modules, "ibis.expr.types", ibis)
    tables = [table_of(Frame()), table_of(Expression())]
    assert [list(table.columns) for table in tables] == [[("a", "bigint")], [("b", "int64")]]
    assert [(table.rows, table.head) for table in tables] == [(None, None)] * 2


@pytest.mark.parametrize(
    "data", [None, 1, "text", [1], {"a": 1}, pl.DataFrame(ROWS).lazy(), object()], ids=lambda data: type(data).__name__
)
def test_anything_else_is_no_table(data):
    assert table_of(data) is None


def test_no_library_is_imported():
    program = (
        "import sys, kedro_assets.metadata.collector, kedro_assets.metadata.tables as tables\n"
        "before = set(sys.modules)\n"
        "assert tables.table_of([1]) is None\n"
        "assert set(sys.modules) == before\n"
        "print(sorted({'pandas', 'polars', 'pyarrow', 'pyspark', 'ibis', 'matplotlib', 'plotly'} & before))\n"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.split()[-1] == "[]"
