"""Functions and classes as Python has them."""

import functools
import sys
from types import CellType, SimpleNamespace

import pytest

from kedro_assets.project.code_objects import (
    bytecode,
    closure_cells,
    content,
    defaults,
    innermost,
    names_around,
    wrapped_by,
)


def plain(raw, by=2, *more, deep=True, needed, **others):
    return raw


def around(value):
    other = 1

    def inner(raw):
        return raw, value, other

    return inner


def decorate(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper


class Scaler:
    def scale(self, raw):
        return raw

    def __call__(self, raw):
        return raw


def compiled(text):
    names = {}
    exec(text, names)
    return names["f"].__code__


def test_bytecode_is_that_of_the_function_and_of_those_in_it():
    text = "def f(raw):\n    return [g(lambda: raw + {}), 'é\u0378']\n"
    assert bytecode(compiled(text.format(1))) == bytecode(compiled("\n\n" + text.format(1)))
    assert bytecode(compiled(text.format(1)))[0] != bytecode(compiled(text.format(2)))[0]
    assert bytecode(compiled(text.format(1)))[0].isascii()


def test_bytecode_tells_equal_values_of_other_types_apart():
    one, other = (bytecode(compiled(f"def f():\n    return {value}\n"))[0] for value in ("1", "1.0"))
    assert one != other


def test_the_names_in_bytecode_are_each_there_once():
    assert bytecode(compiled("def f(raw):\n    return g(raw), (lambda: g(h))()\n"))[1] == (("g",), ("h",))


def test_a_closure_has_its_names_with_what_they_hold():
    assert {name: content(cell) for name, cell in closure_cells(around("x"))} == {"value": "x", "other": 1}
    assert dict(closure_cells(plain)) == {}


def test_a_cell_that_is_filled_later_holds_what_stands_for_that():
    assert content(CellType()) is None
    assert content(CellType(), "empty") == "empty"
    assert content(CellType(None), "empty") is None


def test_defaults_have_the_names_of_their_arguments():
    assert defaults(plain) == {"by": 2, "deep": True}
    assert defaults(lambda a, b=1, /, c=2: a) == {"b": 1, "c": 2}
    assert defaults(lambda a, *b: a) == {}


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (plain, plain),
        (functools.partial(functools.partial(plain), 1), plain),
        (decorate(decorate(plain)), plain),
        (functools.lru_cache(plain), plain),
        (decorate(functools.partial(plain)), plain),
        (Scaler().scale, Scaler.scale),
        (functools.partial(Scaler().scale), Scaler.scale),
        (Scaler, Scaler),
        (len, len),
    ],
    ids=["function", "partials", "decorators", "cache", "wrapper of a partial", "method", "partial of a method", "class", "built in"],
)  # fmt: skip
def test_the_innermost_function_is_behind_all_that_says_what_it_wraps(function, found):
    assert innermost(function) is found


def test_an_object_with_a_function_as_attribute_is_itself():
    holder = SimpleNamespace(func=plain)
    assert innermost(holder) is holder


def test_functions_that_wrap_each_other_have_an_innermost_one():
    first, second = (lambda: 1), (lambda: 2)
    first.__wrapped__, second.__wrapped__ = second, first
    assert innermost(first) in (first, second)


def test_nothing_is_called_to_learn_what_is_wrapped():
    class Anything:
        def __getattr__(self, name):
            raise RuntimeError(name)

    assert wrapped_by(Anything()) is None
    assert wrapped_by(decorate(plain)) is plain


def test_a_class_wraps_nothing_though_it_has_the_attribute():
    class Wrapper:
        __wrapped__ = plain

    assert wrapped_by(Wrapper) is None


def test_the_names_around_a_class_are_those_of_its_methods_or_of_its_module():
    assert names_around(Scaler, [Scaler.scale]) is Scaler.scale.__globals__
    assert names_around(Scaler, []) is vars(sys.modules[__name__])


def test_methods_from_another_module_do_not_say_where_a_class_is():
    borrowed = type("Borrowed", (), {"scale": functools.wraps, "__module__": __name__})
    assert names_around(borrowed, [functools.wraps]) is vars(sys.modules[__name__])


def test_around_a_class_of_a_module_that_is_gone_there_are_no_names():
    assert dict(names_around(type("Lost", (), {"__module__": "no.such.module"}), [])) == {}
