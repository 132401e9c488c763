"""What a name means that stands in the wrong place of a command, and how what it means is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_jobs
from kedro_assets.errors import KedroAssetsError, suggest
from kedro_assets.jobs import FILTERED
from kedro_assets.runtime import KedroProject

OF_FILTERS = {"pipeline_names": "pipeline", **FILTERED}
"""What each filter of `kedro run` takes the names of."""


@frozen
class Meanings:
    """The names of a code location, by what they are names of.

    Attributes:
        projects: The projects that a command is for.
        repository: All definitions.
    """

    projects: Sequence[KedroProject]
    repository: dg.RepositoryDefinition

    def hint(self, name: str, *expected: str) -> str:
        """Return what a name means, and how that is run; empty if it means nothing, or what is expected in its place.

        Args:
            name: The name.
            expected: What it is to be a name of: `job`, `dataset`, `node`, `pipeline`, `tag`, `namespace` and so on.
        """
        kinds = dict(self._kinds(name)) if name else {}
        return "" if kinds.keys() & {*expected} else next(iter(kinds.values()), "")

    def is_of_kedro(self, name: str) -> bool:
        """Whether a name is that of a dataset or a node."""
        return any(kind in ("dataset", "node") for kind, _ in self._kinds(name))

    def dataset(self, name: str) -> str:
        """Return the name in Kedro of the dataset that a name, or an asset key, means; any other name as it is."""
        for table in (project.table for project in self.projects):
            if name in table.graph.entries:
                return name
            asset = table.by_key.get(dg.AssetKey.from_user_string(name))
            if asset is not None and asset.is_dataset:
                return asset.name
        return name

    def _kinds(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield each kind of thing that has a name, with a sentence of how it is run."""
        jobs = [job for job in self.repository.job_names if job != dagster_jobs.ASSET_JOB]
        if name in jobs:
            yield "job", f"'{name}' is a job: run it with `kedro assets run {name}`."
        for schedule in self.repository.schedule_defs:
            if name in self._written(schedule.name, name):
                yield "schedule", f"'{name}' is a schedule: run its job with `kedro assets run {schedule.job_name}`."
        for project in self.projects:
            yield from self._kinds_in(project, name)

    def _written(self, trigger: str, name: str) -> set[str]:
        """Return the names of a schedule: its own, and the one in dagster.yml that Dagster cannot write."""
        prefixed = {project.project.config.assets.prefixed(name) for project in self.projects}
        return {trigger, *([name] if trigger in prefixed else [])}

    @staticmethod
    def _kinds_in(project: KedroProject, name: str) -> Iterator[tuple[str, str]]:
        table, graph = project.table, project.table.graph
        nodes = [node for node in graph.nodes.values() if node.name == name]
        if name in graph.entries or any(entry.name == name for each in graph.entries.values() for entry in each):
            yield (
                "dataset",
                f"'{name}' is a dataset: make it with `--select {name}`, and what it needs with `--to-outputs {name}`.",
            )
        elif dg.AssetKey.from_user_string(name) in table.by_key:
            yield "asset", f"'{name}' is an asset: make it with `--select {name}`."
        if nodes:
            yield "node", f"'{name}' is a node: run it with `--nodes {name}`."
        if name in project.project.pipelines:
            yield "pipeline", f"'{name}' is a registered pipeline: run it with `--pipelines {name}`."
        if any(name in node.tags for node in graph.nodes.values()):
            yield "tag", f"'{name}' is a tag: run its nodes with `--tags {name}`."
        if any(f"{node.namespace or ''}.".startswith(f"{name}.") for node in graph.nodes.values()):
            yield "namespace", f"'{name}' is a namespace: run its nodes with `--namespaces {name}`."
        if any(asset.spec.group_name == name for asset in table.assets):
            yield "group", f"'{name}' is a group of assets: make them with `--select group:{name}`."


def check_load_versions(projects: Sequence[KedroProject], versions: Mapping[str, str]) -> None:
    """Look whether there are the datasets of which versions are to be loaded.

    Raises:
        KedroAssetsError: If there is one that is in no catalog, and that no pattern of a catalog stands for.
    """
    for name in versions if projects else ():
        resolvers = [project.project.resolver for project in projects]
        if not any(name in each.config or each.match_dataset_pattern(name) for each in resolvers):
            known = {dataset for each in resolvers for dataset in each.config}
            msg = f"The catalog has no dataset '{name}' of which a version could be loaded. {suggest(name, known)}"
            raise KedroAssetsError(msg)
