"""Which datasets are compared by their content, as dagster.yml says it of many."""

import pytest

from kedro_assets.errors import Scope
from kedro_assets.graph import build_graph, with_data_versions
from unit.builders import make_node, make_project

NODES = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["memory"]), make_node("c", ["memory"], ["y"])]


def json_entry(**settings):
    metadata = {"metadata": {"dagster": settings}} if settings else {}
    return {"type": "json.JSONDataset", "filepath": "data/file.json", **metadata}


def versions(written, **settings):
    """Return how the data of each dataset counts as new, and what is reported."""
    problems = Scope()
    catalog = {name: json_entry(**settings.get(name, {})) for name in ("raw", "x", "y")}
    graph = with_data_versions(build_graph(make_project(NODES, catalog=catalog), problems), written, problems)
    found = {name: graph.settings_of(name).data_version for name in graph.datasets}
    return found, [(problem.path, problem.found) for problem in problems]


def test_a_pattern_holds_for_what_nodes_write_into_files():
    assert versions({"{any}": "content"}) == ({"raw": None, "x": "content", "memory": None, "y": "content"}, [])


def test_what_fits_best_holds_and_the_catalog_goes_before_it():
    written = {"{any}": "content", "x": "run"}
    assert versions(written) == ({"raw": None, "x": "run", "memory": None, "y": "content"}, [])
    found, _ = versions(written, x={"data_version": "content"}, y={"data_version": "run", "group_name": "g"})
    assert (found["x"], found["y"]) == ("content", "run")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("raw", "no node makes this dataset, so there is no content to compare."),
        ("memory", "this dataset has no files, so there is no content to compare."),
        ("z", "no dataset has this name or matches this pattern."),
    ],
    ids=["external", "in memory", "unknown"],
)
def test_a_name_without_content_to_compare_is_reported(name, found):
    assert versions({name: "content"})[1] == [(f"assets.data_version.{name}", found)]
