"""The meaning of code as text: the same for every layout, every choice of local names and every version of Python."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from attrs import frozen

from kedro_assets.project.name_scopes import (
    FunctionNode,
    Scope,
    class_scope,
    comprehension_scope,
    function_scope,
    looks_at_names,
    names_in,
    type_scope,
    walk,
)

Names: TypeAlias = tuple[str, ...]
"""A global name and the attributes that are looked up behind it."""

_BLIND = {
    "abstractmethod", "asynccontextmanager", "cache", "cached_property", "classmethod", "contextmanager", "deleter", "getter",
    "lru_cache", "override", "property", "setter", "staticmethod", "wraps",
}  # fmt: skip
"""Decorators that do not look at annotations or at the names of arguments."""

_LEFT_OUT = {"ctx", "kind", "simple", "type_comment", "type_ignores", "type_params"}

_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}


@frozen
class NormalForm:
    """Code without layout, comments, docstrings, annotations and the names of locals, and what it refers to.

    Attributes:
        text: What is left.
        names: The global names in it, in the order of their first use.
        free: The names that it takes from functions around it, in the order of their first use.
        imports: The modules that it imports: how many packages up, and the name.
    """

    text: str
    names: tuple[Names, ...] = ()
    free: tuple[str, ...] = ()
    imports: tuple[tuple[int, str], ...] = ()


def function_form(
    nodes: Sequence[FunctionNode], free: Iterable[str] = (), *, defaults: bool = True, positional: bool = False
) -> NormalForm:
    """Return the normal form of a function; of several lambdas at once, if they cannot be told apart.

    Args:
        nodes: The function in its syntax tree.
        free: The names that it takes from functions around it.
        defaults: Whether the expressions of its defaults are part of it.
        positional: Whether it is called by position only, so that the names of its arguments say nothing.
    """

    def write(writer: _Writer) -> None:
        for node in nodes:
            writer.write_function(node, defaults=defaults, positional=positional)

    return _written(write, free)


def statement_form(nodes: Sequence[ast.stmt], free: Iterable[str] = ()) -> NormalForm:
    """Return the normal form of classes, or of a module's statements."""
    return _written(lambda writer: writer.write_body(nodes), free)


def annotated_names(nodes: Iterable[FunctionNode]) -> list[Names]:
    """Return the global names in the annotations of a function's arguments."""
    found: list[Names] = []
    for node in nodes:
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            annotation: ast.AST | None = argument.annotation
            if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
                annotation = _parsed(annotation.value)
            found += filter(None, map(name_chain, walk(annotation) if annotation else ()))
    return found


def name_chain(node: ast.AST) -> Names:
    """Return the name that an expression starts with and the attributes behind it; nothing if it is anything else.

    Examples:
        >>> name_chain(ast.parse("a.b.c", mode="eval").body), name_chain(ast.parse("f().c", mode="eval").body)
        (('a', 'b', 'c'), ())
    """
    attributes = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    return (node.id, *reversed(attributes)) if isinstance(node, ast.Name) else ()


def plain_text(value: Any) -> str:
    """Return a plain value as text; `repr` of a text depends on the characters that a version of Python knows."""
    return hex(value) if type(value) is int else ascii(value)


def _written(write: Callable[[_Writer], None], free: Iterable[str]) -> NormalForm:
    """Return what is written; where names are looked up by text, it is written again with them."""
    writer = _Writer(free)
    write(writer)
    if writer.any_name or writer.by_text:
        writer = _Writer(free, writer.by_text, any_name=writer.any_name)
        write(writer)
    return writer.form()


