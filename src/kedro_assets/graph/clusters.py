"""Which nodes run together in one step: a partition of the graph whose quotient has no cycle."""

from __future__ import annotations

import sys
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import networkx as nx
from attrs import Factory, frozen
from networkx.utils import UnionFind

from kedro_assets.config import AssetsConfig
from kedro_assets.errors import Scope
from kedro_assets.graph.cluster_names import Trait, cluster_names
from kedro_assets.graph.project_graph import ProjectGraph, Vertex
from kedro_assets.graph.ties import Tie, confirmed_together, handed_on_in_memory

_MERGED = "its nodes have different step tags, and the step has all of them (`assets.merge_step_tags`)."
_OTHER_CALLS = 150  # below and above Dagster's graph builder, such as those of a web server


@frozen
class Cluster:
    """Kedro nodes that run in one step.

    Attributes:
        name: Unique; what its nodes have in common, or that of the first of them that saves something.
        nodes: In the order in which `kedro run` runs them.
        reasons: Why nodes were put together, or kept apart from others, one sentence each.
    """

    name: str
    nodes: tuple[str, ...]
    reasons: tuple[str, ...] = ()


@frozen
class Boundaries:
    """Where nodes cannot share a step, as a step makes partitions of one kind only, and has one set of tags.

    Attributes:
        kinds: How nodes are partitioned, by name; those that are not are not there.
        moves: Pairs of nodes of which the second reads other partitions of the first than the one that it makes.
        reads: Which partitions nodes read of datasets, where it is said, by node and dataset: a step reads the same of
            a dataset for all of its nodes.
        needs: What executors are to give to nodes, by name; those that need nothing of their own are not there.
        merge_needs: Whether nodes with different needs may share a step.
    """

    kinds: Mapping[str, Hashable] = Factory(dict)
    moves: Collection[tuple[str, str]] = ()
    reads: Mapping[str, Mapping[str, Hashable]] = Factory(dict)
    needs: Mapping[str, Hashable] = Factory(dict)
    merge_needs: bool = False

    def kind(self, node: str) -> Hashable:
        """Return what nodes of one step have in common."""
        return self.kinds.get(node), None if self.merge_needs else self.needs.get(node)


def cluster(graph: ProjectGraph, config: AssetsConfig, boundaries: Boundaries, problems: Scope) -> Sequence[Cluster]:
    """Partition a graph's nodes into clusters, sorted so that every cluster comes after those it reads from.

    Unless every node stays alone (`cluster_by: node`), nodes that hand each other an in-memory dataset run together, so
    that no such dataset leaves its process. A node that confirms a dataset always runs with those that load it. Clusters
    that would wait for each other are joined. All nodes of a cluster are partitioned alike, and what they have in common
    joins those only that have the same needs.

    Args:
        graph: The project's graph.
        config: `cluster_by` says what else brings nodes together.
        boundaries: Where nodes are partitioned differently, or have different needs.
        problems: Collects nodes that have to run together, though others which are partitioned otherwise are between.
    """
    sets: UnionFind[str] = UnionFind(graph.nodes)
    reasons: list[tuple[str, str]] = []  # a node of the cluster, and the sentence
    for joins in (_ties(graph, config.cluster_by), _traits(graph, config.cluster_by, boundaries, sets)):
        for first, others, reason in joins:
            sets.union(first, *others)
            reasons.append((first, reason))
        for cycle in _cycles(graph, sets):
            sets.union(*cycle)
            shown = " and ".join(f"'{name}'" for name in cycle)
            reasons.append((cycle[0], f"the steps of {shown} would otherwise wait for each other."))
    members: dict[str, list[str]] = {}
    for node in graph.nodes:
        members.setdefault(sets[node], []).append(node)
    moves: dict[str, list[tuple[str, str]]] = {}
    for first, other in boundaries.moves:
        if sets[first] == sets[other]:
            moves.setdefault(sets[first], []).append((first, other))
    for root, nodes in members.items():
        _check_alike(graph, nodes, boundaries, moves.get(root, ()), problems)
    why: dict[str, list[str]] = {}
    if boundaries.merge_needs:
        mixed = (nodes[0] for nodes in members.values() if len({boundaries.needs.get(node) for node in nodes}) > 1)
        reasons += [(node, _MERGED) for node in mixed]
    for node, reason in reasons:
        why.setdefault(sets[node], []).append(reason)
    names = cluster_names(graph, members, _TRAITS.get(config.cluster_by))
    position = {root: index for index, root in enumerate(members)}
    order = nx.lexicographical_topological_sort(_quotient(graph, sets), key=position.__getitem__)
    return [Cluster(names[root], tuple(members[root]), tuple(dict.fromkeys(why.get(root, ())))) for root in order]


