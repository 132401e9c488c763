"""Order without data: what has to be there before a node runs, though the node does not read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import networkx as nx
from attrs import evolve, frozen

from kedro_assets.errors import Scope, suggest
from kedro_assets.graph.project_graph import ProjectGraph, Vertex


@frozen
class _Wait:
    """A node that is to wait, the name of what it waits for, and where that is written."""

    node: str
    name: str
    scope: Scope


def with_order(
    graph: ProjectGraph,
    deps: Mapping[str, Sequence[str]],
    translated: Sequence[tuple[Vertex, Vertex]],
    problems: Scope,
) -> ProjectGraph:
    """Add what `deps` says, in the catalog, in dagster.yml and of a translator, to a graph.

    Args:
        graph: The project's graph.
        deps: `assets.deps` of dagster.yml.
        translated: The assets that a translator lets depend on others, each with the other one.
        problems: Collects names that nothing has, and cycles.
    """
    order: dict[str, list[Vertex]] = {}
    waiting: nx.DiGraph[str] = nx.DiGraph()
    waiting.add_edges_from(graph.handovers())  # given to DiGraph, they would make networkx 3.2 import pandas
    waiting.add_nodes_from(graph.nodes)
    waits = [(wait, _vertex(graph, wait.name)) for wait in _waits(graph, deps, problems)]
    waits += _translated(graph, translated, problems)
    together = waiting.copy()
    edges = ((graph.maker(before), wait.node) for wait, before in waits if before is not None)
    together.add_edges_from((first, node) for first, node in edges if first is not None)
    has_cycle = not nx.is_directed_acyclic_graph(together)  # to look for one with each edge takes long
    for wait, before in waits:
        if before is None:
            nodes = [other for other in graph.nodes if not graph.outputs(other)]
            allowed = suggest(wait.name, [*graph.datasets, *nodes])
            wait.scope.add(f"no dataset or node is named '{wait.name}'.", allowed)
            continue
        first = graph.maker(before)
        if has_cycle and first is not None and (first == wait.node or nx.has_path(waiting, wait.node, first)):
            found = f"node '{wait.node}' cannot wait for '{wait.name}', which depends on this node itself."
            wait.scope.add(found, "Remove one of the two dependencies.")
            continue
        if first is not None:
            waiting.add_edge(first, wait.node)
        order.setdefault(wait.node, []).append(before)
    if not order:
        return graph
    position = {name: index for index, name in enumerate(graph.nodes)}
    names = nx.lexicographical_topological_sort(waiting, key=position.__getitem__)
    return evolve(graph, order=order, nodes={name: graph.nodes[name] for name in names})


def _waits(graph: ProjectGraph, deps: Mapping[str, Sequence[str]], problems: Scope) -> Iterator[_Wait]:
    """Yield everything that a node is to wait for."""
    for dataset, settings in graph.settings.items():
        scope, producer = graph.settings_scope(dataset, problems, "deps"), graph.producer(dataset)
        for position, name in enumerate(settings.deps):
            if producer is None:
                found = f"no node makes '{dataset}', so there is no node that can wait."
                scope.at(position).add(found, "Write `deps` at a dataset that a node makes.")
            else:
                yield _Wait(producer, name, scope.at(position))
    for title, names in deps.items():
        node = graph.producer(title) if title in graph.entries else title if title in graph.nodes else None
        scope = problems.at("assets", "deps", title)
        if node is None:
            made = [name for name in graph.datasets if graph.producer(name)]
            found = f"no node is named '{title}', and no node makes a dataset of that name."
            scope.add(found, suggest(title, [*made, *graph.nodes]))
            continue
        yield from (_Wait(node, name, scope.at(position)) for position, name in enumerate(names))


def _translated(
    graph: ProjectGraph, translated: Sequence[tuple[Vertex, Vertex]], problems: Scope
) -> Iterator[tuple[_Wait, Vertex]]:
    """Yield what nodes are to wait for as a translator says, and would not do anyway; what no node makes does not wait."""
    for vertex, before in translated:
        node = graph.maker(vertex)
        if node is not None and not (before[0] == "dataset" and before[1] in graph.upstream(node)):
            yield _Wait(node, before[1], problems.at("catalog", vertex[1])), before


def _vertex(graph: ProjectGraph, name: str) -> Vertex | None:
    """Return the asset behind a name: a dataset, or what a node makes."""
    if name in graph.entries:
        return ("dataset", name) if name not in graph.hidden else None
    return next(iter(graph.assets_of([name])), None) if name in graph.nodes else None
