"""Kedro's nodes."""

from __future__ import annotations

from kedro.pipeline.node import Node


def renamed(node: Node, name: str) -> Node:
    """Return the same node under another name, its namespace included.

    Reason: what a node reads and writes is public as a flat list only, from which a mapping of arguments cannot be made.
    Risk: low; Kedro's own `pipeline()` copies nodes so.
    """
    return node._copy(name=name.removeprefix(f"{node.namespace}.") if node.namespace else name)
