"""Clusters as multi_assets, external datasets beside them, and an IO manager for every dataset."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from kedro_assets import _private
from kedro_assets.clusters import Cluster
from kedro_assets.config import AssetsConfig
from kedro_assets.errors import Problems
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.io_managers import DatasetIOManager
from kedro_assets.names import base_name, distinct_identifiers, identifier, identifiers
from kedro_assets.observations import Observe
from kedro_assets.opener import RunOpener
from kedro_assets.parameters import ConfigSchemas, parameter_values
from kedro_assets.partition_config import Partitioning
from kedro_assets.partition_keys import by_path
from kedro_assets.partitions import Partitions
from kedro_assets.project import Project
from kedro_assets.run import RESOURCE
from kedro_assets.step import KedroStep
from kedro_assets.translator import DatasetRecord, node_tags

kedro_resource = dg.ResourceDefinition(
    resource_fn=lambda context: context.resource_config,
    config_schema={
        "runtime_params": dg.Field(
            dict,
            default_value={},
            description="Parameters for this run, as `kedro run --params` takes them.",
        ),
        "load_versions": dg.Field(
            dict,
            default_value={},
            description="The version to load, by dataset, as `kedro run --load-versions` takes them.",
        ),
    },
    description="What a run gives to Kedro at its start.",
)


def build_io_managers(config: AssetsConfig, graph: ProjectGraph, opener: RunOpener) -> Mapping[str, DatasetIOManager]:
    """Give every dataset its IO manager, by the dataset's name."""
    prefix = "".join(f"{identifier(part)}__" for part in config.key_prefix)
    keys = {name: f"{prefix}{text}__io_manager" for name, text in identifiers(graph.datasets).items()}
    return {
        name: DatasetIOManager(
            key if key[0].isalpha() else f"dataset_{key}",
            _default_variant(graph, name),
            opener.for_io,
            in_memory=graph.in_memory(name),
            by_path=any(
                by_path(entry.config) for entry in graph.entries[name] if entry.name == _default_variant(graph, name)
            ),
        )
        for name, key in keys.items()
    }


def _default_variant(graph: ProjectGraph, dataset: str) -> str:
    """Give the name under which other assets use a dataset: the one its own node writes, if it is transcoded."""
    producer = graph.producer(dataset)
    written = graph.nodes[producer].outputs if producer else ()
    return next((name for name in written if base_name(name) == dataset), graph.entries[dataset][0].name)


def build_external(
    records: Mapping[Vertex, DatasetRecord],
    specs: Mapping[Vertex, dg.AssetSpec],
    opener: RunOpener,
    io_managers: Mapping[str, DatasetIOManager],
    taken: Iterable[str],
    problems: Problems,
) -> list[dg.AssetsDefinition]:
    """Give the datasets that no node writes, as assets that Dagster does not make, and observes where it can.

    Those that the catalog gives to an asset of the user's own (`external: false`) are left to it.

    Args:
        records: What is known of every asset.
        specs: The assets.
        opener: Knows the project.
        io_managers: The IO manager of every dataset.
        taken: Names that no step may have.
        problems: Collects conditions of datasets that can be neither made nor observed.
    """
    external = {
        name: spec for (kind, name), spec in specs.items() if not records[kind, name].producer and kind == "dataset"
    }
    for name, spec in external.items():
        if spec.automation_condition is not None and name not in opener.observable:
            entry = records["dataset", name].entry
            where = ("catalog", entry.name if entry else name, "metadata", "dagster", "automation_condition")
            found = "no node makes this dataset, and Dagster cannot observe it."
            hint = "It can if the dataset has a `filepath` or a `path`, no partitions, and no `external: false`."
            problems.add(where, found, hint)
    shown = {name: spec for name, spec in external.items() if records["dataset", name].settings.external}
    names = identifiers((f"{name} observation" for name in shown), taken)
    return [
        _observable(names[f"{name} observation"], Observe(opener, name, spec.key), spec, io_managers[name].resource_key)
        if name in opener.observable
        else dg.AssetsDefinition(specs=[spec.with_io_manager_key(io_managers[name].resource_key)])
        for name, spec in shown.items()
    ]


def _observable(name: str, step: Observe, spec: dg.AssetSpec, io_manager: str) -> dg.AssetsDefinition:
    """Do what `dagster.multi_observable_source_asset` does, which takes keys for names of outputs: not every key can be one."""
    out = dg.Out(dg.Nothing, io_manager_key=io_manager, description=spec.description, metadata=spec.metadata)
    op = dg.OpDefinition(step.observe, name, outs={"observed": out}, required_resource_keys={RESOURCE})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # nothing that the user could change
        return dg.AssetsDefinition(
            node_def=op, keys_by_output_name={"observed": spec.key}, specs=[spec], execution_type=_private.OBSERVATION
        )


def build_external_checks(
    graph: ProjectGraph, opener: RunOpener, io_managers: Mapping[str, DatasetIOManager], taken: Iterable[str]
) -> list[dg.AssetsDefinition]:
    """Give the checks of datasets that no node writes, each a step of its own that loads what is stored.

    Args:
        graph: The project's graph.
        opener: Opens the project for a run, and knows the checks.
        io_managers: The IO manager of every dataset.
        taken: Names that no step may have.
    """
    names = identifiers((f"{name} validator" for name in graph.external), taken)
    found: list[dg.AssetsDefinition] = []
    for name in graph.external:
        step = KedroStep(Cluster(name, ()), opener.assets, opener, io_managers, {})
        checks = _checks(step, [name])
        if checks:
            decorate = dg.multi_asset_check(
                specs=checks, name=names[f"{name} validator"], can_subset=True, required_resource_keys={RESOURCE}
            )
            found.append(decorate(step.validate))
    return found


