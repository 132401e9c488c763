"""What is known of every asset before it has a spec."""

import dagster as dg
import pytest

from kedro_assets.assets.records import build_records
from kedro_assets.errors import Scope
from kedro_assets.graph import build_graph
from unit.builders import make_node
from unit.records import project_of


def records_of(pipelines, problems=None, **options):
    """Return the records by the names of datasets and nodes."""
    project, scope = project_of(pipelines, **options), Scope() if problems is None else problems
    found = build_records(project, build_graph(project, scope), scope)
    if problems is None:
        scope.raise_if_any()
    return {name: record for (_, name), record in found.items()}


CHAIN = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["shop.y"]), make_node("c", ["shop.y"])]


def test_a_record_has_the_nodes_around_its_dataset():
    records = records_of(CHAIN)
    assert list(records) == ["raw", "x", "shop.y", "c"]
    users = {name: (record.producer and record.producer.name, record.consumers) for name, record in records.items()}
    assert users == {"raw": (None, ("a",)), "x": ("a", ("b",)), "shop.y": ("b", ("c",)), "c": ("c", ())}


def test_external_datasets_come_first():
    records = records_of([make_node("a", ["raw"], ["x"]), make_node("b", ["x", "late"], ["y"])])
    assert list(records) == ["raw", "late", "x", "y"]


def test_a_key_follows_the_namespace_behind_the_prefix():
    records = records_of(CHAIN, key_prefix=["eu"])
    assert records["shop.y"].key == ("eu", "shop", "y")
    assert records["shop.y"].namespace == "shop"


def test_a_node_without_outputs_keeps_its_name_unless_a_dataset_has_it():
    project = project_of([make_node("raw", ["raw"]), make_node("tell", ["raw"], namespace="shop")])
    records = build_records(project, build_graph(project, Scope()), Scope())
    assert {vertex: record.key for vertex, record in records.items()} == {
        ("dataset", "raw"): ("raw",),
        ("node", "raw"): ("raw", "node"),
        ("node", "shop.tell"): ("shop", "tell"),
    }


@pytest.mark.parametrize(
    ("group_by", "groups"),
    [
        ("pipeline", {"raw": "etl", "x": "etl", "shop.y": "etl", "c": "default"}),
        ("namespace", {"raw": None, "x": None, "shop.y": "shop", "c": None}),
        ("none", {"raw": None, "x": None, "shop.y": None, "c": None}),
    ],
    ids=["pipeline", "namespace", "none"],
)
def test_a_group_is_the_first_pipeline_of_its_own_or_the_namespace(group_by, groups):
    records = records_of({"__default__": CHAIN, "etl": CHAIN[:2], "again": CHAIN[:1]}, group_by=group_by)
    assert {name: record.group_name for name, record in records.items()} == groups


NAMESPACED = [
    make_node("split", ["raw"], ["train"]),
    make_node("fit", ["train"], ["forest.model"], namespace="forest"),
    make_node("fit", ["train"], ["linear.deep.model"], namespace="linear.deep"),
]


@pytest.mark.parametrize(
    ("options", "groups"),
    [
        ({}, ["models", "models_forest", "models_linear_deep"]),
        ({"key_prefix": ["eu"]}, ["models", "models_forest", "models_linear_deep"]),
        ({"catalog": {"forest.model": {"type": "A", "metadata": {"dagster": {"group_name": "mine"}}}}}, ["models"] * 3),
        ({"catalog": {"forest.model": {"type": "A", "metadata": {"dagster": {"key": "best"}}}}}, ["models"] * 3),
        ({"group_by": "none"}, [None] * 3),
        ({"group_by": "namespace"}, [None, "forest", "linear_deep"]),
    ],
    ids=["clash", "prefix", "another group", "another key", "none", "namespace"],
)
def test_namespaces_divide_a_group_where_two_of_its_assets_would_have_one_label(options, groups):
    records = records_of({"models": NAMESPACED}, **options)
    found = [records[name].group_name for name in ("train", "forest.model", "linear.deep.model")]
    assert found == groups
    assert records["raw"].group_name == groups[0]


def test_a_group_whose_labels_differ_stays_as_it_is():
    other = make_node("fit", ["train"], ["linear.other"], namespace="linear")
    records = records_of({"models": [*NAMESPACED[:2], other]})
    assert {record.group_name for record in records.values()} == {"models"}


