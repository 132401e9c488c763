"""One table of one record: what every asset is, for all that is built from it and all that runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import dagster as dg
from attrs import field, frozen

from kedro_assets.assets.checks import build_checks
from kedro_assets.assets.descriptions import AssetDescriptions
from kedro_assets.assets.specs import placed_specs
from kedro_assets.assets.step_tags import StepTags
from kedro_assets.assets.translator import DatasetRecord
from kedro_assets.errors import Scope
from kedro_assets.graph import Cluster, ProjectGraph, Vertex
from kedro_assets.names import identifier, identifiers
from kedro_assets.partitions import Partitioning, Partitions
from kedro_assets.project import CatalogEntry, Project


@frozen
class KedroAsset:
    """All that is known of one asset.

    Attributes:
        vertex: The dataset, or the node without outputs, that it is in Kedro.
        record: What the project says of it.
        spec: What it is in Dagster, with its partitions and its dependencies.
        cluster: The nodes whose step makes it; None if no node does.
        partitioning: How it is partitioned; None if it is not.
        checks: The check of each validator that the catalog has for it, by the name of the dataset in the catalog.
        in_memory: Whether its data lives no longer than the process that makes it.
        observed: The entry of the catalog whose files Dagster can observe; None if there is none, or a node makes it.
    """

    vertex: Vertex
    record: DatasetRecord
    spec: dg.AssetSpec
    cluster: Cluster | None = None
    partitioning: Partitioning | None = None
    checks: Mapping[str, dg.AssetCheckSpec] = field(factory=dict)
    in_memory: bool = False
    observed: CatalogEntry | None = None

    @property
    def key(self) -> dg.AssetKey:
        """Its key in Dagster."""
        return self.spec.key

    @property
    def name(self) -> str:
        """The name of the dataset or the node."""
        return self.vertex[1]

    @property
    def is_dataset(self) -> bool:
        """Whether it is a dataset; else it is a node without outputs."""
        return self.vertex[0] == "dataset"

    @property
    def is_virtual(self) -> bool:
        """Whether its data only passes from node to node in memory, so that nothing of it is left after a run."""
        return self.spec.is_virtual

    @property
    def is_external(self) -> bool:
        """Whether no node makes it."""
        return self.record.producer is None

    @property
    def is_shown(self) -> bool:
        """Whether the project shows it; what the catalog leaves to an asset of one's own (`external: false`) it does not."""
        return not self.is_external or self.record.settings.external


@frozen
class DatasetAccess:
    """How Dagster reaches the data of a dataset.

    Attributes:
        io_manager_key: The resource key of its IO manager.
        name: Its name in the catalog; of a transcoded one, the variant that other assets use.
        in_memory: Whether its data lives no longer than the process that makes it.
        parts: What its configuration asks for of a partition; with any, each partition has a place of its own.
    """

    io_manager_key: str
    name: str
    in_memory: bool = False
    parts: frozenset[str] = frozenset()


@frozen(slots=False)
class AssetTable:
    """What every asset of a project is, by its key and by its vertex.

    Attributes:
        partitions: How the nodes and datasets behind the assets are partitioned, and their graph.
        assets: The assets, external ones first.
        access: How Dagster reaches the data of each dataset, by its name: of all that nodes use, hidden ones included,
            and of all others in the catalog.
        step_tags: The tags of the steps that make them.
    """

    partitions: Partitions
    assets: Sequence[KedroAsset]
    access: Mapping[str, DatasetAccess] = field(factory=dict)
    step_tags: StepTags = field(factory=StepTags)

    @property
    def graph(self) -> ProjectGraph:
        """The nodes and datasets behind the assets."""
        return self.partitions.graph

    @cached_property
    def by_vertex(self) -> Mapping[Vertex, KedroAsset]:
        """The assets by dataset or node."""
        return {asset.vertex: asset for asset in self.assets}

    @cached_property
    def by_key(self) -> Mapping[dg.AssetKey, KedroAsset]:
        """The assets by their keys in Dagster."""
        return {asset.key: asset for asset in self.assets}

    @cached_property
    def checks(self) -> Mapping[str, dg.AssetCheckSpec]:
        """The checks of all assets, by the names of datasets in the catalog."""
        return {name: check for asset in self.assets for name, check in asset.checks.items()}

    def dataset(self, name: str) -> KedroAsset | None:
        """Return the asset of a dataset; None if it is hidden."""
        return self.by_vertex.get(("dataset", name))

    def made_by(self, nodes: Iterable[str]) -> list[KedroAsset]:
        """Return the assets that nodes make, in order."""
        return [self.by_vertex[vertex] for vertex in self.graph.assets_of(nodes) if vertex in self.by_vertex]

    def selected_for(self, nodes: Iterable[str]) -> list[KedroAsset]:
        """Return the assets that a run selects so that some nodes run, in order: what lasts of what they make.

        What passes from node to node in memory is made on the way. It is selected only where its node would not run otherwise.
        """
        ordered = self.graph.in_order(nodes)
        running, chosen = set[str](), set[Vertex]()
        for node in reversed(ordered):
            made = self.made_by([node])
            lasting = [asset for asset in made if not asset.is_virtual]
            if lasting or node not in running:
                chosen.update(asset.vertex for asset in lasting or made)
                running.update((node, *self.graph.in_memory_before(node)))
        return [asset for asset in self.made_by(ordered) if asset.vertex in chosen]

    def made_from(self, asset: KedroAsset) -> frozenset[dg.AssetKey]:
        """Return what an asset is made from: behind in-memory data stands what that is made from."""
        found, todo = set[dg.AssetKey](), [dep.asset_key for dep in asset.spec.deps]
        while todo:
            other = self.by_key.get(key := todo.pop())
            if other is None or not other.is_virtual:
                found.add(key)
            else:
                todo += [dep.asset_key for dep in other.spec.deps]
        return frozenset(found)

    def made_with(self, asset: KedroAsset) -> frozenset[dg.AssetKey]:
        """Return what a run of one asset makes: also what lasts of all else that the nodes make which run for it."""
        maker = self.graph.maker(asset.vertex)
        nodes = [maker, *self.graph.in_memory_before(maker)] if maker else []
        return frozenset(other.key for other in self.made_by(nodes) if not other.is_virtual or other is asset)

    def of_keys(self, keys: Collection[dg.AssetKey]) -> Iterator[KedroAsset]:
        """Yield the assets behind some keys; those of other origin are left out."""
        return (self.by_key[key] for key in keys if key in self.by_key)


