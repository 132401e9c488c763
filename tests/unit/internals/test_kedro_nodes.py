"""Fails when Kedro's nodes change."""

from kedro.pipeline import node

from kedro_assets._internals import kedro_nodes


def nothing(x, y):
    return x, y


def test_a_renamed_node_is_the_same_otherwise():
    before = node(nothing, {"x": "a", "y": "b"}, ["c", "d"], name="first", tags=["t"], confirms="a", namespace="space")
    after = kedro_nodes.renamed(before, "space.second")
    assert after.name == "space.second"
    assert (after.func, after.inputs, after.outputs) == (before.func, before.inputs, before.outputs)
    assert (after.tags, after.confirms, after.namespace) == (before.tags, before.confirms, before.namespace)
    assert after.run({"a": 1, "b": 2}) == {"c": 1, "d": 2}


def test_inputs_and_outputs_are_told_as_they_were_given():
    assert kedro_nodes.connections(node(nothing, {"y": "b", "x": "a"}, "c")) == ({"y": "b", "x": "a"}, "c")
    assert kedro_nodes.connections(node(nothing, ["a", "b"], {"z": "c"})) == (["a", "b"], {"z": "c"})
    assert kedro_nodes.connections(node(print, None, ["c"])) == (None, ["c"])
