"""How nodes are partitioned: what follows from what is said of datasets.

A run makes one partition, or a range of them, of everything in it. So all outputs of a node are partitioned alike, and so
are nodes that hand each other data in memory: what is said of one dataset holds for all of these.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from attrs import asdict, field, frozen
from kedro.pipeline.node import Node
from networkx.utils import UnionFind

from kedro_assets import _private, ties
from kedro_assets.clusters import Boundaries
from kedro_assets.config import DagsterConfig, PartitionMappingConfig
from kedro_assets.errors import Path, Problems, suggest
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.names import base_name
from kedro_assets.partition_config import PLAIN_MAPPINGS, Partitioning, PartitionsReader, read_mapping
from kedro_assets.partition_keys import PLACEHOLDER
from kedro_assets.project import CatalogEntry
from kedro_assets.translator import DatasetRecord


@frozen
class Partitions:
    """The partitions of a project.

    Attributes:
        nodes: How nodes are partitioned, and with them all that they write; other nodes are not there.
        external: The same for datasets that no node writes.
        mappings: Which partitions a node reads of a dataset, by both names, where it is said.
    """

    nodes: Mapping[str, Partitioning] = field(factory=dict)
    external: Mapping[str, Partitioning] = field(factory=dict)
    mappings: Mapping[tuple[str, str], dg.PartitionMapping] = field(factory=dict)

    def of_dataset(self, graph: ProjectGraph, dataset: str) -> Partitioning | None:
        """Give how a dataset is partitioned."""
        producer = graph.producer(dataset)
        return self.nodes.get(producer) if producer else self.external.get(dataset)

    def of(self, graph: ProjectGraph, vertex: Vertex) -> Partitioning | None:
        """Give how an asset is partitioned."""
        kind, name = vertex
        return self.nodes.get(name) if kind == "node" else self.of_dataset(graph, name)

    def definitions(self, graph: ProjectGraph) -> Mapping[Vertex, dg.PartitionsDefinition[Any]]:
        """Give the partitions definitions of nodes and of datasets."""
        nodes: list[Vertex] = [("node", node) for node in graph.nodes]
        datasets: list[Vertex] = [("dataset", dataset) for dataset in graph.datasets]
        found = ((vertex, self.of(graph, vertex)) for vertex in [*nodes, *datasets])
        return {vertex: partitioning.definition for vertex, partitioning in found if partitioning}

    def read(self, graph: ProjectGraph, nodes: Sequence[str]) -> Mapping[str, dg.PartitionMapping | None]:
        """Give the partitioned datasets that a step's nodes read and do not make, with the mapping where one is said."""
        made = {dataset for node in nodes for dataset in graph.outputs(node)}
        edges = [(node, dataset) for node in nodes for dataset in graph.inputs(node) if dataset not in made]
        found = ((dataset, self.mappings.get((node, dataset))) for node, dataset in edges)
        return {dataset: mapping for dataset, mapping in found if self.of_dataset(graph, dataset) is not None}

    def moves(self, graph: ProjectGraph, node: str, dataset: str) -> bool:
        """Say whether a node may read other partitions of a dataset than the one that it makes."""
        read = self.of_dataset(graph, dataset)
        if read is None:
            return False
        own, mapping = self.nodes.get(node), self.mappings.get((node, dataset))
        same = own is not None and own.definition == read.definition
        return not same or not (mapping is None or isinstance(mapping, dg.IdentityPartitionMapping))

    def place(self, graph: ProjectGraph, node: str, dataset: str) -> set[str]:
        """Give the dimension of a node's key that is the one partition which it reads of a dataset, as it stands in a path."""
        own, read, mapping = self.nodes.get(node), self.of_dataset(graph, dataset), self.mappings.get((node, dataset))
        if own is None or read is None or not isinstance(own.definition, dg.MultiPartitionsDefinition):
            return set()
        alike = [each.name for each in own.definition.partitions_defs if each.partitions_def == read.definition]
        if isinstance(mapping, dg.MultiToSingleDimensionPartitionMapping):
            alike = [name for name in alike if mapping.partition_dimension_name in (None, name)]
        elif mapping is not None:
            return set()
        return {f"{PLACEHOLDER}s.{name}>" for name in alike} if len(alike) == 1 else set()

    def boundaries(self, graph: ProjectGraph) -> Boundaries:
        """Say where nodes cannot share a step."""
        moving = [
            (node, dataset)
            for node in graph.nodes
            for dataset in [*graph.inputs(node), *_order(graph, node)]
            if self.moves(graph, node, dataset)
        ]
        moves = {(producer, node) for node, dataset in moving if (producer := graph.producer(dataset)) is not None}
        kinds: list[dg.PartitionMapping] = []  # not all of them can be hashed
        reads: dict[str, dict[str, int]] = {}
        for node, dataset in moving:
            mapping = self.mappings.get((node, dataset))
            if mapping is not None:
                if mapping not in kinds:
                    kinds.append(mapping)
                reads.setdefault(node, {})[dataset] = kinds.index(mapping)
        return Boundaries(self.nodes, moves, reads)


