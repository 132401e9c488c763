"""What a node runs, and what the version of its code was made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.pipeline.node import Node

from kedro_assets.project import Project, code_location, code_parts, innermost


def function_facts(node: Node, project: Project) -> dict[str, Any]:
    """Return what a node runs, and where that is written."""
    function = innermost(node.func)
    name = getattr(function, "__qualname__", type(function).__qualname__)
    location = code_location(function)
    return {
        "function": f"{getattr(function, '__module__', '')}.{name}",
        "source": _place(*location, project) if location else "",
    }


def code_facts(node: Node, project: Project) -> dict[str, Any]:
    """Return the version of a node's code and the pieces that it was made of: never the values, which may be secret."""
    parts = code_parts(node, project.parameter_values, project.own_packages)
    pieces: list[dict[str, Any]] = []
    for unit in parts.units:
        source = _place(unit.file, unit.line, project) if unit.file else ""
        if unit.kind == "constant":
            pieces.append({"kind": unit.kind, "name": unit.name, "type": unit.bound[""], "source": source})
        else:
            pieces.append(
                {"kind": unit.kind, "name": unit.name, "source": source or "without source", "bound": unit.bound}
            )
    pieces += ({"kind": "bound", "name": name, "type": kind} for name, kind in parts.bound.items())
    pieces += ({"kind": "parameter", "name": name} for name in parts.parameters)
    return {
        "code version": parts.version,
        "made of": [{key: value for key, value in piece.items() if value} for piece in pieces],
    }


def code_line(piece: dict[str, Any]) -> str:
    """Return a piece of code as one line.

    Examples:
        >>> code_line({"kind": "function", "name": "shop.clean", "source": "src/shop.py:3", "bound": {"by": "int"}})
        'function shop.clean (by: int), src/shop.py:3'
        >>> code_line({"kind": "constant", "name": "shop.RATE", "type": "float", "source": "src/shop.py:1"})
        'constant shop.RATE: float, src/shop.py:1'
    """
    bound = ", ".join(f"{name}: {kind}" for name, kind in piece.get("bound", {}).items())
    kind = f": {piece['type']}" if "type" in piece else ""
    source = f", {piece['source']}" if "source" in piece else ""
    return f"{piece['kind']} {piece['name']}{f' ({bound})' if bound else ''}{kind}{source}"


def _place(name: str, line: int, project: Project) -> str:
    file, root = Path(name), project.location.path
    return f"{file.relative_to(root) if file.is_relative_to(root) else file}:{line}"
