"""What each step of one run does: which nodes it runs, and which in-memory datasets pass between steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import networkx as nx
from attrs import frozen
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from kedro_assets.graph.clusters import Cluster, nodes_to_run
from kedro_assets.graph.project_graph import ProjectGraph, Vertex
from kedro_assets.names import base_name
from kedro_assets.project import CatalogEntry

WaitsFor = Callable[[], Mapping[str, Collection[str]]]
"""Returns for every step of a run the steps for which it waits itself."""


@frozen
class StepPlan:
    """What one step does.

    Attributes:
        nodes: The nodes it runs, in order.
        handed_in: In-memory datasets that it reads and another step makes.
        handed_out: In-memory datasets that it makes and another step may read.
        kept: The nodes that it does not run, as an earlier run has saved what they make.
        by_products: What it saves, or hands to other steps, though nobody has selected it: no other step waits for it.
    """

    nodes: tuple[str, ...]
    handed_in: frozenset[str] = frozenset()
    handed_out: frozenset[str] = frozenset()
    kept: tuple[str, ...] = ()
    by_products: frozenset[str] = frozenset()


@frozen
class EarlyRead:
    """A dataset that a step of a run may read before another step of the run has made it.

    Attributes:
        reader: The node that reads it, or waits for it.
        dataset: The dataset.
        maker: The node that makes it.
    """

    reader: str
    dataset: str
    maker: str


@frozen
class RunPlan:
    """What one run does.

    Attributes:
        steps: What each step does, by Dagster's step key.
        nodes: The nodes of the run by their names in the graph. Those that share a name in Kedro have the graph's here.
        pipeline: All of them, as the pipeline that Kedro's pipeline hooks get.
        inputs: What the pipeline reads and does not write, parameters included.
        outputs: What the pipeline writes and does not read.
        memory_outputs: What of it is in memory.
        versioned: The versioned datasets that the run writes, under every name that its nodes may use.
        readers: The nodes that read a dataset, by its name.
    """

    steps: Mapping[str, StepPlan]
    nodes: Mapping[str, Node]
    pipeline: Pipeline
    inputs: frozenset[str]
    outputs: frozenset[str]
    memory_outputs: frozenset[str]
    versioned: frozenset[str]
    readers: Mapping[str, frozenset[str]]


def plan_run(
    graph: ProjectGraph,
    steps: Mapping[str, tuple[Cluster, Iterable[Vertex]]],
    foreign_inputs: Collection[str] = (),
    foreign_outputs: Collection[str] = (),
    kept: Collection[str] = (),
    waits_for: WaitsFor = dict,
) -> RunPlan:
    """Plan a run from the assets that each of its steps is to make.

    A cluster can have several steps in one run: Dagster splits it where a foreign asset stands between its assets.

    Args:
        graph: The project's graph.
        steps: For every step key its cluster and the assets selected in it.
        foreign_inputs: In-memory datasets that assets of other origin read.
        foreign_outputs: In-memory datasets that assets of other origin make.
        kept: Nodes that are not run again, as an earlier run has saved what they make.
        waits_for: Returns for every step the steps for which it waits itself; asked only where a cluster has several.
    """
    chosen = {key: (cluster, list(assets)) for key, (cluster, assets) in steps.items()}
    selected = {vertex for _, assets in chosen.values() for vertex in assets}
    asked = _asked(graph, chosen, waits_for)
    nodes = {key: [node for node in names if node not in kept] for key, names in asked.items()}
    handed_in = {key: _handed_in(graph, names, foreign_outputs) for key, names in nodes.items()}
    asked_for = frozenset(foreign_inputs).union(*handed_in.values())
    handed_out = {key: _handed_out(graph, cluster, nodes[key], asked_for) for key, (cluster, _) in chosen.items()}
    plans = {
        key: StepPlan(
            tuple(nodes[key]),
            handed_in[key],
            handed_out[key],
            tuple(node for node in asked[key] if node in kept),
            _by_products(graph, nodes[key], handed_out[key], selected),
        )
        for key in chosen
    }
    pipeline, running = graph.as_pipeline({node for names in nodes.values() for node in names})
    outputs = frozenset(pipeline.outputs())
    return RunPlan(
        steps=plans,
        nodes=running,
        pipeline=pipeline,
        inputs=frozenset(pipeline.inputs()),
        outputs=outputs,
        memory_outputs=frozenset(name for name in outputs if graph.in_memory(base_name(name))),
        versioned=frozenset(entry.name for node in running for entry in _written(graph, node) if entry.versioned),
        readers=readers_of(running),
    )


def early_reads(graph: ProjectGraph, plan: RunPlan, waits_for: WaitsFor) -> list[EarlyRead]:
    """Return what steps of a run may read too early.

    A node makes all of its datasets, and Dagster lets a step wait for those that are selected.

    Args:
        graph: The project's graph.
        plan: What the run does.
        waits_for: Returns for every step the steps for which it waits itself; asked only where it matters.
    """
    makers = {name: step for step, plan_of in plan.steps.items() for name in plan_of.by_products}
    found = [
        (step, EarlyRead(node, name, maker))
        for step, plan_of in (plan.steps.items() if makers else ())
        for node in plan_of.nodes
        for name in dict.fromkeys(
            [*graph.inputs(node), *(name for kind, name in graph.order.get(node, ()) if kind == "dataset")]
        )
        if makers.get(name, step) != step and (maker := graph.producer(name)) is not None and maker not in plan_of.nodes
    ]
    if not found:
        return []
    order = _order(plan.steps, waits_for)
    return [read for step, read in found if makers[read.dataset] not in nx.ancestors(order, step)]


def _order(steps: Iterable[str], waits_for: WaitsFor) -> nx.DiGraph[str]:
    """Return the order of steps, and of whatever stands between them."""
    order: nx.DiGraph[str] = nx.DiGraph()
    order.add_nodes_from(steps)
    order.add_edges_from((first, step) for step, before in waits_for().items() for first in before)
    return order


def nodes_left(graph: ProjectGraph, nodes: Sequence[str], saved: Collection[Vertex]) -> list[str]:
    """Return those of a step's nodes that are still to run if some of what they make is saved, in order.

    A node is done if all that it makes is saved, and none of that is in memory. One that runs needs the nodes before it
    that hand it data in memory, and those after it have to run again. A node that confirms what it has read is never done.

    Args:
        graph: The project's graph.
        nodes: The nodes.
        saved: The datasets, and the nodes without outputs, that are saved.
    """
    members, left = set(nodes), set[str]()
    todo = [node for node in nodes if not _is_done(graph, node, saved)]
    while todo:
        node = todo.pop()
        if node in left or node not in members:
            continue
        left.add(node)
        todo += [maker for name in graph.inputs(node) if graph.in_memory(name) and (maker := graph.producer(name))]
        todo += [reader for name in graph.outputs(node) for reader in graph.consumers(name)]
        todo += [other for other in nodes if _waits(graph, other, node)]
    return [node for node in nodes if node in left]


def _is_done(graph: ProjectGraph, node: str, saved: Collection[Vertex]) -> bool:
    made: list[Vertex] = [("dataset", name) for name in graph.outputs(node)] or [("node", node)]
    in_memory = any(graph.in_memory(name) for name in graph.outputs(node))
    return not in_memory and not graph.nodes[node].confirms and all(vertex in saved for vertex in made)


def _waits(graph: ProjectGraph, node: str, other: str) -> bool:
    """Whether a node waits for what another one makes, though it does not read it."""
    return any(graph.maker(vertex) == other for vertex in graph.order.get(node, ()))


def readers_of(nodes: Mapping[str, Node]) -> Mapping[str, frozenset[str]]:
    """Return the nodes that read each dataset.

    Args:
        nodes: Nodes by name.
    """
    found: dict[str, set[str]] = {}
    for title, node in nodes.items():
        for name in node.inputs:
            found.setdefault(name, set()).add(title)
    return {name: frozenset(readers) for name, readers in found.items()}


def _written(graph: ProjectGraph, node: str) -> Iterator[CatalogEntry]:
    return (entry for dataset in graph.outputs(node) for entry in graph.entries[dataset])


def _from_outside(graph: ProjectGraph, cluster: Cluster) -> frozenset[str]:
    """Return the in-memory datasets that a cluster reads from another one; only `cluster_by: node` has any."""
    members = set(cluster.nodes)
    names = (name for node in cluster.nodes for name in graph.inputs(node))
    return frozenset(name for name in names if graph.in_memory(name) and graph.producer(name) not in members)


def _by_products(
    graph: ProjectGraph, nodes: Iterable[str], handed_out: Collection[str], selected: Collection[Vertex]
) -> frozenset[str]:
    names = (name for node in nodes for name in graph.outputs(node) if not graph.in_memory(name) or name in handed_out)
    return frozenset(name for name in names if ("dataset", name) not in selected)


def _asked(
    graph: ProjectGraph, chosen: Mapping[str, tuple[Cluster, list[Vertex]]], waits_for: WaitsFor
) -> dict[str, list[str]]:
    """Return the nodes that each step is to run.

    Of a cluster that Dagster has split, a step gets in memory what another one is selected to make, or makes anyway before it.
    """
    parts: dict[str, list[str]] = {}
    for key, (cluster, _) in chosen.items():
        parts.setdefault(cluster.name, []).append(key)
    order = _order(chosen, waits_for) if any(len(keys) > 1 for keys in parts.values()) else None
    asked: dict[str, list[str]] = {}
    for key in chosen if order is None else (key for key in nx.topological_sort(order) if key in chosen):
        cluster, assets = chosen[key]
        handed_in = set(_from_outside(graph, cluster))
        for other in (other for other in parts[cluster.name] if other != key):
            handed_in |= {name for kind, name in chosen[other][1] if kind == "dataset"}
            if order is not None and other in asked and nx.has_path(order, other, key):
                handed_in |= {name for node in asked[other] for name in graph.outputs(node) if graph.in_memory(name)}
        asked[key] = nodes_to_run(graph, cluster, assets, handed_in)
    return {key: asked[key] for key in chosen}


def _handed_in(graph: ProjectGraph, nodes: Iterable[str], foreign_outputs: Collection[str]) -> frozenset[str]:
    running = set(nodes)
    names = {name for node in running for name in graph.inputs(node) if graph.in_memory(name)}
    return frozenset(name for name in names if name in foreign_outputs or graph.producer(name) not in {None, *running})


def _handed_out(
    graph: ProjectGraph, cluster: Cluster, nodes: Iterable[str], asked_for: frozenset[str]
) -> frozenset[str]:
    members = set(cluster.nodes)
    made = {name for node in nodes for name in graph.outputs(node) if graph.in_memory(name)}
    return frozenset(name for name in made if name in asked_for or not members.issuperset(graph.consumers(name)))
