"""From which columns a column of an Ibis table is said to come: from these, or nothing is said."""

import sys

import dagster as dg
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedro_assets.metadata.column_lineage import LoadedTables, described

ibis = pytest.importorskip("ibis")
pytestmark = pytest.mark.filterwarnings("ignore:The 'future.infer_string':DeprecationWarning")  # by Ibis

ORDERS, CUSTOMERS = dg.AssetKey(["shop", "orders"]), dg.AssetKey("customers")
COLUMNS = {"id": "int", "customer": "int", "amount": "float", "price": "float", "tags": "array<string>"}


@pytest.fixture
def orders():
    return ibis.table(COLUMNS, name="t")


@pytest.fixture
def customers():
    return ibis.table({"customer": "int", "name": "string", "amount": "float"}, name="u")


@pytest.fixture
def tables(orders, customers):
    tables = LoadedTables()
    tables.add(ORDERS, orders)
    tables.add(CUSTOMERS, customers)
    return tables


def lineage(tables, expression):
    """What each column comes from, as words: `o.id c.name`; None where nothing is known."""
    found = tables.lineage(expression)
    deps = found.deps_by_column if found else {}
    return {
        name: " ".join(f"{dep.asset_key.path[-1][0]}.{dep.column_name}" for dep in deps[name]) if name in deps else None
        for name in expression.columns
    }


@ibis.udf.scalar.python
def in_python(x: int) -> int:
    return x


@ibis.udf.scalar.builtin
def of_the_database(x: int) -> int: ...


def window(o):
    return ibis.window(group_by=o.customer, order_by=o.id)


def struct(o):
    return ibis.struct({"a": o.amount, "b": o.price})


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (lambda o, c: {"x": o.amount * o.price + 1}, "o.amount o.price"),
        (lambda o, c: {"x": ibis.literal("new")}, ""),
        (lambda o, c: {"x": ibis.random() + ibis.now().second()}, ""),
        (lambda o, c: {"x": (o.amount > 1).ifelse(o.price, None)}, "o.amount o.price"),
        (lambda o, c: {"x": ibis.coalesce(o.amount, o.price)}, "o.amount o.price"),
        (lambda o, c: {"x": o.customer.isin([1, 2])}, "o.customer"),
        (lambda o, c: {"x": o.amount.sum()}, "o.amount"),
        (lambda o, c: {"x": o.amount.lag().over(window(o))}, "o.amount o.customer o.id"),
        (lambda o, c: {"x": ibis.row_number().over(window(o))}, "o.customer o.id"),
        (lambda o, c: {"x": in_python(o.id)}, "o.id"),
        (lambda o, c: {"x": of_the_database(o.id) + o.customer}, None),
        (lambda o, c: {"x": o.tags.map(lambda tag: tag.length() + o.id)}, "o.id o.tags"),
        (lambda o, c: {"x": o.tags.unnest()}, "o.tags"),
        (lambda o, c: {"x": struct(o)}, "o.amount o.price"),
        (lambda o, c: {"x": struct(o).a}, "o.amount"),
        (lambda o, c: {"x": ibis.array([struct(o), struct(o)]).unnest().b}, "o.price"),
        (lambda o, c: {"x": ibis.array([o.amount, o.price])[0]}, "o.amount o.price"),
        (lambda o, c: {"x": c.amount.max().as_scalar()}, "c.amount"),
        (lambda o, c: {"x": c.count().as_scalar()}, ""),
        (lambda o, c: {"x": c.nunique().as_scalar()}, "c.amount c.customer c.name"),
        (lambda o, c: {"x": o.customer.isin(c.customer)}, "c.customer o.customer"),
        (lambda o, c: {"x": (o.customer == c.customer).any()}, None),
        (lambda o, c: {"x": ibis.table({"v": "int"}, name="v").v.max().as_scalar() + o.id}, None),
        (lambda o, c: {"amount": o.price, "price": o.amount}, "o.price"),
    ],
    ids=[
        *("arithmetic", "constant", "random", "case", "coalesce", "values", "total", "window", "row number", "Python"),
        *("function of the database", "lambda", "unnested", "struct", "field", "field of unnested", "element"),
        *("maximum of another", "rows of another", "distinct rows of another", "in another", "exists in another"),
        *("of an unknown table", "names exchanged"),
    ],
)
def test_a_value_comes_from_the_columns_it_is_computed_from(columns, expected, tables, orders, customers):
    added = columns(orders, customers)
    found = lineage(tables, orders.mutate(**added))
    assert found[next(iter(added))] == expected
    assert found["id"] == "o.id"


