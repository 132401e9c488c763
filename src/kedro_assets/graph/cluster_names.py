"""What steps are called: names that people know from the project, and that stay as long as they can when nodes join."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile

from kedro.pipeline.node import Node

from kedro_assets.graph.project_graph import ProjectGraph
from kedro_assets.project import DEFAULT_PIPELINE

Trait = Callable[[ProjectGraph, str], str]  # what a node may have in common with others, "" if it has none

_TRAITS_IN_A_NAME = 3  # more would make it too long


def cluster_names(
    graph: ProjectGraph, clusters: Mapping[str, Sequence[str]], trait: Trait | None = None
) -> Mapping[str, str]:
    """Name each cluster by its only node, by what its nodes share, or by the first of its nodes that saves something.

    No two clusters get the same name, and none that of a node of another.

    Args:
        graph: The project's graph.
        clusters: The nodes of each cluster in order, by any key.
        trait: What has brought nodes together, if something has beside the data that they hand on.
    """
    shared = {key: _shared_name(graph, nodes, trait) for key, nodes in clusters.items() if len(nodes) > 1}
    times = Counter(shared.values())
    clear = {name for name, count in times.items() if name and count == 1 and name not in graph.nodes}
    return {
        key: shared[key] if shared.get(key) in clear else _main_node(graph, nodes) for key, nodes in clusters.items()
    }


def _shared_name(graph: ProjectGraph, nodes: Sequence[str], trait: Trait | None) -> str:
    """Return the traits of nodes, or the namespace or pipeline that they are all of, "" if there is none."""
    traits = dict.fromkeys(trait(graph, node) for node in nodes) if trait else {}
    traits = {name: None for name in traits if name not in ("", DEFAULT_PIPELINE)}
    if 0 < len(traits) <= _TRAITS_IN_A_NAME:
        return "__".join(traits)
    namespace = _common_namespace([graph.nodes[node] for node in nodes])
    if namespace and len(nodes) == sum(_is_within(node, namespace) for node in graph.nodes.values()):
        return namespace
    same = (name for name, held in graph.pipelines.items() if name != DEFAULT_PIPELINE and set(held) == set(nodes))
    return next(same, "")


def _common_namespace(nodes: Sequence[Node]) -> str:
    first, *others = ((node.namespace or "").split(".") for node in nodes)
    lengths = takewhile(
        lambda length: all(other[:length] == first[:length] for other in others), range(1, len(first) + 1)
    )
    return ".".join(first[: max(lengths, default=0)])


def _is_within(node: Node, namespace: str) -> bool:
    return f"{node.namespace or ''}.".startswith(f"{namespace}.")


def _main_node(graph: ProjectGraph, nodes: Sequence[str]) -> str:
    """Return the first node that saves something, else the last: often the same when others join before or after it."""
    saving = (node for node in nodes if not all(graph.in_memory(name) for name in graph.outputs(node)))
    return next(saving, nodes[-1])
