"""Local names: those that a function, a class or a comprehension makes its own, and those that texts ask for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_TEXTS = {"attr", "conversion", "ctx", "id", "is_async", "kind", "level", "module", "simple", "str", "type_comment"}
"""Fields of nodes that hold no nodes, whatever the node."""

_MAYBE_TEXTS = {"arg", "asname", "kw_defaults", "kwd_attrs", "keys", "name", "names", "rest"}
"""Fields of nodes that hold texts, or nothing, beside or in place of nodes."""

_WITH_GAPS: set[type[ast.AST]] = {ast.MatchSingleton}
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}

_WORD = re.compile(r"\w+")
_QUERY = re.compile(r"@(\w+)|\b(?:from|join|into|update|table)\s+((?:[^,()]+,\s*)*[^\s,()]+)", re.IGNORECASE)
"""Local names in pandas' queries, and in SQL that reads data frames: several with commas between, in quotes or not."""

_ASKING = {"query", "sql", "execute"}
"""Functions that take such a text."""

_NAMING = {
    *(ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.ClassDef, *FUNCTIONS, *COMPREHENSIONS),
    *(ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping),
}


class Scope:
    """The names of one function, class or comprehension.

    Attributes:
        kind: The names of a class are attributes, and not seen from the functions in it.
        names: The names that are assigned.
        elsewhere: The names that are declared as global.
        met: What is written for the names that were met.
    """

    def __init__(self, kind: Literal["class", "function"], names: Iterable[str], elsewhere: Iterable[str] = ()) -> None:
        self.kind = kind
        self.names = set(names)
        self.elsewhere = set(elsewhere)
        self.met: dict[str, str] = {}


def function_scope(node: FunctionNode) -> Scope:
    """Return the names of a function: its arguments and what it assigns."""
    given = node.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
    body: Sequence[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else node.body
    assigned, elsewhere = assigned_names(body)
    return Scope("function", {argument.arg for argument in arguments} | assigned, elsewhere)


def class_scope(node: ast.ClassDef) -> Scope:
    """Return the names of a class: its attributes."""
    return Scope("class", *assigned_names(node.body))


def comprehension_scope(generators: Sequence[ast.comprehension]) -> Scope:
    """Return the names of a comprehension: what it loops with."""
    targets = [part for generator in generators for part in walk(generator.target)]
    return Scope("function", {part.id for part in targets if isinstance(part, ast.Name)})


def type_scope(node: ast.AST) -> Scope:
    """Return the type parameters of a function or a class, which Python has since 3.12."""
    return Scope("function", {parameter.name for parameter in getattr(node, "type_params", ())})


def parts_of(node: ast.AST) -> list[ast.AST]:
    """Return the nodes right in a node; `ast.iter_child_nodes` would take three times as long."""
    kind = type(node)
    if kind not in _FIELDS:
        names = [name for name, _ in ast.iter_fields(node)]
        _FIELDS[kind] = () if kind is ast.Constant else tuple(name for name in names if name not in _TEXTS)
        if not _MAYBE_TEXTS.isdisjoint(names):
            _WITH_GAPS.add(kind)
    found: list[ast.AST] = []
    for name in _FIELDS[kind]:
        value = getattr(node, name, None)
        if type(value) is list:
            found += value
        elif value is not None:
            found.append(value)
    return found if kind not in _WITH_GAPS else [item for item in found if isinstance(item, ast.AST)]


def walk(node: ast.AST) -> list[ast.AST]:
    """Return a node and all in it, the outer ones first."""
    found = [node]
    for part in found:
        found.extend(parts_of(part))
    return found


def assigned_names(nodes: Iterable[ast.AST]) -> tuple[set[str], set[str]]:
    """Return the names that some code assigns, and those that it declares as global.

    Examples:
        >>> names, _ = assigned_names(ast.parse("import a.b; c, d.e = [f for f in g]; h = lambda i: i").body)
        >>> sorted(names)
        ['a', 'c', 'h']
    """
    assigned: set[str] = set()
    elsewhere: set[str] = set()
    others: set[str] = set()
    todo = list(nodes)
    while todo:
        node = todo.pop()
        kind = type(node)
        if kind is ast.Name:
            if not isinstance(node.ctx, ast.Load):  # type: ignore[attr-defined]
                assigned.add(node.id)  # type: ignore[attr-defined]
        elif kind in _NAMING:
            _note(node, assigned, elsewhere, others)
            todo.extend(_seen_from_outside(node))
        else:
            todo.extend(parts_of(node))
    return assigned - elsewhere - others, elsewhere


def _note(node: ast.AST, assigned: set[str], elsewhere: set[str], others: set[str]) -> None:
    """Note the names that a node assigns or declares by itself, without a node for the name."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        assigned.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Global):
        elsewhere.update(node.names)
    elif isinstance(node, ast.Nonlocal):
        others.update(node.names)
    else:
        name = getattr(node, "rest" if isinstance(node, ast.MatchMapping) else "name", None)
        assigned.update([name] if name else ())


def _seen_from_outside(node: ast.AST) -> Iterable[ast.AST]:
    """Yield the parts of a node that are in the scope around it."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *node.keywords]
    if isinstance(node, FUNCTIONS):
        defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        return defaults if isinstance(node, ast.Lambda) else [*defaults, *node.decorator_list]
    if isinstance(node, COMPREHENSIONS):  # `:=` assigns outside of it
        return [part.target for part in walk(node) if isinstance(part, ast.NamedExpr)]
    return parts_of(node)


def names_in(text: str) -> set[str]:
    """Return the names in a text that may be those of local names.

    Examples:
        >>> sorted(names_in('SELECT * FROM sales, "shops"')), names_in("sales")
        (['sales', 'shops'], set())
    """
    return {name for found in _QUERY.findall(text) for part in found for name in _WORD.findall(part)}


def looks_at_names(call: ast.Call) -> bool:
    """Whether a call may look at any local name.

    `locals()` does, and so does what evaluates a text, such as `eval(...)`, `frame.eval("...")` and `numexpr.evaluate("...")`.
    Of a query that is written in place its names are known, and else they are not.
    """
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    attribute = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if name in ("locals", "eval", "exec") or (name in ("vars", "dir") and not given):
        return True
    if (name or attribute) in _ASKING:
        return any(not isinstance(item, ast.Constant) for item in given)
    return (name or attribute) in ("eval", "evaluate") and bool(given)
