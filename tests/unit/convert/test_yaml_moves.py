"""What moves from one place of a mapping to another."""

from kedro_assets.convert.yaml_moves import Insertion, Removed

REMOVED = Removed("x", 1, "  x: 1 # c\n", "1", 2)


def test_what_comes_back_further_inside_is_moved():
    insertion = Insertion({"in": {"x": 1, "y": {"x": 2}}}, 2, [REMOVED], is_behind=True)
    assert list(insertion.moved()) == [REMOVED]
    assert insertion.same("x", 1) is REMOVED


def test_another_value_or_another_key_is_new():
    insertion = Insertion({"x": 2, "y": 1}, 2, [REMOVED], is_behind=True)
    assert not list(insertion.moved())
