"""Sensors of dagster.yml, each for one job: they look at an asset, or at the files of an external dataset."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
import json
from collections.abc import Mapping
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets.config import JobConfig, SensorConfig
from kedro_assets.errors import Path, Problems, suggest
from kedro_assets.graph import Vertex
from kedro_assets.jobs import BuiltJob, check_parameters
from kedro_assets.opener import RunOpener
from kedro_assets.stored_files import fingerprint, location_of, partition_ids
from kedro_assets.triggers import build_triggers


def build_job_sensors(
    sensors: Mapping[str, SensorConfig],
    wanted_by: Mapping[str, JobConfig],
    jobs: Mapping[str, BuiltJob],
    opener: RunOpener,
    problems: Problems,
) -> list[dg.SensorDefinition]:
    """Build the sensors of every job.

    Args:
        sensors: `sensors` of dagster.yml.
        wanted_by: The jobs of dagster.yml, as it has them.
        jobs: The same as Dagster takes them.
        opener: Knows the project and its assets.
        problems: Collects unknown names, assets and datasets.
    """
    valid = {name: config for name, config in sensors.items() if _fits(config, opener, ("sensors", name), problems)}
    built: list[dg.SensorDefinition] = []
    for found in build_triggers("sensor", valid, sensors, wanted_by, problems):
        job = jobs.get(found.job)
        if job is None or not _fits(found.config, opener, found.where, problems):
            continue
        _check_partitions(found.config, job, opener, found.where, problems)
        check_parameters(found.config.config, job.reads, (*found.where, "config"), problems)
        built.append(_sensor(found.name, found.config, job, opener))
    return built


def _fits(config: SensorConfig, opener: RunOpener, where: Path, problems: Problems) -> bool:
    """Look whether there is what a sensor looks at."""
    graph, index = opener.assets.graph, opener.assets.index
    if config.asset is not None:
        keys = {key.to_user_string() for key in index.vertices}
        if config.asset not in keys:
            problems.add((*where, "asset"), f"there is no asset '{config.asset}'.", suggest(config.asset, keys))
        return config.asset in keys
    name = config.dataset or ""
    watchable = [found for found in graph.external if location_of(graph.entries[found][0].config)]
    if name not in watchable:
        found = f"'{name}' is no dataset with a `filepath` or a `path` that no node writes."
        problems.add((*where, "dataset"), found, suggest(name, watchable))
    return name in watchable


def _check_partitions(config: SensorConfig, job: BuiltJob, opener: RunOpener, where: Path, problems: Problems) -> None:
    """Report a job of partitions that a sensor cannot tell which one to make."""
    index = opener.assets.index
    key = dg.AssetKey.from_user_string(config.asset) if config.asset else None
    vertex: Vertex = index.vertices[key] if key else ("dataset", config.dataset or "")
    if job.partitions is None or opener.partitions.get(vertex) == job.partitions:
        return
    found = f"the job makes partitions, and '{vertex[1]}' is not partitioned like them, so no run can be told which."
    hint = "Partition both alike, or give the assets of the job an `automation_condition`."
    problems.add(where, found, hint)


def _sensor(name: str, config: SensorConfig, job: BuiltJob, opener: RunOpener) -> dg.SensorDefinition:
    evaluation = _Evaluation(config, job.run_config(config.config), opener, job.partitions is not None)
    options: dict[str, Any] = {
        "name": name,
        "job": job.definition,
        "minimum_interval_seconds": config.minimum_interval_seconds,
        "default_status": dg.DefaultSensorStatus[config.default_status],
        "description": config.description,
    }
    if config.asset is not None:
        key = dg.AssetKey.from_user_string(config.asset)
        return dg.AssetSensorDefinition(
            asset_key=key, job_name=None, asset_materialization_fn=evaluation.materialized, **options
        )
    partitions = opener.partitions.get(("dataset", config.dataset or ""))
    if isinstance(partitions, dg.DynamicPartitionsDefinition) and partitions.name:
        evaluation_fn = _NewPartitions(config, job.run_config(config.config), opener, partitions, job.partitions).found
        return dg.SensorDefinition(evaluation_fn=evaluation_fn, **options)
    return dg.SensorDefinition(evaluation_fn=evaluation.changed, **options)


@frozen
class _Evaluation:
    """What a sensor does at each of its ticks."""

    config: SensorConfig
    run_config: dict[str, Any]
    opener: RunOpener
    partitioned: bool = False

    def materialized(self, context: dg.SensorEvaluationContext, entry: dg.EventLogEntry) -> dg.RunRequest:
        """Ask for a run, as the asset has been materialized; of the same partition, if it has one."""
        event = entry.asset_materialization
        return self._run(context.cursor, event.partition if event and self.partitioned else None)

    def changed(self, context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Ask for a run if the files of the dataset are others than at the last tick; the first tick only looks.

        Dagster is told that the external asset has changed, so that automation conditions downstream see it.
        """
        name = self.config.dataset or ""
        self.opener.location.reopen(self.opener.package_name)
        dataset = self.opener.assets.graph.entries[name][0].name
        found = fingerprint(self.opener.location, dataset)
        if found is None or found == context.cursor:
            reason = f"The files of '{name}' have not changed." if found else f"There are no files of '{name}'."
            return dg.SensorResult(skip_reason=reason, cursor=context.cursor)
        if context.cursor is None:
            reason = f"The files of '{name}' are known from now on; a run starts when they change."
            return dg.SensorResult(skip_reason=reason, cursor=found)
        key = self.opener.assets.index.keys.get(("dataset", name))
        event = [dg.AssetMaterialization(key, description="Its files have changed.")] if key else []
        return dg.SensorResult(run_requests=[self._run(None)], cursor=found, asset_events=event)

    def _run(self, key: str | None, partition: str | None = None) -> dg.RunRequest:
        return dg.RunRequest(key, self.run_config, self.config.tags, partition_key=partition)


@frozen
class _NewPartitions:
    """What the sensor of a dataset does whose files are dynamic partitions."""

    config: SensorConfig
    run_config: dict[str, Any]
    opener: RunOpener
    partitions: dg.DynamicPartitionsDefinition
    of_job: dg.PartitionsDefinition[Any] | None

    def found(self, context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Add a partition for every file that is new, and ask for its run; for one run, if the job has no partitions.

        The cursor has the files for which runs were asked for, and a run has its file as key: a tick that is broken off
        and repeated starts none twice.
        """
        dataset = self.config.dataset or ""
        self.opener.location.reopen(self.opener.package_name)
        seen: list[str] = json.loads(context.cursor or "[]")
        ids = partition_ids(self.opener.location, self.opener.assets.graph.entries[dataset][0].name)
        new = [id_ for id_ in ids if id_ not in set(seen)]
        if not new:
            return dg.SensorResult(skip_reason=f"There are no new files of '{dataset}'.", cursor=context.cursor)
        options: dict[str, Any] = {"run_config": self.run_config, "tags": self.config.tags}
        runs = [dg.RunRequest(f"{dataset}: {id_}", partition_key=id_, **options) for id_ in new]
        return dg.SensorResult(
            run_requests=runs if self.of_job == self.partitions else [dg.RunRequest(f"{dataset}: {new}", **options)],
            cursor=json.dumps([*seen, *new]),
            dynamic_partitions_requests=[self.partitions.build_add_request(new)],
        )