def build_table(
    project: Project,
    partitions: Partitions,
    clusters: Sequence[Cluster],
    described: AssetDescriptions,
    problems: Scope,
) -> AssetTable:
    """Give every asset of a project its place.

    Args:
        project: The project.
        partitions: How its nodes and datasets are partitioned, and their graph.
        clusters: Which nodes run in one step.
        described: What is known of each before.
        problems: Collects what does not fit.
    """
    graph, records = partitions.graph, described.records
    specs = placed_specs(described.specs, partitions)
    checks = build_checks(records, specs, graph, problems)
    made_in = {vertex: cluster for cluster in clusters for vertex in graph.assets_of(cluster.nodes)}
    assets = [
        KedroAsset(
            vertex=vertex,
            record=records[vertex],
            spec=spec,
            cluster=made_in.get(vertex),
            partitioning=partitions.of(vertex),
            checks=checks.get(vertex, {}),
            in_memory=vertex[0] == "dataset" and graph.in_memory(vertex[1]),
            observed=_observed(records[vertex], partitions, vertex),
        )
        for vertex, spec in specs.items()
    ]
    _check_conditions(assets, graph, problems)
    _check_data_versions(assets, graph, problems)
    return AssetTable(partitions, assets, _access(project, graph), described.step_tags)


def _observed(record: DatasetRecord, partitions: Partitions, vertex: Vertex) -> CatalogEntry | None:
    """Return the entry whose files Dagster can observe: all in one place, without partitions, and made by nobody that is known."""
    made = record.producer or not record.settings.external or record.settings.key
    if record.entry is None or made or partitions.of(vertex):
        return None
    return partitions.in_one_place(record.name)


def _check_conditions(assets: Iterable[KedroAsset], graph: ProjectGraph, problems: Scope) -> None:
    """Report conditions of datasets that can be neither made nor observed."""
    for asset in assets:
        if asset.is_external and asset.spec.automation_condition is not None and asset.observed is None:
            if graph.is_by_pattern(asset.name, "automation_condition"):
                continue
            scope = graph.settings_scope(asset.name, problems, "automation_condition")
            hint = (
                "Remove the condition, or let Dagster observe the dataset: it needs a `filepath` or a `path`, no partitions, "
                "no `key`, and no `external: false`."
            )
            scope.add(
                "no node makes this dataset, and Dagster cannot observe it, so the condition has no effect.", hint
            )


def _check_data_versions(assets: Iterable[KedroAsset], graph: ProjectGraph, problems: Scope) -> None:
    """Report datasets whose content is to be compared, and that no node writes into files."""
    for asset in assets:
        entry = asset.record.entry
        if (
            asset.record.settings.data_version != "content"
            or entry is None
            or (entry.location and not asset.is_external)
        ):
            continue
        scope = graph.settings_scope(asset.name, problems, "data_version")
        found = "no node makes this dataset" if asset.is_external else "this dataset has no files"
        scope.add(f"{found}, so there is no content to compare.", "Leave `data_version` out.")


def _access(project: Project, graph: ProjectGraph) -> dict[str, DatasetAccess]:
    """Return how Dagster reaches every dataset that nodes use or the catalog names."""
    prefix = "".join(f"{identifier(part)}__" for part in project.config.assets.key_prefix)
    used = identifiers(graph.datasets)
    others = identifiers((name for name in project.catalog_names if name not in used), taken=used.values())
    found = {}
    for name, text in {**used, **others}.items():
        entry = _default_entry(graph, name) if name in used else project.first_entry(name)
        key = f"{prefix}{text}__io_manager"
        found[name] = DatasetAccess(
            io_manager_key=key if key[0].isalpha() else f"dataset_{key}",
            name=entry.name,
            in_memory=graph.in_memory(name) if name in used else entry.in_memory,
            parts=entry.partition_parts,
        )
    return found


def _default_entry(graph: ProjectGraph, dataset: str) -> CatalogEntry:
    """Return the entry under which other assets use a dataset: the one its own node writes, if it is transcoded."""
    producer, entries = graph.producer(dataset), graph.entries[dataset]
    written = graph.nodes[producer].outputs if producer else ()
    return next((entry for entry in entries if entry.name in written), entries[0])
