"""Settings of datasets that dagster.yml has by name and pattern."""

import pytest

from kedro_assets.config import DatasetSettings, PartitionsConfig
from kedro_assets.errors import Scope
from kedro_assets.graph import build_graph, with_pattern_settings
from unit.builders import json_entry, make_node, make_project

NODES = [
    make_node("a", ["raw"], ["shop.x"]),
    make_node("b", ["shop.x"], ["memory"]),
    make_node("c", ["memory"], ["shop.y"]),
]


def graph_of(written, **catalog):
    problems = Scope()
    entries = {name: json_entry() for name in ("raw", "shop.x", "shop.y")}
    graph = build_graph(make_project(NODES, catalog={**entries, **catalog}), problems)
    return with_pattern_settings(graph, written, problems), problems


def settings_of(graph, key):
    return {name: getattr(graph.settings_of(name), key) for name in graph.datasets}


def test_a_pattern_holds_for_all_that_it_fits_with_its_placeholders_filled_in():
    graph, problems = graph_of({"{space}.{name}": DatasetSettings(group_name="{space}", description="All of {name}.")})
    assert settings_of(graph, "group_name") == {"raw": None, "shop.x": "shop", "memory": None, "shop.y": "shop"}
    assert graph.settings_of("shop.x").description == "All of x."
    assert not problems.failed


def test_a_dataset_that_the_catalog_does_not_have_gets_its_settings():
    graph, _ = graph_of({"memory": DatasetSettings(owners=["team:a"])})
    assert graph.settings_of("memory").owners == ["team:a"]


def test_what_fits_best_holds_and_each_key_of_the_catalog_goes_before_it():
    written = {"{any}": DatasetSettings(group_name="all", kinds=["k"]), "raw": DatasetSettings(group_name="own")}
    graph, _ = graph_of(written, **{"shop.x": json_entry(group_name="catalog"), "shop.y": json_entry(kinds=[])})
    assert settings_of(graph, "group_name") == {"raw": "own", "shop.x": "catalog", "memory": "all", "shop.y": "all"}
    assert settings_of(graph, "kinds") == {"raw": [], "shop.x": ["k"], "memory": ["k"], "shop.y": []}


def test_what_is_wrong_is_reported_where_it_is_written():
    written = {"{any}": DatasetSettings(deps=["nobody"])}
    graph, problems = graph_of(written, **{"shop.x": json_entry(deps=["raw"])})
    scopes = [graph.settings_scope(name, problems, "deps").path for name in ("shop.x", "shop.y")]
    assert scopes == [("catalog", "shop.x", "metadata", "dagster", "deps"), ("assets", "settings", "{any}", "deps")]


@pytest.mark.parametrize(
    ("key", "value", "datasets"),
    [
        ("data_version", "content", ["shop.x", "shop.y"]),
        ("deps", ["raw"], ["shop.x", "memory", "shop.y"]),
        ("partition_mappings", {"raw": "all"}, ["shop.x", "memory", "shop.y"]),
        ("automation_condition", "eager", ["raw", "shop.x", "shop.y"]),
        ("freshness_policy", {"cron": {}}, ["raw", "shop.x", "shop.y"]),
        ("check_automation_condition", "eager", []),
        ("external", False, ["raw", "shop.x", "memory", "shop.y"]),
        ("partitions", PartitionsConfig(static=["a"]), ["raw", "shop.x", "memory", "shop.y"]),
    ],
)
def test_a_pattern_leaves_out_what_a_dataset_cannot_have(key, value, datasets):
    graph, _ = graph_of({"{any}": DatasetSettings(**{key: value})})
    assert [name for name, found in settings_of(graph, key).items() if found == value] == datasets


def test_a_name_holds_for_what_it_says_so_that_what_it_cannot_have_is_reported():
    graph, _ = graph_of({"raw": DatasetSettings(data_version="content")})
    assert graph.settings_of("raw").data_version == "content"


def test_a_pattern_of_no_dataset_is_reported_with_a_name_like_it():
    _, problems = graph_of({"shop.z": DatasetSettings()})
    [problem] = problems
    assert (problem.path, problem.hint[:22]) == ("assets.settings.shop.z", "Did you mean 'shop.y'?")
