"""Clusters as multi_assets, external datasets as specs, and an IO manager for every dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg
from kedro.pipeline.node import Node

from kedro_assets.clusters import Cluster
from kedro_assets.config import AssetsConfig, DatasetSettings, read_dataset_settings
from kedro_assets.errors import Problems
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.io_managers import DatasetIOManager
from kedro_assets.names import base_name, identifier, identifiers
from kedro_assets.opener import AssetIndex, RunOpener
from kedro_assets.parameters import config_schema, parameter_values
from kedro_assets.project import Project
from kedro_assets.run import RESOURCE
from kedro_assets.step import ClusterStep
from kedro_assets.translator import DatasetRecord, KedroTranslator

kedro_resource = dg.ResourceDefinition(
    resource_fn=lambda context: context.resource_config,
    config_schema={
        "runtime_params": dg.Field(
            dg.Permissive(), default_value={}, description="Parameters for this run, as `kedro run --params` takes them."
        )
    },
    description="What a run gives to Kedro at its start.",
)


def build_specs(
    project: Project, graph: ProjectGraph, translator: KedroTranslator, problems: Problems
) -> Mapping[Vertex, dg.AssetSpec]:
    """Describe every asset: the datasets that are shown, and the nodes without outputs.

    Args:
        project: The project.
        graph: Its graph.
        translator: Turns a dataset into its spec.
        problems: Collects settings in the catalog that do not fit, and names that fall on one asset key.
    """
    specs: dict[Vertex, dg.AssetSpec] = {}
    external: list[Vertex] = [("dataset", name) for name in graph.external]
    for vertex in [*external, *graph.assets_of(graph.nodes)]:
        record = _record(project, graph, vertex, problems)
        try:
            specs[vertex] = translator.get_asset_spec(record)
        except (dg.DagsterInvalidDefinitionError, dg.DagsterInvalidInvocationError) as error:
            problems.add(f"catalog.{vertex[1]}.metadata.dagster", f"Dagster refuses it: {error}")
    _report_collisions(specs, problems)
    producing = {vertex: graph.producer(vertex[1]) if vertex[0] == "dataset" else vertex[1] for vertex in specs}
    upstream = {
        node: [specs["dataset", name] for name in graph.upstream(node) if ("dataset", name) in specs]
        for node in graph.nodes
    }
    return {
        vertex: spec.replace_attributes(deps=[*spec.deps, *upstream[producing[vertex]]]) if producing[vertex] else spec
        for vertex, spec in specs.items()
    }


def _record(project: Project, graph: ProjectGraph, vertex: Vertex, problems: Problems) -> DatasetRecord:
    kind, name = vertex
    config = project.config.assets
    node = graph.producer(name) if kind == "dataset" else name
    users = [node] if node else graph.consumers(name)
    pipelines = tuple(dict.fromkeys(pipeline for user in users for pipeline in graph.pipelines_of(user)))
    taken = kind == "node" and name in graph.entries
    entry = next((entry for entry in graph.entries[name] if entry.metadata), graph.entries[name][0]) if kind == "dataset" else None
    dagster = entry.metadata.get("dagster") if entry else None
    return DatasetRecord(
        name=name,
        key=(*config.key_prefix, *name.split("."), *(["node"] if taken else [])),
        group_name=_group(config, pipelines, graph.nodes[users[0]], vertex),
        entry=entry,
        settings=DatasetSettings() if dagster is None else read_dataset_settings(entry.name, dagster, problems),
        producer=graph.nodes[node] if node else None,
        consumers=tuple(graph.consumers(name)) if kind == "dataset" else (),
        pipelines=pipelines,
    )


def _group(config: AssetsConfig, pipelines: Sequence[str], user: Node, vertex: Vertex) -> str | None:
    if config.group_by == "namespace":
        kind, name = vertex
        namespace = name.rpartition(".")[0] if kind == "dataset" else user.namespace
        return identifier(namespace) if namespace else None
    if config.group_by == "pipeline":
        return identifier(next((name for name in pipelines if name != "__default__"), "default"))
    return None


def _report_collisions(specs: Mapping[Vertex, dg.AssetSpec], problems: Problems) -> None:
    by_key: dict[str, list[str]] = {}
    for (_, name), spec in specs.items():
        by_key.setdefault(spec.key.to_user_string(), []).append(name)
    for key, names in by_key.items():
        if len(names) > 1:
            shown = " and ".join(f"'{name}'" for name in names)
            hint = "Rename one of them in the project, or give it another key with a translator."
            problems.add("catalog", f"{shown} would both be the asset '{key}'.", hint)


def build_index(specs: Mapping[Vertex, dg.AssetSpec], graph: ProjectGraph, clusters: Sequence[Cluster]) -> AssetIndex:
    """Build the two-way table of assets."""
    return AssetIndex(
        keys={vertex: spec.key for vertex, spec in specs.items()},
        vertices={spec.key: vertex for vertex, spec in specs.items()},
        clusters={vertex: cluster for cluster in clusters for vertex in graph.assets_of(cluster.nodes)},
    )


def build_io_managers(graph: ProjectGraph, opener: RunOpener) -> Mapping[str, DatasetIOManager]:
    """Give every dataset its IO manager, by the dataset's name."""
    return {name: DatasetIOManager(_default_variant(graph, name), opener.for_step) for name in graph.datasets}


