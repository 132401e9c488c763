"""A project's nodes and datasets as one NetworkX graph, the source of every later stage."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

import networkx as nx
from attrs import Factory, evolve, frozen
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from kedro_assets._internals import kedro_nodes
from kedro_assets.config import DatasetSettings, read_dataset_settings
from kedro_assets.errors import Scope, suggest
from kedro_assets.names import base_name, is_parameter
from kedro_assets.project import DEFAULT_PIPELINE, CatalogEntry, Project, same_function

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
        nodes: The Kedro nodes by name, in the order in which `kedro run` runs them. Where two pipelines have different
            nodes of one name, the later one is known by its name and its pipeline's: `fit__linear`.
        pipelines: For every pipeline taken in, its nodes.
        left_out: The pipelines not taken in.
        entries: What the catalog says of each dataset, under every name that a node uses for it.
        settings: What `metadata.dagster` in the catalog says of each dataset, and else `assets.settings` of dagster.yml.
        origins: The name or pattern of `assets.settings` that fits a dataset, and the settings that come from it.
        passing: The in-memory datasets, as vertices, that only pass from a node to others of its step.
        hidden: In-memory datasets that are no assets, as `memory_assets: false` asks for; another node reads each.
        order: What is to be there before a node runs though it does not read it, by the node.
    """

    digraph: nx.DiGraph[Vertex]
    nodes: Mapping[str, Node]
    pipelines: Mapping[str, frozenset[str]]
    left_out: Sequence[LeftOut]
    entries: Mapping[str, Sequence[CatalogEntry]]
    settings: Mapping[str, DatasetSettings] = Factory(dict)
    origins: Mapping[str, tuple[str, frozenset[str]]] = Factory(dict)
    passing: frozenset[Vertex] = frozenset()
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

    def entry(self, dataset: str) -> CatalogEntry:
        """Return the one of a dataset's entries that describes it in Dagster: the one with `metadata.dagster`, if any has."""
        return _describing(self.entries[dataset])

    def settings_of(self, dataset: str) -> DatasetSettings:
        """Return what the configuration says of a dataset for Dagster."""
        return self.settings.get(dataset, _NO_SETTINGS)

    def settings_scope(self, dataset: str, problems: Scope, *path: str) -> Scope:
        """Return the place of a setting of a dataset: in dagster.yml if it comes from there, or else in the catalog."""
        pattern, keys = self.origins.get(dataset, ("", frozenset()))
        if path and path[0] in keys:
            return problems.at("assets", "settings", pattern, *path)
        return problems.at("catalog", self.entry(dataset).name, "metadata", "dagster", *path)

    def is_by_pattern(self, dataset: str, key: str) -> bool:
        """Whether a setting of a dataset comes from a pattern of dagster.yml, which may be for others."""
        pattern, keys = self.origins.get(dataset, ("", frozenset()))
        return key in keys and pattern != dataset

    def in_memory(self, dataset: str) -> bool:
        """Whether a dataset lives no longer than the process that writes it, under one of its names at least."""
        return any(entry.in_memory for entry in self.entries[dataset])

    def dataset_types(self, pipeline: Pipeline) -> set[str]:
        """Return the types of the datasets of some nodes, as the catalog has them."""
        names = {base_name(name) for name in pipeline.datasets() if not is_parameter(name)}
        return {entry.type for name in names for entry in self.entries[name]}

    def producer(self, dataset: str) -> str | None:
        """Return the node that writes a dataset, None for an external one."""
        return next((node for _, node in self.digraph.predecessors(("dataset", dataset))), None)

    def maker(self, vertex: Vertex) -> str | None:
        """Return the node that makes an asset, None for an external one."""
        kind, name = vertex
        return name if kind == "node" else self.producer(name)

    def consumers(self, dataset: str) -> list[str]:
        """Return the nodes that read a dataset."""
        return [node for _, node in self.digraph.successors(("dataset", dataset))]

    def inputs(self, node: str) -> list[str]:
        """Return the datasets that a node reads."""
        return [dataset for _, dataset in self.digraph.predecessors(("node", node))]

    def outputs(self, node: str) -> list[str]:
        """Return the datasets that a node writes."""
        return [dataset for _, dataset in self.digraph.successors(("node", node))]

    def waits_for(self, node: str) -> list[str]:
        """Return the datasets that have to be there before a node runs though it does not read them."""
        return [name for kind, name in self.order.get(node, ()) if kind == "dataset"]

    def assets_of(self, nodes: Iterable[str]) -> list[Vertex]:
        """Return what nodes materialize: the datasets they write, or themselves where they write none."""
        assets: list[Vertex] = []
        for node in nodes:
            written = self.outputs(node)
            assets += (
                [("dataset", name) for name in written if name not in self.hidden] if written else [("node", node)]
            )
        return assets

    def upstream(self, node: str) -> list[str]:
        """Return the assets that a node reads; behind a hidden one stand those that its writer reads."""
        return list(dict.fromkeys(dataset for _, dataset in self.readings(node)))

    def readings(self, node: str) -> Iterator[tuple[str, str]]:
        """Yield the assets that a node reads, each with the node that reads it: itself, or one that writes a hidden dataset."""
        seen, todo = {node}, [(node, dataset) for dataset in reversed(self.inputs(node))]
        while todo:
            reader, dataset = todo.pop()
            producer = self.producer(dataset) if dataset in self.hidden else None
            if producer is None:
                yield reader, dataset
            elif producer not in seen:
                seen.add(producer)
                todo += [(producer, name) for name in reversed(self.inputs(producer))]

    def in_memory_before(self, node: str) -> list[str]:
        """Return the nodes that make what only passes in memory on its way to a node: with it, they are as one."""
        found, todo = dict[str, None](), [node]
        while todo:
            read = self.inputs(todo.pop())
            passing = [name for name in read if name in self.hidden or ("dataset", name) in self.passing]
            new = [maker for maker in map(self.producer, passing) if maker is not None and maker not in found]
            found |= dict.fromkeys(new)
            todo += new
        return list(found)

    def pipelines_of(self, node: str) -> list[str]:
        """Return the pipelines that hold a node, in their registered order."""
        return [name for name, nodes in self.pipelines.items() if node in nodes]

    def in_pipeline(self, pipeline: str, names: Iterable[str]) -> list[str]:
        """Return the nodes of a pipeline by the names that they have in it, in order."""
        wanted, held = set(names), self.pipelines[pipeline]
        return [node for node in self.nodes if node in held and self.nodes[node].name in wanted]

    def handovers(self) -> Iterator[tuple[str, str]]:
        """Yield each pair of nodes of which the first has to run before the second."""
        for dataset in self.datasets:
            producer = self.producer(dataset)
            if producer is not None:
                yield from ((producer, consumer) for consumer in self.consumers(dataset))
        for node, before in self.order.items():
            producers = map(self.maker, before)
            yield from ((producer, node) for producer in producers if producer is not None and producer != node)

    def in_order(self, nodes: Iterable[str]) -> list[str]:
        """Sort nodes as `kedro run` runs them."""
        wanted = set(nodes)
        return [name for name in self.nodes if name in wanted]

    def as_pipeline(self, nodes: Iterable[str]) -> tuple[Pipeline, Mapping[str, Node]]:
        """Join nodes in a pipeline of Kedro's, which wants each name once: nodes that share one get those of this graph.

        Returns:
            The pipeline, and its nodes by their names in this graph.
        """
        wanted = self.in_order(nodes)
        names = [self.nodes[node].name for node in wanted]
        shared = {name for name, count in Counter(names).items() if count > 1}
        found = {
            node: kedro_nodes.renamed(self.nodes[node], node)
            if name != node and name in shared.union(wanted)
            else self.nodes[node]
            for node, name in zip(wanted, names, strict=True)
        }
        return Pipeline(found.values()), found


