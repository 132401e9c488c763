"""Functions and classes as Python has them: their code, what is bound to them, and what they wrap."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType
from typing import Any

from kedro_assets.project.normal_form import Names, plain_text

_NOTHING: Mapping[str, Any] = {}


def bytecode(code: CodeType) -> tuple[str, tuple[Names, ...]]:
    """Return a function's code, which is another one for every version of Python, and the names in it."""
    inner = [bytecode(item) for item in code.co_consts if inspect.iscode(item)]
    constants = [plain_text(item) for item in code.co_consts if not inspect.iscode(item)]
    text = ascii((code.co_name, code.co_code, code.co_names, constants, [text for text, _ in inner]))
    names = [(name,) for name in code.co_names] + [name for _, found in inner for name in found]
    return text, tuple(dict.fromkeys(names))


def closure_cells(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the names that a function takes from functions around it, and the cells that hold them."""
    return zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)


def content(cell: Any, empty: Any = None) -> Any:
    """Return what a closure's cell holds; `empty` if it is filled later."""
    try:
        return cell.cell_contents
    except ValueError:
        return empty


def wrapped_by(function: Any) -> Any:
    """Return what a decorator's wrapper says that it wraps; None for anything else."""
    return None if inspect.isclass(function) else inspect.getattr_static(function, "__wrapped__", None)


def innermost(function: Any) -> Any:
    """Look behind partials, methods and decorators that say what they wrap."""
    seen: set[int] = set()
    while id(function) not in seen:
        seen.add(id(function))
        if isinstance(function, partial):
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        else:
            function = wrapped_by(function) or function
    return function


def defaults(function: FunctionType) -> dict[str, Any]:
    """Return the defaults of a function by the names of its arguments."""
    code, given = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[code.co_argcount - len(given) : code.co_argcount]
    return {**dict(zip(names, given, strict=True)), **(function.__kwdefaults__ or {})}


def names_around(kind: type, methods: Iterable[FunctionType]) -> Mapping[str, Any]:
    """Return the global names of the module that a class is defined in."""
    for method in methods:
        if method.__globals__.get("__name__") == kind.__module__:
            return method.__globals__
    module = sys.modules.get(kind.__module__)
    return vars(module) if module else _NOTHING
