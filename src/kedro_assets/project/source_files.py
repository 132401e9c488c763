"""Files of Python code: read and parsed once, and what stands in them by name and line."""

from __future__ import annotations

import ast
import linecache
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import CodeType, ModuleType
from typing import Any

from kedro_assets.project.name_scopes import FUNCTIONS, FunctionNode, assigned_names, walk
from kedro_assets.project.normal_form import name_chain

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")


class SourceFiles:
    """The files that functions, classes and modules come from."""

    def __init__(self) -> None:
        self._files: dict[str, SourceFile | None] = {}

    def of_module(self, module: ModuleType) -> SourceFile | None:
        """Return the file of a module; None if there is no source."""
        name = getattr(module, "__file__", None)
        return self.read(name, vars(module)) if name else None

    def read(self, name: str, names: Mapping[str, Any]) -> SourceFile | None:
        """Return a file; None if it cannot be read or parsed, or is empty.

        Args:
            name: Its path, as its code has it; inside of an archive, too.
            names: The global names of its module, which know how an archive is read.
        """
        if name not in self._files:
            linecache.checkcache(name)
            text = "".join(linecache.getlines(name, dict(names)))
            try:
                self._files[name] = SourceFile(_parsed(text)) if text.strip() else None
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._files[name] = None
        return self._files[name]


class SourceFile:
    """A file that is parsed: its functions, classes, assignments and imports.

    Attributes:
        statements: Its statements outside of all functions and classes.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.statements: Sequence[ast.stmt] = tree.body
        self._first_lines = [_first_line(statement) for statement in tree.body]
        self._functions: dict[int, list[FunctionNode]] = {}

    def functions(self, code: CodeType) -> list[FunctionNode]:
        """Return the function of some code: several, if they are lambdas of one line with the same arguments."""
        end = bisect_right(self._first_lines, code.co_firstlineno)
        if not end:
            return []
        start = max(end - 1, 0)
        while start and self._first_lines[start - 1] == self._first_lines[end - 1]:
            start -= 1
        last = self.statements[end - 1]
        if (
            getattr(last, "name", None) == code.co_name
            and _first_line(last) == code.co_firstlineno
            and start == end - 1
        ):
            return [last] if isinstance(last, FUNCTIONS) else []
        found = [
            node
            for position in range(start, end)
            for node in self._within(position)
            if _first_line(node) == code.co_firstlineno and getattr(node, "name", "<lambda>") == code.co_name
        ]
        return [node for node in found if not isinstance(node, ast.Lambda) or _arguments(node) == _given(code)]

    def classes(self, qualified_name: str) -> list[ast.ClassDef]:
        """Return the classes of a qualified name: several, if it is defined again."""
        return self._classes.get(qualified_name, [])

    def assignments(self, name: str) -> list[ast.stmt]:
        """Return the statements of the module that assign a global name or change what it holds, in order."""
        return self._assignments.get(name, [])

    def changes(self, name: str) -> list[ast.stmt]:
        """Return the statements of the module that change what a global name holds, and do not assign it."""
        return [statement for statement in self.assignments(name) if name not in assigned_names([statement])[0]]

    def imported(self, name: str) -> list[tuple[int, str, str | None]]:
        """Return what a global name is imported from: how many packages up, the module and the name in it."""
        return self._imports.get(name, [])

    def _within(self, position: int) -> list[FunctionNode]:
        """Return the functions in a statement, at any depth."""
        if position not in self._functions:
            nodes = walk(self.statements[position])
            self._functions[position] = [node for node in nodes if isinstance(node, FUNCTIONS)]
        return self._functions[position]

    @cached_property
    def _classes(self) -> dict[str, list[ast.ClassDef]]:
        found: dict[str, list[ast.ClassDef]] = {}
        for name, node in _definitions(self.statements, ""):
            found.setdefault(name, []).append(node)
        return found

    @cached_property
    def _assignments(self) -> dict[str, list[ast.stmt]]:
        found: dict[str, list[ast.stmt]] = {}
        for statement in self.statements:
            if not isinstance(statement, ast.Import | ast.ImportFrom):
                for name in {*assigned_names([statement])[0], *_changed(statement)}:
                    found.setdefault(name, []).append(statement)
        return found

    @cached_property
    def _imports(self) -> dict[str, list[tuple[int, str, str | None]]]:
        found: dict[str, list[tuple[int, str, str | None]]] = {}
        for node in _outside(self.statements):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    module = alias.name if alias.asname else alias.name.partition(".")[0]
                    found.setdefault(alias.asname or module, []).append((0, module, None))
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    origin = (node.level, node.module or "", alias.name)
                    found.setdefault(alias.asname or alias.name, []).append(origin)
        return found


def _parsed(text: str) -> ast.Module:
    """Parse a file; what Python warns of in it was said when it was imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _first_line(node: Any) -> int:
    """Return the line where the code of a node begins: that of its first decorator."""
    lines: list[int] = [node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))]
    return min(lines)


def _arguments(node: FunctionNode) -> tuple[str, ...]:
    given = node.args
    extra = filter(None, (given.vararg, given.kwarg))
    return tuple(item.arg for item in (*given.posonlyargs, *given.args, *given.kwonlyargs, *extra))


def _given(code: CodeType) -> tuple[str, ...]:
    extra = bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)  # *args, **kwargs
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + extra]


def _outside(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements and those in their branches, but not those in functions and classes."""
    for statement in statements:
        yield statement
        if not isinstance(statement, _DEFINITIONS):
            yield from _outside(_bodies(statement))


def _bodies(node: ast.AST) -> Iterator[Any]:
    for name in _BODIES:
        items = getattr(node, name, None)
        for item in items if isinstance(items, list) else ():
            yield from [item] if isinstance(item, ast.stmt) else _bodies(item)


def _definitions(statements: Iterable[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.ClassDef]]:
    """Yield each class with its qualified name, as Python makes it."""
    for statement in _outside(statements):
        if isinstance(statement, _DEFINITIONS):
            name = f"{prefix}{statement.name}"
            if isinstance(statement, ast.ClassDef):
                yield name, statement
            within = "." if isinstance(statement, ast.ClassDef) else ".<locals>."
            yield from _definitions(statement.body, f"{name}{within}")


def _changed(statement: ast.stmt) -> Iterator[str]:
    """Yield the global names whose content a statement changes: `names["a"] = 1`, `names.append(1)`."""
    for node in _outside([statement]):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign | ast.Delete):
            targets = node.targets
        elif isinstance(node, ast.AugAssign):
            targets = [node.target]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            targets = [node.value.func]
        for target in targets:
            inner: ast.AST = target
            while isinstance(inner, ast.Subscript | ast.Attribute):
                inner = inner.value
            if inner is not target and (chain := name_chain(inner)):
                yield chain[0]