_NO_SETTINGS = DatasetSettings()
_IN_NO_NODE_NAME = re.compile(r"[^\w.-]")


def build_graph(project: Project, problems: Scope) -> ProjectGraph:
    """Join the project's pipelines into one graph.

    A pipeline joins unless it has another writer of a dataset than those before it, or closes a cycle: an asset has one
    producer. Without `assets.pipelines`, `__default__` comes first, then the others in order.

    Args:
        project: The project.
        problems: Collects the names in `assets.pipelines` that are unknown or do not fit together, and settings in the
            catalog that do not fit.
    """
    asked = project.config.assets.pipelines
    scope = problems.at("assets", "pipelines")
    for position, name in enumerate(asked or []):
        if name not in project.pipelines:
            scope.at(position).add(f"no pipeline '{name}' is registered.", suggest(name, project.pipelines))
    names = asked if asked is not None else sorted(project.pipelines, key=lambda name: name != DEFAULT_PIPELINE)
    joined = _Joined()
    for name in [name for name in names if name in project.pipelines]:
        reason = joined.add(name, project.pipelines[name])
        if reason and asked is not None:
            found = f"pipeline '{name}' conflicts with the other pipelines: {reason}"
            scope.at(asked.index(name)).add(found, "Leave out one of the pipelines that conflict.")
    nodes = joined.in_order()
    graph = ProjectGraph(
        digraph=_digraph(nodes),
        nodes=nodes,
        pipelines=joined.pipelines,
        left_out=joined.left_out,
        entries=_entries(nodes.values(), project),
    )
    graph = evolve(graph, settings=_read_settings(graph, problems))
    config = project.config.assets
    if config.cluster_by == "node":  # what passes between steps stays visible, and is there for later runs
        return graph
    passing = [
        name for name in graph.datasets if graph.in_memory(name) and graph.producer(name) and graph.consumers(name)
    ]
    if config.memory_assets:
        return evolve(graph, passing=frozenset(("dataset", name) for name in passing))
    return evolve(graph, hidden=frozenset(passing))


