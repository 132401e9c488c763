"""Secrets masked in an error, so that no text which is made of it has one."""

from __future__ import annotations

import builtins
import operator
import traceback
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import is_dataclass
from typing import Any, TypeVar, cast

from kedro_assets.redaction.keys import MASK

Mask = Callable[[str], str]
E = TypeVar("E", bound=BaseException)

_Group: Any = getattr(builtins, "BaseExceptionGroup", None)  # new in Python 3.11
_DEEPEST = 6  # an error may refer to itself
_MOST = 1_000  # items; what has more is left to the text that is made of it
_BESIDE_ITS_OWN = (
    *("args", "strerror", "filename", "filename2"),  # what errors have that is not in their `__dict__`
    *("msg", "name", "path", "text", "reason", "object", "encoding", "code", "value", "obj"),
)


def masked_error(error: E, mask: Mask) -> E:
    """Mask the texts in an error, in all that caused it, and in a group.

    What the error keeps is masked in place. Then its text is made as Dagster makes it: if a secret is still there, as it is
    computed or kept where nothing can be changed, the error gets another text under the name of its type.

    Args:
        error: The error.
        mask: Masks a text.

    Returns:
        The error itself, or another one in its place.
    """
    found = _reachable(error)
    for each in found:
        _mask_parts(each, mask)
    masked: dict[int, BaseException] = {}
    for each in reversed(found):  # what is inside of a group comes first
        masked[id(each)] = _shown_masked(each, mask, masked)
    for each in found:
        _link(each, masked[id(each)], masked)
    return cast("E", masked[id(error)])


def _reachable(error: BaseException) -> list[BaseException]:
    """Return an error, what caused it, and what is in it if it is a group, each once."""
    found: dict[int, BaseException] = {}
    todo: list[Any] = [error]
    while todo:
        each = todo.pop()
        if not isinstance(each, BaseException) or id(each) in found:
            continue
        found[id(each)] = each
        inside = getattr(each, "exceptions", ())
        todo += [each.__cause__, each.__context__, *(inside if _is_list(inside) else ())]
    return list(found.values())


def _link(error: BaseException, shown: BaseException, masked: dict[int, BaseException]) -> None:
    """Let what is shown of an error refer to what is shown of its causes."""
    cause, context, suppressed = error.__cause__, error.__context__, error.__suppress_context__
    cause, context = masked.get(id(cause), cause), masked.get(id(context), context)
    if shown is not error and cause is None and not suppressed:  # raising it will set another context
        cause = context
    for name, linked in (("__cause__", cause), ("__context__", context), ("__suppress_context__", suppressed)):
        if getattr(shown, name) is not linked:  # the last is set with the first
            BaseException.__setattr__(shown, name, linked)  # an error may be frozen


def _shown_masked(error: BaseException, mask: Mask, masked: dict[int, BaseException]) -> BaseException:
    """Return an error of whose text no secret is made."""
    if _Group is not None and isinstance(error, _Group):
        inside = [masked.get(id(each), each) for each in error.exceptions]
        same = all(map(operator.is_, inside, error.exceptions))
        return error if same and _is_clean(error, mask) else _group(error, inside, mask)
    if _is_clean(error, mask):
        return error
    text = _text(error, mask)
    kind = type(error)
    with suppress(TypeError):  # an error of Python's own classes
        error.__class__ = _named_like(kind, kind, text)
    if _is_clean(error, mask):
        return error
    base = next(each for each in kind.__mro__ if each.__module__ == "builtins")
    other = _replacement(kind, base, text)
    if not _is_clean(other, mask):
        other = _replacement(kind, base, MASK)
    return other.with_traceback(error.__traceback__)


def _group(error: Any, inside: list[BaseException], mask: Mask) -> BaseException:
    kind: Any = type(error)
    try:
        other: BaseException = kind(mask(error.message), inside)
    except Exception:  # noqa: BLE001 - whatever a class of the user's asks for
        other = _Group(mask(error.message), inside)
    if not _is_clean(other, mask):
        other = _Group(MASK, inside)
    return other.with_traceback(error.__traceback__)


def _replacement(kind: type[BaseException], base: type[BaseException], text: str) -> BaseException:
    try:
        return _named_like(kind, base, text)(text)
    except Exception:  # noqa: BLE001 - what this class of Python's asks for
        return _named_like(kind, Exception, text)(text)


def _named_like(kind: type[BaseException], base: type[BaseException], text: str) -> type[BaseException]:
    """Return a class with the name of another, whose errors have one text."""
    content = {
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
        "__str__": lambda _: text,
        "__reduce__": lambda _: (RuntimeError, (text,)),  # its class is in no module
    }
    return type(kind.__name__, (base,), content)


def _is_clean(error: BaseException, mask: Mask) -> bool:
    """Whether there is nothing to mask in what Dagster and Python write of an error."""
    lines = "".join(traceback.TracebackException(type(error), error, None, compact=True).format_exception_only())
    return mask(lines) == lines


def _text(error: BaseException, mask: Mask) -> str:
    try:
        return mask(str(error))
    except Exception:  # noqa: BLE001 - whatever a class of the user's does there
        return MASK


def _mask_parts(error: BaseException, mask: Mask) -> None:
    """Mask what an error may make its message of, also if it is frozen; what cannot be changed stays as it is."""
    own = vars(error)
    slots = (name for kind in type(error).__mro__ for name in vars(kind).get("__slots__", ()))
    for name in (*own, *_BESIDE_ITS_OWN, *slots):
        with suppress(Exception):
            value = own[name] if name in own else getattr(error, name, None)
            masked = _value(value, mask)
            if masked is value:
                continue
            if name in own:
                own[name] = masked
            else:
                BaseException.__setattr__(error, name, masked)


def _value(value: Any, mask: Mask, depth: int = _DEEPEST) -> Any:
    """Mask a text, and the texts in what holds others; without secrets it is the value itself."""
    if isinstance(value, str):
        masked = mask(value)
        return value if masked == value else masked
    if isinstance(value, (bytes, bytearray)):
        text = bytes(value).decode("utf-8", "surrogateescape")
        masked = mask(text)
        return value if masked == text else type(value)(masked.encode("utf-8", "surrogateescape"))
    return _holder(value, mask, depth - 1) if depth else value


def _holder(value: Any, mask: Mask, depth: int) -> Any:
    """Mask the texts in a list, a tuple, a set, a dict or a dataclass; without secrets it is the value itself."""
    named = isinstance(value, tuple) and hasattr(type(value), "__match_args__")  # a named one
    if named or type(value) in {list, tuple, set, frozenset}:
        before = list(value)
        items = before if len(before) > _MOST else [_value(item, mask, depth) for item in before]
        same = all(map(operator.is_, items, before))
        return value if same else type(value)(*items) if named else type(value)(items)
    if type(value) is dict:
        pairs = [(_value(key, mask), _value(item, mask, depth)) for key, item in value.items()]
        same = all(key is pair[0] and value[key] is pair[1] for key, pair in zip(value, pairs, strict=True))
        return value if same else dict(pairs)
    if is_dataclass(value) and not isinstance(value, type) and hasattr(value, "__dict__"):
        own = _value(vars(value), mask, depth)
        if own is not vars(value):
            changed = copy(value)
            vars(changed).update(own)
            return changed
    return value


def _is_list(value: Any) -> bool:
    return type(value) in {list, tuple}
