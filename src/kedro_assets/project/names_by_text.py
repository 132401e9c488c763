"""Local names that code looks up by their text, so that another name means something else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from kedro_assets.project.name_scopes import walk

_QUERY = re.compile(r"@(\w+)|\b(?:from|join|into|update|table)\s+(\w+)", re.IGNORECASE)
"""Local names in pandas' queries, and in SQL that reads data frames."""


def names_by_text(nodes: Iterable[ast.AST]) -> set[str] | None:
    """Return the local names that code looks up by text; None if that may be any."""
    matter: set[str] = set()
    docstrings: set[ast.AST] = set()
    for node in nodes:
        for part in walk(node):
            if isinstance(part, ast.Expr):
                docstrings.add(part.value)
            elif isinstance(part, ast.Call) and _looks_at_names(part):
                return None
            elif isinstance(part, ast.Constant) and isinstance(part.value, str) and part not in docstrings:
                matter.update(name for found in _QUERY.findall(part.value) for name in found)
    return matter


def _looks_at_names(call: ast.Call) -> bool:
    """Whether a call may look at local names by text: `locals()`, `eval(...)`, `frame.eval("...")`, `numexpr.evaluate("...")`."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    attribute = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name in ("locals", "eval", "exec") or (name in ("vars", "dir") and not call.args):
        return True
    text = (isinstance(item, ast.JoinedStr | ast.Constant) for item in call.args)
    return (name or attribute) in ("eval", "evaluate") and any(text)