class _Joined:
    """The pipelines that have become one graph so far."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.pipelines: dict[str, frozenset[str]] = {}
        self.left_out: list[LeftOut] = []
        self._of_name: dict[str, list[str]] = {}  # the nodes that share a name in Kedro
        self._writers: dict[str, str] = {}

    def add(self, name: str, pipeline: Pipeline) -> str:
        """Join one more pipeline, or return why it cannot join."""
        known = {node.name: self._known(node) for node in pipeline.nodes}
        new = self._named([node for node in pipeline.nodes if known[node.name] is None], name)
        reason = self._conflict(new)
        if reason:
            self.left_out.append(LeftOut(name, reason))
            return reason
        self.nodes |= new
        for title, node in new.items():
            self._of_name.setdefault(node.name, []).append(title)
            self._writers |= dict.fromkeys(map(base_name, node.outputs), title)
        self.pipelines[name] = frozenset([*new, *(title for title in known.values() if title is not None)])
        return ""

    def in_order(self) -> dict[str, Node]:
        """Return the nodes in the order in which `kedro run` runs them."""
        alone = {
            title: kedro_nodes.renamed(node, title) if node.name != title else node
            for title, node in self.nodes.items()
        }
        titles = {id(node): title for title, node in alone.items()}
        return {titles[id(node)]: self.nodes[titles[id(node)]] for node in Pipeline(alone.values()).nodes}

    def _known(self, node: Node) -> str | None:
        """Return the node that does the same, if there is one already."""
        return next((title for title in self._of_name.get(node.name, ()) if same_node(node, self.nodes[title])), None)

    def _named(self, new: Sequence[Node], pipeline: str) -> dict[str, Node]:
        """Name the new nodes of a pipeline: as Kedro does, and with the pipeline's name where another node has that name."""
        taken = {*self.nodes, *(node.name for node in new)}
        found: dict[str, Node] = {}
        for node in new:
            title, number = node.name, 1
            if title in self.nodes:
                title = longer = f"{node.name}__{_IN_NO_NODE_NAME.sub('_', pipeline)}"
                while title in taken:
                    number += 1
                    title = f"{longer}_{number}"
            taken.add(title)
            found[title] = node
        return found

    def _first_with(self, node: str) -> str:
        """Return the first pipeline that has a node."""
        return next(name for name, nodes in self.pipelines.items() if node in nodes)

    def _conflict(self, new: Mapping[str, Node]) -> str:
        """Return why nodes cannot join; empty if they can."""
        if not new:  # as where `__default__` is the sum of the others
            return ""
        for node in new.values():
            for output in map(base_name, node.outputs):
                writer = self._writers.get(output)
                if writer is None:
                    continue
                other, where = self.nodes[writer], self._first_with(writer)
                if other.name == node.name:
                    return (
                        f"its node '{node.name}' writes '{output}' too, and differs from the node of that name in pipeline "
                        f"'{where}': {_difference(other, node)}."
                    )
                return f"its node '{node.name}' writes '{output}', which node '{other.name}' of pipeline '{where}' writes already."
        together = _digraph({**self.nodes, **new}) if self.nodes else nx.DiGraph()
        if nx.is_directed_acyclic_graph(together):  # Kedro has looked at each pipeline by itself
            return ""
        around = " -> ".join(f"'{name}'" for (_, name), _ in nx.find_cycle(together))
        return f"together with the other pipelines it forms a cycle: {around}."


