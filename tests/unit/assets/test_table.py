"""One table of one record: what every asset is."""

import dagster as dg
import pytest

from kedro_assets.assets import DatasetAccess
from kedro_assets.config import DatasetSettings, PartitionsConfig
from kedro_assets.errors import Scope
from unit.builders import make_node
from unit.records import json_entry, make_table

CHAIN = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"]), make_node("c", ["y"])]


def key(text):
    return dg.AssetKey.from_user_string(text)


# Looking up.


def test_an_asset_is_found_by_its_vertex_and_by_its_key():
    table = make_table(CHAIN, key_prefix=["eu"])
    asset = table.by_vertex["dataset", "x"]
    assert table.by_key[key("eu/x")] is asset
    assert table.dataset("x") is asset
    assert (asset.key, asset.name, asset.is_dataset) == (key("eu/x"), "x", True)
    assert (table.by_vertex["node", "c"].name, table.by_vertex["node", "c"].is_dataset) == ("c", False)


def test_a_hidden_dataset_and_a_node_without_outputs_are_no_datasets_of_the_table():
    table = make_table(CHAIN, memory_assets=False)
    assert (table.dataset("x"), table.dataset("c")) == (None, None)
    assert [asset.name for asset in table.assets] == ["raw", "c"]


def test_what_nodes_make_comes_in_their_order_without_what_is_hidden():
    table = make_table(CHAIN, files=["y"], memory_assets=False)
    assert [asset.name for asset in table.made_by(["a", "b", "c"])] == ["y", "c"]
    assert table.made_by(["a"]) == []


def test_keys_of_other_origin_are_left_out():
    table = make_table(CHAIN)
    assert [asset.name for asset in table.of_keys([key("y"), key("native"), key("x")])] == ["y", "x"]


def test_a_check_is_found_by_the_name_of_its_dataset_in_the_catalog():
    catalog = {"x@one": json_entry("x", validator="shop.X"), "x@two": json_entry("x")}
    nodes = [make_node("a", ["raw"], ["x@one"]), make_node("b", ["x@two"], ["y"])]
    table = make_table(nodes, catalog=catalog)
    assert {name: check.asset_key for name, check in table.checks.items()} == {"x@one": key("x")}
    assert table.dataset("x").checks == table.checks


# What an asset is.


def test_an_asset_knows_the_nodes_whose_step_makes_it():
    table = make_table(CHAIN, files=["y"])
    clusters = {asset.name: asset.cluster and asset.cluster.nodes for asset in table.assets}
    assert clusters == {"raw": None, "x": ("a", "b"), "y": ("a", "b"), "c": ("c",)}


def test_an_asset_is_in_memory_if_one_of_its_names_is():
    nodes = [make_node("a", ["raw"], ["x@one"]), make_node("b", ["x@two"], ["y"])]
    table = make_table(nodes, catalog={"x@one": json_entry("x")}, files=["raw", "y"])
    assert {asset.name: asset.in_memory for asset in table.assets} == {"raw": False, "x": True, "y": False}


@pytest.mark.parametrize(
    ("written", "shown"), [({}, True), ({"external": True}, True), ({"external": False}, False)], ids=str
)
def test_an_external_dataset_is_shown_unless_the_catalog_leaves_it_to_others(written, shown):
    catalog = {"raw": json_entry("raw", metadata={"dagster": written})}
    raw = make_table(CHAIN, catalog=catalog).dataset("raw")
    assert (raw.is_external, raw.is_shown, raw.observed is not None) == (True, shown, shown)


def test_what_a_node_makes_is_shown_whatever_the_catalog_says_of_external_ones():
    catalog = {"x": json_entry("x", metadata={"dagster": {"external": False}})}
    x = make_table(CHAIN, catalog=catalog).dataset("x")
    assert (x.is_external, x.is_shown, x.observed) == (False, True, None)


@pytest.mark.parametrize(
    "entry",
    [{"type": "MemoryDataset"}, {"type": "sql.Table", "table": "t"}, json_entry("<partition_key>.json")],
    ids=["memory", "no place", "one place per partition"],
)
def test_a_dataset_without_one_place_is_not_observed(entry):
    assert make_table(CHAIN, catalog={"raw": entry}).dataset("raw").observed is None


def test_a_partitioned_dataset_is_not_observed():
    partitions = {"raw": PartitionsConfig(static=["a", "b"])}
    raw = make_table(CHAIN, catalog={"raw": json_entry("raw")}, partitions=partitions).dataset("raw")
    assert (raw.observed, raw.partitioning.definition) == (None, dg.StaticPartitionsDefinition(["a", "b"]))


def test_of_a_transcoded_dataset_the_name_with_one_place_is_observed():
    catalog = {"raw@day": json_entry("<partition_key>.json"), "raw@all": json_entry("all")}
    table = make_table([make_node("a", ["raw@day", "raw@all"], ["x"])], catalog=catalog)
    assert table.dataset("raw").observed.name == "raw@all"


def test_a_condition_of_what_can_be_neither_made_nor_observed_is_reported():
    problems = Scope()
    eager = {"metadata": {"dagster": {"automation_condition": "eager"}}}
    make_table(CHAIN, catalog={"raw": {"type": "MemoryDataset", **eager}}, problems=problems)
    assert [problem.path for problem in problems] == ["catalog.raw.metadata.dagster.automation_condition"]
    assert make_table(CHAIN, catalog={"raw": json_entry("raw", **eager), "x": {"type": "MemoryDataset", **eager}})


# How Dagster reaches data.


