"""How nodes are partitioned: what follows from what is said of datasets.

A run makes one partition, or a range of them, of everything in it. So all outputs of a node are partitioned alike, and so
are nodes that hand each other data in memory: what is said of one dataset holds for all of these.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import dagster as dg
from attrs import evolve, field, frozen
from kedro.pipeline.node import Node
from networkx.utils import UnionFind

from kedro_assets._internals import dagster_partitions
from kedro_assets.config import DagsterConfig
from kedro_assets.errors import Scope, suggest
from kedro_assets.graph import Boundaries, ProjectGraph, Vertex, confirmed_together, handed_on_in_memory
from kedro_assets.names import base_name, is_parameter
from kedro_assets.partitions.definitions import Partitioning, PartitionsReader, TranslatedPartitions
from kedro_assets.partitions.keys import parts_of
from kedro_assets.partitions.mappings import read_mapping
from kedro_assets.project import CatalogEntry


@frozen
class Partitions:
    """The partitions of a project.

    Attributes:
        graph: The project's graph.
        nodes: How nodes are partitioned, and with them all that they write; other nodes are not there.
        external: The same for datasets that no node writes.
        mappings: Which partitions a node reads of a dataset, by both names, where it is said.
        parameters: What parameters ask for of a partition, by the names that nodes use.
    """

    graph: ProjectGraph
    nodes: Mapping[str, Partitioning] = field(factory=dict)
    external: Mapping[str, Partitioning] = field(factory=dict)
    mappings: Mapping[tuple[str, str], dg.PartitionMapping] = field(factory=dict)
    parameters: Mapping[str, frozenset[str]] = field(factory=dict)

    def of_dataset(self, dataset: str) -> Partitioning | None:
        """Return how a dataset is partitioned."""
        producer = self.graph.producer(dataset)
        return self.nodes.get(producer) if producer else self.external.get(dataset)

    def of(self, vertex: Vertex) -> Partitioning | None:
        """Return how an asset is partitioned."""
        kind, name = vertex
        return self.nodes.get(name) if kind == "node" else self.of_dataset(name)

    def read_by(self, nodes: Sequence[str]) -> Mapping[str, dg.PartitionMapping | None]:
        """Return the partitioned datasets that a step's nodes read and do not make, with the mapping where one is said."""
        made = {dataset for node in nodes for dataset in self.graph.outputs(node)}
        edges = [(node, dataset) for node in nodes for dataset in self.graph.inputs(node) if dataset not in made]
        found = ((dataset, self.mappings.get((node, dataset))) for node, dataset in edges)
        return {dataset: mapping for dataset, mapping in found if self.of_dataset(dataset) is not None}

    def in_one_place(self, dataset: str) -> CatalogEntry | None:
        """Return the one of a dataset's entries under which all of its files are in one place, whatever a run makes."""
        entries = self.graph.entries[dataset]
        return next((entry for entry in entries if entry.location and not entry.partition_parts), None)

    def in_own_place(self, dataset: str) -> CatalogEntry | None:
        """Return the one of a dataset's entries under which each partition has a place of its own."""
        return next((entry for entry in self.graph.entries[dataset] if entry.location and entry.partition_parts), None)

    def one_by_one(self, nodes: Sequence[str]) -> bool:
        """Whether nodes have to run once for each partition of a run that makes several.

        They read or write a dataset that has one place per partition, or are told the partition's key as a parameter. Or they
        hand data in memory to nodes of which that is true, or get it from them: it is that of one partition then, whichever
        steps the nodes are in.
        """
        together = _tied_in_memory(self.graph, nodes)
        return any(map(self.told_singly, together)) or any(
            entry.partition_parts for node in together for entry in _entries(self.graph, self.graph.nodes[node])
        )

    def told_singly(self, node: str) -> set[str]:
        """Return the parameters of a node whose value only a run of a single partition has: they ask for its key.

        The whole of the parameters has the key in it. A range has a window of time where its partitions are no more than that.
        """
        own = self.nodes.get(node)
        if own is None:
            return set()
        is_window = isinstance(own.definition, dg.TimeWindowPartitionsDefinition)
        parts = parts_of(own.definition) - ({"partition_start", "partition_end"} if is_window else set())
        read = [name for name in self.graph.nodes[node].inputs if is_parameter(name)]
        return {name for name in read if name == "parameters" or parts & self._asked_by(name, parts)}

    def _asked_by(self, name: str, parts: Collection[str]) -> set[str]:
        """Return what a parameter asks for of a partition: it may be some of its parts itself."""
        own = name.removeprefix("params:")
        return {*self.parameters.get(name, ()), *(part for part in parts if f"{part}.".startswith(f"{own}."))}

    def moves(self, node: str, dataset: str) -> bool:
        """Whether a node may read other partitions of a dataset than the one that it makes."""
        read = self.of_dataset(dataset)
        if read is None:
            return False
        own, mapping = self.nodes.get(node), self.mappings.get((node, dataset))
        same = own is not None and own.definition == read.definition
        return not same or not (mapping is None or isinstance(mapping, dg.IdentityPartitionMapping))

    def apart(self, node: str, vertex: Vertex) -> bool:
        """Whether a backfill makes what a node makes in other runs than an asset that it reads or waits for."""
        own, read = self.nodes.get(node), self.of(vertex)
        if own is None or read is None:
            return own is not read
        return vertex[0] == "dataset" and self.moves(node, vertex[1])

    def same_parts(self, node: str, dataset: str) -> set[str]:
        """Return the parts of a node's partition that the one which it reads of a dataset has too.

        A node that makes partitions of several dimensions has in one of them the key, and the window, of what it reads.
        """
        own, read, mapping = self.nodes.get(node), self.of_dataset(dataset), self.mappings.get((node, dataset))
        if own is None or read is None or not isinstance(own.definition, dg.MultiPartitionsDefinition):
            return set()
        dimensions = dagster_partitions.dimensions(own.definition)
        alike = [name for name, definition in dimensions.items() if definition == read.definition]
        if isinstance(mapping, dg.MultiToSingleDimensionPartitionMapping):
            alike = [name for name in alike if mapping.partition_dimension_name in (None, name)]
        elif mapping is not None:
            return set()
        if len(alike) != 1:
            return set()
        is_time = isinstance(dimensions[alike[0]], dg.TimeWindowPartitionsDefinition)
        return {f"partition_keys.{alike[0]}"} | ({"partition_start", "partition_end"} if is_time else set())

    def boundaries(self) -> Boundaries:
        """Return where nodes cannot share a step."""
        graph = self.graph
        moving = [
            (node, dataset)
            for node in graph.nodes
            for dataset in [*graph.inputs(node), *graph.waits_for(node)]
            if self.moves(node, dataset)
        ]
        moves = {(producer, node) for node, dataset in moving if (producer := graph.producer(dataset)) is not None}
        kinds: list[tuple[type, dg.PartitionMapping]] = []  # not all of them can be hashed
        reads: dict[str, dict[str, int]] = {}
        for node, dataset in moving:
            mapping = self.mappings.get((node, dataset))
            if mapping is not None:
                if _kind(mapping) not in kinds:
                    kinds.append(_kind(mapping))
                reads.setdefault(node, {})[dataset] = kinds.index(_kind(mapping))
        return Boundaries(self.nodes, moves, reads)


