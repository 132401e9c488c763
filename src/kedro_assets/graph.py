"""A project's nodes and datasets as one NetworkX graph, the source of every later stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from inspect import isfunction
from typing import Any, Literal

import networkx as nx
from attrs import Factory, evolve, frozen
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.pipeline.pipeline import CircularDependencyError

from kedro_assets.errors import Problems, suggest
from kedro_assets.names import base_name, is_parameter
from kedro_assets.project import DEFAULT_PIPELINE, CatalogEntry, Project

Vertex = tuple[Literal["node", "dataset"], str]
"""A vertex of the graph, and the identity of an asset: a dataset, or a node that writes none."""


@frozen
class LeftOut:
    """A registered pipeline that does not become assets, and why."""

    pipeline: str
    reason: str


@frozen
class ProjectGraph:
    """Nodes and datasets of the pipelines that become assets.

    Attributes:
        digraph: Vertices `("node", name)` and `("dataset", name)`, edges in the direction of the data. Transcoded names
            are one dataset; parameters are left out.
        nodes: The Kedro nodes by name, in the order in which `kedro run` runs them.
        pipelines: For every pipeline taken in, the names of its nodes.
        left_out: The pipelines not taken in.
        entries: What the catalog says of each dataset, under every name that a node uses for it.
        hidden: In-memory datasets that are no assets, as `memory_assets: false` asks for; another node reads each.
        order: What is to be there before a node runs though it does not read it, by the node's name.
    """

    digraph: nx.DiGraph[Vertex]
    nodes: Mapping[str, Node]
    pipelines: Mapping[str, frozenset[str]]
    left_out: Sequence[LeftOut]
    entries: Mapping[str, Sequence[CatalogEntry]]
    hidden: frozenset[str] = frozenset()
    order: Mapping[str, Sequence[Vertex]] = Factory(dict)

    @property
    def datasets(self) -> Iterable[str]:
        """Every dataset, external ones included, in the order of the nodes that use them."""
        return self.entries.keys()

    @property
    def external(self) -> list[str]:
        """The datasets that no node writes."""
        return [name for name in self.datasets if self.producer(name) is None]

    def in_memory(self, dataset: str) -> bool:
        """Say whether a dataset lives no longer than the process that writes it, under one of its names at least."""
        return any(entry.in_memory for entry in self.entries[dataset])

    def dataset_types(self, pipeline: Pipeline) -> set[str]:
        """Give the types of the datasets of some nodes, as the catalog has them."""
        names = {base_name(name) for name in pipeline.datasets() if not is_parameter(name)}
        return {entry.type for name in names for entry in self.entries[name]}

    def producer(self, dataset: str) -> str | None:
        """Give the node that writes a dataset, None for an external one."""
        return next((node for _, node in self.digraph.predecessors(("dataset", dataset))), None)

    def consumers(self, dataset: str) -> list[str]:
        """Give the nodes that read a dataset."""
        return [node for _, node in self.digraph.successors(("dataset", dataset))]

    def inputs(self, node: str) -> list[str]:
        """Give the datasets that a node reads."""
        return [dataset for _, dataset in self.digraph.predecessors(("node", node))]

    def outputs(self, node: str) -> list[str]:
        """Give the datasets that a node writes."""
        return [dataset for _, dataset in self.digraph.successors(("node", node))]

    def assets_of(self, nodes: Iterable[str]) -> list[Vertex]:
        """Give what nodes materialize: the datasets they write, or themselves where they write none."""
        assets: list[Vertex] = []
        for node in nodes:
            written = self.outputs(node)
            assets += (
                [("dataset", name) for name in written if name not in self.hidden] if written else [("node", node)]
            )
        return assets

    def upstream(self, node: str) -> list[str]:
        """Give the assets that a node reads; behind a hidden one stand those that its writer reads."""
        return list(dict.fromkeys(dataset for _, dataset in self.readings(node)))

    def readings(self, node: str) -> Iterator[tuple[str, str]]:
        """Give the assets that a node reads, each with the node that reads it: itself, or one that writes a hidden dataset."""
        seen, todo = {node}, [(node, dataset) for dataset in reversed(self.inputs(node))]
        while todo:
            reader, dataset = todo.pop()
            producer = self.producer(dataset) if dataset in self.hidden else None
            if producer is None:
                yield reader, dataset
            elif producer not in seen:
                seen.add(producer)
                todo += [(producer, name) for name in reversed(self.inputs(producer))]

    def pipelines_of(self, node: str) -> list[str]:
        """Give the pipelines that hold a node, in their registered order."""
        return [name for name, nodes in self.pipelines.items() if node in nodes]

    def handovers(self) -> Iterator[tuple[str, str]]:
        """Give each pair of nodes of which the first has to run before the second."""
        for dataset in self.datasets:
            producer = self.producer(dataset)
            if producer is not None:
                yield from ((producer, consumer) for consumer in self.consumers(dataset))
        for node, before in self.order.items():
            producers = (name if kind == "node" else self.producer(name) for kind, name in before)
            yield from ((producer, node) for producer in producers if producer is not None and producer != node)

    def in_order(self, nodes: Iterable[str]) -> list[str]:
        """Sort nodes as `kedro run` runs them."""
        wanted = set(nodes)
        return [name for name in self.nodes if name in wanted]


def build_graph(project: Project, problems: Problems) -> ProjectGraph:
    """Join the project's pipelines into one graph.

    A pipeline joins unless it has another node of the same name, or another writer of the same dataset, than those
    before it: an asset has one producer. Without `assets.pipelines`, `__default__` comes first, then the others in order.

    Args:
        project: The project.
        problems: Collects the names in `assets.pipelines` that are unknown or do not fit together.
    """
    asked = project.config.assets.pipelines
    for position, name in enumerate(asked or []):
        if name not in project.pipelines:
            problems.add(
                ("assets", "pipelines", position),
                f"no pipeline '{name}' is registered.",
                suggest(name, project.pipelines),
            )
    names = asked if asked is not None else sorted(project.pipelines, key=lambda name: name != DEFAULT_PIPELINE)
    nodes: dict[str, Node] = {}
    taken: dict[str, frozenset[str]] = {}
    left_out: list[LeftOut] = []
    for name in [name for name in names if name in project.pipelines]:
        pipeline = project.pipelines[name]
        reason = _conflict(pipeline.nodes, nodes)
        if reason:
            left_out.append(LeftOut(name, reason))
            if asked is not None:
                where = ("assets", "pipelines", asked.index(name))
                problems.add(where, f"pipeline '{name}' cannot join: {reason}", "Leave out one of the two.")
            continue
        taken[name] = frozenset(node.name for node in pipeline.nodes)
        for node in pipeline.nodes:
            nodes.setdefault(node.name, node)
    ordered = {node.name: node for node in Pipeline(nodes.values()).nodes}
    graph = ProjectGraph(
        digraph=_digraph(ordered.values()),
        nodes=ordered,
        pipelines=taken,
        left_out=left_out,
        entries=_entries(ordered.values(), project),
    )
    config = project.config.assets
    if config.memory_assets or config.cluster_by == "node":  # what passes between steps stays visible
        return graph
    hidden = [
        name for name in graph.datasets if graph.in_memory(name) and graph.producer(name) and graph.consumers(name)
    ]
    return evolve(graph, hidden=frozenset(hidden))


def _conflict(new: Sequence[Node], nodes: Mapping[str, Node]) -> str:
    """Say why nodes cannot join others in one graph; empty if they can."""
    added = [node for node in new if not _same_node(node, nodes.get(node.name))]
    if not added:
        return ""
    writers = {base_name(output): node.name for node in nodes.values() for output in node.outputs}
    for node in added:
        if node.name in nodes:
            return f"its node '{node.name}' differs from the node of that name in another pipeline."
        for output in map(base_name, node.outputs):
            if output in writers:
                return f"its node '{node.name}' writes '{output}', which node '{writers[output]}' writes already."
    try:
        Pipeline([*nodes.values(), *added])
    except CircularDependencyError as error:
        return f"together with the other pipelines it forms a circle: {error}"
    return ""


def _same_node(first: Node, second: Node | None) -> bool:
    """Say whether two nodes do the same; Kedro's own comparison leaves the function out."""
    return second is not None and first == second and _same_function(first.func, second.func)


