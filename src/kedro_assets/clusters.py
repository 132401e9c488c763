"""Which nodes run together in one step: a partition of the graph whose quotient has no circle."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import networkx as nx
from attrs import frozen
from networkx.utils import UnionFind

from kedro_assets.config import AssetsConfig
from kedro_assets.errors import Path, Problems
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.names import base_name


@frozen
class Cluster:
    """Kedro nodes that run in one step.

    Attributes:
        name: Unique; its node's own name if it is alone, else what its nodes have in common, or the first of them.
        nodes: In the order in which `kedro run` runs them.
        reasons: Why nodes were put together, one sentence each; empty for a single node.
    """

    name: str
    nodes: tuple[str, ...]
    reasons: tuple[str, ...] = ()


def cluster(graph: ProjectGraph, config: AssetsConfig) -> Sequence[Cluster]:
    """Partition a graph's nodes into clusters, sorted so that every cluster comes after those it reads from.

    Unless every node stays alone (`cluster_by: node`), nodes that hand each other an in-memory dataset run together, so
    that no such dataset leaves its process. A node that confirms a dataset always runs with those that load it. Clusters
    that would wait for each other are joined.

    Args:
        graph: The project's graph.
        config: `cluster_by` says what else brings nodes together.
    """
    sets: UnionFind[str] = UnionFind(graph.nodes)
    reasons: list[tuple[str, str]] = []  # a node of the cluster, and the sentence
    for first, others, reason in _joins(graph, config.cluster_by):
        sets.union(first, *others)
        reasons.append((first, reason))
    for circle in _circles(graph, sets):
        sets.union(*circle)
        shown = " and ".join(f"'{name}'" for name in circle)
        reasons.append((circle[0], f"{shown} would wait for each other: what lies between them runs with them."))
    members: dict[str, list[str]] = {}
    for node in graph.nodes:
        members.setdefault(sets[node], []).append(node)
    why: dict[str, list[str]] = {}
    for node, reason in reasons:
        why.setdefault(sets[node], []).append(reason)
    names = _names(graph, members, config.cluster_by)
    position = {root: index for index, root in enumerate(members)}
    order = nx.lexicographical_topological_sort(_quotient(graph, sets), key=position.__getitem__)
    return [Cluster(names[root], tuple(members[root]), tuple(dict.fromkeys(why.get(root, ())))) for root in order]


def check_depth(graph: ProjectGraph, clusters: Iterable[Cluster], where: Path, problems: Problems) -> None:
    """Report clusters that wait for each other in a chain that is too long for Dagster.

    Its graph builder calls itself once per step, so it gets as deep as Python's recursion limit, and no deeper.

    Args:
        graph: The project's graph.
        clusters: The steps of the assets, or of a job.
        where: The key in dagster.yml that decides on them.
        problems: Collects a chain that is too long.
    """
    step = {node: cluster.name for cluster in clusters for node in cluster.nodes}
    quotient: nx.DiGraph[str] = nx.DiGraph()
    for producer, consumer in _handovers(graph):
        first, second = step.get(producer), step.get(consumer)
        if first is not None and second is not None and first != second:
            quotient.add_edge(first, second)
    longest = nx.dag_longest_path_length(quotient) + 1
    if longest > sys.getrecursionlimit():
        found = (
            f"{longest} steps wait for each other, one after the other; Dagster stops near {sys.getrecursionlimit()}."
        )
        hint = "Let more nodes share a step: assets do with `cluster_by: pipeline`, `namespace` or `tag`."
        problems.add(where, found, hint)


def nodes_to_run(
    graph: ProjectGraph, cluster: Cluster, selected: Iterable[Vertex], handed_in: Collection[str] = ()
) -> list[str]:
    """Give the nodes of a cluster that make the selected assets, in order.

    That is their producers, and before them whatever makes an in-memory dataset that they read.

    Args:
        graph: The project's graph.
        cluster: The cluster whose step runs.
        selected: Assets of the cluster.
        handed_in: In-memory datasets that need not be made, as another step hands them over.
    """
    members = set(cluster.nodes)
    todo = [name if kind == "node" else graph.producer(name) for kind, name in selected]
    found: set[str] = set()
    while todo:
        node = todo.pop()
        if node in members and node not in found:
            found.add(node)
            needed = [name for name in graph.inputs(node) if graph.in_memory(name) and name not in handed_in]
            todo.extend(graph.producer(name) for name in needed)
    return [node for node in cluster.nodes if node in found]


def _joins(graph: ProjectGraph, cluster_by: str) -> Iterable[tuple[str, list[str], str]]:
    """Give what brings nodes together: one node, the others, and why."""
    yield from _confirmed(graph)
    if cluster_by == "node":
        return
    for dataset in graph.datasets:
        producer, consumers = graph.producer(dataset), graph.consumers(dataset)
        if producer and consumers and graph.in_memory(dataset):
            yield producer, consumers, f"'{dataset}' is handed on in memory."
    if cluster_by == "memory":
        return
    alike: dict[str, list[str]] = {}
    for node in graph.nodes:
        trait = _TRAITS[cluster_by](graph, node)
        if trait:
            alike.setdefault(trait, []).append(node)
    for trait, [first, *others] in alike.items():
        if others:
            yield first, others, f"{cluster_by} '{trait}'."


def _confirmed(graph: ProjectGraph) -> Iterable[tuple[str, list[str], str]]:
    """Give the nodes that confirm a dataset with those that make or load it: what one process has loaded, it confirms."""
    for node in graph.nodes:
        for name in map(base_name, graph.nodes[node].confirms):
            users = [graph.producer(name), *graph.consumers(name)]
            others = [user for user in users if user is not None and user != node]
            if others:
                yield node, others, f"'{node}' confirms '{name}', which is for the process that has loaded it."


def _namespace(graph: ProjectGraph, node: str) -> str:
    return (graph.nodes[node].namespace or "").partition(".")[0]


def _tags(graph: ProjectGraph, node: str) -> str:
    return ", ".join(sorted(graph.nodes[node].tags))


def _pipeline(graph: ProjectGraph, node: str) -> str:
    """Name the first pipeline that holds a node, `__default__` only if no other does."""
    names = graph.pipelines_of(node)
    return next((name for name in names if name != "__default__"), names[0])


_TRAITS: Mapping[str, Callable[[ProjectGraph, str], str]] = {
    "namespace": _namespace,
    "tag": _tags,
    "pipeline": _pipeline,
}


def _names(graph: ProjectGraph, members: Mapping[str, Sequence[str]], cluster_by: str) -> Mapping[str, str]:
    """Name each cluster by its node, by the traits its nodes share, or by its first node."""
    names = {root: nodes[0] for root, nodes in members.items() if len(nodes) == 1}
    taken = set(names.values())
    for root, nodes in members.items():
        if len(nodes) > 1:
            traits = {_TRAITS[cluster_by](graph, node): None for node in nodes} if cluster_by in _TRAITS else {}
            traits.pop("", None)
            rest = nodes[1] if len(nodes) == 2 else f"{len(nodes) - 1}_more"
            name = "__".join(traits) if 0 < len(traits) <= 3 else f"{nodes[0]}_and_{rest}"
            while name in taken:
                name += "__cluster"
            names[root] = name
            taken.add(name)
    return names


def _quotient(graph: ProjectGraph, sets: UnionFind[str]) -> nx.DiGraph[str]:
    """Shrink every cluster to a vertex, its root; an edge says that data goes from one to the other."""
    quotient: nx.DiGraph[str] = nx.DiGraph()
    quotient.add_nodes_from(sets[node] for node in graph.nodes)
    for producer, consumer in _handovers(graph):
        if sets[producer] != sets[consumer]:
            quotient.add_edge(sets[producer], sets[consumer])
    return quotient


def _handovers(graph: ProjectGraph) -> Iterator[tuple[str, str]]:
    """Give each pair of nodes of which the first makes what the second reads."""
    for dataset in graph.datasets:
        producer = graph.producer(dataset)
        if producer is not None:
            yield from ((producer, consumer) for consumer in graph.consumers(dataset))


def _circles(graph: ProjectGraph, sets: UnionFind[str]) -> list[list[str]]:
    """Give the clusters that wait for each other, by the first node of each; joining each group leaves no circle."""
    position = {node: index for index, node in enumerate(graph.nodes)}
    first: dict[str, str] = {}
    for node in graph.nodes:
        first.setdefault(sets[node], node)
    components = nx.strongly_connected_components(_quotient(graph, sets))
    circles = [{first[root] for root in component} for component in components if len(component) > 1]
    return [sorted(circle, key=position.__getitem__) for circle in circles]
