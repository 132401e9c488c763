"""What the catalog says of datasets, without building one."""

import logging

import pytest

from kedro_assets.errors import Scope
from kedro_assets.project.catalog import CatalogEntry, class_problem, read_entry, resolve_catalog, valid_entries
from unit.builders import make_project


def test_patterns_are_resolved():
    project = make_project([], catalog={"{name}#csv": {"type": "pandas.CSVDataset", "filepath": "data/{name}.csv"}})
    entry = project.entry("cars#csv")
    assert (entry.type, entry.config["filepath"], entry.declared) == ("pandas.CSVDataset", "data/cars.csv", True)
    assert not entry.in_memory


def test_a_catch_all_pattern_is_a_declaration():
    project = make_project([], catalog={"{any}": {"type": "pandas.CSVDataset", "filepath": "{any}.csv"}})
    assert project.entry("cars").declared
    assert project.entry("cars").config["filepath"] == "cars.csv"


def test_an_entry_in_memory_is_declared_and_in_memory():
    entry = make_project([], catalog={"x": {"type": "MemoryDataset"}}).entry("x")
    assert (entry.declared, entry.in_memory) == (True, True)


def test_a_dataset_that_is_called_credentials_is_a_dataset():
    entry = make_project([], catalog={"credentials": {"type": "pandas.CSVDataset", "filepath": "a"}}).entry(
        "credentials"
    )
    assert (entry.type, entry.declared) == ("pandas.CSVDataset", True)


def test_taking_credentials_out_leaves_the_configuration_as_it_is():
    config = {"x": {"type": "a.B", "credentials": "db", "layers": [{"credentials": "db", "kept": 1}]}}
    assert resolve_catalog(config).config == {"x": {"type": "a.B", "layers": [{"kept": 1}]}}
    assert config["x"]["credentials"] == "db"


@pytest.mark.parametrize(
    ("config", "versioned"),
    [({"versioned": True}, True), ({"versioned": False}, False), ({}, False)],
    ids=["yes", "no", "default"],
)
def test_an_entry_knows_whether_it_is_versioned(config, versioned):
    assert CatalogEntry("x", "pandas.CSVDataset", config).versioned is versioned


@pytest.mark.parametrize(
    ("config", "location"),
    [
        ({"filepath": "a.csv", "path": "b"}, "a.csv"),
        ({"path": "parts", "dataset": {"type": "x", "filepath": "c"}}, "parts"),
        ({"dataset": {"type": "x", "filepath": "c"}}, "c"),
        ({"dataset": "pandas.CSVDataset"}, None),
        ({"filepath": ["a"]}, None),
        ({}, None),
    ],
    ids=str,
)
def test_a_dataset_is_where_its_configuration_says(config, location):
    assert CatalogEntry("a", "x", config).location == location


@pytest.mark.parametrize(
    ("config", "parts"),
    [
        ({"filepath": "a/<partition_key>.json"}, {"partition_key"}),
        ({"filepath": "a/<partition_start>_<partition_end>.json"}, {"partition_start", "partition_end"}),
        (
            {"filepath": "<partition_keys.region>/<partition_keys.sales day>.json"},
            {"partition_keys.region", "partition_keys.sales day"},
        ),
        ({"filepath": "<partition_key>/<partition_key>.json"}, {"partition_key"}),
        ({"sql": "select * from t where day = '<partition_key>'"}, {"partition_key"}),
        ({"dataset": {"type": "a.B", "filepath": "<partition_key>"}}, {"partition_key"}),
        ({"load_args": {"filters": [["day", "=", "<partition_start>"]]}}, {"partition_start"}),
        ({"<partition_key>": "a"}, {"partition_key"}),
        ({"filepath": "a", "metadata": {"dagster": {"description": "One for <partition_key>."}}}, set()),
        ({"filepath": "a/<day>/<partition_keyring>/<partition>.json"}, set()),
        ({"filepath": "partition_key"}, set()),
        ({"filepath": "<partition_keys.>"}, set()),
        ({}, set()),
    ],
    ids=[
        *("key", "window", "dimensions", "twice", "query", "inside", "arguments", "as a key"),
        *("metadata", "other names", "bare", "no dimension", "nothing"),
    ],
)
def test_an_entry_knows_which_parts_of_a_partition_it_asks_for(config, parts):
    assert CatalogEntry("x", "json.JSONDataset", config).partition_parts == parts


@pytest.mark.parametrize(
    ("kind", "in_memory"),
    [
        ("MemoryDataset", True),
        ("kedro.io.MemoryDataset", True),
        ("kedro.io.SharedMemoryDataset", True),
        ("my.NotMemoryDataset", False),
        ("MemoryDataset.Of.Mine", False),
        ("", False),
    ],
)
def test_data_is_in_memory_by_its_class(kind, in_memory):
    assert CatalogEntry("x", kind).in_memory is in_memory


