"""Order without data: which nodes wait, and what is reported of those that cannot."""

import dagster as dg
import pytest

from unit.builders import entry_text

ONE = "return {'__default__': Pipeline([n('make', ['raw'], ['made'])])}"
SINKS = (
    "return {'__default__': Pipeline([n('make', ['raw'], ['made']), n('tell', ['made'], []), n('look', ['raw'], [])])}"
)
DEPS = {
    "unknown": ("made: [nowhere]", "assets.deps.made[0]", "no dataset and no node is called 'nowhere'"),
    "unknown node": ("nowhere: [made]", "assets.deps.nowhere", "no node is called 'nowhere'"),
    "external": ("raw: [made]", "assets.deps.raw", "no node is called 'raw', or makes a dataset of that name"),
    "itself": ("made: [made]", "assets.deps.made[0]", "cannot be there before node 'make'"),
    "cycle": ("made: [tell]", "assets.deps.made[0]", "cannot be there before node 'make'"),
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