def build_partitions(
    config: DagsterConfig, graph: ProjectGraph, records: Mapping[Vertex, DatasetRecord], problems: Problems
) -> Partitions:
    """Find out how nodes and external datasets are partitioned.

    Args:
        config: dagster.yml.
        graph: The project's graph.
        records: What is known of every asset.
        problems: Collects partitions that Dagster refuses or that do not fit together.
    """
    said = {vertex: (found, where) for vertex, found, where in PartitionsReader(config, problems).said(records)}
    nodes: dict[str, Partitioning] = {}
    places: dict[str, Path] = {}
    for members in _tied(graph):
        vertices: list[Vertex] = [*(("node", node) for node in members), *graph.assets_of(members)]
        found = {vertex: said[vertex] for vertex in vertices if vertex in said}
        if not found:
            continue
        (first, (partitioning, place)), *others = found.items()
        for other, (its, where) in others:
            if its != partitioning:
                _report_clash(first[1], other[1], where, problems)
        nodes.update(dict.fromkeys(members, partitioning))
        places.update(dict.fromkeys(members, place))
    external = {name: said["dataset", name][0] for name in graph.external if ("dataset", name) in said}
    partitions = Partitions(nodes, external)
    mappings = dict(_mappings(partitions, graph, records, problems))
    partitions = Partitions(nodes, external, mappings)
    _check_datasets(partitions, graph, problems)
    _check_mappings(partitions, graph, places, problems)
    return partitions


def _tied(graph: ProjectGraph) -> list[list[str]]:
    """Group the nodes that have to be partitioned alike."""
    sets: UnionFind[str] = UnionFind(graph.nodes)
    for node, others, _ in [*ties.confirmed(graph), *ties.in_memory(graph)]:
        sets.union(node, *others)
    groups: dict[str, list[str]] = {}
    for node in graph.nodes:
        groups.setdefault(sets[node], []).append(node)
    return list(groups.values())


def _report_clash(first: str, other: str, where: Path, problems: Problems) -> None:
    found = f"'{first}' and '{other}' are partitioned differently, but made together: by one node, or by nodes that hand on data in memory."
    hint = "Partition them alike, or save what is handed on between them: give it an entry in the catalog."
    problems.add(where, found, hint)


def _mappings(
    partitions: Partitions, graph: ProjectGraph, records: Mapping[Vertex, DatasetRecord], problems: Problems
) -> Iterator[tuple[tuple[str, str], dg.PartitionMapping]]:
    """Give the mappings that the catalog names, by the node that reads and the dataset that it reads."""
    seen: dict[tuple[str, str], dg.PartitionMapping] = {}
    for record in records.values():
        for dataset, written in record.settings.partition_mappings.items():
            name = record.entry.name if record.entry else record.name
            where: Path = ("catalog", name, "metadata", "dagster", "partition_mappings", dataset)
            node = record.producer.name if record.producer else ""
            readings = [*graph.readings(node), *((node, other) for other in _order(graph, node))] if node else []
            read = list(dict.fromkeys(name for _, name in readings))
            if dataset not in read:
                found = (
                    f"the node of '{record.name}' does not read '{dataset}'." if node else "no node makes this dataset."
                )
                problems.add(where, found, suggest(dataset, read))
                continue
            if partitions.of_dataset(graph, dataset) is None:
                problems.add(where, f"'{dataset}' is not partitioned.", "Leave the mapping out, or partition it.")
                continue
            mapping = _checked_mapping(written, where, problems)
            if mapping is None or _is_of_other_run(mapping, dataset, where, graph, problems):
                continue
            for edge in dict.fromkeys([(node, dataset), *(edge for edge in readings if edge[1] == dataset)]):
                if seen.setdefault(edge, mapping) != mapping:
                    found = f"another output of node '{edge[0]}' has another mapping for '{dataset}'."
                    problems.add(where, found, "A node reads once: keep one of them.")
                yield edge, mapping


def _checked_mapping(
    written: str | PartitionMappingConfig, where: Path, problems: Problems
) -> dg.PartitionMapping | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)  # of options that the documentation names
            mapping = read_mapping(written)
    except Exception as error:  # noqa: BLE001 - of many classes, some of them not Dagster's own
        problems.add(where, f"Dagster refuses it: {error}")
        return None
    if mapping is None and not problems.at(*where):
        kinds = (*PLAIN_MAPPINGS, *asdict(PartitionMappingConfig()))
        problems.add(where, "nothing says which partitions are read.", suggest("", kinds))
    return mapping