@pytest.mark.parametrize(
    ("metadata", "expected", "viz"),
    [
        (
            {"dagster": {}, "kedro-viz": {"layer": "raw"}},
            {"dagster": {}, "kedro-viz": {"layer": "raw"}},
            {"layer": "raw"},
        ),
        ({"kedro-viz": "raw"}, {"kedro-viz": "raw"}, {}),
        (["a"], {}, {}),
        ("text", {}, {}),
        (None, {}, {}),
    ],
    ids=["both", "text of viz", "list", "text", "none"],
)
def test_metadata_that_is_no_mapping_is_none(metadata, expected, viz):
    entry = CatalogEntry("x", "json.JSONDataset", {"metadata": metadata})
    assert (entry.metadata, entry.viz) == (expected, viz)


def test_the_place_of_a_cached_dataset_has_its_own_credentials():
    inner = {"type": "a.B", "filepath": "s3://a", "credentials": {"key": "k"}}
    assert CatalogEntry("x", "CachedDataset", {"dataset": inner, "credentials": {}}).located == inner
    outer = {"path": "p", "dataset": inner, "credentials": {"key": "outer"}}
    assert CatalogEntry("x", "PartitionedDataset", outer).located == outer
    assert CatalogEntry("x", "MemoryDataset").located == {}


def test_a_dataset_of_a_pattern_is_looked_up_without_a_warning(caplog):
    resolver = resolve_catalog({"{any}": {"type": "pandas.CSVDataset", "filepath": "{any}.csv"}})
    with caplog.at_level(logging.INFO):
        assert read_entry(resolver, "cars").declared
    assert not [record for record in caplog.records if record.levelno == logging.WARNING]


def test_a_pattern_is_filled_in_wherever_it_stands_and_metadata_with_it():
    config = {"type": "a.B", "filepath": "{layer}/{name}.csv", "metadata": {"dagster": {"group_name": "{layer}"}}}
    entry = read_entry(resolve_catalog({"{layer}.{name}": config}), "raw.cars")
    assert (entry.location, entry.metadata) == ("raw/cars.csv", {"dagster": {"group_name": "raw"}})


@pytest.mark.parametrize(
    ("pattern", "entry"),
    [
        ("{name:none}", {"type": "json.JSONDataset"}),
        ("{a.b}_x", {"type": "json.JSONDataset", "metadata": ["{a.b}"]}),
        ("{name}_x", {"type": "json.JSONDataset", "filepath": "data/}"}),
    ],
)
def test_a_dataset_factory_that_can_make_no_dataset_is_reported(pattern, entry):
    problems = Scope()
    assert valid_entries({pattern: entry, "a": {"type": "x"}}, problems.at("catalog")).keys() == {"a"}
    [problem] = problems
    assert problem.path == f"catalog.{pattern}"
    assert problem.found.startswith("Kedro rejects this dataset factory: ")


def test_a_dataset_factory_with_a_format_is_taken():
    entry = {"type": "json.JSONDataset", "filepath": "data/{year:d}.json"}
    assert valid_entries({"year_{year:d}": entry}, Scope().at("catalog")) == {"year_{year:d}": entry}


def test_a_module_that_ends_the_process_has_no_class(tmp_path, monkeypatch):
    (tmp_path / "ends_the_process.py").write_text("exit(5)", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    found = class_problem(CatalogEntry("a", "ends_the_process.X", {"type": "ends_the_process.X"}))
    assert found == (("type",), "the class 'ends_the_process.X' cannot be imported: SystemExit: 5")


def test_an_empty_name_is_a_dataset_in_memory():
    entry = read_entry(resolve_catalog({"{name}_x": {"type": "json.JSONDataset"}}), "")
    assert (entry.in_memory, entry.declared) == (True, False)


def test_an_exact_name_goes_before_a_pattern():
    patterns = {"{name}_raw": {"type": "a.B"}, "cars_raw": {"type": "a.C"}}
    assert read_entry(resolve_catalog(patterns), "cars_raw").type == "a.C"
    assert read_entry(resolve_catalog(patterns), "vans_raw").type == "a.B"


def test_placeholders_in_the_names_of_partition_mappings_are_filled_in():
    mappings = {"{space}.raw": "all", "other": "last"}
    entry = {"type": "a.B", "metadata": {"dagster": {"partition_mappings": mappings}}}
    resolver = resolve_catalog({"{space}.{name}": entry, "x.kept": entry})
    found = {name: read_entry(resolver, name).config["metadata"]["dagster"] for name in ("shop.made", "x.kept")}
    assert found["shop.made"] == {"partition_mappings": {"shop.raw": "all", "other": "last"}}
    assert found["x.kept"] == {"partition_mappings": mappings}