OWN = {name: f"o.{name}" for name in COLUMNS}
TOTALS = {"customer": "o.customer", "rows": "", "some": "o.amount o.price"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (lambda o, c: o, OWN),
        (lambda o, c: o.filter(o.amount > o.price).order_by("price").limit(3).distinct().drop_null("tags"), OWN),
        (lambda o, c: o.sample(0.5).view().alias("x"), OWN),
        (lambda o, c: o.select(b="amount", a="id").drop("b").rename(c="a"), {"c": "o.id"}),
        (lambda o, c: o.join(c, o.customer == c.customer)[["id", "name"]], {"id": "o.id", "name": "c.name"}),
        (
            lambda o, c: o[["id", "amount"]].join(c, [("id", "customer")], how="outer"),
            {
                "id": "o.id",
                "amount": "o.amount",
                "customer": "c.customer",
                "name": "c.name",
                "amount_right": "c.amount",
            },
        ),
        (lambda o, c: o.semi_join(c, "customer"), OWN),
        (
            lambda o, c: o.join(o.view(), "id")[["price", "amount_right"]],
            {"price": "o.price", "amount_right": "o.amount"},
        ),
        (
            lambda o, c: o.group_by("customer").agg(rows=o.count(), some=o.amount.sum(where=o.price > 0)),
            TOTALS,
        ),
        (
            lambda o, c: o[["customer", "amount"]].union(c[["amount", "customer"]]),
            {"customer": "c.customer o.customer", "amount": "c.amount o.amount"},
        ),
        (lambda o, c: ibis.intersect(o[["amount"]], c[["amount"]]), {"amount": "c.amount o.amount"}),
        (lambda o, c: ibis.difference(o[["amount"]], c[["amount"]]), {"amount": "o.amount"}),
        (lambda o, c: o.fill_null({"amount": 0.0}), OWN),
        (lambda o, c: o[["amount"]].fill_null(c.amount.max().as_scalar()), {"amount": None}),
        (lambda o, c: o[["id", "amount"]].fill_null(0), {"id": "o.id", "amount": "o.amount"}),
        (lambda o, c: o.unnest("tags", offset="at"), OWN | {"at": "o.tags"}),
        (
            lambda o, c: o[["id", "amount", "price"]].pivot_longer(["amount", "price"]),
            {"id": "o.id", "name": "", "value": "o.amount o.price"},
        ),
        (
            lambda o, c: c.pivot_wider(id_cols="customer", names_from="name", values_from="amount", names=["p", "q"]),
            {"customer": "c.customer", "p": "c.amount c.name", "q": "c.amount c.name"},
        ),
        (
            lambda o, c: o[["customer"]].join(ibis.memtable({"customer": [1], "k": [2]}), "customer"),
            {"customer": "o.customer", "k": None},
        ),
        (lambda o, c: ibis.memtable({"a": [1]}), {"a": None}),
        (lambda o, c: o[["id"]].union(ibis.table({"id": "int"}, name="v")), {"id": None}),
        (lambda o, c: ibis.table(COLUMNS, name="other"), dict.fromkeys(COLUMNS)),
    ],
    ids=[
        *("as it is", "rows and order", "other names", "columns", "join", "outer join", "semi join", "self join"),
        *("groups", "union", "intersection", "difference", "filled", "filled by another", "filled by one", "unnested"),
        *(
            "longer",
            "wider",
            "join with data of the node",
            "data of the node",
            "union with an unknown table",
            "unknown",
        ),
    ],
)
def test_a_table_has_its_columns_from_those_of_the_loaded_ones(expression, expected, tables, orders, customers):
    assert lineage(tables, expression(orders, customers)) == expected


