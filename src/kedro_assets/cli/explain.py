"""`kedro assets explain`: what something is in Kedro, what it became in Dagster, and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import dagster as dg
from attrs import asdict
from kedro.pipeline.node import Node
from parse import parse

from kedro_assets._internals import dagster_assets
from kedro_assets.assets import KedroAsset
from kedro_assets.cli.explain_code import code_facts, function_facts
from kedro_assets.cli.explain_text import Facts, lines_of
from kedro_assets.cli.report import job_facts
from kedro_assets.config import JobConfig, PipelineFilter
from kedro_assets.definitions import Translation, translate
from kedro_assets.errors import KedroAssetsError, Scope, suggest
from kedro_assets.graph import Cluster, Vertex
from kedro_assets.jobs import LOOKED_AT, expand_jobs, possible_names
from kedro_assets.names import base_name, identifier, is_parameter
from kedro_assets.project import CatalogEntry, SourceLines, locate_project, source_lines
from kedro_assets.redaction import Redactor, masked, redacted


def explain_lines(root: Path, name: str) -> Iterator[str]:
    """Say all that a name means in a project, in short lines.

    Raises:
        KedroAssetsError: If it means nothing, or the configuration does not fit.
    """
    for position, facts in enumerate(_explain(root, name)):
        yield from [""] if position else []
        yield from lines_of(facts)


def explain_json(root: Path, name: str) -> str:
    """Say all that a name means in a project as JSON: a list, as it may mean several things.

    Raises:
        KedroAssetsError: If it means nothing, or the configuration does not fit.
    """
    return json.dumps(_explain(root, name), indent=2, ensure_ascii=False, default=str)


def known_names(root: Path) -> set[str]:
    """Return every name that means something in a project.

    Raises:
        KedroAssetsError: If the configuration does not fit.
    """
    return set().union(*(names for names, _ in _explainer(root).things()))


def _explainer(root: Path) -> _Explainer:
    location = locate_project(root)
    return _Explainer(translate(location), source_lines(location))


def _explain(root: Path, name: str) -> list[Facts]:
    things = list(_explainer(root).things())
    meant = [explain() for names, explain in things if name in names]
    if not meant:
        msg = (
            f"Nothing in the project is called '{name}'. {suggest(name, set().union(*(names for names, _ in things)))}"
        )
        raise KedroAssetsError(msg)
    mask = Redactor.of({}).text
    return [masked({key: value for key, value in facts.items() if value}, mask) for facts in meant]


class _Explainer:
    """Knows a project, what became of it, and where its configuration stands."""

    def __init__(self, found: Translation, source: SourceLines) -> None:
        self._found, self._source = found, source
        self._project, self._graph = found.project, found.table.graph
        self._steps = found.steps()
        self._expanded = expand_jobs(found.project.config.jobs, found.project.pipelines, Scope())

    def things(self) -> Iterator[tuple[set[str], Callable[[], Facts]]]:
        """Yield everything that has a name: its names in Kedro and Dagster, and a way to learn more."""
        for name, entries in self._graph.entries.items():
            names = {name, *(entry.name for entry in entries), *self._keys([("dataset", name)])}
            yield names, partial(self._dataset, name)
        for name in self._nodes:
            yield {name, *self._keys([("node", name)])}, partial(self._node, name)
        for cluster in self._found.clusters:
            alone = set(cluster.nodes) if len(cluster.nodes) == 1 else set()  # the node says it all
            yield {cluster.name, self._op_name(cluster)} - alone, partial(self._step, cluster)
        for name in self._project.pipelines:
            yield {name}, partial(self._pipeline, name)
        for name, job in self._found.jobs.items():
            yield {name, job.definition.name}, partial(self._job, name)
        yield from self._triggers()
        for name in self._project.parameter_values:
            yield {name}, partial(self._parameter, name)
        yield from self._sets()

    def _sets(self) -> Iterator[tuple[set[str], Callable[[], Facts]]]:
        """Yield what stands for several nodes or assets: tags, namespaces and groups."""
        found: dict[tuple[str, str, str], list[str]] = {}
        for name, node in self._graph.nodes.items():
            kinds = [
                *(("tag", tag) for tag in node.tags),
                *(("namespace", each) for each in _namespaces(node.namespace)),
            ]
            for kind, meant in kinds:
                found.setdefault((kind, meant, "nodes"), []).append(name)
        for asset in self._found.table.assets:
            if asset.is_shown and asset.spec.group_name:
                found.setdefault(("group", asset.spec.group_name, "assets"), []).append(asset.key.to_user_string())
        for (kind, meant, inside), names in found.items():
            yield {meant}, partial(dict, {"is": kind, "name": meant, inside: names})

    def _triggers(self) -> Iterator[tuple[set[str], Callable[[], Facts]]]:
        """Yield what starts runs, or looks at them: schedules and sensors."""
        used = {schedule.name: self._written_as(schedule) for schedule in self._found.schedules}
        for schedule in self._found.schedules:
            yield {schedule.name, used[schedule.name]}, partial(self._schedule, schedule)
        for name in self._project.config.schedules.keys() - used.values():
            yield {name}, partial(self._unused, "schedule", name)
        sensors = {sensor.name: self._written_as(sensor) for sensor in self._found.sensors}
        for sensor in self._found.sensors:
            yield {sensor.name, sensors[sensor.name]}, partial(self._sensor, sensor)
        for name in self._project.config.sensors.keys() - sensors.values():
            yield {name}, partial(self._unused, "sensor", name)
        yield {self._found.failure_sensor.name}, self._failure_sensor

    def _dataset(self, name: str) -> Facts:
        entries, producer = self._graph.entries[name], self._graph.producer(name)
        asset = self._found.table.dataset(name)
        cluster = next((cluster for cluster in self._found.clusters if producer in cluster.nodes), None)
        return {
            "is": "dataset",
            "name": name,
            "type": list(dict.fromkeys(entry.type for entry in entries)),
            "location": list(dict.fromkeys(redacted(entry.location) for entry in entries if entry.location)),
            "versioned": "yes" if any(entry.versioned for entry in entries) else "",
            "source": list(dict.fromkeys(map(self._catalog_line, entries))),
            **self._asset(asset),
            **(self._within(cluster) if cluster else {}),
            "jobs": self._jobs_of([("dataset", name)], [producer] if producer else []),
            "before": [producer] if producer else [],
            "after": self._graph.consumers(name),
        }

    def _node(self, name: str) -> Facts:
        node = self._nodes[name]
        vertices = self._graph.assets_of([name]) if name in self._graph.nodes else []
        cluster = next((cluster for cluster in self._found.clusters if name in cluster.nodes), None)
        holders = [title for title, pipeline in self._project.pipelines.items() if node in pipeline.nodes]
        return {
            "is": "node",
            "name": name,
            **function_facts(node, self._project),
            "tags": sorted(node.tags),
            "confirms": list(node.confirms),
            "pipelines": holders,
            "parameters": self._parameters([node]),
            **code_facts(node, self._project),
            "assets": self._keys(vertices),
            "no asset": "" if cluster else [self._left_out(title) for title in holders],
            **(self._within(cluster) if cluster else {}),
            "jobs": self._jobs_of(vertices, [name]),
            "before": _datasets(node.inputs),
            "after": _datasets(node.outputs),
        }

    def _step(self, cluster: Cluster) -> Facts:
        nodes = [self._graph.nodes[name] for name in cluster.nodes]
        vertices = self._graph.assets_of(cluster.nodes)
        within = self._within(cluster)
        made = [name for node in nodes for name in _datasets(node.outputs)]
        read = [name for node in nodes for name in _datasets(node.inputs) if name not in made]
        return {
            "is": "step",
            "name": within.pop("step"),
            "nodes": list(cluster.nodes),
            **within,
            "parameters": self._parameters(nodes),
            "assets": self._keys(vertices),
            "jobs": self._jobs_of(vertices, cluster.nodes),
            "before": list(dict.fromkeys(read)),
            "after": made,
        }

    def _pipeline(self, name: str) -> Facts:
        pipeline = self._project.pipelines[name]
        return {
            "is": "pipeline",
            "name": name,
            "nodes": [node.name for node in pipeline.nodes],
            "no asset": self._left_out(name),
            "jobs": [self._jobs[job]["name"] for job in self._jobs if name in self._pipelines_of(job)],
            "before": _datasets(sorted(pipeline.inputs())),
            "after": _datasets(sorted(pipeline.outputs())),
        }

    def _job(self, name: str) -> Facts:
        config, made = self._project.config.jobs, self._jobs[name]
        entry = (
            name
            if name in config
            else next((pattern for pattern in config if parse(pattern, name, case_sensitive=True)), None)
        )
        wanted = self._filter(name)
        graph = dagster_assets.AssetGraph.of(self._found.definitions)
        keys = self._with_passing({dg.AssetKey.from_user_string(key) for key in made["assets"]} & graph.made, graph)
        read = {parent for key in keys for parent in graph.parents(key)} - keys
        served = {child for key in keys for child in graph.children(key)} - keys
        return {
            "is": "job",
            "name": made["name"],
            "source": self._source.locate(("jobs", entry))
            if entry
            else "no entry in dagster.yml: without `jobs`, every registered pipeline is a job",
            "description": made["description"],
            "pipeline": ", ".join(self._pipelines_of(name)) or None,
            "filter": wanted,
            "selection": config[entry].selection if entry else None,
            "partitions": made["partitions"],
            "executor": made["executor"] or "the default executor (`default_executor`)",
            "schedules": [schedule.name for schedule in self._found.schedules if schedule.job_name == made["name"]],
            "sensors": [sensor.name for sensor in self._found.sensors if sensor.job_name == made["name"]],
            "assets": made["assets"],
            "ops": made["ops"],
            "before": sorted(key.to_user_string() for key in read),
            "after": sorted(key.to_user_string() for key in served),
        }

    def _with_passing(self, keys: set[dg.AssetKey], graph: dagster_assets.AssetGraph) -> set[dg.AssetKey]:
        """Return assets with the in-memory data from which they are made, which no job selects."""
        assets, found, todo = self._found.table.by_key, set(keys), list(keys)
        while todo:
            parents = {key for key in graph.parents(todo.pop()) if key in assets and assets[key].is_virtual} - found
            found |= parents
            todo += parents
        return found

    def _schedule(self, schedule: dg.ScheduleDefinition) -> Facts:
        return {
            "is": "schedule",
            "name": schedule.name,
            "source": self._place_of(schedule),
            "description": schedule.description,
            "cron": schedule.cron_schedule,
            "timezone": schedule.execution_timezone or "UTC",
            "status": schedule.default_status.value,
            "after": [schedule.job_name],
        }

    def _sensor(self, sensor: dg.SensorDefinition) -> Facts:
        asset, dataset = (sensor.metadata[key].value if key in sensor.metadata else None for key in LOOKED_AT)
        return {
            "is": "sensor",
            "name": sensor.name,
            "source": self._place_of(sensor),
            "description": sensor.description,
            "looks at": f"materializations of {asset}" if asset else f"the files of {dataset}",
            "seconds between ticks": sensor.minimum_interval_seconds,
            "status": sensor.default_status.value,
            "before": [asset or dataset],
            "after": [sensor.job_name],
        }

    def _failure_sensor(self) -> Facts:
        sensor = self._found.failure_sensor
        return {
            "is": "sensor",
            "name": sensor.name,
            "source": "none: every project has it",
            "description": sensor.description,
            "looks at": "failed runs of the project",
            "status": sensor.default_status.value,
        }

    def _parameter(self, name: str) -> Facts:
        return {
            "is": "parameter",
            "name": name,
            "value": json.dumps(self._project.shown_parameters.get(name), ensure_ascii=False, default=str),
            "after": [title for title, node in self._nodes.items() if name in node.inputs],
        }

    def _unused(self, kind: Literal["schedule", "sensor"], name: str) -> Facts:
        return {
            "is": kind,
            "name": name,
            "source": self._source.locate((f"{kind}s", name)),
            "cron": self._project.config.schedules[name].cron_schedule if kind == "schedule" else "",
            "not in Dagster": "no job uses it.",
        }

    @cached_property
    def _nodes(self) -> dict[str, Node]:
        """The nodes by name, those of pipelines that are left out behind the others."""
        others = {node.name: node for pipeline in self._project.pipelines.values() for node in pipeline.nodes}
        return {**self._graph.nodes, **{name: node for name, node in others.items() if name not in self._graph.nodes}}

    @cached_property
    def _jobs(self) -> dict[str, Facts]:
        """What `kedro assets list` says of each job."""
        return job_facts(self._found)

    def _jobs_of(self, vertices: Iterable[Vertex], nodes: Iterable[str]) -> list[str]:
        """Name the jobs that make some assets, or run some nodes as ops."""
        keys, ops = set(self._keys(vertices)), set(map(identifier, nodes))
        return [job["name"] for job in self._jobs.values() if keys & {*job["assets"]} or ops & {*job["ops"]}]

    def _filter(self, job: str) -> dict[str, Any]:
        """Return a job's Kedro filter as dagster.yml has it; none for a selection of assets."""
        config = self._expanded.get(job, JobConfig(pipeline=PipelineFilter(job)))
        if config.selection is not None:
            return {}
        wanted = config.pipeline or PipelineFilter()
        return asdict(wanted, filter=lambda key, value: not key.name.startswith("pipeline_") and bool(value))

    def _pipelines_of(self, job: str) -> list[str]:
        """Return the registered pipelines of a job; none for a selection of assets."""
        config = self._expanded.get(job, JobConfig(pipeline=PipelineFilter(job)))
        return [] if config.selection is not None else (config.pipeline or PipelineFilter()).pipelines

    def _asset(self, asset: KedroAsset | None) -> Facts:
        """Return which asset a dataset became, and how Dagster reaches its data."""
        if asset is None:
            return {"no asset": "it is in memory, and `assets.memory_assets` is false."}
        if not asset.is_shown:
            return {"asset": f"{asset.key.to_user_string()}, to be defined by an asset of your own (`external: false`)"}
        return {
            "asset": asset.key.to_user_string() + (", external: no node writes it" if asset.is_external else ""),
            "description": asset.spec.description,
            "group": asset.spec.group_name,
            "partitions": str(asset.spec.partitions_def or ""),
            "checks": [check.name for check in asset.checks.values()],
            "io manager": self._found.table.access[asset.name].io_manager_key,
        }

    def _within(self, cluster: Cluster) -> Facts:
        """Say in which step nodes run, and which others share it and why."""
        shared = {"nodes": list(cluster.nodes), "because": list(cluster.reasons)} if len(cluster.nodes) > 1 else {}
        definition = self._steps.get(cluster.name)
        return {
            "step": self._op_name(cluster),
            **shared,
            "pool": dagster_assets.pool_of(definition) if definition else None,
            "step tags": self._found.table.step_tags.of_step([self._graph.nodes[name] for name in cluster.nodes]),
        }

    def _op_name(self, cluster: Cluster) -> str:
        step = self._steps.get(cluster.name)
        return step.op.name if step else cluster.name

    def _keys(self, vertices: Iterable[Vertex]) -> list[str]:
        known = self._found.table.by_vertex
        return [known[vertex].key.to_user_string() for vertex in vertices if vertex in known]

    def _parameters(self, nodes: Iterable[Node]) -> Facts:
        """Return the parameters that nodes read, with the project's values."""
        names = dict.fromkeys(name for node in nodes for name in node.inputs if is_parameter(name))
        values = self._project.shown_parameters
        return {name: values.get(name) for name in names}

    def _left_out(self, pipeline: str) -> str:
        """Return why a pipeline's nodes make no assets; empty if they do."""
        reasons = {left.pipeline: left.reason for left in self._graph.left_out}
        if pipeline in reasons:
            return f"pipeline '{pipeline}' is left out of the assets: {reasons[pipeline]}"
        return "" if pipeline in self._graph.pipelines else f"pipeline '{pipeline}' is not in `assets.pipelines`."

    def _written_as(self, trigger: dg.ScheduleDefinition | dg.SensorDefinition) -> str:
        """Return the name of a schedule or a sensor in dagster.yml; its own if it is written out in a job."""
        config = self._project.config
        for name in config.schedules if isinstance(trigger, dg.ScheduleDefinition) else config.sensors:
            if trigger.name in possible_names(name, config, [str(trigger.job_name)]):
                return name
        return trigger.name

    def _place_of(self, trigger: dg.ScheduleDefinition | dg.SensorDefinition) -> str:
        """Return where a schedule or a sensor stands in dagster.yml."""
        kind = "schedule" if isinstance(trigger, dg.ScheduleDefinition) else "sensor"
        written = self._written_as(trigger)
        if written in getattr(self._project.config, f"{kind}s"):
            return self._source.locate((f"{kind}s", written))
        job = next(name for name, made in self._jobs.items() if made["name"] == trigger.job_name)
        return self._source.locate(("jobs", job, kind))

    def _catalog_line(self, entry: CatalogEntry) -> str:
        """Return where a dataset comes from: its line in the catalog, or that of the pattern that stands for it."""
        resolver = self._project.resolver
        if entry.name in resolver.config:
            return self._source.locate(("catalog", entry.name)) or "the catalog"
        if not entry.declared:
            return "not in the catalog, so Kedro keeps it in memory"
        pattern = resolver.match_dataset_pattern(entry.name) or resolver.match_user_catch_all_pattern(entry.name)
        return f"{self._source.locate(('catalog', str(pattern))) or 'the catalog'}, by the dataset factory '{pattern}'"


def _datasets(names: Iterable[str]) -> list[str]:
    """Return the datasets among what a node reads or writes, each once."""
    return list(dict.fromkeys(base_name(name) for name in names if not is_parameter(name)))


def _namespaces(namespace: str | None) -> list[str]:
    """Return a namespace and those around it, the outermost first.

    Examples:
        >>> _namespaces("shop.forest"), _namespaces(None)
        (['shop', 'shop.forest'], [])
    """
    parts = namespace.split(".") if namespace else []
    return [".".join(parts[: depth + 1]) for depth in range(len(parts))]
