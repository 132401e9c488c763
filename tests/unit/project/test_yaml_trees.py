"""What a file of the configuration holds as YAML."""

import pytest
import yaml

from kedro_assets.project.yaml_trees import errors_in, line_of, lines_of, parse, scalars

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{depth}: &a{depth} [{', '.join([f'*a{depth - 1}'] * 10)}]\n" for depth in range(1, 5)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &a {b: 1}\nc: *a\n", []),
        ("a: &a {b: 1}\nc:\n  <<: *a\n", []),
        ("a: 1\nb: &b\n  c: [*b]\n", [(2, "this holds an alias of itself.")]),
        (f"a: 1\nb: {'[' * 60}{']' * 60}\n", [(2, "this is nested more than 50 levels deep.")]),
        ("a:\n  1: 2\n  null: 3\n", [(3, "this key is not a string: put it in quotes.")]),
        ("!!set\n? a\n", [(1, "expected a mapping of keys, found a set.")]),
        ("a:\n  b: !job x\n", [(2, "the YAML tag '!job' is unknown.")]),
        (
            "a:\n- !!int x\n",
            [(2, "'x' is not a YAML value of type 'int': invalid literal for int() with base 10: 'x'.")],
        ),
    ],
    ids=["an alias", "a merge", "an alias of itself", "deep", "null as a key", "a set", "a tag", "no number"],
)
def test_what_cannot_be_read_has_its_line(text, expected):
    assert list(errors_in(yaml.compose(text))) == expected


@pytest.mark.parametrize(
    ("text", "line"), [(BOMB, 4), ("a: 1\nb: [" + "x, " * 11_000 + "]", 2)], ids=["aliases", "values"]
)
def test_what_is_too_large_has_its_line_where_it_was_too_large(text, line):
    assert list(errors_in(yaml.compose(text))) == []
    [(found, _)] = errors_in(yaml.compose(text), is_too_large=True)
    assert found == line


@pytest.mark.parametrize(
    ("full_key", "lines"),
    [
        ("shop.plot.columns[1]", [4]),
        ("shop.plot", [1]),
        ("shop.plot.nowhere", []),
        ("shop", [5]),
        ("shop.plots", [6]),
        ("", [7]),
        ("[1]", []),
    ],
)
def test_a_key_of_omegaconf_is_found_though_keys_have_dots(full_key, lines):
    text = "shop.plot:\n  columns:\n  - a\n  - b\nshop:\n  plots: 1\n'': 2\n"
    assert list(lines_of(yaml.compose(text), full_key)) == lines


def test_a_path_is_found_as_deep_as_the_file_has_it():
    document = yaml.compose("a:\n  b:\n  - c: 1\n")
    assert [line_of(document, path) for path in [("a", "b", 0, "c"), ("a", "x", "y"), ("z",)]] == [
        (3, 4),
        (1, 1),
        (0, 0),
    ]


@pytest.mark.parametrize(
    ("path", "line"),
    [(("a", "x"), 2), (("a", "y"), 9), (("a", "z"), 5), (("b",), 10)],
    ids=["merged", "own", "second", "top"],
)
def test_a_key_that_is_merged_is_found_where_it_is_written(path, line):
    text = "_one: &one\n  x: 1\n  y: 1\n_two: &two\n  z: 2\n  x: 2\na:\n  <<: [*one, *two]\n  y: 3\n<<: {b: 4}\n"
    assert line_of(yaml.compose(text), path) == (line, len(path))


def test_scalars_come_once_with_aliases():
    assert list(scalars(yaml.compose("a: &x b\nc: *x\n"))) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "path", "found"),
    [("a", ("a",), (1, 1)), ("\n\n'a: 1'", ("a",), (3, 1)), ("a", ("b",), (0, 0)), ("a", (), (0, 0))],
    ids=["text", "YAML in a text", "another key", "nothing"],
)
def test_text_alone_is_the_place_of_the_key_that_omegaconf_makes_of_it(text, path, found):
    assert line_of(yaml.compose(text), path) == found


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029"], ids=ascii)
def test_the_lines_are_those_of_an_editor(character):
    document = parse(f'a: "x{character}y"\nb:\n  c: 1\n')
    assert line_of(document, ("b", "c")) == (3, 2)
    with pytest.raises(yaml.MarkedYAMLError) as caught:
        parse(f'a: "x{character}y"\nb: [\n')
    assert caught.value.problem_mark.line == 2
