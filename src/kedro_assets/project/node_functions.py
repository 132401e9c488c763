"""The functions of nodes: whether two are the same, where one stands, and a version that changes when it or what it is given changes."""

from __future__ import annotations

import hashlib
import inspect
import linecache
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from kedro.pipeline.node import Node

from kedro_assets.names import is_parameter

_PLAIN = {bool, int, float, complex, str, bytes, type(None), type(...), date, datetime, time, timedelta, Decimal}
"""Values of these types are the same text in every process."""


def code_versions(nodes: Mapping[str, Node], values: Mapping[str, Any]) -> dict[str, str]:
    """Return the version of each node's code, by the node's name: the same in every process and on every machine.

    It is made of the function's source, what a partial, a default or a closure binds to it, the names of the node's
    inputs and outputs, and the parameters that it reads. What the function calls is not part of it.

    Args:
        nodes: The nodes, by name.
        values: The project's parameters, by the names that nodes use.
    """
    describe = _Describer()
    shown: dict[str, str] = {}
    versions = {}
    for title, node in nodes.items():
        parts = [describe(node.func), describe(node.inputs), describe(node.outputs)]
        for name in filter(is_parameter, node.inputs):
            if name not in shown:
                shown[name] = _digest(describe(values.get(name)))
            parts.append(shown[name])
        versions[title] = _digest("\n".join(parts))
    return versions


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
        if type(first) in _PLAIN:
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
            plain = {type(item) for item in (*first, *second)} <= _PLAIN
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


_OWN_STATE = ("__reduce__", "__reduce_ex__", "__getstate__", "__getnewargs__", "__getnewargs_ex__")
"""Methods by which a class says itself what of its objects is pickled: less, perhaps, than what they do depends on."""


def _state(value: Any) -> tuple[Any, ...] | None:
    """Return all that an object of a class in Python holds; None if that cannot be told."""
    kind = type(value)
    if inspect.isclass(value) or any(getattr(kind, name, None) != getattr(object, name, None) for name in _OWN_STATE):
        return None
    try:
        parts: Any = object.__reduce_ex__(value, 2)  # refuses what holds anything outside of Python's reach
    except (TypeError, AttributeError):
        return None
    return tuple(list(items) if isinstance(items, Iterator) else items for items in parts[1:])


def _bound(function: FunctionType) -> tuple[Any, ...]:
    """Return what is bound to a function; a cell that is filled later is like no other."""
    cells = [_content(cell, _EmptyCell()) for cell in function.__closure__ or ()]
    return function.__defaults__, function.__kwdefaults__, cells, vars(function)


class _EmptyCell:
    """Stands for what a function will refer to, and does not yet."""

    __slots__ = ()

    def __getstate__(self) -> None:
        """Have a state of its own, so that no two are the same."""


def code_location(function: Callable[..., Any]) -> tuple[str, int] | None:
    """Return the file and the line where a function begins, without a look at the file; None if it is not of a file."""
    code = getattr(_innermost(function), "__code__", None)
    if not isinstance(code, CodeType) or not Path(code.co_filename).is_absolute():
        return None
    return code.co_filename, code.co_firstlineno


def _innermost(function: Any) -> Any:
    """Look behind partials, methods and decorators that say what they wrap."""
    seen: set[int] = set()
    while id(function) not in seen:
        seen.add(id(function))
        if isinstance(function, partial):
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        else:
            function = _wrapped(function) or function
    return function


def _wrapped(function: Any) -> Any:
    return None if inspect.isclass(function) else inspect.getattr_static(function, "__wrapped__", None)