def build_multi_assets(
    clusters: Sequence[Cluster],
    specs: Mapping[Vertex, dg.AssetSpec],
    partitions: Partitions,
    opener: RunOpener,
    io_managers: Mapping[str, DatasetIOManager],
    project: Project,
    taken: Iterable[str],
    problems: Problems,
) -> list[dg.AssetsDefinition]:
    """Turn every cluster into one subsettable `multi_asset`.

    Args:
        clusters: The clusters.
        specs: The assets.
        partitions: How they are partitioned.
        opener: Opens the project for a run.
        io_managers: The IO manager of every dataset.
        project: The project, for its parameters and its pools.
        taken: Names that no step may have: those of jobs, as Dagster keeps both in one space.
        problems: Collects steps that would be in two pools.
    """
    graph = opener.assets.graph
    values = parameter_values(project.parameters)
    schemas = ConfigSchemas(values)
    names = identifiers((cluster.name for cluster in clusters), taken=[*taken, _private.ASSET_JOB])
    return [
        _multi_asset(
            names[cluster.name],
            KedroStep(cluster, opener.assets, opener, io_managers, values, partitions.read(graph, cluster.nodes)),
            specs,
            config_schema=schemas.of(graph.nodes[node] for node in cluster.nodes),
            pool=_pool(cluster, graph, project.config.assets.pools, problems),
            partitioning=partitions.nodes.get(cluster.nodes[0]),
        )
        for cluster in clusters
        if graph.assets_of(cluster.nodes)
    ]


def _pool(cluster: Cluster, graph: ProjectGraph, pools: Mapping[str, str], problems: Problems) -> str | None:
    """Give the pool of a step: that of its nodes' tags."""
    tags = sorted({tag for node in cluster.nodes for tag in graph.nodes[node].tags if tag in pools})
    found = sorted({pools[tag] for tag in tags})
    if len(found) > 1:
        hint = "Give their tags one pool, or let the nodes run in steps of their own with `cluster_by: node`."
        nodes = ", ".join(cluster.nodes)
        message = f"the nodes {nodes} share a step and would be in the pools {', '.join(found)}."
        problems.add(("assets", "pools", tags[0]), message, hint)
    return found[0] if found else None


def _multi_asset(
    name: str,
    step: KedroStep,
    specs: Mapping[Vertex, dg.AssetSpec],
    config_schema: dg.Field,
    pool: str | None,
    partitioning: Partitioning | None,
) -> dg.AssetsDefinition:
    """Do what `dagster.multi_asset` does, which makes up names for inputs, not for every key, and looks at each twice."""
    graph = step.view.graph
    nodes = [graph.nodes[node] for node in step.cluster.nodes]
    assets = {vertex: specs[vertex] for vertex in graph.assets_of(step.cluster.nodes) if vertex in specs}
    outputs = identifiers(f"{kind} {text}" if kind == "node" else text for kind, text in assets).values()
    made = {spec.key for spec in assets.values()}
    read = sorted({dep.asset_key for spec in assets.values() for dep in spec.deps} - made)
    inputs = distinct_identifiers(key.to_user_string() for key in read)
    checks = _checks(step, (name for kind, name in assets if kind == "dataset"))
    ports = identifiers((f"check {spec.key.to_user_string()}" for spec in checks), taken=outputs)
    op = dg.OpDefinition(
        step.materialize,
        name,
        ins={port: dg.In(dg.Nothing) for port in inputs},
        outs={
            port: dg.Out(
                io_manager_key=step.io_managers[dataset].resource_key if kind == "dataset" else None,
                is_required=False,
                description=spec.description,
                metadata=spec.metadata,
                code_version=spec.code_version,
            )
            for port, ((kind, dataset), spec) in zip(outputs, assets.items(), strict=True)
        }
        | {port: dg.Out(is_required=False) for port in ports.values()},
        description="\n".join([f"Kedro nodes: {', '.join(step.cluster.nodes)}.", *step.cluster.reasons]),
        tags={"kedro/nodes": str(len(nodes)), **{tag: "" for node in nodes for tag in node_tags(node)}},
        pool=pool,
        config_schema=config_schema,
        required_resource_keys={RESOURCE},
    )
    return ClusterAssets(
        node_def=op,
        keys_by_input_name=dict(zip(inputs, read, strict=True)),
        keys_by_output_name={port: spec.key for port, spec in zip(outputs, assets.values(), strict=True)},
        specs=list(assets.values()),
        check_specs_by_output_name=dict(zip(ports.values(), checks, strict=True)),
        can_subset=True,
        backfill_policy=partitioning.policy if partitioning else None,
    )


def _checks(step: KedroStep, datasets: Iterable[str]) -> list[dg.AssetCheckSpec]:
    """Give the checks of some datasets, under all of their names."""
    entries = (entry for name in datasets for entry in step.view.graph.entries[name])
    return [step.view.index.checks[entry.name] for entry in entries if entry.name in step.view.index.checks]


class ClusterAssets(dg.AssetsDefinition):
    """The assets of one cluster.

    Every dataset has an IO manager, and Dagster goes through all resources of the code location for each of its assets.
    These are shown their own only, so that the work grows with the datasets and not with their square.
    """

    def with_resources(self, resource_defs: Mapping[str, dg.ResourceDefinition]) -> dg.AssetsDefinition:
        """Bind the resources that these assets need."""
        own = {key: resource_defs[key] for key in self.required_resource_keys if key in resource_defs}
        return super().with_resources(own)
