"""Values that are bound to code, as text that is the same in every process, on every machine and for every version of Python."""

from __future__ import annotations

import functools
import hashlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any, Protocol, TypeAlias

from attrs import field, frozen

from kedro_assets.project.code_objects import content, wrapped_by
from kedro_assets.project.normal_form import plain_text

PLAIN = {bool, int, float, complex, str, bytes, range, type(None), type(...), date, datetime, time, timedelta, Decimal}
"""Values of these types are the same text in every process."""

Key: TypeAlias = tuple[str, str, int]
"""Names a piece of code: its kind, its qualified name, and a number where that is not enough."""

OWN_STATE = ("__reduce__", "__reduce_ex__", "__getstate__", "__getnewargs__", "__getnewargs_ex__")
"""Methods by which a class says itself what of its objects is pickled: perhaps other things than what they depend on."""

_FIELDS = ("__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__")
"""Attributes of classes whose objects are their fields, whatever methods were made for them."""

_PLATFORM = {"posixpath": "os.path", "ntpath": "os.path", "posix": "os", "nt": "os"}


class CodeFinder(Protocol):
    """Knows which functions, classes and modules count by what is in them."""

    def key_of(self, thing: FunctionType | type | ModuleType) -> Key | None:
        """Return the key of a piece of the project's code; None for that of a library, which counts by its name."""


@frozen
class Described:
    """A value as text.

    Attributes:
        text: The text; `@` stands for each piece of code that it refers to.
        keys: Those pieces, in order.
        whole: Whether the text says all that the value is: of some objects it says the type only.
    """

    text: str
    keys: tuple[Key, ...] = ()
    whole: bool = True


@frozen
class ValueWriter:
    """Describes values; what is in itself is described once."""

    finder: CodeFinder
    _open: set[int] = field(factory=set, init=False)

    def describe(self, value: Any) -> Described:
        """Describe a value; of an object about which nothing more can be told, only its type."""
        if type(value) in PLAIN:
            return Described(plain_text(value))
        if id(value) in self._open:
            return Described("...")
        self._open.add(id(value))
        try:
            return self._compound(value)
        finally:
            self._open.discard(id(value))

    def _compound(self, value: Any) -> Described:
        for fits, describe in _COMPOUND:
            if fits(value):
                return describe(self, value)
        return self._callable(value) if callable(value) else self._object(value)

    def many(self, name: str, values: Iterable[Any]) -> Described:
        """Describe values in their order, under a name."""
        return _joined(name, map(self.describe, values))

    def mapping(self, value: Mapping[Any, Any], name: str = "dict") -> Described:
        """Describe a mapping, in the order of its keys' text."""
        items = [_joined("", (self.describe(key), self.describe(item))) for key, item in value.items()]
        return _joined(name, sorted(items, key=_order))

    def unordered(self, value: Iterable[Any]) -> Described:
        """Describe a set, in the order of its items' text."""
        return _joined(type(value).__name__, sorted(map(self.describe, value), key=_order))

    def subclassed(self, value: Any) -> Described:
        """Describe a dict, list or tuple of a class of its own, such as a named tuple."""
        name = qualified_name(type(value))
        content = self.mapping(value) if isinstance(value, dict) else self.many("", list(value))
        return _joined(name, [*self._class(type(value)), content])

    def member(self, value: Enum) -> Described:
        """Describe a member of an enumeration."""
        return _joined(f"{qualified_name(type(value))}.{value.name}", self._class(type(value)))

    def array(self, value: Any) -> Described:
        """Describe an array of NumPy's by its content."""
        if value.dtype.hasobject:
            return Described(qualified_name(type(value)), whole=False)
        digest = hashlib.sha256(value.tobytes()).hexdigest()
        return Described(f"array({value.dtype.str}, {value.dtype.names}, {value.shape}, {digest})")

    def module(self, value: ModuleType) -> Described:
        """Describe a module."""
        key = self.finder.key_of(value)
        return Described("@", (key,)) if key else Described(module_name(value.__name__))

    def pattern(self, value: re.Pattern[Any]) -> Described:
        """Describe a regular expression."""
        return Described(f"pattern({plain_text(value.pattern)}, {int(value.flags)})")

    def partial(self, value: partial[Any]) -> Described:
        """Describe a partial by all that it binds."""
        return self.many("partial", (value.func, value.args, value.keywords))

    def method(self, value: Any) -> Described:
        """Describe a method that is bound to an object."""
        return self.many("method", (value.__func__, value.__self__))

    def _callable(self, value: Any) -> Described:
        if isinstance(value, FunctionType | type):
            key = self.finder.key_of(value)
            return Described("@", (key,)) if key else self._of_library(value)
        wrapped = wrapped_by(value)
        if wrapped is not None:
            return _joined(qualified_name(type(value)), [self.describe(wrapped)])
        if not inspect.isroutine(value):
            return self._object(value)
        owner = getattr(value, "__self__", None)  # of a method that is built in; of a function, its module
        held = [] if owner is None or isinstance(owner, ModuleType) else [owner]
        return self.many(qualified_name(value), held)

    def _of_library(self, value: FunctionType | type) -> Described:
        """Describe a class of a library by its name; a function with what it holds, as a decorator's wrapper does."""
        if isinstance(value, type):
            return Described(qualified_name(value))
        wrapped = wrapped_by(value)
        held = [] if wrapped is None else [wrapped]
        if value.__globals__ is vars(functools):
            held += [dict(value.registry)] if hasattr(value, "registry") else []  # of singledispatch
        elif not is_standard(value.__globals__.get("__name__")):
            held += [content(cell) for cell in value.__closure__ or ()]
        name = f"{module_name(str(value.__globals__.get('__name__')))}.{value.__code__.co_name}"
        described = self.many(name, held)
        return Described(described.text, described.keys, whole=described.whole and not held)

    def _object(self, value: Any) -> Described:
        """Describe an object: one of a class of the project's by its class and its attributes."""
        kind = type(value)
        own = self._class(kind)
        if not own:
            name = getattr(value, "__name__", "") if callable(value) else ""  # as NumPy's functions have
            return Described(f"{qualified_name(kind)} {name}", whole=False)
        fields = any(hasattr(kind, name) for name in _FIELDS)
        if not fields and any(getattr(kind, name, None) != getattr(object, name, None) for name in OWN_STATE):
            return _joined(qualified_name(kind), [*own, Described("", whole=False)])
        slots = {name: getattr(value, name) for name in _slots(kind) if hasattr(value, name)}
        return _joined(kind.__qualname__, [*own, self.mapping({**slots, **getattr(value, "__dict__", {})})])

    def _class(self, kind: type) -> list[Described]:
        key = self.finder.key_of(kind)
        return [Described("@", (key,))] if key else []