def test_an_external_dataset_belongs_to_the_pipelines_that_read_it():
    records = records_of({"__default__": CHAIN, "etl": CHAIN[:1]})
    assert records["raw"].pipelines == ("__default__", "etl")
    assert records["shop.y"].pipelines == ("__default__",)


def test_an_external_dataset_is_in_the_group_of_the_first_pipeline_that_reads_it_whichever_node_comes_first():
    etl, plots = [make_node("z", ["raw"], ["x"])], [make_node("a", ["raw"], ["plot"])]
    records = records_of({"etl": etl, "plots": plots, "__default__": [*etl, *plots]})
    assert records["raw"].pipelines == ("__default__", "etl", "plots")
    assert records["raw"].group_name == "etl"


def test_only_what_a_node_makes_has_a_code_version():
    records = records_of(CHAIN)
    assert records["raw"].code_version is None
    assert all(records[name].code_version for name in ("x", "shop.y", "c"))


@pytest.mark.parametrize(
    ("options", "changed"),
    [({}, {"x", "y", "z"}), ({"memory_assets": False}, {"z"}), ({"cluster_by": "node"}, {"x"})],
    ids=["memory", "hidden", "node"],
)
def test_the_code_before_an_asset_counts_back_to_what_is_stored(options, changed):
    def versions(read):
        nodes = [
            make_node("a", read, ["x"]),
            make_node("b", ["x"], ["y"]),
            make_node("c", ["x", "y"], ["z"]),
            make_node("d", ["z"], ["end"]),
        ]
        records = records_of(nodes, files=["z"], **options)
        return {name: record.code_version for name, record in records.items() if record.producer}

    before, after = versions(["raw"]), versions(["raw", "more"])
    assert {name for name in after if after[name] != before[name]} == changed


def test_conditions_and_policies_of_the_catalog_are_read():
    settings = {"automation_condition": "eager", "freshness_policy": {"time_window": "24h"}}
    catalog = {"x": {"type": "MemoryDataset", "metadata": {"dagster": settings}}}
    record = records_of(CHAIN, catalog=catalog)["x"]
    assert record.automation_condition == dg.AutomationCondition.eager()
    assert isinstance(record.freshness_policy, dg.FreshnessPolicy)


def test_settings_at_one_name_of_a_transcoded_dataset_hold_for_the_asset():
    nodes = [make_node("a", ["raw"], ["x@one"]), make_node("b", ["x@two"], ["y"])]
    catalog = {"x@one": {"type": "A"}, "x@two": {"type": "B", "metadata": {"dagster": {"group_name": "mine"}}}}
    record = records_of(nodes, catalog=catalog)["x"]
    assert (record.entry.name, record.settings.group_name) == ("x@two", "mine")


def test_a_condition_that_dagster_does_not_have_is_reported_at_the_name_that_has_it():
    nodes = [make_node("a", ["raw"], ["x@one"]), make_node("b", ["x@two"], ["y"])]
    catalog = {"x@one": {"type": "A"}, "x@two": {"type": "B", "metadata": {"dagster": {"automation_condition": "no"}}}}
    problems = Scope()
    assert records_of(nodes, problems, catalog=catalog)["x"].automation_condition is None
    assert [problem.path for problem in problems] == ["catalog.x@two.metadata.dagster.automation_condition"]


def test_hidden_datasets_have_no_record():
    assert list(records_of(CHAIN, memory_assets=False)) == ["raw", "c"]


def keyed(key):
    return {"x": {"type": "MemoryDataset", "metadata": {"dagster": {"key": key}}}}


@pytest.mark.parametrize("key", ["shared/prices", ["shared", "prices"]], ids=["text", "list"])
def test_a_key_of_the_catalog_takes_the_place_of_the_name_and_the_prefix(key):
    records = records_of(CHAIN, catalog=keyed(key), key_prefix=["eu"])
    assert [records[name].key for name in ("x", "shop.y")] == [("shared", "prices"), ("eu", "shop", "y")]


@pytest.mark.parametrize("key", ["", "a//b", "/a", [], ["a", " "]], ids=repr)
def test_a_key_without_a_part_is_reported_at_its_place(key):
    problems = Scope()
    assert records_of(CHAIN, problems, catalog=keyed(key))["x"].key == ("x",)
    assert [problem.path for problem in problems] == ["catalog.x.metadata.dagster.key"]
