"""What a name means that stands in the wrong place of a command, and how what it means is run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import dagster as dg
from attrs import frozen
from kedro.pipeline.node import Node

from kedro_assets._internals import dagster_jobs
from kedro_assets.assets import AssetTable
from kedro_assets.graph import ProjectGraph
from kedro_assets.jobs import FILTERED, possible_names
from kedro_assets.names import base_name, is_parameter
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

    def pipeline_hint(self, name: str, kind: str, pipelines: Collection[str]) -> str:
        """Return in which pipeline something is that is in none of some pipelines; empty if it is in no other.

        Args:
            name: Its name.
            kind: What it is: `dataset`, `node`, `tag` or `namespace`.
            pipelines: The pipelines in which it is not.
        """
        for graph in (project.table.graph for project in self.projects):
            nodes = _nodes_of(graph, kind, name)
            found = [pipeline for pipeline, those in graph.pipelines.items() if not those.isdisjoint(nodes)]
            if found and not {*found} & {*pipelines}:
                return f"'{name}' is in the pipeline '{found[0]}': give --pipelines {found[0]}, too."
        return ""

    def is_asset_or_node(self, name: str) -> bool:
        """Whether a name is that of a dataset or a node, or the key of an asset."""
        return any(kind in ("dataset", "asset", "node") for kind, _ in self._kinds(name))

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
            if self._is_called(name, schedule.name, [schedule.job_name]):
                yield "schedule", f"'{name}' is a schedule: run its job with `kedro assets run {schedule.job_name}`."
        for sensor in self.repository.sensor_defs:
            targets = [target.job_name for target in sensor.targets]
            if self._is_called(name, sensor.name, targets):
                started = next((target for target in targets if target in jobs), None)
                how = f"run its job with `kedro assets run {started}`" if started else "it starts by itself in Dagster"
                yield "sensor", f"'{name}' is a sensor: {how}."
        for project in self.projects:
            yield from self._kinds_in(project, name)
        keys = self._keys_of_step(name)
        if keys:
            select = " or ".join(f'key:"{key.to_user_string()}"' for key in sorted(keys))
            yield "step", f"'{name}' is a step: make its assets with `--select '{select}'`."

    def _is_called(self, name: str, trigger: str, jobs: Sequence[str]) -> bool:
        """Whether a schedule or a sensor of some jobs has a name, in Dagster or in dagster.yml, where several jobs may share it."""
        configs = (project.project.config for project in self.projects)
        return trigger in {name}.union(*(possible_names(name, config, jobs) for config in configs))

    def _keys_of_step(self, name: str) -> frozenset[dg.AssetKey]:
        """Return the assets of the projects that a step makes; none if there is no such step."""
        if not self.repository.has_job(dagster_jobs.ASSET_JOB):
            return frozenset()
        steps = dagster_jobs.assets_by_step(self.repository.get_job(dagster_jobs.ASSET_JOB))
        own = frozenset[dg.AssetKey]().union(*(project.table.by_key for project in self.projects))
        return steps.get(name, frozenset()) & own

    def _kinds_in(self, project: KedroProject, name: str) -> Iterator[tuple[str, str]]:
        table, graph = project.table, project.table.graph
        yield from _as_asset(table, name)
        value = name.removeprefix("params:")
        if value != name and name in project.project.parameter_values:
            yield "parameter", f"'{name}' is a parameter: give it a value for a run with `--params {value}=...`."
        for kind, meant, option in _FOUND_BY_NODES:
            nodes = _nodes_of(graph, kind, name)
            if nodes:
                yield kind, f"'{name}' is a {kind}: {meant} with `{_pipeline_option(graph, nodes)}--{option} {name}`."
        if name in project.project.pipelines:
            yield "pipeline", f"'{name}' is a registered pipeline: run it with `--pipelines {name}`."
        if any(asset.spec.group_name == name for asset in table.assets):
            yield "group", f"'{name}' is a group of assets: make them with `--select group:{name}`."


def _as_asset(table: AssetTable, name: str) -> Iterator[tuple[str, str]]:
    """Yield what a dataset or the key of an asset means."""
    asset = table.by_key.get(dg.AssetKey.from_user_string(name)) if name else None
    if _nodes_of(table.graph, "dataset", name):
        yield "dataset", f"'{name}' is a dataset: {_how_made(table.graph, name, name)}."
    elif asset is not None and asset.is_dataset:
        yield "asset", f"'{name}' is an asset: {_how_made(table.graph, asset.name, name)}."
    elif asset is not None:
        yield "asset", f"'{name}' is an asset: make it with `--select {name}`."


_FOUND_BY_NODES = (
    ("node", "run it", "nodes"),
    ("tag", "run its nodes", "tags"),
    ("namespace", "run its nodes", "namespaces"),
)
"""What is found by the nodes that have it, how that is said, and the option of `kedro run` for it."""


def _how_made(graph: ProjectGraph, dataset: str, name: str) -> str:
    """Return how a dataset is made, and what needs it where no node makes it."""
    option = _pipeline_option(graph, _nodes_of(graph, "dataset", dataset))
    if any(base_name(dataset) in map(base_name, node.outputs) for node in graph.nodes.values()):
        return f"make it with `--select {name}`, and what it needs with `{option}--to-outputs {name}`"
    return f"no node makes it. Run what reads it with `{option}--from-inputs {name}`"


def _nodes_of(graph: ProjectGraph, kind: str, name: str) -> list[str]:
    """Return the nodes that have a name, a tag or a namespace, or that make or read a dataset."""

    def has(node: Node) -> bool:
        if kind == "dataset":
            return base_name(name) in map(base_name, [*node.outputs, *node.inputs]) and not is_parameter(name)
        if kind == "namespace":
            return f"{node.namespace or ''}.".startswith(f"{name}.")
        return name == node.name if kind == "node" else name in node.tags

    return [key for key, node in graph.nodes.items() if has(node)]


def _pipeline_option(graph: ProjectGraph, nodes: Collection[str]) -> str:
    """Return the option that chooses a pipeline which has one of some nodes; none is needed for the default one."""
    found = [pipeline for pipeline, those in graph.pipelines.items() if not those.isdisjoint(nodes)]
    return f"--pipelines {found[0]} " if found and "__default__" not in found else ""
