"""What is noted of saved data: never an error, and nothing that may not be shown."""

import dagster as dg
import pandas as pd
import pytest
from kedro.io import DataCatalog

from kedro_assets.metadata import MetadataCollector
from kedro_assets.project import CatalogEntry
from kedro_assets.redaction import Redactor


def notes_of(config=None, catalog=None, name="a", tables=None, **viz):
    config = {"type": "pandas.CSVDataset", **(config or {})}
    entries = {"a": [CatalogEntry("a@x", "x"), CatalogEntry("a", "x", {"metadata": {"kedro-viz": viz}})]}
    return MetadataCollector(
        entries, catalog or DataCatalog.from_config({name: config}), "2026", Redactor(("hunter2",)), tables
    )


def test_a_transcoded_dataset_has_the_preview_that_is_asked_for_at_another_of_its_names():
    notes = notes_of(name="a@x", preview=True)
    notes.saved("a@x", 1)
    assert notes.metadata("a@x")["kedro/preview"].value == "1"


def test_what_no_preview_can_be_made_of_is_said():
    notes = notes_of(preview=True)
    notes.saved("a", object())
    assert notes.metadata("a")["kedro/preview"].value.startswith("No preview")


@pytest.mark.parametrize(
    ("config", "uri"),
    [
        ({"filepath": "file:///data/with%20space/a.csv"}, "file:///data/with%20space/a.csv"),
        ({"filepath": "https://me:pw12@host/a?token=t"}, "https://host/a"),
        ({"filepath": "https://host/hunter2/a"}, "https://host/***/a"),
        ({"filepath": "s3://bucket/a", "versioned": True}, "s3://bucket/a/2026/a"),
        ({"filepath": "https://host/a?token=t", "versioned": True}, "https://host/a/2026/a"),
        ({"path": "/data/parts"}, "file:///data/parts"),
    ],
    ids=["file", "secrets", "credential", "version", "version and query", "folder"],
)
def test_the_place_is_told_without_what_may_be_secret(config, uri):
    notes = notes_of(config)
    notes.saved("a", object())
    assert notes.metadata("a") == {"dagster/uri": uri}


def test_a_table_with_very_many_columns_is_told_without_them():
    notes = notes_of()
    notes.saved("a", pd.DataFrame([range(2000)]))
    assert notes.metadata("a") == {"dagster/row_count": 1}


def test_the_rows_of_chunks_are_added_up_as_long_as_all_are_known():
    notes = notes_of()
    for chunk in (pd.DataFrame({"b": [1]}), pd.DataFrame({"b": [1, 2]})):
        notes.saved("a", chunk)
    assert notes.metadata("a")["dagster/row_count"] == 3
    notes.saved("a", "no table")
    assert "dagster/row_count" not in notes.metadata("a")


class Broken(pd.DataFrame):
    def __len__(self):
        raise RuntimeError


@pytest.mark.parametrize("preview", [True, False])
def test_an_object_that_fails_when_looked_at_does_no_harm(preview):
    notes = notes_of({"filepath": "/data/a.csv"}, preview=preview)
    notes.saved("a", Broken({"a": [1]}))
    assert notes.metadata("a") == {"dagster/uri": "file:///data/a.csv"}


def test_a_catalog_of_another_class_has_no_places():
    notes = notes_of(catalog=object())
    notes.saved("a", 1)
    assert notes.metadata("a") == {}


@pytest.mark.parametrize(
    ("config", "metadata"),
    [
        (
            {"type": "ibis.TableDataset", "table_name": "t", "connection": {"backend": "duckdb", "database": "/a.db"}},
            {"dagster/table_name": "t", "dagster/uri": "file:///a.db"},
        ),
        (
            {"type": "spark.SparkJDBCDataset", "table": "t", "url": "jdbc:mysql://me:hunter2@host/db?x=1"},
            {"dagster/table_name": "t", "dagster/uri": "jdbc:mysql://host/db"},
        ),
        (
            {"type": "pandas.SQLTableDataset", "table_name": "hunter2", "credentials": {"con": "sqlite:///hunter2"}},
            {"dagster/table_name": "***"},
        ),
    ],
    ids=["file", "address", "credentials"],
)
def test_a_table_of_a_database_has_its_name_and_its_place_without_what_is_secret(config, metadata):
    assert notes_of(config).metadata("a") == metadata


def test_a_database_in_a_file_is_not_the_size_of_one_of_its_tables(tmp_path):
    (tmp_path / "a.db").write_text("many tables", encoding="utf-8")
    connection = {"backend": "duckdb", "database": str(tmp_path / "a.db")}
    metadata = notes_of({"type": "ibis.TableDataset", "table_name": "t", "connection": connection}).metadata("a")
    assert metadata.keys() == {"dagster/table_name", "dagster/uri"}


def test_the_name_of_a_table_that_is_the_same_in_every_run_is_left_to_the_asset():
    config = {"type": "pandas.SQLTableDataset", "table_name": "t", "credentials": {"con": "sqlite://"}}
    catalog = DataCatalog.from_config({"a": config})
    for table, metadata in (("t", {}), ("<partition_key>", {"dagster/table_name": "t"})):
        entries = {"a": [CatalogEntry("a", "pandas.SQLTableDataset", {"table_name": table})]}
        assert MetadataCollector(entries, catalog, "2026", Redactor(())).metadata("a") == metadata


class Tables:
    """What was loaded, with a lineage for each thing that is saved, one after the other."""

    def __init__(self, *lineages):
        self.lineages = list(lineages)

    def add(self, key, data):
        raise RuntimeError

    def lineage(self, data):
        return self.lineages.pop(0)


def from_column(name):
    return dg.TableColumnLineage({"b": [dg.TableColumnDep(dg.AssetKey("raw"), name)]})


def test_a_table_has_the_lineage_of_its_columns_and_tells_it_in_their_descriptions():
    notes = notes_of(tables=Tables(from_column("a")))
    notes.saved("a", pd.DataFrame({"b": [1]}))
    metadata = notes.metadata("a")
    assert metadata["dagster/column_lineage"] == from_column("a")
    assert [column.description for column in metadata["dagster/column_schema"].columns] == ["From `raw`.`a`"]


def test_chunks_have_the_lineage_that_all_of_them_have():
    for others, known in (([from_column("a")], True), ([from_column("c"), from_column("c")], False), ([None], False)):
        notes = notes_of(tables=Tables(from_column("a"), *others))
        for _ in range(len(others) + 1):
            notes.saved("a", pd.DataFrame({"b": [1]}))
        metadata = notes.metadata("a")
        assert ("dagster/column_lineage" in metadata) is known
        assert metadata["dagster/column_schema"].columns[0].description == ("From `raw`.`a`" if known else None)


def test_a_lineage_that_cannot_be_read_off_does_no_harm():
    notes = notes_of(tables=Tables())
    notes.loaded("raw", dg.AssetKey("raw"), 1)
    notes.saved("a", pd.DataFrame({"b": [1]}))
    assert notes.metadata("a").keys() == {"dagster/row_count", "dagster/column_schema"}