def _same_function(first: Any, second: Any) -> bool:
    """Compare functions by what they do, as a registry may make its lambdas and partials anew for every pipeline."""
    if isinstance(first, partial) and isinstance(second, partial):
        bound = (first.args, first.keywords) == (second.args, second.keywords)
        return bound and _same_function(first.func, second.func)
    if isfunction(first) and isfunction(second) and first.__code__ == second.__code__:
        closed_over = (function.__closure__ or () for function in (first, second))
        pairs = zip(*closed_over, strict=True)
        return all(_same_function(one.cell_contents, other.cell_contents) for one, other in pairs)
    return bool(first == second)


def _entries(nodes: Iterable[Node], project: Project) -> dict[str, tuple[CatalogEntry, ...]]:
    """Look up every dataset in the catalog, under each name that a node uses for it."""
    names = dict.fromkeys(name for node in nodes for name in _dataset_names(node))
    found: dict[str, tuple[CatalogEntry, ...]] = {}
    for name in names:
        found[base_name(name)] = (*found.get(base_name(name), ()), project.entry(name))
    return found


def _dataset_names(node: Node) -> Iterator[str]:
    return (name for name in (*node.inputs, *node.outputs) if not is_parameter(name))


def _digraph(nodes: Iterable[Node]) -> nx.DiGraph[Vertex]:
    """Build the graph of nodes and datasets.

    Examples:
        >>> from kedro.pipeline import node
        >>> graph = _digraph([node(len, ["text@csv"], "length"), node(print, ["length", "params:x"], None, name="show")])
        >>> sorted(graph.successors(("dataset", "length")))
        [('node', 'show')]
        >>> ("dataset", "text") in graph, ("dataset", "params:x") in graph
        (True, False)
    """
    digraph: nx.DiGraph[Vertex] = nx.DiGraph()
    for node in nodes:
        digraph.add_node(("node", node.name))
        for name in node.inputs:
            if not is_parameter(name):
                digraph.add_edge(("dataset", base_name(name)), ("node", node.name))
        for name in node.outputs:
            digraph.add_edge(("node", node.name), ("dataset", base_name(name)))
    return digraph
