"""Order without data: what has to be there before a node runs, though the node does not read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import networkx as nx
from attrs import evolve

from kedro_assets.errors import Path, Problems, suggest
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.translator import DatasetRecord


def with_order(
    graph: ProjectGraph,
    records: Mapping[Vertex, DatasetRecord],
    deps: Mapping[str, Sequence[str]],
    problems: Problems,
) -> ProjectGraph:
    """Add what `deps` says, in the catalog and in dagster.yml, to a graph.

    Args:
        graph: The project's graph.
        records: What is known of every asset.
        deps: `assets.deps` of dagster.yml.
        problems: Collects names that nothing has, and circles.
    """
    order: dict[str, list[Vertex]] = {}
    waiting: nx.DiGraph[str] = nx.DiGraph(graph.handovers())
    waiting.add_nodes_from(graph.nodes)
    said = [(*found, _vertex(graph, found[1])) for found in _said(graph, records, deps, problems)]
    together = waiting.copy()
    edges = ((_maker(graph, before), node) for node, _, _, before in said if before is not None)
    together.add_edges_from((first, node) for first, node in edges if first is not None)
    circles = not nx.is_directed_acyclic_graph(together)  # to look for one with each edge takes long
    for node, name, where, before in said:
        if before is None:
            nodes = [other for other in graph.nodes if not graph.outputs(other)]
            problems.add(where, f"no dataset and no node is called '{name}'.", suggest(name, [*graph.datasets, *nodes]))
            continue
        first = _maker(graph, before)
        if circles and first is not None and (first == node or nx.has_path(waiting, node, first)):
            problems.add(where, f"'{name}' cannot be there before node '{node}', which it waits for itself.")
            continue
        if first is not None:
            waiting.add_edge(first, node)
        order.setdefault(node, []).append(before)
    if not order:
        return graph
    position = {name: index for index, name in enumerate(graph.nodes)}
    names = nx.lexicographical_topological_sort(waiting, key=position.__getitem__)
    return evolve(graph, order=order, nodes={name: graph.nodes[name] for name in names})


def _said(
    graph: ProjectGraph, records: Mapping[Vertex, DatasetRecord], deps: Mapping[str, Sequence[str]], problems: Problems
) -> Iterator[tuple[str, str, Path]]:
    """Give each node that is to wait, what for, and where that is said."""
    for record in records.values():
        for position, name in enumerate(record.settings.deps):
            catalog = record.entry.name if record.entry else record.name
            where: Path = ("catalog", catalog, "metadata", "dagster", "deps", position)
            if record.producer is None:
                problems.add(where, f"no node makes '{record.name}', so none can wait.", "Write it where a node does.")
            else:
                yield record.producer.name, name, where
    for title, names in deps.items():
        node = graph.producer(title) if title in graph.entries else title if title in graph.nodes else None
        if node is None:
            made = [name for name in graph.datasets if graph.producer(name)]
            found = f"no node is called '{title}', or makes a dataset of that name."
            problems.add(("assets", "deps", title), found, suggest(title, [*made, *graph.nodes]))
            continue
        yield from ((node, name, ("assets", "deps", title, position)) for position, name in enumerate(names))


def _maker(graph: ProjectGraph, asset: Vertex) -> str | None:
    """Give the node that makes an asset, None for an external one."""
    return graph.producer(asset[1]) if asset[0] == "dataset" else asset[1]


def _vertex(graph: ProjectGraph, name: str) -> Vertex | None:
    """Give the asset behind a name: a dataset, or what a node makes."""
    if name in graph.entries:
        return ("dataset", name) if name not in graph.hidden else None
    return next(iter(graph.assets_of([name])), None) if name in graph.nodes else None
