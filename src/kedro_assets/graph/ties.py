"""Why nodes cannot be in different runs, or even in different steps: what ties them together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kedro_assets.graph.project_graph import ProjectGraph
from kedro_assets.names import base_name

Tie = tuple[str, Sequence[str], str]
"""A node, others that belong to it, and the reason in a sentence."""


def confirmed_together(graph: ProjectGraph) -> Iterator[Tie]:
    """Yield the nodes that confirm a dataset with those that make or load it: what one process has loaded, it confirms."""
    for node in graph.nodes:
        for name in map(base_name, graph.nodes[node].confirms):
            users = [graph.producer(name), *graph.consumers(name)]
            others = [user for user in users if user is not None and user != node]
            if others:
                yield node, others, f"'{node}' confirms '{name}', which only the process that has loaded it can do."


def handed_on_in_memory(graph: ProjectGraph) -> Iterator[Tie]:
    """Yield the nodes that hand each other an in-memory dataset."""
    for dataset in graph.datasets:
        producer, consumers = graph.producer(dataset), graph.consumers(dataset)
        if producer and consumers and graph.in_memory(dataset):
            yield producer, consumers, f"'{dataset}' is handed on in memory."
