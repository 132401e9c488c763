"""A file while it is converted."""

import pytest

from kedro_assets.errors import ProjectError
from unit.convert.files import draft


def test_what_does_not_change_keeps_its_text():
    found = draft("a:   {b: 1}  # c\n")
    assert found.text == "a:   {b: 1}  # c\n"
    found.wanted["a"]["b"] = 2
    assert found.text == "a: {b: 2}  # c\n"
    assert found.file.data == {"a": {"b": 1}}


def test_problems_have_the_line_of_the_file_as_it_is():
    found = draft("a: 1\nb:\n  c: 2\n")
    del found.wanted["b"]
    found.scope.at("b", "c").add("no.", "Do.")
    assert [(problem.source, problem.path) for problem in found.problems] == [("conf/base/catalog.yml:3", "b.c")]


def test_a_file_that_cannot_be_edited_is_refused_with_its_line():
    found = draft("x: &x {t: 1, u: 2}\ny:\n  <<: *x\n  z: 1\n")
    found.wanted["y"] = {"z": 1, "u": 2}
    with pytest.raises(ProjectError, match=r"^conf/base/catalog\.yml:2: 'y' cannot be converted in place"):
        found.text  # noqa: B018


def test_a_json_file_is_refused_only_where_it_would_change():
    found = draft('{"a": 1}', "base/catalog.json")
    assert found.text == '{"a": 1}'
    found.wanted["a"] = 2
    with pytest.raises(ProjectError, match=r"^conf/base/catalog\.json:1: a JSON file is not converted"):
        found.text  # noqa: B018