def same_node(first: Node, second: Node) -> bool:
    """Whether two nodes do the same; Kedro's own comparison leaves the function out."""
    return first == second and first.confirms == second.confirms and same_function(first.func, second.func)


def _difference(first: Node, second: Node) -> str:
    """Say what differs in two nodes of one name."""
    if not same_function(first.func, second.func):
        names = [f"'{getattr(node.func, '__module__', '')}.{_function_name(node)}'" for node in (first, second)]
        return (
            f"it calls {names[1]}, not {names[0]}"
            if names[0] != names[1]
            else f"{names[0]} is not the same function in both"
        )
    for what in ("inputs", "outputs", "tags", "namespace", "confirms"):
        one, other = getattr(first, what), getattr(second, what)
        if one != other:
            return f"its {what} are {_listed(other)}, not {_listed(one)}"
    return "it is made with other options"


def _function_name(node: Node) -> str:
    return str(getattr(node.func, "__qualname__", node.func))


def _listed(value: object) -> str:
    items = sorted(map(str, value)) if isinstance(value, set | frozenset | list | tuple) else [str(value)]
    return ", ".join(f"'{item}'" for item in items) or "none"


def _read_settings(graph: ProjectGraph, problems: Scope) -> dict[str, DatasetSettings]:
    """Read `metadata.dagster` of every dataset that has it."""
    written = {name: graph.entry(name).metadata.get("dagster") for name in graph.datasets}
    return {
        name: read_dataset_settings(raw, graph.settings_scope(name, problems))
        for name, raw in written.items()
        if raw is not None
    }


def _describing(variants: Sequence[CatalogEntry]) -> CatalogEntry:
    return max(variants, key=lambda variant: ("dagster" in variant.metadata, bool(variant.metadata)))


def _entries(nodes: Iterable[Node], project: Project) -> dict[str, tuple[CatalogEntry, ...]]:
    """Look up every dataset in the catalog, under each name that a node uses for it."""
    names = dict.fromkeys(name for node in nodes for name in _dataset_names(node))
    found: dict[str, tuple[CatalogEntry, ...]] = {}
    for name in names:
        found[base_name(name)] = (*found.get(base_name(name), ()), project.entry(name))
    return found


def _dataset_names(node: Node) -> Iterator[str]:
    return (name for name in (*node.inputs, *node.outputs) if not is_parameter(name))


def _digraph(nodes: Mapping[str, Node]) -> nx.DiGraph[Vertex]:
    """Build the graph of nodes and datasets.

    Examples:
        >>> from kedro.pipeline import node
        >>> nodes = [node(len, ["text@csv"], "length", name="count"), node(print, ["length", "params:x"], None, name="show")]
        >>> graph = _digraph({node.name: node for node in nodes})
        >>> sorted(graph.successors(("dataset", "length")))
        [('node', 'show')]
        >>> ("dataset", "text") in graph, ("dataset", "params:x") in graph
        (True, False)
    """
    digraph: nx.DiGraph[Vertex] = nx.DiGraph()
    for title, node in nodes.items():
        digraph.add_node(("node", title))
        for name in node.inputs:
            if not is_parameter(name):
                digraph.add_edge(("dataset", base_name(name)), ("node", title))
        for name in node.outputs:
            digraph.add_edge(("node", title), ("dataset", base_name(name)))
    return digraph