def test_a_table_that_was_loaded_from_two_datasets_tells_nothing(orders, customers, tables):
    tables.add(dg.AssetKey("same"), ibis.table(COLUMNS, name="t"))
    assert lineage(tables, orders[["id"]]) == {"id": None}
    assert lineage(tables, orders.join(customers, "customer")[["id", "name"]]) == {"id": None, "name": "c.name"}


def test_a_table_that_was_loaded_twice_from_one_dataset_tells_its_columns(orders, tables):
    tables.add(ORDERS, orders)
    assert lineage(tables, orders[["id"]]) == {"id": "o.id"}


def test_a_dataset_that_is_loaded_as_an_expression_ends_there(orders, customers):
    tables, loaded = LoadedTables(), orders.mutate(total=orders.amount * 2)
    tables.add(CUSTOMERS, loaded)
    assert lineage(tables, loaded[["total"]]) == {"total": "c.total"}


@pytest.mark.parametrize("data", [1, None, {"a": 1}], ids=str)
def test_what_is_no_table_has_no_lineage(data, tables):
    tables.add(ORDERS, data)
    assert tables.lineage(data) is None


def test_a_table_of_constants_has_no_lineage(tables, orders):
    assert tables.lineage(orders.select(a=ibis.literal(1))) is None


def test_without_ibis_nothing_is_looked_at(monkeypatch, tables, orders):
    for module in [name for name in sys.modules if name.partition(".")[0] == "ibis"]:
        monkeypatch.delitem(sys.modules, module)
    assert tables.lineage(orders) is None
    assert "ibis" not in sys.modules


def test_a_lineage_that_is_too_large_for_the_event_log_is_left_out(tables):
    wide = ibis.table({f"c{number}": "int" for number in range(101)}, name="wide")
    tables.add(ORDERS, wide)
    total = sum(wide[name] for name in wide.columns)
    assert len(tables.lineage(wide.mutate(total=total)).deps_by_column["total"]) == 101
    assert tables.lineage(wide.select(**dict.fromkeys(wide.columns, total))) is None


def test_a_chain_of_many_operations_is_followed_to_its_end(tables, orders):
    expression = orders
    for _ in range(500):
        expression = expression.mutate(amount=expression.amount + 1)
    assert lineage(tables, expression)["amount"] == "o.amount"


def test_columns_are_described_by_those_they_come_from():
    deps = [dg.TableColumnDep(ORDERS, f"c{number}") for number in range(22)]
    schema = dg.TableSchema([dg.TableColumn(name, "int64") for name in ("one", "many", "constant", "unknown")])
    found = described(schema, dg.TableColumnLineage({"one": deps[:1], "many": deps, "constant": []}))
    one, many, *others = [column.description for column in found.columns]
    assert one == "From `shop/orders`.`c0`"
    assert many.endswith("`shop/orders`.`c7` and 2 more")
    assert others == ["From no column", None]
    assert (found.columns[0].name, found.columns[0].type) == ("one", "int64")


# Random expressions of two small tables with numbers: `k` decides which rows there are, and is never changed.

