"""How facts are written."""

import click

from kedro_assets.cli.explain_text import lines_of


def told(**facts):
    return [click.unstyle(line) for line in lines_of({"is": "node", "name": "make", **facts})]


def test_facts_are_below_the_title_and_their_texts_below_each_other():
    assert told(tags=["a", "b"], source="nodes.py:3") == ["node make", "  tags    a, b", "  source  nodes.py:3"]


def test_sentences_and_parameters_have_a_line_each():
    assert told(because=["they share a memory.", "they are close."])[1:] == [
        "  because  they share a memory.",
        "           they are close.",
    ]
    assert told(parameters={"a": 1, "b": "x"})[1:] == ["  parameters  a = 1", '              b = "x"']


def test_what_is_before_and_after_is_drawn_and_what_is_too_much_is_counted():
    assert told(before=["raw"], after=["x", "y"])[1:] == ["", "  raw ─── make ─┬─ x", "                └─ y"]
    drawn = told(after=[str(number) for number in range(20)])
    assert drawn[-1].endswith("and 9 more")
