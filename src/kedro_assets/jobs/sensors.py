"""Sensors of dagster.yml, each for one job: they look at an asset, or at the files of an external dataset."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_instance
from kedro_assets.config import SensorConfig
from kedro_assets.errors import ProjectError, Scope, suggest
from kedro_assets.jobs.build import BuiltJob
from kedro_assets.jobs.plan import PlannedJob
from kedro_assets.jobs.run_config import check_parameters, check_tags, combined
from kedro_assets.jobs.triggers import build_triggers
from kedro_assets.project import (
    CatalogEntry,
    ProjectLocation,
    entry_with_credentials,
    fingerprint,
    masked_errors,
    partition_ids,
)
from kedro_assets.runtime import KedroProject
from kedro_assets.steps import is_observed, observation

LOOKED_AT = ("kedro_assets/asset", "kedro_assets/dataset")
"""The metadata of a sensor that has the asset or the dataset which it looks at."""

_MOST_RUNS = 100  # of one tick
_Found = TypeVar("_Found")


def build_job_sensors(
    planned: Mapping[str, PlannedJob], jobs: Mapping[str, BuiltJob], project: KedroProject, problems: Scope
) -> list[dg.SensorDefinition]:
    """Build the sensors of every job.

    Args:
        planned: The jobs by their names in dagster.yml.
        jobs: The same as Dagster takes them.
        project: The project and its assets.
        problems: Collects unknown names, assets and datasets.
    """
    config = project.project.config
    valid = {
        name: sensor for name, sensor in config.sensors.items() if _fits(sensor, project, problems.at("sensors", name))
    }
    built: list[dg.SensorDefinition] = []
    for found in build_triggers("sensor", valid, config, planned, problems):
        job = jobs.get(found.job)
        if job is None or not _fits(found.config, project, found.scope):
            continue
        evaluation = _kind(found.config, project)(found.config, job, project)
        reason = evaluation.cannot_tell()
        if reason:
            hint = "Give both the same partitions, or give the assets of the job an `automation_condition`."
            found.scope.add(f"the job is partitioned, but {reason}, so the sensor cannot choose a partition.", hint)
        check_parameters(found.config.config, job.reads, found.scope.at("config"))
        built.append(evaluation.sensor(found.name))
    return built


def _fits(config: SensorConfig, project: KedroProject, scope: Scope) -> bool:
    """Look whether there is what a sensor looks at, and whether the rest of it can be."""
    check_tags(config.tags, project.resource_key, scope.at("tags"))
    seconds = config.minimum_interval_seconds
    if seconds is not None and seconds < 1:
        hint = "Leave it out for Dagster's default of 30."
        scope.at("minimum_interval_seconds").add(f"expected 1 or more seconds, found {seconds}.", hint)
    return _kind(config, project).fits(config, project, scope) and not scope.failed


def _kind(config: SensorConfig, project: KedroProject) -> "type[_Evaluation]":
    """Choose what a sensor does by what it looks at."""
    if config.asset is not None:
        return _NewMaterializations
    own = _definition(project, config.dataset)
    return _NewPartitions if isinstance(own, dg.DynamicPartitionsDefinition) else _ChangedFiles


def _definition(project: KedroProject, dataset: str | None) -> dg.PartitionsDefinition[Any] | None:
    """Return how a dataset is partitioned; None if it is not, or if there is none."""
    partitions = project.table.partitions
    known = dataset is not None and dataset in partitions.graph.entries
    partitioning = partitions.of_dataset(dataset) if dataset and known else None
    return partitioning.definition if partitioning else None


@frozen
class _Evaluation(ABC):
    """What a sensor does at each of its ticks."""

    config: SensorConfig
    job: BuiltJob
    project: KedroProject

    @staticmethod
    @abstractmethod
    def fits(config: SensorConfig, project: KedroProject, scope: Scope) -> bool:
        """Look whether there is what the sensor looks at, and report it if not."""

    @abstractmethod
    def cannot_tell(self) -> str:
        """Return why no run of a job of partitions can be told which to make; nothing if it can."""

    @abstractmethod
    def evaluate(self, context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Look once."""

    def tick(self, context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Look once, with secrets masked in the error that Dagster records of a tick."""
        params = combined(self.job.config.config, self.config.config).runtime_params
        with masked_errors(self.project.location, params):
            return self.evaluate(context)

    def sensor(self, name: str) -> dg.SensorDefinition:
        """Make the sensor that does so."""
        looked_at = zip(LOOKED_AT, (self.config.asset, self.config.dataset), strict=True)
        return dg.SensorDefinition(
            name=name,
            evaluation_fn=self.tick,
            job=self.job.definition,
            minimum_interval_seconds=self.config.minimum_interval_seconds,
            default_status=dg.DefaultSensorStatus[self.config.default_status],
            description=self.config.description,
            metadata={key: value for key, value in looked_at if value},
        )

    def _run(self, key: str | None, partition: str | None = None) -> dg.RunRequest:
        return dg.RunRequest(key, self.job.run_config(self.config.config), self.config.tags, partition_key=partition)


def _cursor(context: dg.SensorEvaluationContext, kind: type[_Found]) -> _Found | None:
    """Return the cursor as JSON of some type; None if there is none.

    A sensor that looks at something else since dagster.yml was changed still has its old cursor. It starts over.
    """
    if not context.cursor:
        return None
    try:
        found = json.loads(context.cursor)
    except ValueError:
        found = None
    if type(found) is kind and all(isinstance(item, str) for item in (found if isinstance(found, list) else ())):
        return found
    context.log.warning("The cursor is not one of this sensor, which starts over: %s", context.cursor[:100])
    return None


@frozen
class _NewMaterializations(_Evaluation):
    """Asks for a run for every materialization of an asset by another job; of the same partition, if it has one."""

    @staticmethod
    def fits(config: SensorConfig, project: KedroProject, scope: Scope) -> bool:
        """Look whether there is the asset."""
        keys = {key.to_user_string() for key in project.table.by_key}
        if config.asset not in keys:
            name = config.asset or ""
            scope.at("asset").add(f"there is no asset '{name}'.", suggest(name, keys))
        return config.asset in keys

    def cannot_tell(self) -> str:
        """Compare the partitions of the asset with those of the job."""
        asset = self.project.table.by_key[self._key]
        own = asset.partitioning.definition if asset.partitioning else None
        if self.job.partitions in (None, own):
            return ""
        return f"'{asset.name}' has other partitions or none"

    def evaluate(self, context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Ask for the runs since the last tick; the first tick asks for one, for the newest materialization.

        The cursor is the last materialization that was seen, and a run has its own as key: a tick that is broken off and
        repeated starts none twice.
        """
        after = _cursor(context, int)
        new = dg.AssetRecordsFilter(asset_key=self._key, after_storage_id=after)
        limit = 1 if after is None else _MOST_RUNS
        records = context.instance.fetch_materializations(new, limit=limit, ascending=after is not None).records
        if not records:
            reason = f"'{self.config.asset}' has not been materialized since the last tick."
            return dg.SensorResult(skip_reason=reason, cursor=context.cursor)
        others = self._of_others(records, context.instance)
        runs = [self._run(str(record.storage_id), key) for record, key in self._made(others, context.instance)]
        of = "no partition that the job has" if others else "runs of this job, which start no further run"
        missed = None if runs else f"The new materializations of '{self.config.asset}' are of {of}."
        return dg.SensorResult(run_requests=runs, skip_reason=missed, cursor=str(records[-1].storage_id))

    def _of_others(self, records: Sequence[dg.EventLogRecord], instance: dg.DagsterInstance) -> list[dg.EventLogRecord]:
        """Return the materializations that no run of the sensor's own job has made: those would start it again and again."""
        run_ids = {record.storage_id: dagster_instance.run_of_record(record) for record in records}
        asked = [run_id for run_id in dict.fromkeys(run_ids.values()) if run_id]
        if not asked:
            return list(records)
        found = instance.get_run_records(dg.RunsFilter(run_ids=asked, job_name=self.job.definition.name))
        own = {each.dagster_run.run_id for each in found}
        return [record for record in records if run_ids[record.storage_id] not in own]

    def _made(
        self, records: Sequence[dg.EventLogRecord], instance: dg.DagsterInstance
    ) -> list[tuple[dg.EventLogRecord, str | None]]:
        """Return the materializations that have a run, each with the partition that the run makes."""
        if self.job.partitions is None:
            return [(record, None) for record in records]
        keys = set(self.job.partitions.get_partition_keys(dynamic_partitions_store=instance))
        made = [(record, dagster_instance.recorded_materialization(record)) for record in records]
        return [(record, found.partition) for record, found in made if found is not None and found.partition in keys]

    @property
    def _key(self) -> dg.AssetKey:
        return dg.AssetKey.from_user_string(self.config.asset or "")


@frozen
class _OfFiles(_Evaluation):
    """Looks at the files of an external dataset."""

    @staticmethod
    def fits(config: SensorConfig, project: KedroProject, scope: Scope) -> bool:
        """Look whether there is the dataset, and a place at which all of its files are."""
        graph, name, place = project.table.graph, config.dataset or "", scope.at("dataset")
        placed = [found for found in graph.external if any(entry.location for entry in graph.entries[found])]
        if name not in placed:
            found = (
                f"'{name}' is not an external dataset with a `filepath` or a `path`, that is one that no node writes."
            )
            place.add(found, suggest(name, placed))
            return False
        entry = project.table.partitions.in_one_place(name)
        if entry is None:
            found = f"'{name}' has one path per partition, so there is no single path at which its files are."
            place.add(found, f"Let a node read the folder as a PartitionedDataset, such as '{name}@all'.")
        return entry is not None

    def _entry(self) -> CatalogEntry:
        """Read what the catalog has of the dataset with the runtime parameters of the runs."""
        name = self.config.dataset or ""
        entry = self.project.table.partitions.in_one_place(name)
        params = combined(self.job.config.config, self.config.config).runtime_params
        with self.project.entered():
            return entry_with_credentials(self.project.location, entry.name if entry else name, params)

    def _look(self, look: Callable[[ProjectLocation, CatalogEntry], _Found]) -> _Found:
        """Look at the files; the tick fails and the cursor stays where that is not possible.

        Raises:
            ProjectError: If the configuration or the files cannot be read.
        """
        try:
            return look(self.project.location, self._entry())
        except Exception as error:
            cause = str(error) if isinstance(error, ProjectError) else f"{type(error).__name__}: {error}"
            msg = (
                f"The files of '{self.config.dataset}' cannot be looked at: {cause}\nA sensor looks at them in the process of the "
                "code server, which needs access to them and the environment variables that their credentials are read from. "
                "The cursor stays as it is, and the next tick looks again."
            )
            raise ProjectError(msg) from error


@frozen
class _ChangedFiles(_OfFiles):
    """Asks for a run if the files of the dataset are others than at the last tick."""

    def cannot_tell(self) -> str:
        """Look whether the job has partitions: no change of files tells which."""
        if self.job.partitions is None:
            return ""
        own = _definition(self.project, self.config.dataset)
        if own == self.job.partitions:
            return f"the partitions of '{self.config.dataset}' are not `dynamic`, and its files do not show which one has changed"
        return f"'{self.config.dataset}' has other partitions or none"

    def evaluate(self, context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Compare the files with those of the last tick; the first tick only looks.

        Dagster is told which data the external asset has now, so that automation conditions downstream see it.
        """
        name = self.config.dataset or ""
        found = self._look(fingerprint)
        if found is None or found == context.cursor:
            reason = f"The files of '{name}' have not changed." if found else f"The dataset '{name}' has no files."
            return dg.SensorResult(skip_reason=reason, cursor=context.cursor)
        if context.cursor is None:
            reason = f"The files of '{name}' have been recorded. A run starts when they change."
            return dg.SensorResult(skip_reason=reason, cursor=found)
        asset = self.project.table.dataset(name)
        known = asset is None or is_observed(asset.key, found, context.instance)
        event = [observation(asset.key, found)] if asset and not known else []
        return dg.SensorResult(run_requests=[self._run(None)], cursor=found, asset_events=event)


@frozen
class _NewPartitions(_OfFiles):
    """Adds a partition for every file that is new, and asks for its run; for one run, if the job has no partitions."""

    def cannot_tell(self) -> str:
        """Compare the partitions of the dataset with those of the job."""
        if self.job.partitions in (None, self._partitions):
            return ""
        return f"'{self.config.dataset}' has other partitions or none"

    def evaluate(self, context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Look for files that no tick has seen.

        The cursor has the files for which runs were asked for, and a run has its file as key: a tick that is broken off
        and repeated starts none twice.
        """
        dataset = self.config.dataset or ""
        seen = dict.fromkeys(_cursor(context, list) or [])
        ids = self._look(partition_ids)
        new = [id_ for id_ in ids if id_ not in seen]
        if not new:
            return dg.SensorResult(skip_reason=f"The dataset '{dataset}' has no new files.", cursor=context.cursor)
        if self.job.partitions is None:
            digest = hashlib.sha256(json.dumps(new).encode()).hexdigest()[:16]
            runs = [self._run(f"{dataset}: {digest}")]
        else:
            runs = [self._run(f"{dataset}: {id_}", id_) for id_ in new]
        return dg.SensorResult(
            run_requests=runs,
            cursor=json.dumps([*seen, *new]),
            dynamic_partitions_requests=[self._partitions.build_add_request(new)],
        )

    @property
    def _partitions(self) -> dg.DynamicPartitionsDefinition:
        found = _definition(self.project, self.config.dataset)
        return cast("dg.DynamicPartitionsDefinition", found)  # else it is no sensor of this class