def _check_alike(
    graph: ProjectGraph,
    nodes: Sequence[str],
    boundaries: Boundaries,
    moves: Collection[tuple[str, str]],
    problems: Scope,
) -> None:
    """Report a cluster of nodes that cannot be parted, and would have to make or to read different partitions.

    Args:
        graph: The project's graph.
        nodes: The nodes of the cluster.
        boundaries: Where nodes are partitioned differently.
        moves: The `moves` inside the cluster.
        problems: Collects what does not fit.
    """
    scope = problems.at("assets", "partitions")
    hint = "Give the data that is handed on in memory an entry in the catalog, so that it is saved."
    odd = next((node for node in nodes if boundaries.kinds.get(node) != boundaries.kinds.get(nodes[0])), None)
    if odd is not None:
        found = (
            f"node '{nodes[0]}' has to share a step with the nodes to which it hands on data in memory, but node '{odd}' "
            "between them is partitioned differently."
        )
        scope.add(found, hint)
    for first, other in moves:
        if odd is None:
            found = f"nodes '{first}' and '{other}' have to share a step, but '{other}' reads other partitions than those that '{first}' makes in the same run."
            scope.add(found, hint)
    for dataset in {dataset for node in nodes for dataset in boundaries.reads.get(node, ())}:
        readers = [node for node in nodes if dataset in graph.inputs(node)]
        first, *others = readers or nodes[:1]
        for other in others:
            if boundaries.reads.get(first, {}).get(dataset) != boundaries.reads.get(other, {}).get(dataset):
                found = (
                    f"nodes '{first}' and '{other}' have to share a step, but read different partitions of '{dataset}'."
                )
                scope.add(found, hint)


def check_depth(graph: ProjectGraph, clusters: Iterable[Cluster], scope: Scope) -> bool:
    """Report clusters that wait for each other in a chain that is too long for Dagster, and return whether it is not.

    Its graph builder calls itself once per step, so it gets as deep as Python's recursion limit, and no deeper. What calls
    it needs some of that.

    Args:
        graph: The project's graph.
        clusters: The steps of the assets, or of a job.
        scope: The key in dagster.yml that decides on them.
    """
    step = {node: cluster.name for cluster in clusters for node in cluster.nodes}
    quotient: nx.DiGraph[str] = nx.DiGraph()
    for producer, consumer in graph.handovers():
        first, second = step.get(producer), step.get(consumer)
        if first is not None and second is not None and first != second:
            quotient.add_edge(first, second)
    longest = nx.dag_longest_path_length(quotient) + 1
    limit = sys.getrecursionlimit() - _OTHER_CALLS
    if longest > limit:
        found = f"found a chain of {longest} steps that wait for each other, but Dagster fails at about {limit}."
        hint = "Let more nodes share a step: for assets, set `assets.cluster_by` to `pipeline`, `namespace` or `tag`."
        scope.add(found, hint)
    return longest <= limit


