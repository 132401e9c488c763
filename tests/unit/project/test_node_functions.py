"""Which functions are certainly the same, and where one stands."""

import functools
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from kedro_assets.project.node_functions import code_location, same_function


def decorated(function):
    @functools.wraps(function)
    def wrapper(*values):
        return function(*values)

    return wrapper


def plain(raw):
    return raw


def test_a_function_is_found_behind_partials_and_decorators():
    place = code_location(plain)
    assert place == (__file__, plain.__code__.co_firstlineno)
    assert code_location(functools.partial(decorated(plain), 1)) == place
    assert code_location(Scaler(1).scale) == (__file__, Scaler.scale.__code__.co_firstlineno)


@pytest.mark.parametrize("function", [len, functools.partial(len), str], ids=["builtin", "partial", "class"])
def test_what_has_no_file_has_no_place(function):
    assert code_location(function) is None


# Which functions are the same.


def closed_over(value):
    return lambda raw: (raw, value)


def with_default(value):
    def function(raw, option=value):
        return raw, option

    return function


def with_keyword_default(value):
    def function(raw, *, option=value):
        return raw, option

    return function


def with_attribute(value):
    def function(raw):
        return raw

    function.option = value
    return function


def with_annotation(value):
    def function(raw: value):
        return raw

    return function


def bound_by_partial(value):
    return functools.partial(closed_over, value)


def bound_by_keyword(value):
    return functools.partial(closed_over, value=value)


def partial_with_attribute(value):
    made = functools.partial(closed_over)
    made.option = value
    return made


class Scaler:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, raw):
        return raw * self.factor

    def scale(self, raw):
        return raw * self.factor


class SlottedScaler:
    __slots__ = ("factor",)

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, raw):
        return raw * self.factor


class SlottedPartial(functools.partial):
    """Holds more than a partial does."""

    __slots__ = ("factor",)

    @classmethod
    def of(cls, factor):
        made = cls(closed_over)
        made.factor = factor
        return made


class Steps(list):
    def __call__(self, raw):
        return [raw, *self]


class Table(dict):
    def __call__(self, raw):
        return self[raw]


MAKERS = [
    closed_over,
    with_default,
    with_keyword_default,
    with_attribute,
    bound_by_partial,
    bound_by_keyword,
    partial_with_attribute,
    Scaler,
    SlottedScaler,
    lambda value: Scaler(value).scale,
    lambda value: Steps([value]),
    lambda value: Table(key=value),
    lambda value: closed_over(Scaler(value)),
    lambda value: closed_over(closed_over(value)),
]
MAKER_IDS = [
    *("closure", "default", "keyword default", "attribute", "partial", "partial keyword", "partial attribute"),
    *("callable", "callable with slots", "bound method", "list", "dict", "state in a closure", "closure in a closure"),
]


@pytest.mark.parametrize("make", MAKERS, ids=MAKER_IDS)
def test_functions_made_anew_are_the_same_if_what_is_bound_to_them_is(make):
    assert same_function(make(2), make(2))
    assert not same_function(make(2), make(3))


@pytest.mark.parametrize("make", MAKERS, ids=MAKER_IDS)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (True, 1),
        (1, 1.0),
        (0.0, -0.0),
        (0j, -0j),
        ("a", b"a"),
        ([1], (1,)),
        ([1], [True]),
        ([1, 2], [1]),
        ({"a": 1}, {"a": True}),
        ({1: "a"}, {True: "a"}),
        ({1}, {True}),
        ({0.0}, {-0.0}),
        (frozenset({1}), {1}),
        ({1, 2}, {1}),
        (Decimal("1.0"), Decimal("1.00")),
        (None, ...),
        (np.array([1, 2]), np.array([1, 3])),
        (np.array([1, 2]), np.array([[1, 2]])),
        (np.array([1, 2], "int32"), np.array([1, 2], "int64")),
        (np.array([0.0]), np.array([-0.0])),
        (np.array([1], "datetime64[D]"), np.array([1], "datetime64[s]")),
    ],
    ids=repr,
)
def test_values_that_python_calls_equal_but_that_differ_make_functions_different(make, one, other):
    assert not same_function(make(one), make(other))
    assert not same_function(make(other), make(one))


@pytest.mark.parametrize(
    "make_value",
    [
        lambda: -0.0,
        lambda: [1, (2, {"a": {3, None}})],
        lambda: {1.5, "a", b"a", True},
        lambda: frozenset({"x"}),
        lambda: np.array([[1.0, float("nan")]]),
        lambda: np.array([1, 2, 3, 4])[::2],
        lambda: np.array([(1, "a")], dtype=[("n", "i4"), ("s", "U3")]),
        lambda: np.array([]),
        lambda: Scaler([Scaler({"a": 1})]),
        lambda: int,
        lambda: np.add,
        lambda: (10**30, "a" * 999),
    ],
    ids=[
        *("zero", "nested", "set", "frozen set", "array", "slice of an array", "array of records", "empty array"),
        *("objects", "class", "ufunc", "long"),
    ],
)
@pytest.mark.parametrize("make", MAKERS, ids=MAKER_IDS)
def test_values_that_are_equal_part_by_part_make_functions_the_same(make, make_value):
    assert same_function(make(make_value()), make(make_value()))


class Failing:
    """Fails whatever is asked of it."""

    def __getattribute__(self, name):
        raise RuntimeError("no")

    def __call__(self, raw):
        return raw

    def __eq__(self, other):
        raise RuntimeError("no")

    __hash__ = None


class WithStateOfItsOwn:
    def __init__(self, factor):
        self.factor = factor

    def __getstate__(self):
        return {}

    def __call__(self, raw):
        return raw * self.factor


