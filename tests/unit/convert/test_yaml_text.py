"""Values as YAML, and comments."""

import pytest

from kedro_assets.convert.yaml_text import as_block, as_flow, comments_in, indented


@pytest.mark.parametrize(
    ("text", "comments"),
    [
        ("a: 1 # one\n# two\n", ["# one", "# two"]),
        ("a: 'x # no' # yes\nb: \"# no\"\nc: x#no\n", ["# yes"]),
        ("a: |\n  # no\n  text\nb: 1 # yes\n", ["# yes"]),
        ("a: [1, # one\n  2] # two # three\n", ["# one", "# two # three"]),
    ],
    ids=["block", "scalars", "literal", "flow"],
)
def test_comments_are_told_from_text(text, comments):
    assert [text[start:end] for start, end in comments_in(text)] == comments


def test_a_block_keeps_the_order_of_its_keys_and_letters_of_any_script():
    assert as_block({"b": "é", "a": [1]}, 2, "\n") == "  b: é\n  a:\n  - 1\n"


@pytest.mark.parametrize(
    ("value", "style", "text"),
    [("x", None, "x"), ("x: y", None, "'x: y'"), ("x", '"', '"x"'), ({}, None, "{}"), (None, None, "null")],
)
def test_a_value_is_written_on_one_line(value, style, text):
    assert as_flow(value, style) == text


def test_lines_keep_their_indentation_relative_to_the_first():
    lines = "    a: |\n      x\n\n    # c\n"
    assert "".join(indented(lines, 1, "\n")) == " a: |\n   x\n\n # c\n"
