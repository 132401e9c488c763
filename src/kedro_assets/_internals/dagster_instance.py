"""Dagster's instance: the records of runs, and where it stores things."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import dagster as dg
from attrs import frozen


def add_run_tags(instance: dg.DagsterInstance, run_id: str, tags: Mapping[str, str]) -> None:
    """Add tags to a run that is in progress or has ended.

    Reason: the processes of a run tell each other through its tags how far it is; the public ways set tags at its start.
    Risk: low; Dagster's daemon and its libraries use it.
    """
    instance.add_run_tags(run_id, dict(tags))


def report_canceling(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Record that a user wants a run to be cancelled, so that it ends as canceled when it is interrupted.

    Reason: Dagster's own ways to cancel a run ask the launcher for it, and this process has started it itself.
    Risk: low; where it changes, a run that is interrupted in the terminal counts as failed.
    """
    instance.report_run_canceling(run)


def materializations(instance: dg.DagsterInstance, run_id: str) -> Iterator[dg.AssetMaterialization]:
    """Yield the materializations of a run.

    Reason: `fetch_materializations` asks for those of one asset, from all runs.
    Risk: low; where it changes, a re-execution cannot load the versions that the run before it has saved.
    """
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        if entry.asset_materialization is not None:
            yield entry.asset_materialization


@frozen
class AssetSummary:
    """What Dagster keeps at hand of an asset.

    Reason: as for `asset_summaries`.
    Risk: low, as there.

    Attributes:
        materialization: The latest materialization, of whatever partition; None without any.
        last_run: The last run that was to make it, whether it has or not; None without any.
    """

    materialization: dg.EventLogRecord | None
    last_run: str | None


def asset_summaries(instance: dg.DagsterInstance, keys: Collection[dg.AssetKey]) -> Mapping[dg.AssetKey, AssetSummary]:
    """Return what is at hand of each asset of which anything is recorded, with one query.

    Reason: `get_asset_records` is public and what is in its records is not; `fetch_materializations` asks for one asset.
    Risk: low; where it changes, `kedro assets run --stale` fails.
    """
    entries = (record.asset_entry for record in instance.get_asset_records(list(keys))) if keys else ()
    return {entry.asset_key: AssetSummary(entry.last_materialization_record, entry.last_run_id) for entry in entries}


def runs_planned(
    instance: dg.DagsterInstance, key: dg.AssetKey, after: int, partition: str | None = None
) -> Iterator[str]:
    """Yield the runs that were to make an asset, whether they have or not, the latest first.

    Reason: the public method for it is deprecated, and names no other; it leaves out runs of several partitions.
    Risk: low; where it changes, `kedro assets run --stale` fails.

    Args:
        instance: Where they are recorded.
        key: The asset.
        after: The event after which they were started, by its place in the order of all events.
        partition: The partition; a run of several is taken to make it.
    """
    before: int | None = None
    while True:
        asked = dg.EventRecordsFilter(
            dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, key, after_cursor=after, before_cursor=before
        )
        records = instance.event_log_storage.get_event_records(asked, limit=_PAGE)
        for record in records:
            of = record.event_log_entry.get_dagster_event().asset_materialization_planned_data.partition
            if partition is None or of in (None, partition):
                yield record.run_id
        if len(records) < _PAGE:
            return
        before = records[-1].storage_id


def assets_observed(instance: dg.DagsterInstance, after: int) -> frozenset[dg.AssetKey] | None:
    """Return the assets that were observed since some event; None if that is too often to look at each.

    Reason: `fetch_observations` asks for one asset, and most have no observations.
    Risk: low; where it changes, `kedro assets run --stale` fails.

    Args:
        instance: Where they are recorded.
        after: The event, by its place in the order of all events.
    """
    asked = dg.EventRecordsFilter(dg.DagsterEventType.ASSET_OBSERVATION, after_cursor=after)
    records = instance.event_log_storage.get_event_records(asked, limit=_MOST_OBSERVATIONS)
    if len(records) == _MOST_OBSERVATIONS:
        return None
    return frozenset(record.asset_observation.asset_key for record in records if record.asset_observation)


_PAGE = 10
_MOST_OBSERVATIONS = 1000


def begun_assets(instance: dg.DagsterInstance, run_id: str) -> frozenset[dg.AssetKey]:
    """Return the assets that were to be made by those steps of a run that have started.

    Reason: as for `engine_messages`.
    Risk: low, as there.
    """
    planned = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    entries = instance.all_logs(run_id, of_type={planned, dg.DagsterEventType.STEP_START})
    events = [entry.dagster_event for entry in entries if entry.dagster_event is not None]
    started = {event.step_key for event in events if event.event_type != planned}
    return frozenset(event.asset_key for event in events if event.asset_key is not None and event.step_key in started)


def has_begun_before(instance: dg.DagsterInstance, run_id: str, step: str) -> bool:
    """Whether a step that runs now has been started before in the same run, as after a process of the run has died.

    Reason: as for `engine_messages`.
    Risk: low, as there.
    """
    starts = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_START)
    return [entry.step_key for entry in starts].count(step) > 1


def engine_messages(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Return what Dagster's engine has said of a run until it failed, such as the signal that has ended its process.

    What it says later is of sensors that have looked at the run.

    Reason: no public method has the events of one run.
    Risk: low; the error that hooks get would say less.
    """
    failed = dg.DagsterEventType.RUN_FAILURE
    found: list[str] = []
    for entry in instance.all_logs(run_id, of_type={dg.DagsterEventType.ENGINE_EVENT, failed}):
        if entry.get_dagster_event().event_type == failed:
            break
        found.append(entry.message)
    return found


def recorded_materialization(record: dg.EventLogRecord) -> dg.AssetMaterialization | None:
    """Return the materialization that a record is of.

    Reason: Dagster's guides read it from records, without the mark of what is public.
    Risk: low.
    """
    return record.asset_materialization


def recorded_observation(record: dg.EventLogRecord) -> dg.AssetObservation | None:
    """Return the observation that a record is of.

    Reason: as for `recorded_materialization`.
    Risk: low.
    """
    return record.asset_observation


def run_of_record(record: dg.EventLogRecord) -> str:
    """Return the id of the run that a record is of; nothing for what was reported without a run.

    Reason: as for `recorded_materialization`.
    Risk: low; where it changes, a sensor starts its job for what that job itself has made.
    """
    return record.run_id


def storage_folder(instance: dg.DagsterInstance) -> Path:
    """Return the folder in which the instance stores what assets make, which all processes of a run see.

    Reason: in-memory data passes from step to step in files, and no public property says where such files belong.
    Risk: low; Dagster's default IO manager uses it.
    """
    return Path(instance.storage_directory())


def captured_loggers(instance: dg.DagsterInstance) -> Collection[str]:
    """Return the names of the loggers that Dagster itself captures.

    Reason: dagster.yaml has them (`python_logs.managed_python_loggers`), and no public property does.
    Risk: low; where it changes, lines of these loggers are in Dagster's log twice.
    """
    return instance.managed_python_loggers
