"""What is known of every asset before it has a spec: the datasets that are shown, and the nodes without outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from attrs import evolve

from kedro_assets.assets.conditions import build_condition, build_freshness
from kedro_assets.assets.translator import DatasetRecord
from kedro_assets.errors import Scope
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.names import identifier, key_parts
from kedro_assets.project import DEFAULT_PIPELINE, Project, code_versions


def build_records(project: Project, graph: ProjectGraph, problems: Scope) -> Mapping[Vertex, DatasetRecord]:
    """Gather what is known of every asset, external ones first.

    Args:
        project: The project.
        graph: Its graph.
        problems: Collects conditions and policies in the catalog that do not fit.
    """
    config = project.config.assets
    versions = code_versions(graph.nodes, project.parameter_values, project.own_packages, project.secret_parameters)
    external: list[Vertex] = [("dataset", name) for name in graph.external]
    records: dict[Vertex, DatasetRecord] = {}
    for vertex in [*external, *graph.assets_of(graph.nodes)]:
        kind, name = vertex
        record = _node_record(graph, name) if kind == "node" else _dataset_record(graph, name, problems)
        maker = graph.maker(vertex)
        records[vertex] = evolve(
            record,
            key=_own_key(graph, record, problems) or (*config.key_prefix, *record.key),
            code=versions[maker].behind([versions[node] for node in graph.in_memory_before(maker)]) if maker else None,
        )
    groups = _groups(config.group_by, records)
    return {vertex: evolve(record, group_name=groups[vertex]) for vertex, record in records.items()}


def _node_record(graph: ProjectGraph, name: str) -> DatasetRecord:
    """Describe a node without outputs; a dataset of the same name keeps the key for itself."""
    taken = name in graph.entries
    return DatasetRecord(
        name=name,
        key=(*key_parts(name), "node") if taken else key_parts(name),
        namespace=graph.nodes[name].namespace,
        producer=graph.nodes[name],
        pipelines=tuple(graph.pipelines_of(name)),
    )


def _dataset_record(graph: ProjectGraph, name: str, problems: Scope) -> DatasetRecord:
    producer, consumers = graph.producer(name), graph.consumers(name)
    users = [producer] if producer else consumers
    settings = graph.settings_of(name)
    return DatasetRecord(
        name=name,
        key=key_parts(name),
        namespace=name.rpartition(".")[0] or None,
        entry=graph.entry(name),
        settings=settings,
        producer=graph.nodes[producer] if producer else None,
        consumers=tuple(consumers),
        pipelines=tuple(
            pipeline for pipeline, nodes in graph.pipelines.items() if any(user in nodes for user in users)
        ),
        automation_condition=build_condition(
            settings.automation_condition, graph.settings_scope(name, problems, "automation_condition")
        ),
        freshness_policy=build_freshness(
            settings.freshness_policy, graph.settings_scope(name, problems, "freshness_policy")
        ),
    )


def _own_key(graph: ProjectGraph, record: DatasetRecord, problems: Scope) -> tuple[str, ...]:
    """Return the key that a dataset's settings say; nothing where they say none, or none that Dagster could show."""
    said = record.settings.key
    parts = tuple(said.split("/") if isinstance(said, str) else said or ())
    if said is not None and not (parts and all(part.strip() for part in parts)):
        graph.settings_scope(record.name, problems, "key").add(
            "expected the parts of an asset key, found an empty one.",
            "Write it as in `shared/prices` or [shared, prices].",
        )
        return ()
    return parts


def _groups(group_by: str, records: Mapping[Vertex, DatasetRecord]) -> Mapping[Vertex, str | None]:
    """Return the group of each asset.

    The UI labels an asset with the last part of its key. Where two assets of a pipeline would have the same label, those of its
    namespaces get groups of their own.
    """
    if group_by == "namespace":
        return {at: identifier(record.namespace) if record.namespace else None for at, record in records.items()}
    if group_by != "pipeline":
        return dict.fromkeys(records)
    groups = {vertex: identifier(_first_own(record.pipelines)) for vertex, record in records.items()}
    labels = Counter((groups[at], record.key[-1]) for at, record in records.items() if not record.settings.group_name)
    unclear = {group for (group, _), count in labels.items() if count > 1}
    return {
        vertex: identifier("_".join([group, *key_parts(vertex[1])[:-1]])) if group in unclear else group
        for vertex, group in groups.items()
    }


def _first_own(pipelines: Sequence[str]) -> str:
    """Return the first pipeline that is more than the sum of all others."""
    return next((name for name in pipelines if name != DEFAULT_PIPELINE), "default")
