"""Dagster's instance: the records of runs, and where it stores things."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import dagster as dg


def add_run_tags(instance: dg.DagsterInstance, run_id: str, tags: Mapping[str, str]) -> None:
    """Add tags to a run that is in progress or has ended.

    Reason: the processes of a run tell each other through its tags how far it is; the public ways set tags at its start.
    Risk: low; Dagster's daemon and its libraries use it.
    """
    instance.add_run_tags(run_id, dict(tags))


def materializations(instance: dg.DagsterInstance, run_id: str) -> Iterator[dg.AssetMaterialization]:
    """Yield the materializations of a run.

    Reason: `fetch_materializations` asks for those of one asset, from all runs.
    Risk: low; where it changes, a re-execution cannot load the versions that the run before it has saved.
    """
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        if entry.asset_materialization is not None:
            yield entry.asset_materialization


def latest_materializations(
    instance: dg.DagsterInstance, keys: Collection[dg.AssetKey]
) -> Mapping[dg.AssetKey, dg.EventLogRecord]:
    """Return the latest materialization of each asset that has one, of whatever partition.

    Reason: `get_asset_records` is public and what is in its records is not; `fetch_materializations` asks for one asset.
    Risk: low; where it changes, `kedro assets run --stale` fails.
    """
    entries = (record.asset_entry for record in instance.get_asset_records(list(keys))) if keys else ()
    latest = {entry.asset_key: entry.last_materialization_record for entry in entries}
    return {key: record for key, record in latest.items() if record is not None}


def last_runs(instance: dg.DagsterInstance, keys: Collection[dg.AssetKey]) -> Mapping[dg.AssetKey, str]:
    """Return the last run that was to make each asset, whether it has or not.

    Reason: as for `latest_materializations`.
    Risk: low; where it changes, data that a failed run has half written counts as made.
    """
    entries = (record.asset_entry for record in instance.get_asset_records(list(keys))) if keys else ()
    return {entry.asset_key: entry.last_run_id for entry in entries if entry.last_run_id}


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
