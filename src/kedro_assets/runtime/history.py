"""What Dagster has recorded of assets: what was made last, from which data, and what has changed since."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import dagster as dg
from attrs import define, field

from kedro_assets._internals import dagster_instance
from kedro_assets.assets import AssetTable

CODE_METADATA = "kedro/code"
"""The metadata of a materialization that has the pieces of code and the parameters by which it was made."""
_CODE_VERSION_TAG = "dagster/code_version"
_DATA_VERSION_TAG = "dagster/data_version"


@define
class Made:
    """The latest materialization of an asset.

    Attributes:
        materialization: The materialization.
        run_id: The run that has made it.
        position: Its place in the order of all events.
    """

    materialization: dg.AssetMaterialization
    run_id: str
    position: int

    @property
    def code_version(self) -> str | None:
        """The version of the code that has made it."""
        return (self.materialization.tags or {}).get(_CODE_VERSION_TAG)

    @property
    def data_version(self) -> str:
        """The version of its data; empty if none is recorded."""
        return (self.materialization.tags or {}).get(_DATA_VERSION_TAG, "")


@define
class History:
    """What is recorded of a project's assets.

    Attributes:
        table: The assets.
        instance: Where it is recorded.
        partition: The partition that is asked for, where an asset is partitioned; none for all that is recorded of it.
    """

    table: AssetTable
    instance: dg.DagsterInstance
    partition: str | None = None
    _known: dict[dg.AssetKey, dg.EventLogRecord] = field(factory=dict, init=False)
    _asked: set[dg.AssetKey] = field(factory=set, init=False)
    _last_runs: dict[dg.AssetKey, str | None] = field(factory=dict, init=False)
    _newest: dict[dg.AssetKey, int] = field(factory=dict, init=False)
    _observed: frozenset[dg.AssetKey] | None = field(default=None, init=False)
    _observed_after: int = field(default=0, init=False)

    def prepare(self, keys: Collection[dg.AssetKey]) -> None:
        """Ask at once for what is known of many assets and of what they are made from.

        That is when each was made last, which run was to make it last, and which of them were observed since the first of
        these. Most assets need no queries of their own then.
        """
        behind = {other for key in keys for other in self.stored_behind(key)}
        found = dagster_instance.asset_summaries(self.instance, list(behind.union(keys)))
        self._last_runs |= {key: found[key].last_run if key in found else None for key in keys}
        made = {key: each.materialization for key, each in found.items() if each.materialization is not None}
        self._newest |= {key: made[key].storage_id if key in made else 0 for key in behind}
        first = min((made[key].storage_id for key in keys if key in made), default=None)
        if first is not None:
            self._observed = dagster_instance.assets_observed(self.instance, first)
            self._observed_after = first
        plain = [key for key in keys if not self._partition(key)]
        self._known |= {key: made[key] for key in plain if key in made}
        self._asked |= set(plain)

    def runs_since(self, key: dg.AssetKey, made: Made) -> Iterator[str]:
        """Yield the runs that were to make an asset since some run has, whether they have or not, the latest first."""
        if self._last_runs.get(key) == made.run_id:
            return
        partition = self.partition if self._partition(key) else None
        yield from dagster_instance.runs_planned(self.instance, key, made.position, partition)

    def latest(self, key: dg.AssetKey) -> Made | None:
        """Return the latest materialization of an asset, or of its partition."""
        if key not in self._asked:
            record = self._event(dg.AssetRecordsFilter(key, asset_partitions=self._partition(key)))
            self._known |= {key: record} if record is not None else {}
            self._asked.add(key)
        found = self._known.get(key)
        made = dagster_instance.recorded_materialization(found) if found is not None else None
        return Made(made, found.run_id, found.storage_id) if found is not None and made is not None else None

    def is_unchanged(self, key: dg.AssetKey) -> bool:
        """Whether an asset was made, and nothing that it is made from has other data since."""
        made = self.latest(key)
        return made is not None and not any(self.is_changed(each, made.position) for each in self.stored_behind(key))

    def stored_behind(self, key: dg.AssetKey) -> Iterator[dg.AssetKey]:
        """Yield what an asset is made from, and behind what only passes in memory what that is made from."""
        seen, todo = {key}, [key]
        while todo:
            asset = self.table.by_key.get(todo.pop())
            for dep in asset.spec.deps if asset is not None else ():
                if dep.asset_key in seen:
                    continue
                seen.add(dep.asset_key)
                other = self.table.by_key.get(dep.asset_key)
                if other is not None and other.vertex in self.table.graph.passing:
                    todo.append(dep.asset_key)
                else:
                    yield dep.asset_key

    def is_changed(self, key: dg.AssetKey, since: int) -> bool:
        """Whether an asset has other data since some event, as its materializations and observations say."""
        if self._is_quiet(key, since):
            return False
        partitions = self._partition(key)
        after = self._data(dg.AssetRecordsFilter(key, asset_partitions=partitions, after_storage_id=since))
        return after is not None and after != self.version_at(key, since)

    def _is_quiet(self, key: dg.AssetKey, since: int) -> bool:
        """Whether it is known at hand that nothing was recorded of an asset since some event, of whatever partition."""
        observed = self._observed is None or key in self._observed or since < self._observed_after
        return not observed and key in self._newest and self._newest[key] <= since

    def version_at(self, key: dg.AssetKey, position: int) -> str | None:
        """Return the data version that an asset had at some event; None if none is recorded."""
        partitions = self._partition(key)
        return self._data(dg.AssetRecordsFilter(key, asset_partitions=partitions, before_storage_id=position))

    def _data(self, asked: dg.AssetRecordsFilter) -> str | None:
        """Return the data version of the latest event; of one without, its place among all events."""
        record = self._event(asked) or next(iter(self.instance.fetch_observations(asked, limit=1).records), None)
        if record is None:
            return None
        found = dagster_instance.recorded_materialization(record) or dagster_instance.recorded_observation(record)
        return (found.tags or {}).get(_DATA_VERSION_TAG, str(record.storage_id)) if found else None

    def _event(self, asked: dg.AssetRecordsFilter) -> dg.EventLogRecord | None:
        return next(iter(self.instance.fetch_materializations(asked, limit=1).records), None)

    def _partition(self, key: dg.AssetKey) -> list[str] | None:
        asset = self.table.by_key.get(key)
        return [self.partition] if self.partition and asset is not None and asset.partitioning else None
