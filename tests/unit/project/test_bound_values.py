"""Values as text: the same wherever they are equal, and not the same where that cannot be told."""

import collections
import enum
import functools
import math
import os.path
import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import FunctionType, MappingProxyType, SimpleNamespace
from typing import NamedTuple

import attrs
import numpy as np
import pytest

from kedro_assets.project.bound_values import (
    Described,
    ValueWriter,
    is_standard,
    module_name,
    qualified_name,
)


class Finder:
    """Takes what this file defines for the project's code."""

    def key_of(self, thing):
        if isinstance(thing, FunctionType):
            return ("function", thing.__name__, 0) if thing.__globals__ is globals() else None
        if isinstance(thing, type):
            return ("class", thing.__name__, 0) if thing.__module__ == __name__ else None
        return ("module", thing.__name__, 0) if thing.__name__ == __name__ else None


def describe(value):
    return ValueWriter(Finder()).describe(value)


def plain(raw):
    return raw


def other(raw):
    return raw


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Point(NamedTuple):
    x: int
    y: int


class Model:
    def __init__(self, depth):
        self.depth = depth

    def fit(self, raw):
        return raw


class Slotted:
    __slots__ = ("depth", "later")

    def __init__(self, depth):
        self.depth = depth


class SlottedMore(Slotted):
    __slots__ = ("more",)


@dataclass
class Option:
    size: int


@attrs.frozen
class Frozen:
    size: int


class OwnState(Model):
    def __getstate__(self):
        return {}


def holding(value):
    return lambda raw: (raw, value)


SAME = {
    "dict": (lambda: {"a": 1, "b": 2}, lambda: {"b": 2, "a": 1}),
    "mapping": (lambda: {"a": 1}, lambda: MappingProxyType({"a": 1})),
    "set": (lambda: {"x", "y", "z"}, lambda: {"z", "y", "x"}),
    "set of functions": (lambda: {plain, other}, lambda: {other, plain}),
    "array": (lambda: np.array([1, 2]), lambda: np.array([1, 2])),
    "pattern": (lambda: re.compile("a", re.IGNORECASE), lambda: re.compile("a", re.IGNORECASE)),
    "object": (lambda: Model({"a": 1}), lambda: Model({"a": 1})),
    "slots": (lambda: Slotted(1), lambda: Slotted(1)),
}


@pytest.mark.parametrize(("one", "another"), SAME.values(), ids=SAME)
def test_what_is_made_anew_is_described_alike(one, another):
    assert describe(one()) == describe(another())


DIFFERENT = {
    "types of numbers": (1, 1.0, True, "1", b"1", Decimal(1), np.float64(1), 1 + 0j),
    "zeros": (0.0, -0.0),
    "sequences": ([1, 2], (1, 2), [2, 1], [[1, 2]], [1, [2]], range(1, 3)),
    "sets": ({1, 2}, frozenset({1, 2}), {1, 3}),
    "nothing": (None, ..., "", [], (), {}, "None"),
    "mappings": ({"a": 1}, {"a": 2}, {"b": 1}, {1: "a"}, collections.OrderedDict(a=1)),
    "texts": ("a", "a, b", ["a", "b"], ["a, b"], ["a', 'b"]),
    "dates": (date(2024, 1, 1), date(2024, 1, 2), timedelta(1)),
    "members": (Color.RED, Color.BLUE),
    "tuples of a class": (Point(1, 2), Point(2, 1), (1, 2)),
    "patterns": (re.compile("a"), re.compile("b"), re.compile("a", re.IGNORECASE), re.compile(b"a")),
    "arrays": (np.array([1, 2]), np.array([1, 3]), np.array([[1, 2]]), np.array([1.0, 2.0]), np.array([1, 2], dtype="i2")),
    "fields of arrays": (np.zeros(2, dtype=[("a", "i4")]), np.zeros(2, dtype=[("b", "i4")])),
    "functions": (plain, other, [plain], len, max, math.sin, np.sin, np.cos),
    "partials": (functools.partial(plain, 1), functools.partial(plain, 2), functools.partial(other, 1), functools.partial(plain, raw=1)),
    "methods": (Model(1).fit, Model(2).fit, Model.fit, "a".join, "b".join),
    "objects": (Model(1), Model(2), Model([1]), Option(1), Option(2), Frozen(1), Frozen(2), Slotted(1), Slotted(2), SlottedMore(1)),
    "classes": (Model, Option, Path, dict),
    "modules": (math, re),
}  # fmt: skip


