"""Which names are local, and which of those a text may ask for."""

import ast

import pytest

from kedro_assets.project.name_scopes import (
    assigned_names,
    class_scope,
    comprehension_scope,
    function_scope,
    looks_at_names,
    names_in,
    parts_of,
    type_scope,
    walk,
)


def expression(text):
    return ast.parse(text, mode="eval").body


def statement(text):
    return ast.parse(text).body[0]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a = b", {"a"}),
        ("a, (b, *c) = d", {"a", "b", "c"}),
        ("a.b = c[d] = e", set()),
        ("a += 1", {"a"}),
        ("a: int = 1", {"a"}),
        ("del a", {"a"}),
        ("for a in b:\n    c = a\nelse:\n    d = 1", {"a", "c", "d"}),
        ("with open(a) as b, c as (d, e): pass", {"b", "d", "e"}),
        ("try:\n    a = 1\nexcept E as b:\n    c = 1\nfinally:\n    d = 1", {"a", "b", "c", "d"}),
        ("import a.b, c.d as e", {"a", "e"}),
        ("from a import b, c as d", {"b", "d"}),
        ("def a(b=(c := 1)):\n    d = 1", {"a", "c"}),
        ("@(a := b)\nclass c(d):\n    e = 1", {"a", "c"}),
        ("a = lambda b: (c := b)", {"a"}),
        ("[a for a in b]", set()),
        ("[(a := b) for b in c]", {"a"}),
        ("if (a := b): pass", {"a"}),
        (
            "match a:\n    case {'k': b, **c}: pass\n    case [d, *e] | (d, *e): pass\n    case F(x=g) as h: pass",
            set("bcdegh"),
        ),
        ("match a:\n    case None | True: pass", set()),
    ],
    ids=lambda value: value.partition("\n")[0] if isinstance(value, str) else "",
)
def test_a_name_is_assigned_by_every_kind_of_statement(text, names):
    assert assigned_names(ast.parse(text).body) == (names, set())


def test_a_global_name_is_elsewhere_and_one_of_a_function_around_is_not_assigned_here():
    assert assigned_names(ast.parse("global a\nnonlocal b\na = b = c = 1").body) == ({"c"}, {"a"})


def test_a_function_has_its_arguments_and_what_it_assigns():
    scope = function_scope(statement("def f(a, /, b, *c, d, **e):\n    global h\n    g = h = 1"))
    assert (scope.kind, scope.names, scope.elsewhere) == ("function", set("abcdeg"), {"h"})


def test_a_lambda_has_its_arguments_and_what_is_assigned_inside():
    assert function_scope(expression("lambda a, b=(c := 1): (d := a)")).names == {"a", "b", "d"}


def test_a_class_has_its_attributes_and_those_of_no_method():
    scope = class_scope(statement("class A:\n    a = 1\n    def b(self):\n        c = 1"))
    assert (scope.kind, scope.names) == ("class", {"a", "b"})


def test_a_comprehension_has_what_it_loops_with():
    assert comprehension_scope(expression("[a for a, (b, c[d]) in e for f in a]").generators).names == set("abcdf")


def test_what_has_no_type_parameters_has_no_names_of_types():
    assert type_scope(statement("def f(a): pass")).names == set()


@pytest.mark.parametrize(
    "text",
    [
        "def f(a, /, b: int = 1, *c, d, e=2, **g) -> str:\n    return f'{a!r:>{b}}' + {**g, 'k': a}['k']",
        "match a:\n    case {'k': 1, **rest}: pass\n    case C(x=None): pass",
        "@d\nclass A(B, metaclass=M):\n    x: int",
        "from . import a as b\nimport c",
        "try:\n    pass\nexcept E as e:\n    raise F from e",
    ],
    ids=["function", "match", "class", "imports", "errors"],
)
def test_all_nodes_of_a_tree_are_walked_through(text):
    tree = ast.parse(text)
    kinds = (ast.expr_context,)  # say nothing of their own
    expected = sorted(type(node).__name__ for node in ast.walk(tree) if not isinstance(node, kinds))
    assert sorted(type(node).__name__ for node in walk(tree) if not isinstance(node, kinds)) == expected


def test_a_field_that_is_empty_is_no_part():
    assert [type(part) for part in parts_of(expression("{**a}"))] == [ast.Name]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x > @a and y < @b", {"a", "b"}),
        ("SELECT * FROM a", {"a"}),
        ("select * from a x, b", {"a", "b", "x"}),
        ('select * from "a"\njoin `b` on true', {"a", "b"}),
        ("update a set x = 1", {"a"}),
        ("insert into a select * from (select * from b)", {"a", "b"}),
        ("the sum of it all", set()),
        ("me@", set()),
    ],
)
def test_names_that_a_text_may_ask_for(text, names):
    assert names <= names_in(text)
    assert bool(names_in(text)) == bool(names)


@pytest.mark.parametrize(
    ("call", "looks"),
    [
        ("locals()", True),
        ("vars()", True),
        ("vars(a)", False),
        ("dir()", True),
        ("exec(a)", True),
        ("eval(a)", True),
        ("frame.eval('a + b')", True),
        ("frame.eval(condition)", True),
        ("frame.eval(expr='a + b')", True),
        ("model.eval()", False),
        ("numexpr.evaluate('a * b')", True),
        ("frame.query('x > @a')", False),
        ("frame.query(condition)", True),
        ("frame.query(f'x > @{name}')", True),
        ("frame.query(expr=condition)", True),
        ("duckdb.sql('select * from a')", False),
        ("duckdb.sql(text)", True),
        ("connection.execute(text)", True),
        ("frame.locals()", False),
        ("clean(a)", False),
    ],
)
def test_a_call_may_look_at_any_name_where_its_text_is_not_known(call, looks):
    assert looks_at_names(expression(call)) is looks
