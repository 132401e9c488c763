"""Kedro's nodes."""

from __future__ import annotations

from typing import Any

from kedro.pipeline.node import Node


def renamed(node: Node, name: str) -> Node:
    """Return the same node under another name, its namespace included.

    Reason: what a node reads and writes is public as a flat list only, from which a mapping of arguments cannot be made.
    Risk: low; Kedro's own `pipeline()` copies nodes so.
    """
    return node._copy(name=name.removeprefix(f"{node.namespace}.") if node.namespace else name)


def connections(node: Node) -> tuple[Any, Any]:
    """Return the inputs and the outputs of a node as they were given: by name, in a list, or one.

    Reason: what a node reads and writes is public as a flat list only, which does not say by which names its function
    gets its inputs and returns its outputs.
    Risk: low; Kedro compares nodes by them.
    """
    return node._inputs, node._outputs
