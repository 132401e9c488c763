"""The parts of running a node that need no project."""

from __future__ import annotations

import weakref

from kedro_assets.runtime.step_execution import _interleaved


class Chunk:
    """Something large."""


def test_two_chunks_of_a_generator_node_are_alive_at_most():
    alive, counts = weakref.WeakSet(), []

    def chunks():
        for _ in range(5):
            chunk = Chunk()
            alive.add(chunk)
            counts.append(len(alive))
            yield chunk
            del chunk

    for _name, _data in _interleaved({"big": chunks()}):
        pass
    assert counts == [1, 2, 2, 2, 2]


def test_the_chunks_of_several_outputs_take_turns():
    outputs = {"a": iter([1, 2, 3]), "b": iter("xy")}
    assert list(_interleaved(outputs)) == [("a", 1), ("b", "x"), ("a", 2), ("b", "y")]
