"""Order without data: which nodes wait, and what is reported of those that cannot."""

import dagster as dg
import pytest

from kedro_assets.errors import Scope
from kedro_assets.graph.ordering import with_order
from unit.builders import entry_text, json_entry, make_graph, make_node

ONE = "return {'__default__': Pipeline([n('make', ['raw'], ['made'])])}"
SINKS = (
    "return {'__default__': Pipeline([n('make', ['raw'], ['made']), n('tell', ['made'], []), n('look', ['raw'], [])])}"
)
DEPS = {
    "unknown": ("made: [nowhere]", "assets.deps.made[0]", "no dataset or node is named 'nowhere'"),
    "unknown node": ("nowhere: [made]", "assets.deps.nowhere", "no node is named 'nowhere'"),
    "external": ("raw: [made]", "assets.deps.raw", "no node is named 'raw', and no node makes a dataset of that name"),
    "itself": ("made: [made]", "assets.deps.made[0]", "node 'make' cannot wait for"),
    "cycle": ("made: [tell]", "assets.deps.made[0]", "node 'make' cannot wait for"),
}


@pytest.mark.parametrize("case", DEPS)
def test_order_that_cannot_be(problems_of, case):
    written, path, found = DEPS[case]
    conf = {"catalog.yml": entry_text("raw") + entry_text("made"), "dagster.yml": f"assets:\n  deps:\n    {written}\n"}
    [problem] = problems_of(SINKS, conf=conf)
    assert problem.path == path
    assert found in problem.found
    assert problem.source == "conf/base/dagster.yml:3"


def test_a_cycle_of_order_only(problems_of):
    conf = {"dagster.yml": "assets:\n  deps:\n    tell: [look]\n    look: [tell]\n"}
    [problem] = problems_of(SINKS, conf=conf)
    assert problem.path == "assets.deps.look[0]"


def test_order_at_what_no_node_makes(problems_of):
    [problem] = problems_of(ONE, conf={"catalog.yml": entry_text("raw", "deps: [made]")})
    assert problem.path == "catalog.raw.metadata.dagster.deps[0]"
    assert "no node makes 'raw'" in problem.found
    assert problem.source == "conf/base/catalog.yml:4"


def test_order_between_an_external_dataset_and_a_node(translate_project):
    pipelines = "return {'__default__': Pipeline([n('make', ['raw'], ['made']), n('b', ['other'], [])])}"
    conf = {"catalog.yml": entry_text("raw") + entry_text("other"), "dagster.yml": "assets: {deps: {b: [raw]}}"}
    translation = translate_project(pipelines, conf=conf)
    graph = translation.definitions.resolve_asset_graph()
    assert graph.get(dg.AssetKey("b")).parent_keys == {dg.AssetKey("other"), dg.AssetKey("raw")}


# By records that are made by hand.


def ordered(nodes, deps=None, translated=(), **options):
    """Return the graph with its order, and the problems by their paths."""
    problems = Scope()
    graph = with_order(make_graph(nodes, **options), deps or {}, translated, problems)
    return graph, {problem.path: problem for problem in problems}


APART = (
    make_node("a", ["raw"], ["x"]),
    make_node("b", ["raw"], ["y"]),
    make_node("c", ["y"], ["z"]),
    make_node("tell", ["raw"]),
)


def test_without_deps_the_graph_stays_as_it_is():
    graph = make_graph(APART)
    assert with_order(graph, {}, (), Scope()) is graph


def test_a_node_comes_after_what_it_waits_for_and_the_others_stay_in_kedros_order():
    graph, problems = ordered(APART, {"x": ["z"]})
    assert problems == {}
    assert list(make_graph(APART).nodes) == ["a", "b", "tell", "c"]
    assert list(graph.nodes) == ["b", "tell", "c", "a"]
    assert graph.order == {"a": [("dataset", "z")]}
    assert graph.waits_for("a") == ["z"]
    assert ("c", "a") in set(graph.handovers())
    assert graph.inputs("a") == ["raw"]


def test_a_node_may_wait_for_a_node_without_outputs_and_be_one():
    graph, problems = ordered(APART, {"tell": ["z"], "b": ["x"]})
    assert problems == {}
    assert graph.order == {"tell": [("dataset", "z")], "b": [("dataset", "x")]}
    graph, problems = ordered(APART, {"x": ["tell"]})
    assert problems == {}
    assert graph.order == {"a": [("node", "tell")]}
    assert graph.waits_for("a") == []
    assert list(graph.nodes).index("tell") < list(graph.nodes).index("a")


def test_the_name_of_a_node_with_outputs_stands_for_the_first_of_them():
    graph, problems = ordered(APART, {"x": ["c"]})
    assert problems == {}
    assert graph.order == {"a": [("dataset", "z")]}


def test_the_catalog_and_dagster_yml_may_both_say_what_a_node_waits_for():
    graph, problems = ordered(APART, {"a": ["tell"]}, catalog={"x": json_entry(deps=["z", "raw"])})
    assert problems == {}
    assert graph.order == {"a": [("dataset", "z"), ("dataset", "raw"), ("node", "tell")]}


def test_an_external_dataset_is_waited_for_without_a_place_in_the_order():
    graph, problems = ordered([*APART, make_node("d", ["other"], ["w"])], {"x": ["other"]})
    assert problems == {}
    assert graph.waits_for("a") == ["other"]
    assert not [pair for pair in graph.handovers() if pair[1] == "a"]


def test_a_dataset_that_is_hidden_cannot_be_waited_for():
    _, problems = ordered(APART, {"x": ["y"]}, memory_assets=False)
    assert problems["assets.deps.x[0]"].found == "no dataset or node is named 'y'."


def test_each_name_that_nothing_has_is_reported_with_the_nearest():
    _, problems = ordered(APART, {"x": ["zz", "y", "tel"], "bb": ["x"]}, catalog={"y": json_entry(deps=["nope"])})
    assert set(problems) == {
        "catalog.y.metadata.dagster.deps[0]",
        "assets.deps.bb",
        "assets.deps.x[0]",
        "assets.deps.x[2]",
    }
    assert problems["assets.deps.x[2]"].hint.startswith("Did you mean 'tell'?")
    assert problems["assets.deps.bb"].found == "no node is named 'bb', and no node makes a dataset of that name."


def test_of_a_cycle_the_dep_that_closes_it_is_reported_and_the_rest_holds():
    graph, problems = ordered(APART, {"x": ["z"], "y": ["x"]})
    assert list(problems) == ["assets.deps.y[0]"]
    assert problems["assets.deps.y[0]"].found == "node 'b' cannot wait for 'x', which depends on this node itself."
    assert graph.order == {"a": [("dataset", "z")]}


def test_a_cycle_with_the_data_is_reported():
    _, problems = ordered(APART, {"y": ["z"]})
    assert list(problems) == ["assets.deps.y[0]"]


def test_a_node_is_found_by_its_name_in_the_graph_where_two_share_one():
    pipelines = {"__default__": [make_node("fit", ["raw"], ["x"])], "more": [make_node("fit", ["raw"], ["y"])]}
    graph, problems = ordered(pipelines, {"x": ["y"]})
    assert problems == {}
    assert list(graph.nodes) == ["fit__more", "fit"]
