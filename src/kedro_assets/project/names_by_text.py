"""Local names that code looks up by their text, so that another name means something else."""

from __future__ import annotations

import ast
import re

_QUERY = re.compile(r"@(\w+)|\b(?:from|join|into|update|table)\s+(\w+)", re.IGNORECASE)
"""Local names in pandas' queries, and in SQL that reads data frames."""


def names_in(text: str) -> set[str]:
    """Return the names in a text that may be those of local names.

    Examples:
        >>> sorted(names_in("SELECT * FROM sales")), names_in("sales")
        (['sales'], set())
    """
    return {name for found in _QUERY.findall(text) for name in found if name}


def looks_at_names(call: ast.Call) -> bool:
    """Whether a call may look at any local name: `locals()`, `eval(...)`, `frame.eval("...")`, `numexpr.evaluate("...")`."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    attribute = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name in ("locals", "eval", "exec") or (name in ("vars", "dir") and not call.args):
        return True
    text = (isinstance(item, ast.JoinedStr | ast.Constant) for item in call.args)
    return (name or attribute) in ("eval", "evaluate") and any(text)
