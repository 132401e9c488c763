"""The functions of nodes: whether two are the same, and where one stands."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from kedro_assets.project.bound_values import OWN_STATE, PLAIN
from kedro_assets.project.code_objects import content, innermost


def same_function(first: Any, second: Any) -> bool:
    """Return whether two functions certainly do the same, as a registry may make its lambdas and partials anew each time.

    They are the same if their code and all that is bound to it are: defaults, annotations, closures, attributes, and what
    a partial holds. What cannot be compared is different.

    Examples:
        >>> def scaled(factor):
        ...     return lambda x: x * factor
        >>> same_function(scaled(2), scaled(2)), same_function(scaled(2), scaled(3))
        (True, False)
    """
    try:
        return _Comparison().same(first, second)
    except Exception:  # noqa: BLE001 - the values are the user's: too deep, too long to be written, or with a `__class__` that fails
        return False


class _Comparison:
    """Compares two values part by part; of two that hold themselves, a pair that is being compared counts as the same."""

    def __init__(self) -> None:
        self._open: dict[tuple[int, int], tuple[Any, Any]] = {}  # with the values, so that no other gets their ids

    def same(self, first: Any, second: Any) -> bool:
        if first is second:
            return True
        if type(first) is not type(second):
            return False
        if type(first) in PLAIN:
            return bool(first == second) and repr(first) == repr(second)  # 0.0 is not -0.0
        pair = (id(first), id(second))
        if pair in self._open:
            return True
        self._open[pair] = first, second  # and stays: a pair that differs ends the comparison
        return self._same_parts(first, second)

    def _same_parts(self, first: Any, second: Any) -> bool:
        """Compare two values of one type by what they are made of."""
        if isinstance(first, FunctionType):
            same_code = first.__code__ == second.__code__ and first.__globals__ is second.__globals__
            same_types = bool(first.__annotations__ == second.__annotations__)  # by which Kedro validates parameters
            return same_code and same_types and self.same(_bound(first), _bound(second))
        if type(first) in (list, tuple):
            return len(first) == len(second) and all(map(self.same, first, second))
        if type(first) in (set, frozenset):
            plain = {type(item) for item in (*first, *second)} <= PLAIN
            return plain and first == second and sorted(map(repr, first)) == sorted(map(repr, second))  # {1} == {True}
        parts = _parts(first), _parts(second)
        return None not in parts and self.same(*parts)


def _parts(value: Any) -> tuple[Any, ...] | None:
    """Return all that a value is made of; None if that cannot be told."""
    if type(value) is dict:
        return list(value), list(value.values())
    if type(value) is partial:
        return value.func, value.args, value.keywords, vars(value)
    if inspect.ismethod(value):
        return value.__func__, value.__self__
    if type(value).__module__ == "numpy" and type(value).__name__ == "ndarray":
        return None if value.dtype.hasobject else (str(value.dtype), value.shape, value.tobytes())
    return _state(value)


def _state(value: Any) -> tuple[Any, ...] | None:
    """Return all that an object of a class in Python holds; None if that cannot be told."""
    kind = type(value)
    if inspect.isclass(value) or any(getattr(kind, name, None) != getattr(object, name, None) for name in OWN_STATE):
        return None
    try:
        parts: Any = object.__reduce_ex__(value, 2)  # refuses what holds anything outside of Python's reach
    except (TypeError, AttributeError):
        return None
    return tuple(list(items) if isinstance(items, Iterator) else items for items in parts[1:])


def _bound(function: FunctionType) -> tuple[Any, ...]:
    """Return what is bound to a function; a cell that is filled later is like no other."""
    cells = [content(cell, _EmptyCell()) for cell in function.__closure__ or ()]
    return function.__defaults__, function.__kwdefaults__, cells, vars(function)


class _EmptyCell:
    """Stands for what a function will refer to, and does not yet."""

    __slots__ = ()

    def __getstate__(self) -> None:
        """Have a state of its own, so that no two are the same."""


def code_location(function: Callable[..., Any]) -> tuple[str, int] | None:
    """Return the file and the line where a function begins, without a look at the file; None if it is not of a file."""
    code = getattr(innermost(function), "__code__", None)
    if not isinstance(code, CodeType) or not Path(code.co_filename).is_absolute():
        return None
    return code.co_filename, code.co_firstlineno
