"""What every asset looks like in Dagster: its spec, with what follows from its place in the graph."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg

from kedro_assets.assets.conditions import names_method, placed_condition
from kedro_assets.assets.translator import DatasetRecord, KedroTranslator
from kedro_assets.config import AssetsConfig, imported
from kedro_assets.errors import Scope, message
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.partitions import Partitions


def configured_translator(config: AssetsConfig, problems: Scope) -> KedroTranslator:
    """Import the translator that dagster.yml names; without one it is Kedro's own.

    Args:
        config: `assets` of dagster.yml.
        problems: Collects a class that is none, or that cannot be imported or made.
    """
    if config.translator is None:
        return KedroTranslator()
    scope = problems.at("assets", "translator")
    hint = "Give the import path of a subclass of `kedro_assets.KedroTranslator`."
    try:
        found = imported(config.translator)
        if isinstance(found, type) and issubclass(found, KedroTranslator):
            return found()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's module
        scope.add(f"the translator '{config.translator}' cannot be imported or created: {message(error)}.", hint)
        return KedroTranslator()
    scope.add(f"'{config.translator}' is not a subclass of `KedroTranslator`.", hint)
    return KedroTranslator()


def translated_specs(
    records: Mapping[Vertex, DatasetRecord], translator: KedroTranslator, problems: Scope
) -> Mapping[Vertex, dg.AssetSpec]:
    """Let the translator describe every asset.

    Args:
        records: What is known of each.
        translator: Turns a record into a spec.
        problems: Collects what Dagster refuses, and names that fall on one asset key.
    """
    specs: dict[Vertex, dg.AssetSpec] = {}
    owners: dict[str, str] = {}
    for vertex, record in records.items():
        name, scope = record.name, problems.at("catalog", record.name)
        try:
            spec = translator.get_asset_spec(record)
        except (dg.DagsterInvalidDefinitionError, dg.DagsterInvalidInvocationError) as error:
            scope.at("metadata", "dagster").add(f"Dagster rejects the spec of this asset: {error}")
            continue
        shown = spec.key.to_user_string()
        if shown in owners:
            hint = "Rename one of them in the project, or give it another asset key: `metadata.dagster.key` in the catalog."
            scope.add(f"'{owners[shown]}' and '{name}' would have the same asset key '{shown}'.", hint)
            continue
        owners[shown] = name
        specs[vertex] = spec
    return specs


def placed_specs(specs: Mapping[Vertex, dg.AssetSpec], partitions: Partitions) -> Mapping[Vertex, dg.AssetSpec]:
    """Add to every asset what it has by its place in the graph; it depends on what its node reads or waits for.

    Args:
        specs: What the translator makes of each.
        partitions: How they are partitioned, and their graph.

    Returns:
        The specs, external ones first, the others in the order of their nodes.
    """
    graph = partitions.graph
    external: list[Vertex] = [("dataset", name) for name in graph.external]
    ordered = (vertex for vertex in [*external, *graph.assets_of(graph.nodes)] if vertex in specs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)  # virtual assets are nothing that the user has asked for
        return {vertex: _placed(vertex, specs, partitions) for vertex in ordered}


def _placed(vertex: Vertex, specs: Mapping[Vertex, dg.AssetSpec], partitions: Partitions) -> dg.AssetSpec:
    """Add what an asset has by its place in the graph: its partitions, and what it depends on.

    What only passes from node to node in memory is virtual for Dagster: it looks through it to what is stored behind it.
    """
    spec, graph, partitioning = specs[vertex], partitions.graph, partitions.of(vertex)
    node = graph.maker(vertex)
    changes: dict[str, Any] = {"partitions_def": partitioning.definition} if partitioning else {}
    if vertex in graph.passing and spec.automation_condition is None and spec.freshness_policy is None:
        changes["is_virtual"] = True
    if node is not None:
        before = {other: reader for other, reader in _before(node, graph).items() if other in specs}
        looks_behind = spec.automation_condition is not None or partitions.nodes or partitions.external
        behind = _behind(before, graph) if looks_behind else {}
        behind = {other: reader for other, reader in behind.items() if other in specs}
        if spec.automation_condition is not None:
            chosen = vertex[0] == "dataset" and names_method(
                graph.settings_of(vertex[1]).automation_condition, "resolve_through_virtual"
            )
            virtual = not graph.passing.isdisjoint(before) and not chosen
            external = [specs[other] for other in behind if graph.maker(other) is None]
            made_with = [specs[other].key for other in _made_with(node, graph) if other in specs]
            changes["automation_condition"] = placed_condition(
                spec.automation_condition, external, made_with, virtual=virtual
            )
        own = {specs[other].key for other in before}
        said = [dep for dep in spec.deps if dep.asset_key not in own]  # by the translator, on assets of other origin
        # a backfill does not look through what is virtual, and makes other partitions in another run
        apart = {other: reader for other, reader in behind.items() if partitions.apart(reader, other)}
        readers = apart | before
        changes["deps"] = [*said, *(_dep(specs[other], reader, other, partitions) for other, reader in readers.items())]
    return spec.replace_attributes(**changes) if changes else spec


def _before(node: str, graph: ProjectGraph) -> dict[Vertex, str]:
    """Return what a node reads or waits for, each with the node that does: itself, or one that writes a hidden dataset for it."""
    makers = [node, *(graph.in_memory_before(node) if graph.hidden else ())]
    read = {("dataset", name): maker for maker in reversed(makers) for name in graph.inputs(maker)}
    found: dict[Vertex, str] = {("dataset", name): read["dataset", name] for name in graph.upstream(node)}
    for maker in makers:
        for other in graph.order.get(maker, ()):
            found.setdefault(other, maker)
    return found


def _behind(before: Mapping[Vertex, str], graph: ProjectGraph) -> Mapping[Vertex, str]:
    """Return what a node reads or waits for, and what in-memory data among it is made from, and so on, each with its reader."""
    found: dict[Vertex, str] = {}
    todo = list(before.items())
    while todo:
        vertex, reader = todo.pop()
        maker = graph.maker(vertex)
        if vertex not in found and vertex in graph.passing and maker is not None:
            todo += [(("dataset", name), maker) for name in graph.upstream(maker)]
            todo += [(other, maker) for other in graph.order.get(maker, ())]
        found.setdefault(vertex, reader)
    return found


def _made_with(node: str, graph: ProjectGraph) -> list[Vertex]:
    """Return what lasts of what the nodes make that hand data in memory to a node: they run whenever it does."""
    before = graph.assets_of(graph.in_order(graph.in_memory_before(node)))
    return [vertex for vertex in before if vertex not in graph.passing]


def _dep(spec: dg.AssetSpec, node: str, vertex: Vertex, partitions: Partitions) -> dg.AssetSpec | dg.AssetDep:
    mapping = partitions.mappings.get((node, vertex[1])) if vertex[0] == "dataset" else None
    return spec if mapping is None else dg.AssetDep(spec.key, partition_mapping=mapping)
