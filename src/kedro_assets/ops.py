"""The secondary view of a job: one op per Kedro node, wired by the datasets that pass between them."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import dagster as dg
from attrs import evolve, frozen

from kedro_assets.clusters import Cluster
from kedro_assets.errors import Problems
from kedro_assets.graph import ProjectGraph, Vertex, build_graph
from kedro_assets.io_managers import DatasetIOManager
from kedro_assets.names import identifiers
from kedro_assets.opener import RunOpener
from kedro_assets.order import with_order
from kedro_assets.parameters import ConfigSchemas, parameter_values
from kedro_assets.partitions import Partitions
from kedro_assets.project import Project
from kedro_assets.run import RESOURCE
from kedro_assets.specs import build_records, build_specs
from kedro_assets.step import KedroStep
from kedro_assets.translator import KedroTranslator, node_tags
from kedro_assets.view import View, build_index


def build_op_graph(project: Project, pipeline: str) -> ProjectGraph:
    """Build the graph of one registered pipeline alone, whatever other pipelines it competes with for a dataset."""
    assets = evolve(project.config.assets, pipelines=[pipeline], memory_assets=True)
    problems = Problems()  # what is wrong is reported for the assets; what is of other pipelines is not here
    graph = build_graph(evolve(project, config=evolve(project.config, assets=assets)), problems)
    return with_order(graph, build_records(assets, graph, problems), assets.deps, problems)


def build_op_view(project: Project, graph: ProjectGraph, nodes: frozenset[str], translator: KedroTranslator) -> View:
    """Build the view of a job that shows each of its nodes as an op.

    Args:
        project: The project.
        graph: The graph of the job's pipeline.
        nodes: The nodes of the job.
        translator: Says which asset a dataset is.
    """
    problems = Problems()  # what is wrong with an asset is reported where it is one
    records = build_records(project.config.assets, graph, problems)
    specs = build_specs(records, graph, Partitions(), translator, problems)
    clusters = {name: Cluster(name, (name,)) for name in graph.in_order(nodes)}
    names = identifiers(clusters)
    index = build_index(specs, graph, list(clusters.values()))
    return View(graph, index, {names[name]: cluster for name, cluster in clusters.items()})


@frozen
class OpJob:
    """What a job of ops is made of, beside its nodes.

    Attributes:
        name: Its name in Dagster.
        taken: Names that its ops' definitions may not have.
        options: What `dagster.GraphDefinition.to_job` takes: executor, tags, configuration, retries.
    """

    name: str
    taken: frozenset[str]
    options: Mapping[str, Any]


def build_op_job(
    job: OpJob,
    view: View,
    opener: RunOpener,
    io_managers: Mapping[str, DatasetIOManager],
    project: Project,
) -> dg.JobDefinition:
    """Wire the ops of a job.

    Args:
        job: Its name and options.
        view: Its nodes.
        opener: Opens the project for a run.
        io_managers: The IO manager of every dataset.
        project: The project, for its parameters and its pools.
    """
    graph, pools, values = view.graph, project.config.assets.pools, parameter_values(project.parameters)
    schemas = ConfigSchemas(values)
    op_names = {cluster.name: op for op, cluster in view.ops.items()}
    before = {node: _before(graph, node, op_names) for node in op_names}
    awaited = {vertex for vertices in before.values() for vertex in vertices}
    outputs = {
        node: identifiers(_title(made) for made in graph.assets_of([node]) if made[0] == "dataset" or made in awaited)
        for node in op_names
    }
    # a node may be an op of several jobs, and Dagster keeps the names of all definitions in one space
    definitions = identifiers((f"{job.name}__{op}" for op in view.ops), job.taken)
    ops, dependencies = [], {}
    for node, op in op_names.items():
        inputs = identifiers(map(_title, before[node]))
        step = KedroStep(view.ops[op], view, opener, io_managers, values)
        definition = dg.op(
            name=definitions[f"{job.name}__{op}"],
            description=f"Kedro node: {node}.",
            ins={port: dg.In(dg.Nothing, description=name) for name, port in inputs.items()},
            out={port: dg.Out(dg.Nothing, is_required=False, description=name) for name, port in outputs[node].items()},
            config_schema=schemas.of([graph.nodes[node]]),
            required_resource_keys={RESOURCE},
            tags=dict(node_tags(graph.nodes[node])),
            pool=next((pools[tag] for tag in sorted(graph.nodes[node].tags) if tag in pools), None),
        )(step.execute)
        ops.append(definition)
        dependencies[dg.NodeInvocation(definition.name, alias=op)] = {
            inputs[_title(made)]: dg.DependencyDefinition(op_names[producer], outputs[producer][_title(made)])
            for made, producer in before[node].items()
        }
    wired = dg.GraphDefinition(name=job.name, node_defs=ops, dependencies=dependencies)
    return wired.to_job(name=job.name, **job.options)


def _before(graph: ProjectGraph, node: str, nodes: Container[str]) -> Mapping[Vertex, str]:
    """Give what a node reads or waits for, with the one of some nodes that makes it."""
    read: list[Vertex] = [("dataset", name) for name in graph.inputs(node)]
    found = ((vertex, _maker(graph, vertex)) for vertex in (*read, *graph.order.get(node, ())))
    return {vertex: maker for vertex, maker in found if maker is not None and maker in nodes and maker != node}


def _maker(graph: ProjectGraph, vertex: Vertex) -> str | None:
    kind, name = vertex
    return name if kind == "node" else graph.producer(name)


def _title(vertex: Vertex) -> str:
    kind, name = vertex
    return f"node {name}" if kind == "node" else name