def nodes_to_run(
    graph: ProjectGraph, cluster: Cluster, selected: Iterable[Vertex], handed_in: Collection[str] = ()
) -> list[str]:
    """Return the nodes of a cluster that make the selected assets, in order.

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


def _ties(graph: ProjectGraph, cluster_by: str) -> Iterator[Tie]:
    """Yield what ties nodes together, whatever they have in common."""
    yield from confirmed_together(graph)
    if cluster_by != "node":
        yield from handed_on_in_memory(graph)


def _traits(graph: ProjectGraph, cluster_by: str, boundaries: Boundaries, sets: UnionFind[str]) -> Iterator[Tie]:
    """Yield the nodes that have something in common, are partitioned alike, and have the same needs."""
    if cluster_by not in _TRAITS:
        return
    reads = _reads(graph, boundaries, sets)
    levels = _levels(graph, boundaries, sets, reads)
    alike: dict[str, dict[Any, list[str]]] = {}
    for node in graph.nodes:
        trait, root = _TRAITS[cluster_by](graph, node), sets[node]
        if trait:
            kind = (boundaries.kind(node), levels[root], reads.get(root))
            alike.setdefault(trait, {}).setdefault(kind, []).append(node)
    for trait, groups in alike.items():
        shared = f"they share the {cluster_by} '{trait}'."
        apart = f"the other nodes of the {cluster_by} '{trait}' {_difference(groups, boundaries)}."
        for first, *others in groups.values():
            if others:
                yield first, others, shared
            if len(groups) > 1:
                yield first, others, apart


def _difference(groups: Collection[Any], boundaries: Boundaries) -> str:
    """Say why nodes with something in common make several groups."""
    alone, needs = ({kind[at] for kind, _, _ in groups} for at in (0, 1))
    by_partition = len(alone) > 1 or len({reads for _, _, reads in groups}) > 1
    if len(needs) > 1:
        return "are partitioned differently or have other step tags" if by_partition else "have other step tags"
    if by_partition or not boundaries.needs or boundaries.merge_needs:
        return "are partitioned differently"
    others = "other partitions or step tags" if boundaries.kinds or boundaries.reads else "other step tags"
    return f"come before or after nodes with {others}"


def _reads(graph: ProjectGraph, boundaries: Boundaries, sets: UnionFind[str]) -> Mapping[str, Hashable]:
    """Return what sets of nodes read otherwise than others do."""
    found: dict[str, set[Hashable]] = {}
    for node in graph.nodes:
        if boundaries.reads.get(node):
            found.setdefault(sets[node], set()).update(boundaries.reads[node].items())
    return {root: frozenset(items) for root, items in found.items()}


def _levels(
    graph: ProjectGraph, boundaries: Boundaries, sets: UnionFind[str], reads: Mapping[str, Hashable]
) -> Mapping[str, int]:
    """Return for each set of nodes how often, at most, the partitions or the needs change on the way to it.

    It never falls along the data, and rises where partitions change, before and after a set that reads otherwise than
    others too. So sets of one level that are partitioned alike and read alike can be joined: whatever lies between them is
    of this level, and partitioned so, too.
    """
    kinds = {node: boundaries.kind(node) for node in graph.nodes}
    if len({*kinds.values()}) == 1 and not reads and not boundaries.moves:
        return dict.fromkeys((sets[node] for node in graph.nodes), 0)
    moves = {(sets[first], sets[second]) for first, second in boundaries.moves}
    quotient = _quotient(graph, sets)
    levels: dict[str, int] = {}
    for root in nx.topological_sort(quotient):
        found = 0
        for other in quotient.predecessors(root):
            changes = kinds[other] != kinds[root] or (other, root) in moves or other in reads or root in reads
            found = max(found, levels[other] + changes)
        levels[root] = found
    return levels


def _namespace(graph: ProjectGraph, node: str) -> str:
    return (graph.nodes[node].namespace or "").partition(".")[0]


def _tags(graph: ProjectGraph, node: str) -> str:
    return ", ".join(sorted(graph.nodes[node].tags))


def _pipeline(graph: ProjectGraph, node: str) -> str:
    """Name the first pipeline that holds a node, `__default__` only if no other does."""
    names = graph.pipelines_of(node)
    return next((name for name in names if name != "__default__"), names[0])


_TRAITS: Mapping[str, Trait] = {
    "namespace": _namespace,
    "tag": _tags,
    "pipeline": _pipeline,
}


def _quotient(graph: ProjectGraph, sets: UnionFind[str]) -> nx.DiGraph[str]:
    """Shrink every cluster to a vertex, its root; an edge says that data goes from one to the other."""
    quotient: nx.DiGraph[str] = nx.DiGraph()
    quotient.add_nodes_from(sets[node] for node in graph.nodes)
    for producer, consumer in graph.handovers():
        if sets[producer] != sets[consumer]:
            quotient.add_edge(sets[producer], sets[consumer])
    return quotient


def _cycles(graph: ProjectGraph, sets: UnionFind[str]) -> list[list[str]]:
    """Return the clusters that wait for each other, by the first node of each; joining each group leaves no cycle."""
    position = {node: index for index, node in enumerate(graph.nodes)}
    first: dict[str, str] = {}
    for node in graph.nodes:
        first.setdefault(sets[node], node)
    components = nx.strongly_connected_components(_quotient(graph, sets))
    cycles = [{first[root] for root in component} for component in components if len(component) > 1]
    return [sorted(cycle, key=position.__getitem__) for cycle in cycles]