def _is_of_other_run(
    mapping: dg.PartitionMapping, dataset: str, where: Path, graph: ProjectGraph, problems: Problems
) -> bool:
    """Report a mapping that asks for data in memory which other runs have made."""
    handed_on = graph.producer(dataset) is not None and graph.in_memory(dataset)
    if not handed_on or isinstance(mapping, dg.IdentityPartitionMapping):
        return False
    found = f"'{dataset}' is handed on in memory: the partition of it that is there is the one that is made."
    problems.add(where, found, "Leave the mapping out, or save the data: give it an entry in the catalog.")
    return True


def _order(graph: ProjectGraph, node: str) -> list[str]:
    return [name for kind, name in graph.order.get(node, ()) if kind == "dataset"]


def _check_datasets(partitions: Partitions, graph: ProjectGraph, problems: Problems) -> None:
    """Report datasets that cannot hold the partitions that nodes make of them, or read."""
    for node in graph.nodes.values():
        own = partitions.nodes.get(node.name)
        for dataset in (*graph.inputs(node.name), *graph.outputs(node.name)):
            for entry in graph.entries[dataset]:
                if entry.name in (*node.inputs, *node.outputs):
                    if own is not None:
                        _check_kind(entry, problems, saved=entry.name in node.outputs)
                    _check_path(entry, node, partitions, graph, problems)


def _check_kind(entry: CatalogEntry, problems: Problems, *, saved: bool) -> None:
    """Report a dataset whose class gets in the way of single partitions."""
    if saved and entry.config.get("overwrite") is True:
        found = f"'{entry.name}' is partitioned, and `overwrite: true` deletes all partitions before it saves one."
        problems.add(("catalog", entry.name, "overwrite"), found, "Leave it out.")
    inner = entry.config.get("dataset")
    kind = str(inner.get("type", "")) if isinstance(inner, dict) and entry.type.endswith("CachedDataset") else ""
    if kind.endswith(("PartitionedDataset", "IncrementalDataset")):
        found = f"'{entry.name}' is partitioned, and a CachedDataset hides which partitions it holds."
        problems.add(("catalog", entry.name, "type"), found, "Take the dataset out of the CachedDataset.")


def _check_path(
    entry: CatalogEntry, node: Node, partitions: Partitions, graph: ProjectGraph, problems: Problems
) -> None:
    """Report a dataset with one partition per path in a run that needs others."""
    places, own, name = _places(entry), partitions.nodes.get(node.name), base_name(entry.name)
    if not places:
        return
    if own is not None and own.policy != dg.BackfillPolicy.multi_run(1):
        found = f"'{entry.name}' has one partition per path, and a run of node '{node.name}' makes several."
        hint = "Make it a PartitionedDataset, or give each partition its run: `backfill_policy: multi_run`."
        problems.add(("catalog", entry.name), found, hint)
    elif (
        entry.name in node.inputs
        and partitions.moves(graph, node.name, name)
        and places != partitions.place(graph, node.name, name)
    ):
        found = f"'{entry.name}' has one partition per path, and node '{node.name}' reads others than it makes."
        hint = f"Let the node read '{name}@all', and add it to the catalog as a PartitionedDataset of the same folder."
        problems.add(("catalog", entry.name), found, hint)


def _check_mappings(
    partitions: Partitions, graph: ProjectGraph, places: Mapping[str, Path], problems: Problems
) -> None:
    """Report nodes whose partitions are of another kind than those of what they read, if nothing says how they fit."""
    for node in graph.nodes:
        own = partitions.nodes.get(node)
        for dataset in (*graph.inputs(node), *_order(graph, node)):
            read, mapping = partitions.of_dataset(graph, dataset), partitions.mappings.get((node, dataset))
            if own is None or read is None:
                continue
            reason = _private.misfit(mapping, own.definition, read.definition)
            if reason and mapping is None:
                found = f"'{dataset}', which node '{node}' reads, has partitions of another kind, and nothing says which of them it reads."
                hint = f"Say it at what the node makes, as in `partition_mappings: {{{dataset}: all}}`."
                problems.add(places[node], found, hint)
            elif reason:
                outputs = [entry.name for name in graph.outputs(node) for entry in graph.entries[name]]
                said = ("metadata", "dagster", "partition_mappings", dataset)
                problems.add(("catalog", *outputs[:1], *said), f"Dagster refuses it: {reason}")


def _places(entry: CatalogEntry) -> set[str]:
    """Give what a dataset's configuration has of the partition's key: the key, or its dimensions."""
    return set(_PLACE.findall(str(dict(entry.config))))


_PLACE = re.compile(re.escape(PLACEHOLDER) + r"[^>]*>")