class WithReduce:
    def __init__(self, factor):
        self.factor = factor

    def __reduce__(self):
        return WithReduce, (1,)

    def __call__(self, raw):
        return raw * self.factor


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def class_made_anew():
    class Local:
        def __call__(self, raw):
            return raw

    return Local


def object_of_a_class_made_anew():
    return class_made_anew()()


@pytest.mark.parametrize(
    "make_value",
    [
        lambda: np.array([{"a": 1}, None], dtype=object),
        lambda: np.array([(1, None)], dtype=[("n", "i4"), ("o", "O")]),
        lambda: (item for item in [1]),
        lambda: iter([1]),
        lambda: {Scaler(1)},
        lambda: {(1, 2)},
        lambda: float("nan"),
        lambda: {float("nan")},
        lambda: nested(100_000),
        lambda: 10**5000,
        lambda: memoryview(b"a"),
        Failing,
        lambda: WithStateOfItsOwn(1),
        lambda: WithReduce(1),
        class_made_anew,
        object_of_a_class_made_anew,
        lambda: functools.lru_cache(closed_over(1)),
        lambda: SlottedPartial.of(1),
        lambda: [1].append,
        lambda: np.float64(1),
        lambda: Path("a").open,
    ],
    ids=[
        *("array of objects", "record of objects", "generator", "iterator", "set of objects", "set of tuples", "nan"),
        *(
            "set with nan",
            "too deep",
            "too long",
            "memory",
            "failing",
            "getstate",
            "reduce",
            "class",
            "object of a class",
        ),
        *("cache", "partial with slots", "method in C", "scalar of numpy", "path"),
    ],
)
@pytest.mark.parametrize(
    "make", [closed_over, with_default, with_attribute, bound_by_partial, Scaler], ids=lambda make: make.__name__
)
def test_what_cannot_be_compared_is_different(make, make_value):
    assert not same_function(make(make_value()), make(make_value()))
    one = make(make_value())
    assert same_function(one, one)


def test_a_value_that_two_functions_share_is_the_same_whatever_it_is():
    value = np.array([None], dtype=object), iter([]), Failing()
    assert same_function(closed_over(value), closed_over(value))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("kind", [closed_over, with_default, Scaler, SlottedScaler], ids=lambda kind: kind.__name__)
def test_one_difference_among_many_is_found(kind, count):
    """Also if the values compared on the way there are gone by then."""
    same = [closed_over([kind(1) for _ in range(count)]) for _ in range(2)]
    assert same_function(*same)
    for different in range(count):
        other = closed_over([kind(2 if position == different else 1) for position in range(count)])
        assert not same_function(same[0], other)


def recursive(base):
    def go_on(number):
        return base if number < 1 else go_on(number - 1)

    return go_on


def each_other(base):
    def even(number):
        return number == base or odd(number - 1)

    def odd(number):
        return number != base and even(number - 1)

    return even


def holding_itself(base):
    values = [base]
    values.append(values)
    return closed_over(values)


def tree_of_one(base):
    values = [base]
    for _ in range(60):
        values = [values, values]
    return closed_over(values)


@pytest.mark.parametrize("make", [recursive, each_other, holding_itself, tree_of_one], ids=lambda make: make.__name__)
def test_functions_that_refer_to_themselves_are_compared_in_the_end(make):
    assert same_function(make(1), make(1))
    assert not same_function(make(1), make(2))


def test_a_function_that_refers_to_what_is_not_there_yet_is_different():
    def unfilled():
        def function(raw):
            return later(raw)

        if not function:
            later = print
        return function

    assert not same_function(unfilled(), unfilled())
    one = unfilled()
    assert same_function(one, one)


def test_lambdas_made_anew_of_one_place_are_the_same_and_those_of_two_places_are_not():
    one, again = ([lambda raw: raw + 1, lambda raw: raw + 2] for _ in range(2))
    assert same_function(one[0], again[0])
    assert not same_function(one[0], again[1])
    assert not same_function(lambda raw: raw, lambda raw, other: raw)


@pytest.mark.parametrize(
    ("one", "other"), [(int, str), (list[int], list[str]), ("int", "str"), (Scaler, SlottedScaler)], ids=str
)
def test_functions_with_other_annotations_are_different(one, other):
    assert same_function(with_annotation(one), with_annotation(one))
    assert not same_function(with_annotation(one), with_annotation(other))


def test_annotations_made_anew_are_compared_by_what_they_say():
    assert same_function(with_annotation(list[int]), with_annotation(list[int]))
    assert same_function(with_annotation(int | None), with_annotation(int | None))


def test_functions_of_two_modules_with_equal_code_are_different(module_of):
    text = "def plain(raw):\n    return raw\n\n\ndef times(by):\n    return lambda raw: raw * by\n"
    one, other = module_of(text), module_of(text)
    assert same_function(one.plain, one.plain)
    assert same_function(one.times(1), one.times(1))
    assert not same_function(one.plain, other.plain)
    assert not same_function(one.times(1), other.times(1))


def test_functions_of_different_kinds_are_different():
    functions = [
        closed_over(1),
        with_default(1),
        bound_by_partial(1),
        Scaler(1),
        Scaler(1).scale,
        len,
        str,
        SlottedScaler(1),
    ]
    for position, one in enumerate(functions):
        assert [same_function(one, other) for other in functions] == [
            position == place for place in range(len(functions))
        ]


def test_a_method_of_another_object_or_class_is_different():
    class Other(Scaler):
        """Another class with the same methods."""

    assert not same_function(Scaler(1).scale, Scaler(2).scale)
    assert not same_function(Scaler(1).scale, Other(1).scale)
    assert not same_function(Scaler(1).scale, Scaler(1).__call__)
