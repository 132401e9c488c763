"""Where a step goes on that has failed: what an earlier try, or the run before, has saved and nothing has changed since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import dagster as dg

from kedro_assets._internals import dagster_instance
from kedro_assets.assets import AssetTable, KedroAsset
from kedro_assets.graph import Vertex
from kedro_assets.partitions import RANGE_TAGS, partition_of

_FROM_FAILURE_TAG = "dagster/is_resume_retry"
_CODE_VERSION_TAG = "dagster/code_version"


def run_resumed(run: dg.DagsterRun, instance: dg.DagsterInstance) -> str | None:
    """Return the run that one goes on with from its failure; None if it does not, or is given something else.

    Args:
        run: The run.
        instance: Where runs are recorded.
    """
    if run.tags.get(_FROM_FAILURE_TAG) != "true" or run.parent_run_id is None:
        return None
    parent = instance.get_run_by_id(run.parent_run_id)
    if parent is None or parent.run_config != run.run_config or partition_of(parent.tags) != partition_of(run.tags):
        return None
    return parent.run_id


def made_by(
    run_id: str, assets: Iterable[KedroAsset], table: AssetTable, run: dg.DagsterRun, instance: dg.DagsterInstance
) -> set[Vertex]:
    """Return what a run has made of some assets and stays: by the code of now, from data that is still the same.

    In-memory data does not stay. Of a run of several partitions nothing does, as they are not told apart here.

    Args:
        run_id: The run that has made it.
        assets: The assets.
        table: All assets of the project.
        run: The run that asks.
        instance: Where it is recorded.
    """
    if RANGE_TAGS[0] in run.tags:
        return set()
    found = set[Vertex]()
    for asset in assets:
        partition = partition_of(run.tags) if asset.partitioning else None
        record = None if asset.in_memory else _latest(asset.key, partition, instance)
        made = dagster_instance.recorded_materialization(record) if record is not None else None
        if record is None or made is None or record.run_id != run_id:
            continue
        if (made.tags or {}).get(_CODE_VERSION_TAG) != asset.spec.code_version:
            continue
        if all(_is_older(key, record, instance) for key in _stored_behind(asset.spec, table)):
            found.add(asset.vertex)
    return found


def _stored_behind(spec: dg.AssetSpec, table: AssetTable) -> Iterator[dg.AssetKey]:
    """Yield what an asset is made from, and behind in-memory data what that is made from."""
    seen, todo = set[dg.AssetKey](), [dep.asset_key for dep in spec.deps]
    while todo:
        key = todo.pop()
        if key in seen:
            continue
        seen.add(key)
        asset = table.by_key.get(key)
        if asset is not None and asset.in_memory and not asset.is_external:
            todo += [dep.asset_key for dep in asset.spec.deps]
        else:
            yield key


def _is_older(key: dg.AssetKey, made: dg.EventLogRecord, instance: dg.DagsterInstance) -> bool:
    """Whether nothing was said of an asset since another one was made from it."""
    since = dg.AssetRecordsFilter(key, after_storage_id=made.storage_id)
    fetched = (instance.fetch_materializations, instance.fetch_observations)
    return not any(fetch(since, limit=1).records for fetch in fetched)


def _latest(key: dg.AssetKey, partition: str | None, instance: dg.DagsterInstance) -> dg.EventLogRecord | None:
    partitions = [partition] if partition else None
    records = instance.fetch_materializations(dg.AssetRecordsFilter(key, asset_partitions=partitions), limit=1).records
    return next(iter(records), None)