def _default_variant(graph: ProjectGraph, dataset: str) -> str:
    """Give the name under which other assets use a dataset: the one its own node writes, if it is transcoded."""
    producer = graph.producer(dataset)
    written = graph.nodes[producer].outputs if producer else ()
    return next((name for name in written if base_name(name) == dataset), graph.entries[dataset][0].name)


def io_manager_keys(project: Project, graph: ProjectGraph) -> Mapping[str, str]:
    """Give the resource key of every dataset's IO manager, by the dataset's name."""
    prefix = "".join(f"{identifier(part)}__" for part in project.config.assets.key_prefix)
    return {name: f"{prefix}{text}__io_manager" for name, text in identifiers(graph.datasets).items()}


def build_external(
    specs: Mapping[Vertex, dg.AssetSpec], graph: ProjectGraph, resource_keys: Mapping[str, str]
) -> list[dg.AssetsDefinition]:
    """Give the datasets that no node writes, as assets that Dagster knows and does not make."""
    external = [name for name in graph.external if ("dataset", name) in specs]
    return [
        dg.AssetsDefinition(specs=[specs["dataset", name].with_io_manager_key(resource_keys[name])]) for name in external
    ]


def build_multi_assets(
    project: Project,
    graph: ProjectGraph,
    clusters: Sequence[Cluster],
    specs: Mapping[Vertex, dg.AssetSpec],
    opener: RunOpener,
    doors: Mapping[str, DatasetIOManager],
    resource_keys: Mapping[str, str],
) -> list[dg.AssetsDefinition]:
    """Turn every cluster into one subsettable `multi_asset`."""
    values = parameter_values(project.parameters)
    names = identifiers(cluster.name for cluster in clusters)
    return [
        _multi_asset(names[cluster.name], ClusterStep(cluster, graph, opener, doors, values), specs, resource_keys)
        for cluster in clusters
        if graph.assets_of(cluster.nodes)
    ]


def _multi_asset(
    name: str, step: ClusterStep, specs: Mapping[Vertex, dg.AssetSpec], resource_keys: Mapping[str, str]
) -> dg.AssetsDefinition:
    graph, nodes = step.graph, [step.graph.nodes[node] for node in step.cluster.nodes]
    assets = [vertex for vertex in graph.assets_of(step.cluster.nodes) if vertex in specs]
    outputs = identifiers(f"{kind} {text}" if kind == "node" else text for kind, text in assets)
    by_output = dict(zip(outputs.values(), assets, strict=True))
    deps = {output: {dep.asset_key for dep in specs[vertex].deps} for output, vertex in by_output.items()}
    own = {specs[vertex].key for vertex in assets}
    decorate = dg.multi_asset(
        name=name,
        outs={
            output: dg.AssetOut.from_spec(
                specs[vertex].replace_attributes(deps=[]),
                io_manager_key=resource_keys[vertex[1]] if vertex[0] == "dataset" else None,
                is_required=False,
            )
            for output, vertex in by_output.items()
        },
        deps=sorted(set().union(*deps.values()) - own),
        internal_asset_deps=deps,
        can_subset=True,
        description="\n".join([f"Kedro nodes: {', '.join(step.cluster.nodes)}.", *step.cluster.reasons]),
        op_tags={"kedro/nodes": str(len(nodes))},
        config_schema=config_schema(nodes, step.values),
        required_resource_keys={RESOURCE},
    )
    return decorate(step.materialize)
