"""A YAML file with other values keeps all that does not change."""

import pytest
import yaml

from kedro_assets.convert.yaml_edits import EditError, edited


def changed(text, **values):
    return edited(text, {**yaml.safe_load(text), **values})


def test_a_text_that_holds_what_is_wanted_stays_as_it_is():
    text = "a:   [1,2]   # odd\n\n\nb: 'x'"
    assert edited(text, {"a": [1, 2], "b": "x"}) == text


def test_only_the_lines_that_change_are_written():
    text = "# top\na:\n    b: 'old' # why\n    c:   [1,2]\n\nd: |\n  x\n"
    wanted = {"a": {"b": "new", "c": [1, 2]}, "d": "x\n"}
    assert edited(text, wanted) == text.replace("old", "new")


def test_an_entry_that_moves_further_inside_keeps_its_text_and_its_comments():
    text = 'a:\n  # above\n  x: "1"  # behind\n  y: 2\n'
    wanted = {"a": {"y": 2, "in": {"x": "1"}}}
    assert edited(text, wanted) == 'a:\n  y: 2\n  in:\n    # above\n    x: "1"  # behind\n'


def test_an_entry_that_is_alone_moves_into_another_one():
    assert (
        edited("a:\n  # c\n  x: 1\nb: 2\n", {"a": {"in": {"x": 1}}, "b": 2}) == "a:\n  in:\n    # c\n    x: 1\nb: 2\n"
    )


def test_a_list_keeps_its_text_under_another_key():
    text = 'a:\n  keys: ["1","2"]\n  x: 1\n'
    assert edited(text, {"a": {"x": 1, "in": {"static": ["1", "2"]}}}) == 'a:\n  x: 1\n  in:\n    static: ["1","2"]\n'


def test_comments_of_an_entry_that_goes_stay():
    text = "a:\n  x: # one\n    # two\n    y: 1 # three\n  z: 2\n"
    assert edited(text, {"a": {"z": 2}}) == "a:\n  # one\n  # two\n  # three\n  z: 2\n"


def test_the_name_of_a_key_changes_in_place():
    text = "a:\n  - class: x.Y  # which\n    z: 1\n"
    assert edited(text, {"a": [{"()": "x.Y", "z": 1}]}) == text.replace("class", "()")


def test_an_empty_value_is_written_on_the_line_of_its_key():
    assert changed("a:\n  b: # c\nd: 1\n", a={"b": {"n": 1}}) == "a:\n  b: {n: 1} # c\nd: 1\n"


def test_what_is_new_at_the_top_comes_last_behind_a_blank_line():
    assert changed("a: 1", b={"c": 1}) == "a: 1\n\nb:\n  c: 1\n"


def test_a_file_that_holds_nothing_gets_what_is_wanted():
    assert edited("# only this\n", {"a": 1}) == "# only this\na: 1\n"


def test_a_list_that_changes_is_written_on_one_line_below_its_comments():
    text = "a:\n  b:\n    - x # one\n    - y: 1\n"
    assert changed(text, a={"b": ["x", "z"]}) == "a:\n  # one\n  b: [x, z]\n"


def test_a_mapping_in_braces_stays_in_braces():
    assert changed("a: {b: 1, c: {d: 2}} # e\n", a={"c": {"d": 2}, "f": 3}) == "a: {c: {d: 2}, f: 3} # e\n"


def test_lines_end_as_in_the_file():
    assert changed("a: 1\r\nb: 2\r\n", c={"d": 1}).count("\r\n") == 5


@pytest.mark.parametrize(
    "text",
    ["x: &x {t: old}\ny: *x\n", "x: &x\n  t: old\ny:\n  <<: *x\n  z: 1\n"],
    ids=["alias", "merge"],
)
def test_what_comes_from_an_alias_changes_with_what_it_stands_for(text):
    assert edited(text, yaml.safe_load(text.replace("old", "new"))) == text.replace("old", "new")


@pytest.mark.parametrize(
    "text", ["x: &x {t: 1}\ny: *x\n", "x: &x\n  t: 1\ny:\n  <<: *x\n  z: 1\n"], ids=["alias", "merge"]
)
def test_what_comes_from_an_alias_is_written_out_if_it_alone_changes(text):
    wanted = yaml.safe_load(text)
    wanted["y"]["t"] = 2
    wanted["x"] = {"t": 1}
    assert yaml.safe_load(edited(text, wanted)) == wanted


def test_what_a_merge_brings_cannot_be_taken_out():
    text = "x: &x {t: 1, u: 2}\ny:\n  <<: *x\n  z: 1\n"
    with pytest.raises(EditError) as caught:
        edited(text, {**yaml.safe_load(text), "y": {"z": 1, "u": 2}})
    assert caught.value.key == "y"


def test_an_alias_of_its_own_is_replaced():
    assert edited("x: &x {t: 1}\ny: *x # c\n", {"x": {"t": 1}, "y": {"t": 2}}) == "x: &x {t: 1}\ny: {t: 2} # c\n"