def resolve_partitions(
    config: DagsterConfig,
    graph: ProjectGraph,
    translated: TranslatedPartitions,
    problems: Scope,
    parameters: Mapping[str, frozenset[str]] | None = None,
) -> Partitions:
    """Find out how nodes and external datasets are partitioned.

    Args:
        config: dagster.yml.
        graph: The project's graph.
        translated: What a translator says of them.
        problems: Collects partitions that Dagster refuses or that do not fit together.
        parameters: What parameters ask for of a partition, by the names that nodes use.
    """
    reader = PartitionsReader(config, problems)
    said = {vertex: (found, scope) for vertex, found, scope in reader.said(graph, translated.definitions)}
    nodes: dict[str, Partitioning] = {}
    places: dict[str, Scope] = {}
    for members in _tied(graph):
        written: list[Vertex] = [("dataset", name) for node in members for name in graph.outputs(node)]
        vertices: list[Vertex] = [*(("node", node) for node in members), *written]
        found = {vertex: said[vertex] for vertex in vertices if vertex in said}
        if not found:
            continue
        (first, (partitioning, place)), *others = found.items()
        for other, (its, scope) in others:
            if its != partitioning:
                _report_clash(first[1], other[1], scope)
        nodes.update(dict.fromkeys(members, partitioning))
        places.update(dict.fromkeys(members, place))
    external = {name: said["dataset", name][0] for name in graph.external if ("dataset", name) in said}
    partitions = Partitions(graph, nodes, external, parameters=parameters or {})
    mappings = dict(_mappings(partitions, problems))
    mappings |= _translated_mappings(partitions, mappings, translated.mappings, problems)
    partitions = evolve(partitions, mappings=mappings)
    _check_datasets(partitions, problems)
    _check_mappings(partitions, places, problems)
    return partitions


