"""What every asset looks like: the datasets that are shown, and the nodes without outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from attrs import evolve

from kedro_assets.automation import build_condition, build_freshness
from kedro_assets.config import AssetsConfig, imported, read_dataset_settings
from kedro_assets.errors import Path, Problems
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.names import identifier
from kedro_assets.partitions import Partitions
from kedro_assets.project import DEFAULT_PIPELINE
from kedro_assets.translator import DatasetRecord, KedroTranslator


def build_records(
    config: AssetsConfig, graph: ProjectGraph, problems: Problems, versions: Mapping[str, str] | None = None
) -> Mapping[Vertex, DatasetRecord]:
    """Gather what is known of every asset, external ones first.

    Args:
        config: `assets` of dagster.yml.
        graph: The project's graph.
        problems: Collects settings in the catalog that do not fit.
        versions: The version of each node's code, by the node's name.
    """
    external: list[Vertex] = [("dataset", name) for name in graph.external]
    records: dict[Vertex, DatasetRecord] = {}
    for vertex in [*external, *graph.assets_of(graph.nodes)]:
        kind, name = vertex
        record = _node_record(graph, name) if kind == "node" else _dataset_record(graph, name, problems)
        records[vertex] = evolve(
            record,
            key=(*config.key_prefix, *record.key),
            group_name=_group(config, record),
            code_version=(versions or {}).get(record.producer.name) if record.producer else None,
        )
    return records


def configured_translator(config: AssetsConfig, problems: Problems) -> KedroTranslator:
    """Import the translator that dagster.yml names; without one it is Kedro's own.

    Args:
        config: `assets` of dagster.yml.
        problems: Collects a class that is none, or that cannot be imported or made.
    """
    if config.translator is None:
        return KedroTranslator()
    hint = "Give the import path of a class that derives from kedro_assets.KedroTranslator."
    try:
        translator = imported(config.translator)()
    except Exception as error:  # noqa: BLE001 - the user's module
        problems.add(("assets", "translator"), f"'{config.translator}' cannot be used: {error}.", hint)
        return KedroTranslator()
    if not isinstance(translator, KedroTranslator):
        problems.add(("assets", "translator"), f"'{config.translator}' is no translator.", hint)
        return KedroTranslator()
    return translator


def build_specs(
    records: Mapping[Vertex, DatasetRecord],
    graph: ProjectGraph,
    partitions: Partitions,
    translator: KedroTranslator,
    problems: Problems,
) -> Mapping[Vertex, dg.AssetSpec]:
    """Describe every asset; it depends on what its node reads or waits for.

    Args:
        records: What is known of each.
        graph: The project's graph.
        partitions: How the assets are partitioned.
        translator: Turns a record into a spec.
        problems: Collects what Dagster refuses, and names that fall on one asset key.
    """
    specs: dict[Vertex, dg.AssetSpec] = {}
    owners: dict[str, str] = {}
    for vertex, record in records.items():
        name = record.name
        try:
            spec = translator.get_asset_spec(record)
        except (dg.DagsterInvalidDefinitionError, dg.DagsterInvalidInvocationError) as error:
            problems.add(("catalog", name, "metadata", "dagster"), f"Dagster refuses it: {error}")
            continue
        shown = spec.key.to_user_string()
        if shown in owners:
            hint = "Rename one of them in the project, or give it another key with a translator."
            problems.add(("catalog", name), f"'{owners[shown]}' and '{name}' would both be the asset '{shown}'.", hint)
            continue
        owners[shown] = name
        specs[vertex] = spec
    return {vertex: _placed(spec, vertex, graph, partitions, specs) for vertex, spec in specs.items()}


def _placed(
    spec: dg.AssetSpec,
    vertex: Vertex,
    graph: ProjectGraph,
    partitions: Partitions,
    specs: Mapping[Vertex, dg.AssetSpec],
) -> dg.AssetSpec:
    """Add what an asset has by its place in the graph: its partitions, and what it depends on."""
    kind, name = vertex
    partitioning = partitions.of(graph, vertex)
    changes: dict[str, Any] = {"partitions_def": partitioning.definition} if partitioning else {}
    node = graph.producer(name) if kind == "dataset" else name
    if node is not None:
        read: list[Vertex] = [("dataset", dataset) for dataset in graph.upstream(node)]
        before = dict.fromkeys(other for other in [*read, *graph.order.get(node, ())] if other in specs)
        changes["deps"] = [*spec.deps, *(_dep(specs[other], node, other, partitions) for other in before)]
    return spec.replace_attributes(**changes) if changes else spec


def _dep(spec: dg.AssetSpec, node: str, vertex: Vertex, partitions: Partitions) -> dg.AssetSpec | dg.AssetDep:
    mapping = partitions.mappings.get((node, vertex[1])) if vertex[0] == "dataset" else None
    return spec if mapping is None else dg.AssetDep(spec.key, partition_mapping=mapping)


def _node_record(graph: ProjectGraph, name: str) -> DatasetRecord:
    """Describe a node without outputs; a dataset of the same name keeps the key for itself."""
    taken = name in graph.entries
    return DatasetRecord(
        name=name,
        key=(*name.split("."), "node") if taken else tuple(name.split(".")),
        namespace=graph.nodes[name].namespace,
        producer=graph.nodes[name],
        pipelines=tuple(graph.pipelines_of(name)),
    )


def _dataset_record(graph: ProjectGraph, name: str, problems: Problems) -> DatasetRecord:
    variants = graph.entries[name]
    entry = max(variants, key=lambda variant: ("dagster" in variant.metadata, bool(variant.metadata)))
    producer, consumers = graph.producer(name), graph.consumers(name)
    users = [producer] if producer else consumers
    where: Path = ("catalog", entry.name, "metadata", "dagster")
    settings = read_dataset_settings(entry.name, entry.metadata.get("dagster"), problems)
    return DatasetRecord(
        name=name,
        key=tuple(name.split(".")),
        namespace=name.rpartition(".")[0] or None,
        entry=entry,
        settings=settings,
        producer=graph.nodes[producer] if producer else None,
        consumers=tuple(consumers),
        pipelines=tuple(dict.fromkeys(pipeline for user in users for pipeline in graph.pipelines_of(user))),
        automation_condition=build_condition(settings.automation_condition, (*where, "automation_condition"), problems),
        freshness_policy=build_freshness(settings.freshness_policy, (*where, "freshness_policy"), problems),
    )


def _group(config: AssetsConfig, record: DatasetRecord) -> str | None:
    if config.group_by == "namespace":
        return identifier(record.namespace) if record.namespace else None
    if config.group_by == "pipeline":
        return identifier(_first_own(record.pipelines))
    return None


def _first_own(pipelines: Sequence[str]) -> str:
    """Give the first pipeline that is more than the sum of all others."""
    return next((name for name in pipelines if name != DEFAULT_PIPELINE), "default")
