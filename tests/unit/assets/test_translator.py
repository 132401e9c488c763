import functools

import dagster as dg
import pytest

from kedro_assets.assets.translator import DatasetRecord, KedroTranslator, default_kinds
from kedro_assets.config import DatasetSettings
from kedro_assets.project import CatalogEntry, CodeVersion
from kedro_assets.redaction import redacted
from unit.builders import make_node


def documented(*args):
    """Make something
    over two lines.

    Args:
        args: Not shown.
    """


def spec_of(**options):
    return KedroTranslator().get_asset_spec(DatasetRecord(**{"name": "a.b", "key": ("a", "b"), **options}))


def csv_entry(**config):
    return CatalogEntry("a.b", "pandas.CSVDataset", config)


def test_an_asset_has_the_key_and_the_group_of_its_record():
    spec = spec_of(key=("shop", "a", "b"), group_name="etl")
    assert (spec.key, spec.group_name) == (dg.AssetKey(["shop", "a", "b"]), "etl")


def test_settings_of_the_catalog_come_before_everything_else():
    settings = DatasetSettings(
        description="From the catalog",
        group_name="mine",
        owners=["team:a"],
        tags={"daily": "yes", "k": "v"},
        kinds=["table"],
    )
    producer = make_node("n", ["raw"], ["a_b"], tags=["daily", "weekly"])._copy(func=documented)
    spec = spec_of(settings=settings, producer=producer, group_name="etl", entry=csv_entry())
    assert (spec.description, spec.group_name, list(spec.owners)) == ("From the catalog", "mine", ["team:a"])
    assert {key: value for key, value in spec.tags.items() if "kind" not in key} == {
        "daily": "yes",
        "weekly": "",
        "k": "v",
    }
    assert spec.kinds == {"table"}


@pytest.mark.parametrize("function", [documented, functools.partial(documented, 1)], ids=["function", "partial"])
def test_the_description_is_the_first_paragraph_of_the_functions_docstring(function):
    producer = make_node("n", ["raw"], ["a_b"])._copy(func=function)
    assert spec_of(producer=producer).description == "Make something over two lines."


def test_a_function_without_docstring_gives_no_description():
    assert spec_of(producer=make_node("n", ["raw"], ["a_b"])._copy(func=lambda x: x)).description is None


def test_metadata_say_what_and_where_a_dataset_is_without_secrets():
    entry = csv_entry(filepath="s3://key:secret@bucket/a.csv?token=t", metadata={"kedro-viz": {"layer": "raw"}})
    metadata = dict(spec_of(entry=entry, producer=make_node("n", ["raw"], ["a_b"])).metadata)
    del metadata["dagster/code_references"]
    assert metadata == {
        "kedro/dataset": "a.b",
        "kedro/type": "pandas.CSVDataset",
        "kedro/node": "n",
        "kedro/filepath": "s3://bucket/a.csv",
        "kedro/layer": "raw",
    }


def test_a_node_without_outputs_is_told_as_such():
    spec = spec_of(name="tell", key=("tell",), producer=make_node("tell", ["raw"]))
    assert (spec.metadata["kedro/node"], spec.kinds) == ("tell", {"side_effect"})
    assert "kedro/dataset" not in spec.metadata


def test_an_asset_links_to_the_function_of_its_node():
    producer = make_node("n", ["raw"], ["a_b"])._copy(func=functools.partial(documented, 1))
    [reference] = spec_of(producer=producer).metadata["dagster/code_references"].code_references
    assert (reference.file_path, reference.label) == (__file__, "n")
    assert reference.line_number == documented.__code__.co_firstlineno


def test_a_function_without_a_file_gives_no_link():
    producer = make_node("n", ["raw"], ["a_b"])._copy(func=len)
    assert "dagster/code_references" not in spec_of(producer=producer).metadata


def test_the_code_version_is_that_of_the_record():
    assert spec_of(code=CodeVersion("1a2b")).code_version == "1a2b"


def test_a_partitioned_dataset_shows_its_path():
    assert spec_of(entry=csv_entry(path="data/parts")).metadata["kedro/filepath"] == "data/parts"


def test_metadata_of_other_plugins_may_be_anything():
    assert "kedro/layer" not in spec_of(entry=csv_entry(metadata={"kedro-viz": "raw"})).metadata
    assert "kedro/layer" not in spec_of(entry=csv_entry(metadata=["x"])).metadata


@pytest.mark.parametrize(
    ("type_", "kinds"),
    [
        ("pandas.CSVDataset", {"pandas", "csv"}),
        ("kedro_datasets.pandas.ParquetDataset", {"pandas", "parquet"}),
        ("polars.LazyPolarsDataset", {"polars"}),
        ("MemoryDataset", {"memory"}),
        ("kedro.io.MemoryDataset", {"memory"}),
        ("kedro.io.SharedMemoryDataset", {"memory"}),
        ("kedro.io.CachedDataset", {"cached"}),
        ("shop.deep.TillDataSet", {"till"}),
        ("", set()),
    ],
)
def test_kinds_come_from_the_name_of_the_class(type_, kinds):
    assert default_kinds(CatalogEntry("a", type_)) == kinds


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("/data/a@b?.csv", "/data/a@b?.csv"),
        ("s3://bucket/a.csv", "s3://bucket/a.csv"),
        ("https://host:8443/a", "https://host:8443/a"),
        ("postgresql://me:p@ss@db/x", "postgresql://db/x"),
        ("https://token@host/a", "https://host/a"),
        ("abfss://data@account.dfs.core.windows.net/a", "abfss://data@account.dfs.core.windows.net/a"),
        ("wasb://me:secret@account/a", "wasb://account/a"),
    ],
    ids=["path", "bucket", "port", "at sign in password", "user", "container", "password of a container"],
)
def test_a_location_is_shown_without_what_may_be_secret(location, shown):
    assert redacted(location) == shown


def test_a_chained_location_gives_no_secret_away():
    assert "secret" not in redacted("simplecache::s3://me:secret@bucket/a.csv")


def test_a_translator_can_build_on_the_default():
    class Mine(KedroTranslator):
        def get_asset_spec(self, data):
            return super().get_asset_spec(data).replace_attributes(group_name="mine")

    spec = Mine().get_asset_spec(DatasetRecord("a", ("a",), group_name="etl"))
    assert (spec.group_name, spec.metadata) == ("mine", {"kedro/node": "a"})


@pytest.mark.parametrize(("table", "name"), [("sales", "shop.sales"), ("sales_<partition_key>", None)])
def test_a_table_has_its_name_unless_each_run_has_another_one(table, name):
    config = {"table_name": table, "database": "shop"}
    assert spec_of(entry=CatalogEntry("a", "ibis.TableDataset", config)).metadata.get("dagster/table_name") == name