def _tied(graph: ProjectGraph) -> list[list[str]]:
    """Group the nodes that have to be partitioned alike."""
    sets: UnionFind[str] = UnionFind(graph.nodes)
    for node, others, _ in [*confirmed_together(graph), *handed_on_in_memory(graph)]:
        sets.union(node, *others)
    groups: dict[str, list[str]] = {}
    for node in graph.nodes:
        groups.setdefault(sets[node], []).append(node)
    return list(groups.values())


def _tied_in_memory(graph: ProjectGraph, nodes: Collection[str]) -> set[str]:
    """Return some nodes, and those that hand each other data in memory with them, over however many others."""
    found, todo = set(nodes), [*nodes]
    while todo:
        node = todo.pop()
        for name in (*graph.inputs(node), *graph.outputs(node)):
            producer = graph.producer(name)
            if producer is not None and graph.in_memory(name):
                others = {producer, *graph.consumers(name)} - found
                found |= others
                todo += others
    return found


def _report_clash(first: str, other: str, scope: Scope) -> None:
    found = f"'{first}' and '{other}' are partitioned differently, but made together: by one node, or by nodes that hand on data in memory."
    hint = "Give them the same partitions, or give the data that is handed on between them an entry in the catalog."
    scope.add(found, hint)


def _mappings(partitions: Partitions, problems: Scope) -> Iterator[tuple[tuple[str, str], dg.PartitionMapping]]:
    """Yield the mappings that the catalog names, by the node that reads and the dataset that it reads."""
    graph = partitions.graph
    seen: dict[tuple[str, str], dg.PartitionMapping] = {}
    for made, settings in graph.settings.items():
        node = graph.producer(made)
        readings = [*graph.readings(node), *((node, other) for other in graph.waits_for(node))] if node else []
        read = list(dict.fromkeys(name for _, name in readings))
        for dataset, written in settings.partition_mappings.items():
            scope = graph.settings_scope(made, problems, "partition_mappings", dataset)
            if node is None or dataset not in read:
                found = (
                    f"the node that makes '{made}' does not read '{dataset}'."
                    if node
                    else "no node makes this dataset."
                )
                scope.add(found, suggest(dataset, read))
                continue
            if partitions.of_dataset(dataset) is None:
                scope.add(f"'{dataset}' is not partitioned.", f"Remove the mapping, or give '{dataset}' partitions.")
                continue
            mapping = read_mapping(written, scope)
            if mapping is None or _is_of_other_run(mapping, dataset, graph, scope):
                continue
            for edge in dict.fromkeys([(node, dataset), *(edge for edge in readings if edge[1] == dataset)]):
                if _kind(seen.setdefault(edge, mapping)) != _kind(mapping):
                    found = f"another output of node '{edge[0]}' has another mapping for '{dataset}'."
                    scope.add(found, "Keep one of the two mappings: a node reads a dataset once.")
                yield edge, mapping


def _translated_mappings(
    partitions: Partitions,
    known: Mapping[tuple[str, str], dg.PartitionMapping],
    translated: Mapping[tuple[Vertex, Vertex], dg.PartitionMapping],
    problems: Scope,
) -> dict[tuple[str, str], dg.PartitionMapping]:
    """Return the mappings of a translator, by the node that reads and the dataset that it reads."""
    graph, found = partitions.graph, dict(known)
    for (vertex, (kind, read)), mapping in translated.items():
        node, scope = graph.maker(vertex), problems.at("catalog", vertex[1])
        if node is None or kind == "node" or partitions.of_dataset(read) is None:
            continue
        if _is_of_other_run(mapping, read, graph, scope):
            continue
        if _kind(found.setdefault((node, read), mapping)) != _kind(mapping):
            message = (
                f"the translator has another mapping for '{read}' than the catalog or another output of node '{node}'."
            )
            scope.add(message, "Keep one of the two mappings: a node reads a dataset once.")
    return found


def _kind(mapping: dg.PartitionMapping) -> tuple[type, dg.PartitionMapping]:
    """Return what two mappings are compared by: as tuples, all partitions and the last one are the same to Python."""
    return type(mapping), mapping


