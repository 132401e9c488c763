"""Datasets without data."""

import pytest
from kedro.pipeline import Pipeline

from kedro_assets.convert.nothing import convert_nothing
from unit.builders import make_node
from unit.convert.files import draft

CATALOG = """\
"{n}.done": {type: kedro_dagster.DagsterNothingDataset, metadata: {a: 1}}
s.parts: {type: x, metadata: {dagster: {partitions: {static: [a]}}}}
s.more: {type: x, metadata: {dagster: {partitions: {static: [a]}}}}
"""
MEMORY = {"type": "MemoryDataset", "metadata": {"a": 1}}
FILE = {"type": "pickle.PickleDataset", "filepath": "data/nothing/{n}.done.pkl", "metadata": {"a": 1}}


def pipelines(made, read):
    first = make_node("first", ["raw"], ["s.done", *made])
    return {"__default__": Pipeline([first, make_node("last", ["s.done", *made], read)])}


@pytest.mark.parametrize(
    ("registered", "entry"),
    [
        (pipelines([], ["x"]), MEMORY),
        (pipelines(["s.parts"], ["s.more"]), MEMORY),
        (pipelines(["s.parts"], ["x"]), FILE),
        (pipelines([], ["s.parts"]), FILE),
        ({}, MEMORY),
        (None, MEMORY),
    ],
    ids=["no partitions", "the same", "all are waited for", "one is waited for", "not used", "not known"],
)
def test_it_is_in_memory_unless_the_nodes_around_it_are_partitioned_otherwise(registered, entry):
    found = draft(CATALOG)
    convert_nothing([found], "base", registered)
    assert found.wanted["{n}.done"] == entry
    [problem] = found.problems
    assert f"`{entry['type']}`" in problem.found
    assert ("filepath" in problem.hint) is (registered is None)


def test_partitions_of_the_base_environment_count_in_the_others():
    text, rest = CATALOG.split("\n", 1)
    found = draft(text, "a/catalog.yml")
    convert_nothing([draft(rest), found], "base", pipelines(["s.parts"], ["x"]))
    assert found.wanted["{n}.done"] == FILE
