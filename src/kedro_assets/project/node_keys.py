"""The keys of dagster.yml that mean nodes: a name, a namespace or a tag, of which the more specific takes precedence."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable

from kedro.pipeline.node import Node

from kedro_assets.errors import Scope, suggest


def keys_of_node(node: Node) -> list[list[str]]:
    """Return the keys that mean a node, the most specific first: its name, its namespaces from the inside, all its tags.

    Examples:
        >>> from kedro.pipeline import node
        >>> keys_of_node(node(len, "text", "length", name="count", namespace="shop.daily", tags=["gpu", "big"]))
        [['shop.daily.count'], ['shop.daily'], ['shop'], ['big', 'gpu']]
    """
    parts = (node.namespace or "").split(".") if node.namespace else []
    namespaces = [[".".join(parts[:end])] for end in range(len(parts), 0, -1)]
    return [[node.name], *namespaces, sorted(node.tags)]


def deciding_keys(node: Node, written: Container[str]) -> list[str]:
    """Return the keys that decide on a node: of those that mean it the most specific one, or several if they are tags.

    Args:
        node: The node.
        written: All keys that are written.
    """
    levels = ([key for key in level if key in written] for level in keys_of_node(node))
    return next(filter(None, levels), [])


def check_node_keys(keys: Iterable[str], nodes: Collection[Node], scope: Scope) -> None:
    """Report keys that mean no node.

    Args:
        keys: The keys.
        nodes: The nodes of all registered pipelines.
        scope: Where the keys are written.
    """
    known = {key for node in nodes for level in keys_of_node(node) for key in level}
    for key in keys:
        if key not in known:
            scope.at(key).add(f"no node has '{key}' as its name, its namespace or a tag.", suggest(key, known))