def _is_of_other_run(mapping: dg.PartitionMapping, dataset: str, graph: ProjectGraph, scope: Scope) -> bool:
    """Report a mapping that asks for data in memory which other runs have made."""
    handed_on = graph.producer(dataset) is not None and graph.in_memory(dataset)
    if not handed_on or isinstance(mapping, dg.IdentityPartitionMapping):
        return False
    found = f"'{dataset}' is handed on in memory, so only the partition that the run makes is available."
    scope.add(found, f"Remove the mapping, or give '{dataset}' an entry in the catalog, so that it is saved.")
    return True


def _entries(graph: ProjectGraph, node: Node) -> Iterator[CatalogEntry]:
    """Yield what the catalog has of the datasets of a node, under the names that it uses."""
    for name in dict.fromkeys((*node.inputs, *node.outputs)):
        yield from (entry for entry in graph.entries.get(base_name(name), ()) if entry.name == name)


def _check_datasets(partitions: Partitions, problems: Scope) -> None:
    """Report datasets that cannot hold the partitions that nodes make of them, or read."""
    for title, node in partitions.graph.nodes.items():
        for entry in _entries(partitions.graph, node):
            scope = problems.at("catalog", entry.name)
            if title in partitions.nodes:
                _check_kind(entry, scope, saved=entry.name in node.outputs)
            if entry.name in node.inputs and partitions.moves(title, base_name(entry.name)):
                _check_path(entry, title, partitions, scope)
            elif title in partitions.nodes:
                _check_parts(entry, title, partitions.nodes[title], scope)


def _check_kind(entry: CatalogEntry, scope: Scope, *, saved: bool) -> None:
    """Report a dataset whose class gets in the way of single partitions."""
    if saved and entry.config.get("overwrite") is True:
        found = f"'{entry.name}' is partitioned, and `overwrite: true` deletes all partitions before it saves one."
        scope.at("overwrite").add(found, "Remove `overwrite: true`.")
    if entry.cached is not None and entry.cached.is_partitioned:
        found = f"'{entry.name}' is partitioned, and a CachedDataset hides which partitions it holds."
        scope.at("type").add(found, "Take the dataset out of the CachedDataset.")


def _check_path(entry: CatalogEntry, node: str, partitions: Partitions, scope: Scope) -> None:
    """Report a dataset with one place per partition that a node reads in a run of others."""
    name = base_name(entry.name)
    if not entry.partition_parts <= partitions.same_parts(node, name):
        found = f"'{entry.name}' has one path per partition, but node '{node}' reads other partitions than it makes."
        hint = f"Let the node read '{name}@all', and add it to the catalog as a PartitionedDataset of the same folder."
        scope.add(found, hint)


def _check_parts(entry: CatalogEntry, node: str, partitioning: Partitioning, scope: Scope) -> None:
    """Report a dataset whose path asks for what the partitions of a node do not have: all of them would share one place."""
    has = parts_of(partitioning.definition)
    for part in sorted(entry.partition_parts - has):
        found = f"the configuration of '{entry.name}' uses `{part}`, which the partitions of node '{node}' do not have."
        scope.add(found, suggest(part, has))


def _check_mappings(partitions: Partitions, places: Mapping[str, Scope], problems: Scope) -> None:
    """Report nodes whose partitions are of another kind than those of what they read, if nothing says how they fit."""
    graph = partitions.graph
    for node in graph.nodes:
        own = partitions.nodes.get(node)
        for dataset in (*graph.inputs(node), *graph.waits_for(node)):
            read, mapping = partitions.of_dataset(dataset), partitions.mappings.get((node, dataset))
            if own is None or read is None:
                continue
            reason = dagster_partitions.mapping_error(mapping, own.definition, read.definition)
            if reason and mapping is None:
                found = f"node '{node}' reads '{dataset}', which has partitions of another kind, and no partition mapping says which of them to read."
                hint = (
                    f"Add a mapping to a dataset that the node makes, as in `partition_mappings: {{{dataset}: all}}`."
                )
                places[node].add(found, hint)
            elif reason:
                outputs = [entry.name for name in graph.outputs(node) for entry in graph.entries[name]]
                scope = problems.at("catalog", *outputs[:1], "metadata", "dagster", "partition_mappings", dataset)
                scope.add(f"Dagster rejects this partition mapping: {reason}")