def test_datasets_of_the_catalog_that_no_node_uses_are_reached_too():
    catalog = {
        "lonely": json_entry("lonely"),
        "shop.prices": json_entry("<partition_key>.json"),
        "note": {"type": "MemoryDataset"},
    }
    table = make_table(CHAIN, catalog=catalog)
    assert table.dataset("lonely") is None
    assert {name: table.access[name] for name in catalog} == {
        "lonely": DatasetAccess("lonely__io_manager", "lonely"),
        "shop.prices": DatasetAccess("shop_prices__io_manager", "shop.prices", parts=frozenset({"partition_key"})),
        "note": DatasetAccess("note__io_manager", "note", in_memory=True),
    }


def test_hidden_datasets_are_reached_too():
    access = make_table(CHAIN, memory_assets=False).access
    assert access["x"] == DatasetAccess("x__io_manager", "x", in_memory=True)
    assert set(access) == {"raw", "x", "y"}


def test_a_pattern_of_the_catalog_is_no_dataset():
    assert set(make_table(CHAIN, catalog={"{name}_table": json_entry("{name}")}).access) == {"raw", "x", "y"}


@pytest.mark.parametrize(
    ("nodes", "name"),
    [
        ([make_node("a", ["raw"], ["x@two"]), make_node("b", ["x@one"], ["y"])], "x@two"),
        ([make_node("b", ["x@two", "x@one"], ["y"])], "x@two"),
        ([make_node("b", ["raw"], ["y"])], "x@one"),
    ],
    ids=["written", "read", "unused"],
)
def test_other_assets_use_a_transcoded_dataset_under_the_name_that_its_node_writes(nodes, name):
    catalog = {"x@one": json_entry("x"), "x@two": json_entry("x")}
    access = make_table(nodes, catalog=catalog).access
    assert access["x"] == DatasetAccess("x__io_manager", name)
    assert not {"x@one", "x@two"} & set(access)


def test_names_that_would_share_a_resource_key_are_kept_apart_those_of_nodes_first():
    table = make_table([make_node("n", ["a.b"], ["a-b"])], catalog={"a_b": json_entry("x"), "a b": json_entry("y")})
    assert {name: access.io_manager_key for name, access in table.access.items()} == {
        "a.b": "a_b__io_manager",
        "a-b": "a_b_2__io_manager",
        "a_b": "a_b_3__io_manager",
        "a b": "a_b_4__io_manager",
    }


def test_resource_keys_carry_the_prefix_and_begin_with_a_letter():
    nodes = [make_node("n", ["2026"], ["_x"])]
    assert [access.io_manager_key for access in make_table(nodes).access.values()] == [
        "dataset_2026__io_manager",
        "dataset__x__io_manager",
    ]
    assert [access.io_manager_key for access in make_table(nodes, key_prefix=["eu", "a-b"]).access.values()] == [
        "eu__a_b__2026__io_manager",
        "eu__a_b___x__io_manager",
    ]


@pytest.mark.parametrize(
    ("name", "entry", "found"),
    [
        ("raw", {"filepath": "raw.json"}, "no node makes this dataset, so there is no content to compare."),
        ("x", {"type": "pandas.SQLTableDataset"}, "this dataset has no files, so there is no content to compare."),
        ("y", {"filepath": "y.json"}, None),
    ],
    ids=["external", "without files", "right"],
)
def test_content_that_cannot_be_compared_is_reported(name, entry, found):
    problems = Scope()
    given = {"type": "json.JSONDataset", **entry, "metadata": {"dagster": {"data_version": "content"}}}
    make_table(CHAIN, catalog={name: given}, problems=problems)
    path = f"catalog.{name}.metadata.dagster.data_version"
    assert [(problem.path, problem.found) for problem in problems] == ([(path, found)] if found else [])


PASSING = [
    make_node("split", ["raw"], ["passed", "kept"]),
    make_node("more", ["passed"], ["on"]),
    make_node("end", ["on"], ["last"]),
]
"""`passed` and `on` pass in memory, `kept` and `last` do not."""


@pytest.mark.parametrize(
    ("nodes", "selected"),
    [
        (["split", "more", "end"], ["kept", "last"]),
        (["split", "more"], ["kept", "on"]),
        (["more", "end"], ["last"]),
        (["more"], ["on"]),
        (["split"], ["kept"]),
        ([], []),
    ],
    ids=["all", "without the reader", "without the first", "one in the middle", "the first", "none"],
)
def test_a_run_selects_what_lasts_and_what_no_node_would_run_for_otherwise(nodes, selected):
    table = make_table(PASSING, files=["raw", "kept", "last"])
    assert [asset.name for asset in table.selected_for(nodes)] == selected


def test_in_memory_data_that_passes_between_steps_is_selected():
    table = make_table(PASSING, files=["raw", "kept", "last"], cluster_by="node")
    assert [asset.name for asset in table.selected_for(["split", "more", "end"])] == ["passed", "kept", "on", "last"]


@pytest.mark.parametrize(
    ("written", "paths"),
    [("{any}", []), ("raw", ["assets.settings.raw.automation_condition"])],
    ids=["a pattern", "a name"],
)
def test_a_condition_of_what_nobody_makes_or_observes_is_an_error_unless_a_pattern_gives_it(written, paths):
    problems, eager = Scope(), DatasetSettings(automation_condition="eager")
    catalog = {"raw": json_entry("raw/<partition_key>.json", partitions={"static": ["a"]})}
    nodes = [make_node("a", ["raw"], ["x"])]
    make_table(nodes, problems=problems, catalog=catalog, files=["x"], settings={written: eager})
    assert [problem.path for problem in problems] == paths
