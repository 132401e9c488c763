"""What is known of every asset before it has its place: its record, and what the translator makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import dagster as dg
from attrs import field, frozen

from kedro_assets.assets.records import build_records
from kedro_assets.assets.specs import configured_translator, translated_specs
from kedro_assets.assets.step_tags import StepTags, read_step_tags
from kedro_assets.assets.translator import DatasetRecord, KedroTranslator
from kedro_assets.errors import Scope
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.partitions import TranslatedPartitions
from kedro_assets.project import Project


@frozen
class AssetDescriptions:
    """What is known of every asset before it has its place among the others.

    Attributes:
        records: What the project says of each.
        specs: What the translator makes of that.
        step_tags: The tags of the steps that make them.
    """

    records: Mapping[Vertex, DatasetRecord]
    specs: Mapping[Vertex, dg.AssetSpec]
    step_tags: StepTags = field(factory=StepTags)

    @property
    def waits(self) -> list[tuple[Vertex, Vertex]]:
        """The assets that depend on others of the project because the translator says so, each with the other one."""
        return [(vertex, other) for vertex, other, _ in self._deps()]

    @property
    def partitions(self) -> TranslatedPartitions:
        """What the translator says of partitions, for all of a project's assets."""
        definitions = {vertex: spec.partitions_def for vertex, spec in self.specs.items() if spec.partitions_def}
        mappings = {(vertex, other): mapping for vertex, other, mapping in self._deps() if mapping is not None}
        return TranslatedPartitions(definitions, mappings)

    def _deps(self) -> Iterator[tuple[Vertex, Vertex, dg.PartitionMapping | None]]:
        """Yield each asset with another one of the project on which the translator lets it depend; not on itself."""
        by_key = {spec.key: vertex for vertex, spec in self.specs.items()}
        for vertex, spec in self.specs.items():
            for dep in spec.deps:
                other = by_key.get(dep.asset_key)
                if other is not None and other != vertex:
                    yield vertex, other, dep.partition_mapping


def describe_assets(
    project: Project, graph: ProjectGraph, translator: KedroTranslator | None, problems: Scope
) -> AssetDescriptions:
    """Describe every asset of a project.

    Args:
        project: The project.
        graph: Its graph.
        translator: Turns a record into a spec; None for the one that dagster.yml names, or else Kedro's own.
        problems: Collects what does not fit in the catalog, what Dagster refuses, names that fall on one asset key,
            and tags of steps that do not fit.
    """
    records = build_records(project, graph, problems)
    own = translator or configured_translator(project.config.assets, problems)
    return AssetDescriptions(records, translated_specs(records, own, problems), read_step_tags(project, own, problems))
