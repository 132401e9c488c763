"""Sensors of dagster.yml, each for one job: they look at an asset, or at the files of an external dataset."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
from collections.abc import Mapping
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets.config import JobConfig, SensorConfig
from kedro_assets.errors import Path, Problems, suggest
from kedro_assets.jobs import BuiltJob, check_parameters
from kedro_assets.opener import RunOpener
from kedro_assets.stored_files import fingerprint, location_of
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


def _sensor(name: str, config: SensorConfig, job: BuiltJob, opener: RunOpener) -> dg.SensorDefinition:
    evaluation = _Evaluation(config, job.run_config(config.config), opener)
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
    return dg.SensorDefinition(evaluation_fn=evaluation.changed, **options)


@frozen
class _Evaluation:
    """What a sensor does at each of its ticks."""

    config: SensorConfig
    run_config: dict[str, Any]
    opener: RunOpener

    def materialized(self, context: dg.SensorEvaluationContext, _entry: dg.EventLogEntry) -> dg.RunRequest:
        """Ask for a run, as the asset has been materialized."""
        return self._run(context.cursor)

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

    def _run(self, key: str | None) -> dg.RunRequest:
        return dg.RunRequest(run_key=key, run_config=self.run_config, tags=self.config.tags)
