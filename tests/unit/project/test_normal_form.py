"""The normal form of code: what changes no meaning leaves it alone, and what changes one does not."""

import ast
import textwrap

import pytest

from kedro_assets.project.normal_form import annotated_names, function_form, name_chain, plain_text, statement_form

CLEAN = '''
    def clean(raw, by=2, *, deep=True):
        """Clean."""
        total = 0
        for row in raw:
            if row and deep:
                total += by * row
        labels = [f"{name}: {total}" for name in sorted(raw, key=lambda item: item[0])]
        try:
            total = scale(total) + RATE
        except ValueError as error:
            print(error)
        return labels, total
'''


def form_of(text, free=(), **options):
    return function_form([ast.parse(textwrap.dedent(text)).body[0]], free, **options)


def statements_of(text, free=()):
    return statement_form(ast.parse(textwrap.dedent(text)).body, free)


def changed(text, changes):
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


# What has no meaning, and what has.


@pytest.mark.parametrize(
    "changes",
    [
        {"total = 0\n": "total = 0  # so far\n"},
        {'"""Clean."""': '"""Clean from the raw data."""'},
        {'"""Clean."""\n': "pass; ...\n"},
        {"def clean(raw, by=2, *, deep=True):": "def clean(raw: list, by: int = 2, *, deep: bool = True) -> tuple:"},
        {"total = 0\n": "total: int = 0\n"},
        {"total = 0\n": "total = 0; label: str\n"},
        {"(raw, by=2, *, deep=True)": "(\n        raw,\n        by = 2,\n        *, deep = (True),\n    )"},
        {"row": "line"},
        {"total": "amount"},
        {"item": "pair"},
        {"error": "problem"},
        {"name": "title"},
        {"raw": "table", "by": "factor"},
        {'f"{name}: {total}"': "f'{name}' f': {total}'"},
        {"clean": "cleaned"},
    ],
    ids=[
        *("comment", "docstring", "no docstring", "annotation", "annotated local", "declared local", "layout"),
        *(
            "loop variable",
            "local",
            "argument of a lambda",
            "error",
            "comprehension",
            "arguments by position",
            "quotes",
        ),
        "name",
    ],
)
def test_what_changes_no_meaning_changes_no_form(changes):
    assert form_of(changed(CLEAN, changes), positional=True) == form_of(CLEAN, positional=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("by * row", "row * by"),
        ("by=2", "by=3"),
        ("by=2", "by=2.0"),
        ("deep=True", "deep=False"),
        ("deep=True", "deep=1"),
        ("deep", "thorough"),
        ("{name}: ", "{name}; "),
        ("{total}", "{total!r}"),
        ("{total}", "{total:>3}"),
        ("item[0]", "item[1]"),
        ("scale(total)", "scaled(total)"),
        ("scale(total)", "tools.scale(total)"),
        ("total = 0", "total, row = 0, 1"),
        ("return labels, total", "return total, labels"),
        ("        return labels, total", "    return labels, total"),
        ("def clean", "async def clean"),
        ("raw, by=2, *, deep", "raw, by=2, deep"),
        ("raw, by=2", "raw, /, by=2"),
    ],
    ids=[
        *("order", "default", "type of a default", "keyword default", "type of a keyword default", "keyword", "text"),
        *("conversion", "format", "lambda", "another helper", "helper elsewhere", "another local", "result", "branch"),
        *("coroutine", "by position too", "by position only"),
    ],
)
def test_what_changes_the_meaning_changes_the_form(old, new):
    assert form_of(changed(CLEAN, {old: new}), positional=True).text != form_of(CLEAN, positional=True).text


def test_names_of_arguments_count_where_the_function_may_be_called_by_name():
    one, other = "def f(a, b):\n    return a - b\n", "def f(x, y):\n    return x - y\n"
    assert form_of(one) != form_of(other)
    assert form_of(one, positional=True) == form_of(other, positional=True)


def test_the_name_of_a_single_argument_does_not_count_unless_it_may_be_left_out():
    assert form_of("def f(a):\n    return a\n") == form_of("def f(x):\n    return x\n")
    assert form_of("def f(a=1):\n    return a\n") != form_of("def f(x=1):\n    return x\n")
    assert form_of("def f(a, *b):\n    return a\n") != form_of("def f(x, *b):\n    return x\n")


def test_defaults_are_left_out_where_their_values_are_known():
    one, other = "def f(a=1):\n    return a\n", "def f(a=2):\n    return a\n"
    assert form_of(one) != form_of(other)
    assert form_of(one, defaults=False) == form_of(other, defaults=False)
    assert form_of(one, defaults=False) != form_of("def f(a):\n    return a\n", defaults=False)


