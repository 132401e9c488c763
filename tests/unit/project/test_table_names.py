"""Names of tables, as the catalog has them."""

import pytest

from kedro_assets.project.catalog import CatalogEntry
from kedro_assets.project.table_names import table_name, table_place


@pytest.mark.parametrize(
    ("kind", "config", "name"),
    [
        ("pandas.SQLTableDataset", {"table_name": "t"}, "t"),
        (
            "pandas.SQLTableDataset",
            {"table_name": "t", "save_args": {"schema": "s"}, "load_args": {"schema": "r"}},
            "s.t",
        ),
        ("pandas.SQLTableDataset", {"table_name": "t", "load_args": {"schema": "r"}}, "r.t"),
        ("ibis.TableDataset", {"table_name": "t", "database": "d"}, "d.t"),
        ("ibis.TableDataset", {"table_name": "t", "database": ["c", "d"]}, "c.d.t"),
        (
            "kedro_datasets.pandas.gbq_dataset.GBQTableDataset",
            {"table_name": "t", "dataset": "d", "project": "p"},
            "p.d.t",
        ),
        ("snowflake.SnowparkTableDataset", {"table_name": "t", "schema": "s", "credentials": {"database": "x"}}, "s.t"),
        ("spark.SparkHiveDataset", {"database": "d", "table": "t"}, "d.t"),
        ("spark.SparkJDBCDataset", {"table": "t"}, "t"),
        ("databricks.ManagedTableDataset", {"catalog": "c", "database": "d", "table": "t"}, "c.d.t"),
        ("pandas.DeltaTableDataset", {"catalog_name": "c", "database": "d", "table": "t"}, "c.d.t"),
        ("pandas.DeltaTableDataset", {"filepath": "s3://a/b"}, None),
        ("pandas.SQLQueryDataset", {"sql": "select 1"}, None),
        ("pandas.CSVDataset", {"filepath": "a", "table_name": "t"}, None),
        ("ibis.TableDataset", {"table_name": 3, "database": "d"}, None),
    ],
    ids=str,
)
def test_a_table_has_its_name_with_what_it_is_in(kind, config, name):
    assert table_name(CatalogEntry("a", kind, config)) == name


@pytest.mark.parametrize(
    ("kind", "config", "place"),
    [
        ("ibis.TableDataset", {"connection": {"backend": "duckdb", "database": "data/a.db"}}, "data/a.db"),
        ("ibis.TableDataset", {"connection": {"backend": "sqlite", "path": "/a.db"}}, "/a.db"),
        ("ibis.TableDataset", {"connection": {"backend": "duckdb", "database": ":memory:"}}, None),
        ("ibis.TableDataset", {"connection": {"backend": "duckdb", "database": "md:a?motherduck_token=x"}}, None),
        ("ibis.TableDataset", {"connection": {"backend": "postgres", "database": "shop"}}, None),
        ("ibis.TableDataset", {}, None),
        ("spark.SparkJDBCDataset", {"url": "jdbc:mysql://h/d?password=x"}, "jdbc:mysql://h/d"),
        ("spark.SparkJDBCDataset", {"url": "jdbc:sqlserver://h;password=x"}, "jdbc:sqlserver://h"),
        ("spark.SparkJDBCDataset", {"url": "jdbc:oracle:thin:@//h:1521/d"}, "jdbc:oracle:thin:@//h:1521/d"),
        ("spark.SparkJDBCDataset", {"url": "jdbc:oracle:thin:me/password@h:1521:d"}, None),
        ("pandas.SQLTableDataset", {"credentials": {"con": "sqlite:///a.db"}}, None),
    ],
    ids=str,
)
def test_the_place_of_its_database_is_told_where_the_catalog_has_it(kind, config, place):
    assert table_place(CatalogEntry("a", kind, config)) == place