class _Describer:
    """Writes functions and values as text that says all that can be told of them in any process.

    A file is read once, and a function's lines are looked for once. Functions are in a text by a short label, as many
    may hold each other: one made of its lines at first, then of what is bound to it too, with the labels in there, as long
    as that tells more of them apart.
    """

    def __init__(self) -> None:
        self._sources: dict[CodeType, str] = {}
        self._files: set[str] = set()
        self._open: set[int] = set()
        self._labels: dict[FunctionType, str] = {}

    def __call__(self, value: Any) -> str:
        """Describe a value; of an object that is not plain, only its type."""
        self._labels = {}
        text = self._text(value)
        if not self._labels:
            return text
        todo = list(self._labels)
        while todo:  # those that others hold
            known = set(self._labels)
            for function in todo:
                self._function(function)
            todo = [function for function in self._labels if function not in known]
        before = 0
        while before < len(set(self._labels.values())):
            before = len(set(self._labels.values()))
            self._labels = {function: self._function(function) for function in self._labels}
        return f"{self._text(value)}\n{', '.join(sorted(set(self._labels.values())))}"

    def _text(self, value: Any) -> str:
        if type(value) in _PLAIN:
            return repr(value)
        if id(value) in self._open:
            return "..."  # a list can be in itself
        self._open.add(id(value))
        try:
            return self._compound(value)
        finally:
            self._open.discard(id(value))

    def _compound(self, value: Any) -> str:
        kind = type(value)
        if kind is dict:
            return f"{{{', '.join(sorted(f'{self._text(key)}: {self._text(item)}' for key, item in value.items()))}}}"
        if kind in (list, tuple):
            return f"{kind.__name__}({', '.join(map(self._text, value))})"
        if kind in (set, frozenset):
            return f"{kind.__name__}({', '.join(sorted(map(self._text, value)))})"
        if isinstance(value, Enum):
            return f"{_name(kind)}.{value.name}"
        return self._callable(value) if callable(value) else _name(kind)

    def _callable(self, value: Any) -> str:
        if isinstance(value, partial):
            return f"partial({self._text(value.func)}, {self._text(value.args)}, {self._text(value.keywords)})"
        if inspect.ismethod(value):
            return f"method({self._text(value.__func__)}, {self._text(value.__self__)})"
        wrapped = _wrapped(value)
        if wrapped is not None:
            return self._text(wrapped)
        if isinstance(value, FunctionType):
            if value not in self._labels:
                self._labels[value] = self._lines(value)
            return self._labels[value]
        call = inspect.getattr_static(type(value), "__call__", None)
        if inspect.isclass(value) or not isinstance(call, FunctionType):
            return _name(value if inspect.isclass(value) or inspect.isroutine(value) else type(value))
        return f"{_name(type(value))}({self._text(call)})"

    def _function(self, function: FunctionType) -> str:
        bound = (
            function.__defaults__,
            function.__kwdefaults__,
            [_content(cell) for cell in function.__closure__ or ()],
        )
        return _digest(f"{self._lines(function)}\n{', '.join(map(self._text, bound))}")

    def _lines(self, function: FunctionType) -> str:
        """Return a label of a function's lines."""
        code = function.__code__
        if code not in self._sources:
            self._sources[code] = _digest(self._source(function) or self._bytecode(code))
        return self._sources[code]

    def _source(self, function: FunctionType) -> str:
        """Return the lines of a function, its decorators included; `inspect.getsource` would take twenty times as long."""
        code = function.__code__
        if code.co_filename not in self._files:
            self._files.add(code.co_filename)
            linecache.checkcache(code.co_filename)
        lines = linecache.getlines(code.co_filename, function.__globals__)
        first, end = code.co_firstlineno - 1, _last_line(code)
        if not 0 <= first < end <= len(lines):
            return ""
        if function.__name__ != "<lambda>":
            while end < len(lines) and _goes_on(lines[end], _indent(lines[first])):
                end += 1
        if _quotes(lines[first:end]) % 2:  # in the middle of a text whose lines begin anywhere
            return "".join(inspect.getblock(lines[first:])).rstrip()
        return "".join(lines[first:end]).rstrip()

    def _bytecode(self, code: CodeType) -> str:
        constants = [self._bytecode(item) if inspect.iscode(item) else self._text(item) for item in code.co_consts]
        return repr((code.co_name, code.co_code, code.co_names, constants))


def _last_line(code: CodeType) -> int:
    """Return the last line that a function or one inside of it has code for."""
    own = (line for _, _, line in code.co_lines() if line)
    inside = (_last_line(item) for item in code.co_consts if inspect.iscode(item))
    return max(*own, *inside, code.co_firstlineno, 0)


def _goes_on(line: str, indent: int) -> bool:
    """Whether a line behind a function's last code still belongs to it: the rest of a statement has no code."""
    text = line.strip()
    return not text or _indent(line) > indent or text[0] in ")]}"


def _quotes(lines: Iterable[str]) -> int:
    return sum(line.count('"""') + line.count("'''") for line in lines)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _content(cell: Any, empty: Any = None) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is filled later
        return empty


def _name(thing: Any) -> str:
    return f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', '')}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
