"""What starts runs by itself in a project: the conditions and the sensors, and what each makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_assets, dagster_jobs
from kedro_assets.definitions import Translation
from kedro_assets.jobs import LOOKED_AT
from kedro_assets.names import identifier

Keys = AbstractSet[dg.AssetKey]


@frozen(slots=False)
class Automation:
    """The conditions and the sensors of a project, and what each makes.

    Attributes:
        found: The project, and what became of it.
    """

    found: Translation

    @cached_property
    def graph(self) -> dagster_assets.AssetGraph:
        """Dagster's graph of the assets."""
        return dagster_assets.AssetGraph.of(self.found.definitions)

    @cached_property
    def automated(self) -> Mapping[dg.AssetKey, Any]:
        """The conditions of the assets that nodes make."""
        assets = [asset for asset in self.found.table.assets if not asset.is_external]
        return {asset.key: asset.spec.automation_condition for asset in assets if asset.spec.automation_condition}

    @cached_property
    def sensors(self) -> Mapping[str, tuple[str, dict[str, str]]]:
        """The job of each sensor of dagster.yml, and what it looks at, by the name of the sensor."""
        looked_at = {sensor.name: (sensor, _looks_at(sensor)) for sensor in self.found.sensors}
        return {name: (str(sensor.job_name), at) for name, (sensor, at) in looked_at.items() if at}

    @cached_property
    def jobs(self) -> Mapping[str, Keys]:
        """What each job makes, by its name in Dagster."""
        return {job.definition.name: self._made(job.definition) for job in self.found.jobs.values()}

    def _made(self, job: Any) -> Keys:
        if not isinstance(job, dg.JobDefinition):
            return self.graph.selected(dagster_jobs.selection_of(job)) & self.graph.made
        ops = set(dagster_jobs.op_names(job))
        makers = {asset.key: asset.record.producer for asset in self.found.table.assets}
        return frozenset(key for key, node in makers.items() if node is not None and identifier(node.name) in ops)

    @cached_property
    def started(self) -> Keys:
        """What is made by the jobs that a schedule, a sensor or a condition starts."""
        names: set[Any] = {schedule.job_name for schedule in self.found.schedules}
        names |= {job for job, _ in self.sensors.values()}
        names |= self.of_jobs.keys()
        return frozenset().union(*(made for name, made in self.jobs.items() if name in names))

    def named(self, keys: Sequence[dg.AssetKey]) -> str:
        """Name some assets as Kedro does."""
        return " and ".join(f"'{self.found.table.by_key[key].name}'" for key in keys)

    @cached_property
    def of_jobs(self) -> Mapping[str, Any]:
        """The conditions of jobs, by the name of the job in Dagster."""
        found = {job.definition.name: dagster_jobs.own_condition(job.definition) for job in self.found.jobs.values()}
        return {name: condition for name, condition in found.items() if condition is not None}

    def silent(self, keys: Keys) -> Sequence[dg.AssetKey]:
        """Return those assets of which Dagster learns nothing: nobody makes them, and their files cannot be observed.

        Those that the catalog gives a `key` are made in another code location.
        """
        external = (asset for asset in self.found.table.of_keys(sorted(keys)) if asset.is_external and asset.is_shown)
        return [asset.key for asset in external if asset.observed is None and not asset.record.settings.key]

    def made_with(self, key: dg.AssetKey) -> Keys:
        """Return what a run of one asset makes."""
        return self.found.table.made_with(self.found.table.by_key[key])


def _looks_at(sensor: dg.SensorDefinition) -> dict[str, str]:
    """Return what a sensor of dagster.yml looks at, by whether it is an asset or a dataset; nothing for others."""
    names = zip(("asset", "dataset"), LOOKED_AT, strict=True)
    return {name: str(sensor.metadata[key].value) for name, key in names if key in sensor.metadata}
