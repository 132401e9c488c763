"""The secondary view of a job: one op per Kedro node, wired by the datasets that pass between them."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_jobs
from kedro_assets.assets import build_table, node_tags
from kedro_assets.errors import Scope
from kedro_assets.graph import Cluster, ProjectGraph, Vertex
from kedro_assets.jobs.plan import PlannedJob
from kedro_assets.names import identifiers
from kedro_assets.partitions import Partitions
from kedro_assets.project import Project, deciding_keys
from kedro_assets.runtime import ConfigSchemas, KedroProject, View
from kedro_assets.steps import KedroStep


def build_op_views(jobs: Mapping[str, PlannedJob], project: Project) -> Mapping[str, View]:
    """Build the views of the jobs that are made of ops, by their names in Dagster.

    Args:
        jobs: The jobs.
        project: The project.
    """
    found = {}
    for job in jobs.values():
        if job.graph is not None and job.described is not None and job.nodes:
            clusters = {name: Cluster(name, (name,)) for name in job.graph.in_order(job.nodes)}
            names = identifiers(clusters)
            problems = Scope()  # what is wrong with an asset is reported where it is one
            table = build_table(project, Partitions(job.graph), list(clusters.values()), job.described, problems)
            found[job.name] = View(table, {names[name]: cluster for name, cluster in clusters.items()})
    return found


@frozen
class OpJob:
    """What a job of ops is made of, beside its nodes.

    Attributes:
        name: Its name in Dagster.
        taken: Names that its ops' definitions may not have.
        options: What `dagster.GraphDefinition.to_job` takes: executor, tags, configuration, retries, loggers.
    """

    name: str
    taken: frozenset[str]
    options: Mapping[str, Any]


def build_op_job(job: OpJob, view: View, project: KedroProject) -> dg.JobDefinition:
    """Wire the ops of a job.

    Args:
        job: Its name and options.
        view: Its nodes.
        project: The project.
    """
    graph, pools = view.graph, project.project.config.assets.pools
    schemas = ConfigSchemas(project.project.shown_parameters)
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
        definition = dg.op(
            name=definitions[f"{job.name}__{op}"],
            description=f"Kedro node: {node}.",
            ins={port: dg.In(dg.Nothing, description=name) for name, port in inputs.items()},
            out={port: dg.Out(dg.Nothing, is_required=False, description=name) for name, port in outputs[node].items()},
            config_schema=schemas.of([graph.nodes[node]]),
            required_resource_keys={project.resource_key},
            tags={**node_tags(graph.nodes[node]), **view.table.step_tags.of_node(graph.nodes[node])},
            retry_policy=project.retries.of_step([graph.nodes[node]]),
            pool=next((pools[key] for key in deciding_keys(graph.nodes[node], pools)), None),
        )(KedroStep(project.resource_key, view.ops[op]).execute)
        ops.append(definition)
        dependencies[dg.NodeInvocation(definition.name, alias=op)] = {
            inputs[_title(made)]: dg.DependencyDefinition(op_names[producer], outputs[producer][_title(made)])
            for made, producer in before[node].items()
        }
    wired = dg.GraphDefinition(name=job.name, node_defs=ops, dependencies=dependencies)
    with dagster_jobs.known_previews():
        return wired.to_job(name=job.name, **job.options)


def _before(graph: ProjectGraph, node: str, nodes: Container[str]) -> Mapping[Vertex, str]:
    """Return what a node reads or waits for, with the one of some nodes that makes it."""
    read: list[Vertex] = [("dataset", name) for name in graph.inputs(node)]
    found = ((vertex, graph.maker(vertex)) for vertex in (*read, *graph.order.get(node, ())))
    return {vertex: maker for vertex, maker in found if maker is not None and maker in nodes and maker != node}


def _title(vertex: Vertex) -> str:
    kind, name = vertex
    return f"node {name}" if kind == "node" else name