@pytest.mark.parametrize(
    ("decorator", "counts"),
    [("", False), ("@functools.lru_cache(maxsize=1)\n", False), ("@staticmethod\n", False), ("@check\n", True)],
    ids=["none", "cache", "method", "unknown"],
)
def test_annotations_count_where_a_decorator_may_read_them(decorator, counts):
    one, other = (form_of(f"{decorator}def f(a: {kind}):\n    return a\n") for kind in ("int", "str"))
    assert (one != other) is counts
    assert (("int",) in one.names) is counts


def test_annotations_of_a_class_count():
    assert statements_of("class A:\n    x: int\n") != statements_of("class A:\n    x: str\n")


@pytest.mark.parametrize(
    "line",
    ["return locals()", "return eval('a - b')", "return raw.query('x > @a')", "return sql('SELECT * FROM a, b')", "raw.query(RULE)"],
    ids=["locals", "eval", "query", "sql", "text from elsewhere"],
)  # fmt: skip
def test_locals_that_are_looked_up_by_text_keep_their_names(line):
    one, other = (form_of(f"def f(raw):\n    {a}, {b} = raw\n    {line}\n") for a, b in ("ab", "ba"))
    assert one.text != other.text


def test_a_text_asks_for_locals_wherever_it_stands():
    text = "def f(raw):\n    {0}, {1} = raw\n    rule = f'x > @a {{raw}}'\n    return g(lambda {0}: {0}, rule)\n"
    assert form_of(text.format(*"ab")).text != form_of(text.format(*"ba")).text


# What code refers to.


def test_global_names_are_those_that_are_nowhere_assigned_with_the_attributes_behind_them():
    found = form_of("""
        def f(a, b=DEFAULT):
            global counted
            counted = tools.scale.by(a) + tools.scale
            local = a.b.c
            [each for each in rows]
            return lambda x: (local.y, x, inner(RATE))
    """)
    assert found.names == (
        ("DEFAULT",), ("counted",), ("tools", "scale", "by"), ("tools", "scale"), ("rows",), ("inner",), ("RATE",),
    )  # fmt: skip


def test_a_method_does_not_see_the_attributes_of_its_class():
    text = "class A:\n    x = 1\n    y = x\n    def f(self):\n        return x\n"
    assert statements_of(text).names == (("x",),)
    assert statements_of(text.replace("        return x", "        return 1")).names == ()


def test_the_loop_of_a_comprehension_is_evaluated_outside_of_it():
    assert form_of("def f():\n    return [x for x in x]\n").names == (("x",),)


def test_names_of_functions_around_are_free_in_the_order_of_their_use():
    found = form_of("def f(raw):\n    return second, raw, first, other\n", free=["first", "second", "unused"])
    assert (found.free, found.names) == (("second", "first"), (("other",),))


def test_imports_are_modules_with_the_packages_that_they_start_from():
    found = form_of("""
        def f():
            import a.b, c as d
            from . import e
            from ..g import h as i
            from j import *
    """)
    assert found.imports == ((0, "a.b"), (0, "c"), (1, "e"), (2, "g.h"), (0, "j.*"))


def test_several_lambdas_are_one_form():
    one, other = (ast.parse(text, mode="eval").body for text in ("lambda a: a + X", "lambda a: a + Y"))
    both = function_form([one, other])
    assert both.names == (("X",), ("Y",))
    assert both != function_form([one])


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ("a: int, b: tools.Options", [("int",), ("tools", "Options"), ("tools",)]),
        ("a: 'Options'", [("Options",)]),
        ("a: 'no type at all'", []),
        ("a: list[Options] | None", [("list",), ("Options",)]),
        ("a, /, *, b: Options = 1", [("Options",)]),
        ("*a: X, **b: Y", []),
    ],
    ids=["names", "text", "broken text", "composed", "keyword", "more"],
)
def test_the_names_in_annotations_of_arguments(arguments, names):
    assert annotated_names([ast.parse(f"def f({arguments}): pass").body[0]]) == names


@pytest.mark.parametrize(
    ("text", "names"), [("a", ("a",)), ("a.b", ("a", "b")), ("a[0].b", ()), ("a().b", ()), ("1", ())]
)
def test_a_chain_starts_with_a_name(text, names):
    assert name_chain(ast.parse(text, mode="eval").body) == names


@pytest.mark.parametrize(
    ("value", "text"),
    [(10**5000, hex(10**5000)), (True, "True"), ("é\u0378", r"'\xe9\u0378'"), (-1, "-0x1"), (0.1, "0.1")],
    ids=["long number", "switch", "text", "negative number", "fraction"],
)
def test_a_plain_value_is_the_same_text_for_every_version_of_python(value, text):
    assert plain_text(value) == text
