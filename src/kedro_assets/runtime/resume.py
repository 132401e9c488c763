"""Where a step goes on that has failed: what an earlier try, or the run before, has saved and nothing has changed since."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import dagster as dg

from kedro_assets.assets import AssetTable, KedroAsset
from kedro_assets.graph import Vertex
from kedro_assets.partitions import has_several, partition_of
from kedro_assets.runtime.history import History
from kedro_assets.runtime.identity import SAVE_VERSION

_FROM_FAILURE_TAG = "dagster/is_resume_retry"
KEPT_FROM_RUN = "kedro/kept_from_run"
"""The metadata of what a run leaves as another one has made it: the id of that."""


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
    if has_several(run.tags):
        return set()
    history, found = History(table, instance, partition_of(run.tags)), set[Vertex]()
    for asset in assets:
        made = None if asset.in_memory else history.latest(asset.key)
        if made is None or made.run_id != run_id or asset.spec.code_version not in (None, made.code_version):
            continue
        if history.is_unchanged(asset.key):
            found.add(asset.vertex)
    return found


def kept_versions(
    datasets: Collection[str],
    keys: Collection[str],
    table: AssetTable,
    run: dg.DagsterRun,
    instance: dg.DagsterInstance,
) -> dict[str, str]:
    """Return the versions of those of some datasets that a run has left as they were, by dataset.

    Args:
        datasets: Datasets that a step of the run reads and does not make.
        keys: The keys of the assets that can be left, as text.
        table: All assets of the project.
        run: The run.
        instance: Where it is recorded.
    """
    history, found = History(table, instance, partition_of(run.tags)), dict[str, str]()
    for name in datasets:
        asset = table.dataset(name)
        made = history.latest(asset.key) if asset is not None and asset.key.to_user_string() in keys else None
        metadata = made.materialization.metadata if made is not None else {}
        if made is not None and SAVE_VERSION in metadata and (made.run_id != run.run_id or KEPT_FROM_RUN in metadata):
            found[name] = str(metadata[SAVE_VERSION].value)
    return found


def unchanged(
    keys: Collection[str],
    assets: Iterable[KedroAsset],
    table: AssetTable,
    run: dg.DagsterRun,
    instance: dg.DagsterInstance,
) -> set[Vertex]:
    """Return those of some assets that can stay, as what they are made from has come out the same in a run.

    Args:
        keys: The keys of the assets that can, as text.
        assets: The assets of a step.
        table: All assets of the project.
        run: The run.
        instance: Where it is recorded.
    """
    history = History(table, instance, partition_of(run.tags))
    meant = (asset for asset in assets if asset.key.to_user_string() in keys and not asset.in_memory)
    return {asset.vertex for asset in meant if history.is_unchanged(asset.key)}