ONE, TWO = (
    {"k": [1, 2, 3], "a": [4, None, 5], "b": [2, 7, 1], "c": [9, 3, None]},
    {"k": [1, 3], "a": [8, 2], "d": [3, 6]},
)
STEPS = {
    "sum": lambda t, x, y, other: t.mutate(x=x + y),
    "case": lambda t, x, y, other: t.mutate(x=(x > y).ifelse(x, 0)),
    "coalesce": lambda t, x, y, other: t.mutate(y=ibis.coalesce(x, y)),
    "exchange": lambda t, x, y, other: t.mutate(**{x.get_name(): y, y.get_name(): x}),
    "window": lambda t, x, y, other: t.mutate(x=x.sum().over(group_by=y)),
    "rank": lambda t, x, y, other: t.mutate(y=ibis.rank().over(order_by=x)),
    "total": lambda t, x, y, other: t.mutate(x=x.max().as_scalar() + y),
    "of other": lambda t, x, y, other: t.mutate(x=other.a.max().as_scalar() + x),
    "is in": lambda t, x, y, other: t.mutate(x=x.isin(other.a).cast("int")),
    "filter": lambda t, x, y, other: t.filter(t.k < 3),
    "sort": lambda t, x, y, other: t.order_by("k"),
    "join": lambda t, x, y, other: joined(t, other.select("k", o="a"), how="left"),
    "self join": lambda t, x, y, other: joined(t, t.view().select("k", o=x.get_name())),
    "group": lambda t, x, y, other: t.group_by("k").agg(a=x.sum(where=y > 2), n=t.count(), m=y.max()),
    "distinct rows": lambda t, x, y, other: t.group_by("k").agg(a=x.max(), n=t[[x.get_name()]].nunique().as_scalar()),
    "union": lambda t, x, y, other: t.union(t.mutate(**{x.get_name(): y})),
    "fill": lambda t, x, y, other: t.fill_null({x.get_name(): 1}),
    "unnest": lambda t, x, y, other: t.mutate(x=ibis.array([x, y]).unnest()),
    "field": lambda t, x, y, other: t.mutate(s=ibis.struct({"a": x, "b": y})).mutate(x=ibis._.s.b).drop("s"),
    "longer": lambda t, x, y, other: t.select("k", p=x, q=y).pivot_longer(["p", "q"], values_to="a").drop("name"),
}


def joined(table, other, **how):
    others = table.select([name for name in table.columns if name != "o"])
    return others.join(other, "k", **how).select(others, "o")


def apply(steps, one, two):
    table = one
    for name, first, second in steps:
        numbers = [column for column in table.columns if column != "k"]
        x, y = (table[numbers[index % len(numbers)]] for index in (first, second))
        step = STEPS[name](table, x, y, two)
        table = step.mutate(**{column: step[column].cast("int64") for column in step.columns})
    return table


def changed(table, kept):
    """The same table with other numbers in all columns but some."""
    others = [column for column in table.columns if column not in {"k", *kept}]
    return table.mutate(**{name: (table[name].coalesce(50) * 7 + table.k * 31) % 101 for name in others})


@pytest.fixture(scope="module")
def database():
    pytest.importorskip("duckdb")
    connection = ibis.duckdb.connect()
    return [connection.create_table(name, pa.table(data)) for name, data in (("one", ONE), ("two", TWO))]


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 5), st.integers(0, 5)), max_size=5),
    chosen=st.integers(0, 9),
)
def test_other_values_in_columns_that_are_not_named_change_nothing(database, steps, chosen):
    one, two = database
    tables, keys = LoadedTables(), (dg.AssetKey("one"), dg.AssetKey("two"))
    for key, table in zip(keys, database, strict=True):
        tables.add(key, table)
    expression = apply(steps, one, two)
    found = tables.lineage(expression).deps_by_column
    assert found.keys() == set(expression.columns)
    column = expression.columns[chosen % len(expression.columns)]
    kept = [{dep.column_name for dep in found[column] if dep.asset_key == key} for key in keys]
    other = apply(steps, changed(one, kept[0]), changed(two, kept[1]))
    before, after = (table[column].to_pyarrow().to_pylist() for table in (expression, other))
    assert sorted(map(repr, before)) == sorted(map(repr, after))