@pytest.mark.parametrize("values", DIFFERENT.values(), ids=DIFFERENT)
def test_values_that_differ_are_described_differently(values):
    described = [(found.text, found.keys) for found in map(describe, values)]
    assert len(set(described)) == len(described)


def test_text_is_ascii_as_other_versions_of_python_know_other_letters():
    assert describe({"é\u0378": re.compile("\u0378")}).text.isascii()


@pytest.mark.parametrize(
    "value",
    [
        object(),
        SimpleNamespace(a=1),
        np.array([object()]),
        OwnState(1),
        [1, {"a": object()}],
        functools.partial(plain, object()),
        Model(object()),
        collections.deque([1]),
    ],
    ids=["object", "library", "array of objects", "own state", "inside", "partial", "attribute", "container of a library"],
)  # fmt: skip
def test_what_is_not_told_whole_says_so(value):
    assert not describe(value).whole


@pytest.mark.parametrize("value", [1, {"a": [Model(1), Color.RED, np.zeros(2)]}, plain, functools.partial(plain, 1)])
def test_what_is_told_whole_says_so(value):
    assert describe(value).whole


def test_an_object_of_a_library_is_described_by_its_type():
    assert describe(SimpleNamespace(a=1)) == describe(SimpleNamespace(a=2))
    assert describe(SimpleNamespace(a=1)) != describe(collections.deque())


def test_code_of_the_project_is_a_key_in_its_place():
    assert describe([plain, {"m": Model}]) == Described(
        "list(@, dict(('m', @)))", (("function", "plain", 0), ("class", "Model", 0))
    )


def test_an_object_refers_to_its_class_and_so_does_a_member():
    assert describe(Model(1)).keys == (("class", "Model", 0),)
    assert describe(Color.RED).keys == (("class", "Color", 0),)
    assert describe(OwnState(1)).keys == (("class", "OwnState", 0),)


def test_a_value_in_itself_is_described_once():
    one, another = ["a"], ["a"]
    one.append(one)
    another.append(another)
    assert describe(one) == describe(another) != describe(["a"])
    model = Model(None)
    model.depth = model
    assert describe(model).keys == (("class", "Model", 0),)


def test_a_value_twice_is_no_value_in_itself():
    shared = [1]
    assert describe([shared, shared]) == describe([[1], [1]])


def test_a_slot_that_is_empty_is_left_out():
    filled = Slotted(1)
    filled.later = 2
    assert describe(filled) != describe(Slotted(1))


def test_a_wrapper_of_a_library_counts_with_what_it_wraps():
    assert describe(functools.lru_cache(plain)).keys == (("function", "plain", 0),)
    assert describe(functools.lru_cache(plain)) != describe(functools.lru_cache(other))


def test_a_function_that_dispatches_counts_with_all_that_it_dispatches_to():
    def dispatched(*more):
        found = functools.singledispatch(plain)
        for kind, function in more:
            found.register(kind, function)
        return found

    assert describe(dispatched((int, other))) != describe(dispatched()) != describe(dispatched((str, other)))
    assert ("function", "other", 0) in describe(dispatched((int, other))).keys


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (len, "len"),
        (dict, "dict"),
        (Path, "pathlib.Path"),
        (os.path.join, "os.path.join"),
        (collections.OrderedDict, "collections.OrderedDict"),
        (functools.reduce, "functools.reduce"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_name_of_a_thing_is_the_same_on_every_platform_and_in_every_version(thing, name):
    assert qualified_name(thing) == name


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("pathlib._local", "pathlib"),
        ("posixpath", "os.path"),
        ("ntpath", "os.path"),
        ("_functools", "functools"),
        ("a.b._c.d", "a.b.d"),
        ("", ""),
    ],
)
def test_what_is_private_in_a_dotted_name_is_left_out(name, public):
    assert module_name(name) == public


def test_modules_of_pythons_library_are_known():
    assert is_standard("os.path")
    assert not is_standard("numpy")
    assert not is_standard(None)
