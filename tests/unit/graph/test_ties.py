"""What ties nodes together."""

from kedro_assets.graph.ties import confirmed_together, handed_on_in_memory
from unit.builders import make_graph, make_node

NODES = (
    make_node("make", ["raw"], ["x", "y"]),
    make_node("use", ["x", "y"], ["z"]),
    make_node("look", ["x"]),
    make_node("done", ["z"], confirms=["x"]),
)


def test_nodes_that_hand_on_data_in_memory_are_tied_by_each_such_dataset():
    graph = make_graph(NODES, files=["x", "z", "raw"])
    assert list(handed_on_in_memory(graph)) == [("make", ["use"], "'y' is handed on in memory.")]
    graph = make_graph(NODES)
    assert {reason: [first, *others] for first, others, reason in handed_on_in_memory(graph)} == {
        "'x' is handed on in memory.": ["make", "look", "use"],
        "'y' is handed on in memory.": ["make", "use"],
        "'z' is handed on in memory.": ["use", "done"],
    }


def test_data_in_memory_that_nobody_makes_or_nobody_reads_ties_nothing():
    assert not list(
        handed_on_in_memory(make_graph([make_node("a", ["given"], ["x"]), make_node("b", ["given"], ["y"])]))
    )


def test_a_dataset_of_which_one_variant_is_in_memory_ties_its_nodes():
    nodes = [make_node("a", ["raw"], ["x@data"]), make_node("b", ["x@file"], ["y"])]
    assert [tie[:2] for tie in handed_on_in_memory(make_graph(nodes, files=["x@file"]))] == [("a", ["b"])]


def test_a_node_that_confirms_is_tied_to_those_that_make_and_load():
    graph = make_graph(NODES, files=["x", "y", "z", "raw"])
    assert list(confirmed_together(graph)) == [
        ("done", ["make", "look", "use"], "'done' confirms 'x', which only the process that has loaded it can do.")
    ]


def test_a_node_that_confirms_what_only_itself_loads_is_free():
    nodes = [make_node("a", ["raw"], ["x"], confirms=["raw"]), make_node("b", ["x"], ["y"])]
    assert not list(confirmed_together(make_graph(nodes, files=["raw", "x"])))


def test_a_node_may_confirm_under_another_name():
    nodes = [make_node("a", ["x@parts"], ["y"]), make_node("b", ["y"], confirms=["x@other"])]
    catalog = {f"x@{name}": {"type": "json.JSONDataset", "filepath": "a"} for name in ("parts", "other")}
    [(node, others, reason)] = confirmed_together(make_graph(nodes, files=["y"], catalog=catalog))
    assert (node, others) == ("b", ["a"])
    assert "'x'" in reason