_COMPOUND: list[tuple[Callable[[Any], bool], Callable[[ValueWriter, Any], Described]]] = [
    (lambda value: type(value) in (dict, MappingProxyType), ValueWriter.mapping),
    (lambda value: type(value) in (list, tuple), lambda writer, value: writer.many(type(value).__name__, value)),
    (lambda value: type(value) in (set, frozenset), ValueWriter.unordered),
    (lambda value: isinstance(value, Enum), ValueWriter.member),
    (lambda value: isinstance(value, dict | list | tuple), ValueWriter.subclassed),
    (lambda value: type(value).__module__ == "numpy" and hasattr(value, "tobytes"), ValueWriter.array),
    (lambda value: isinstance(value, ModuleType), ValueWriter.module),
    (lambda value: isinstance(value, re.Pattern), ValueWriter.pattern),
    (lambda value: isinstance(value, partial), ValueWriter.partial),
    (inspect.ismethod, ValueWriter.method),
]


def qualified_name(thing: Any) -> str:
    """Return the name of a function or class of a library, as far as it is the same in all of the library's versions.

    Examples:
        >>> from pathlib import Path
        >>> qualified_name(Path)  # which is in `pathlib._local` in some versions
        'pathlib.Path'
    """
    name = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", "")
    module = module_name(getattr(thing, "__module__", None) or "")
    return f"{module}.{name}" if module != "builtins" else str(name)


def module_name(name: str) -> str:
    """Return a dotted name without what is private in it, which moves from version to version."""
    top, *others = name.split(".")
    return ".".join([_PLATFORM.get(top, top.lstrip("_")), *(part for part in others if not part.startswith("_"))])


def is_standard(module: str | None) -> bool:
    """Whether a module is of Python's own library."""
    return (module or "").partition(".")[0] in sys.stdlib_module_names


def _joined(name: str, parts: Iterable[Described]) -> Described:
    parts = list(parts)
    keys = tuple(key for part in parts for key in part.keys)
    text = f"{name}({', '.join(part.text for part in parts)})"
    return Described(text, keys, all(part.whole for part in parts))


def _order(part: Described) -> tuple[str, list[str]]:
    return part.text, [name for _, name, _ in part.keys]


def _slots(kind: type) -> Iterable[str]:
    for base in kind.__mro__:
        names = vars(base).get("__slots__", ())
        yield from (name for name in ([names] if isinstance(names, str) else names) if not name.startswith("__"))
