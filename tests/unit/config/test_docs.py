"""What the docstrings of the sections say, for the reference and for the JSON schema."""

import attrs
import pytest

from kedro_assets.config import model
from kedro_assets.config.docs import key_notes, summary

SECTIONS = [value for value in vars(model).values() if attrs.has(value) and value.__module__ == model.__name__]


class Section:
    """One section,
    in two lines.

    Attributes:
        short: A word.
        long: The first line
            and the second: with a colon.

            Another paragraph belongs to it.
        last: The end.
    """


class Bare:
    """Nothing but this."""


class Silent:
    __doc__ = None


def test_the_summary_is_the_text_before_the_attributes_in_one_line():
    assert summary(Section) == "One section, in two lines."
    assert summary(Bare) == "Nothing but this."
    assert summary(Silent) == ""


def test_every_key_has_its_text_in_one_line():
    notes = key_notes(Section)
    assert (notes["short"], notes["last"]) == ("A word.", "The end.")
    assert notes["long"].startswith("The first line and the second: with a colon.")
    assert list(notes) == ["short", "long", "last"]


@pytest.mark.parametrize("section", [Bare, Silent], ids=["bare", "silent"])
def test_a_section_without_a_list_has_no_notes(section):
    assert key_notes(section) == {}


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_key_of_dagster_yml_is_described_and_no_other(section):
    keys = [each.name for each in attrs.fields(section)]
    if section is model.ExecutorConfig:  # it is written as one key, its type, with the options
        assert key_notes(section) == {}
    else:
        assert set(key_notes(section)) == set(keys)
    assert summary(section)