class _Writer(ast.NodeVisitor):
    """Writes a syntax tree; a local name becomes a number when it is first met.

    Attributes:
        by_text: The names that texts ask for, as it turned out.
        any_name: Whether something may ask for any name.
    """

    def __init__(self, free: Iterable[str], kept: Iterable[str] = (), *, any_name: bool = False) -> None:
        self.by_text: set[str] = set()
        self.any_name = any_name
        self._kept = frozenset(kept)
        self._keeps_all = any_name
        self._parts: list[str] = []
        self._names: dict[Names, None] = {}
        self._imports: dict[tuple[int, str], None] = {}
        self._outer = Scope("function", free)
        self._scopes = [self._outer]
        self._count = 0

    def form(self) -> NormalForm:
        """Return what was written."""
        return NormalForm("".join(self._parts), tuple(self._names), tuple(self._outer.met), tuple(self._imports))

    def write_body(self, nodes: Iterable[ast.AST]) -> None:
        """Write statements, but for those that say nothing: docstrings, `pass`, `...`."""
        self._parts.append("{")
        for node in nodes:
            if not isinstance(node, ast.Pass) and not (
                isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            ):
                self._write(node)
        self._parts.append("}")

    def write_function(self, node: FunctionNode, *, defaults: bool, positional: bool) -> None:
        """Write a function without its name."""
        decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
        looked_at = any(_last_name(decorator) not in _BLIND for decorator in decorators)
        self._parts.append(f"{type(node).__name__}(")
        self._write(decorators)
        if defaults:
            self._write([*node.args.defaults, *node.args.kw_defaults])
        self._scopes.append(type_scope(node))
        if looked_at:
            self._write([part.annotation for part in walk(node.args) if isinstance(part, ast.arg)])
            self._write(getattr(node, "returns", None))
        self._scopes.append(function_scope(node))
        self._arguments(node.args, named=looked_at or not (positional or _is_alone(node.args)))
        if isinstance(node, ast.Lambda):
            self._write(node.body)
        else:
            self.write_body(node.body)
        del self._scopes[-2:]
        self._parts.append(")")

    def _write(self, value: Any) -> None:
        if isinstance(value, ast.AST):
            self.visit(value)
        elif isinstance(value, list):
            self._parts.append("[")
            for item in value:
                self._write(item)
                self._parts.append(",")
            self._parts.append("]")
        else:
            self._parts.append(ascii(value))

    def generic_visit(self, node: ast.AST) -> None:
        """Write a node that has nothing special; what a version of Python does not know, or leaves empty, is left out."""
        self._parts.append(f"{type(node).__name__}(")
        kind = type(node)
        if kind not in _FIELDS:
            _FIELDS[kind] = tuple(name for name, _ in ast.iter_fields(node) if name not in _LEFT_OUT)
        for name in _FIELDS[kind]:
            value = getattr(node, name, None)
            if value is None or value == []:
                continue
            self._parts.append(f"{name}=")
            if isinstance(value, list) and isinstance(value[0], ast.stmt):
                self.write_body(value)
            elif isinstance(value, str) and isinstance(
                node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar | ast.MatchMapping
            ):
                self._parts.append(self._token(value))
            else:
                self._write(value)
        self._parts.append(")")

    def _local(self, name: str) -> str | None:
        """Return what stands for a name of a function or a class; None for a global one."""
        for position, scope in enumerate(reversed(self._scopes)):
            if name in scope.elsewhere:
                return None
            if name not in scope.names or (scope.kind == "class" and position):
                continue
            if name not in scope.met:
                matters = scope.kind == "class" or self._keeps_all or name in self._kept
                scope.met[name] = f"={name} " if matters else f"%{self._count} "
                self._count += not matters
            return scope.met[name]
        return None

    def _token(self, name: str) -> str:
        return self._local(name) or f"${name} "

    def visit_Name(self, node: ast.Name) -> None:
        token = self._local(node.id)
        if token is None:
            self._names[node.id,] = None
        self._parts.append(token or f"${node.id} ")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain = name_chain(node)
        if not chain or self._local(chain[0]):
            self.generic_visit(node)
        else:
            self._names[chain] = None
            self._parts.append(f"${'.'.join(chain)} ")

    def visit_Call(self, node: ast.Call) -> None:
        self.any_name = self.any_name or looks_at_names(node)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.by_text |= names_in(node.value)
        self._parts.append(f"{type(node.value).__name__}:{plain_text(node.value)}")

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Write an f-string; versions of Python cut the text between its expressions differently."""
        text = ""
        self._parts.append("f(")
        for value in [*node.values, None]:
            if isinstance(value, ast.Constant):
                text += str(value.value)
                self.by_text |= names_in(text)
                continue
            self._parts.append(ascii(text) if text else "")
            text = ""
            if isinstance(value, ast.FormattedValue):
                self._write(value.value)
                self._parts.append(f"!{value.conversion}:")
                self._write(value.format_spec or ast.JoinedStr([]))
        self._parts.append(")")

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Write an assignment with an annotation, which says something in a class only."""
        if self._scopes[-1].kind == "class":
            self.generic_visit(node)
        elif node.value is not None:
            self.generic_visit(ast.Assign(targets=[node.target], value=node.value))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._parts.append(f"Class({self._token(node.name)}")
        self._write(node.decorator_list)
        self._scopes.append(type_scope(node))
        self._write([*node.bases, *node.keywords])
        self._scopes.append(class_scope(node))
        self.write_body(node.body)
        del self._scopes[-2:]
        self._parts.append(")")

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        level, module = (node.level, node.module or "") if isinstance(node, ast.ImportFrom) else (0, None)
        self._parts.append(f"Import({level} {module or ''}")
        for alias in node.names:
            token = self._token(alias.asname or alias.name.partition(".")[0])
            self._parts.append(f" {alias.name} {bool(alias.asname)} {token}")
            self._imports[level, alias.name if module is None else f"{module}.{alias.name}".strip(".")] = None
        self._parts.append(")")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.visit_Import(node)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self._parts.append(f"Nonlocal({''.join(map(self._token, node.names))})")

    def visit_FunctionDef(self, node: FunctionNode) -> None:
        if not isinstance(node, ast.Lambda):
            self._parts.append(self._token(node.name))
        self.write_function(node, defaults=True, positional=False)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit_FunctionDef(node)

    def _arguments(self, arguments: ast.arguments, *, named: bool) -> None:
        self._parts.extend(self._token(item.arg) for item in arguments.posonlyargs)
        self._parts.append("/")
        for item in arguments.args:
            self._parts.append(self._token(item.arg) + (f"{item.arg};" if named else ""))
        self._parts.append(f"*{self._token(arguments.vararg.arg) if arguments.vararg else ''}")
        self._parts.extend(f"{self._token(item.arg)}{item.arg};" for item in arguments.kwonlyargs)
        self._parts.append(f"**{self._token(arguments.kwarg.arg) if arguments.kwarg else ''}")
        self._parts.append(
            f"{len(arguments.defaults)} {''.join('01'[item is None] for item in arguments.kw_defaults)}:"
        )

    def visit_ListComp(self, node: Any) -> None:
        """Write a comprehension; what it loops over first is evaluated outside of it."""
        first, *others = node.generators
        self._parts.append(f"{type(node).__name__}(")
        self._write(first.iter)
        self._scopes.append(comprehension_scope(node.generators))
        self._write([first.is_async, first.target, first.ifs, *others])
        self._write([node.key, node.value] if isinstance(node, ast.DictComp) else node.elt)
        self._scopes.pop()
        self._parts.append(")")

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self.visit_ListComp(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self.visit_ListComp(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self.visit_ListComp(node)


def _is_alone(arguments: ast.arguments) -> bool:
    """Whether a function has one argument and needs it: by another name it could not be called at all."""
    others = [*arguments.posonlyargs, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg, *arguments.defaults]
    return len(arguments.args) == 1 and not any(others)


def _last_name(decorator: ast.expr) -> str:
    chain = name_chain(decorator.func if isinstance(decorator, ast.Call) else decorator)
    return chain[-1] if chain else ""


def _parsed(annotation: str) -> ast.AST | None:
    try:
        return ast.parse(annotation, mode="eval")
    except SyntaxError:
        return None
