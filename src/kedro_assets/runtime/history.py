"""What Dagster has recorded of assets: what was made last, from which data, and what has changed since."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import dagster as dg
from attrs import define, field

from kedro_assets._internals import dagster_instance, dagster_partitions
from kedro_assets.assets import AssetTable

CODE_METADATA = "kedro/code"
"""The metadata of a materialization that has the pieces of code and the parameters by which it was made."""
_CODE_VERSION_TAG = "dagster/code_version"
_DATA_VERSION_TAG = "dagster/data_version"
_PAGE = 100
"""How many events are asked for at once."""
_Edge = dg.PartitionMapping | None
"""How the partitions of what is made follow from those of what it is made from; None for Dagster's own choice."""


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
    _behind: dict[dg.AssetKey, Mapping[dg.AssetKey, Sequence[_Edge]]] = field(factory=dict, init=False)
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
        behind = self.stored_behind(key)
        return made is not None and not any(self.is_changed(each, made.position, by=key) for each in behind)

    def stored_behind(self, key: dg.AssetKey) -> Collection[dg.AssetKey]:
        """Return what an asset is made from, and behind what only passes in memory what that is made from."""
        return self._edges(key).keys()

    def is_changed(self, key: dg.AssetKey, since: int, *, by: dg.AssetKey | None = None) -> bool:
        """Whether an asset has other data since some event, as its materializations and observations say.

        Args:
            key: The asset.
            since: The event, by its place in the order of all events.
            by: What is made from it, which says the partitions that count; none for all of them.
        """
        if self._is_quiet(key, since):
            return False
        counted = self._read(by, key) if by is not None else None
        changes = self._since(key, since, counted)
        return any(version != self.version_at(key, since, partition) for partition, version in changes)

    def _is_quiet(self, key: dg.AssetKey, since: int) -> bool:
        """Whether it is known at hand that nothing was recorded of an asset since some event, of whatever partition."""
        observed = self._observed is None or key in self._observed or since < self._observed_after
        return not observed and key in self._newest and self._newest[key] <= since

    def version_at(self, key: dg.AssetKey, position: int, partition: str | None = None) -> str | None:
        """Return the data version that an asset, or a partition of it, had at some event; None if none is recorded."""
        partitions = [partition] if partition is not None else None
        asked = dg.AssetRecordsFilter(key, asset_partitions=partitions, before_storage_id=position)
        record = self._event(asked) or next(iter(self.instance.fetch_observations(asked, limit=1).records), None)
        return _data(record)[1] if record is not None else None

    def _since(
        self, key: dg.AssetKey, since: int, counted: Collection[str] | None
    ) -> Iterator[tuple[str | None, str | None]]:
        """Yield the partitions of an asset of which something was recorded since some event, each with its data version.

        What has no partitions has one of no name. Observations count where nothing was made.

        Args:
            key: The asset.
            since: The event.
            counted: The partitions that count; None for all.
        """
        if counted is not None and not counted:
            return
        few = counted is not None and len(counted) <= _PAGE
        asked = dg.AssetRecordsFilter(
            key, asset_partitions=sorted(counted or ()) if few else None, after_storage_id=since
        )
        asset, seen = self.table.by_key.get(key), set[str | None]()
        for fetch in (self.instance.fetch_materializations, self.instance.fetch_observations):
            for record in _pages(fetch, asked):
                partition, version = _data(record)
                if partition not in seen and (counted is None or partition is None or partition in counted):
                    yield partition, version
                seen.add(partition)
                if asset is not None and asset.partitioning is None:
                    return
            if seen:
                return

    def _edges(self, key: dg.AssetKey) -> Mapping[dg.AssetKey, Sequence[_Edge]]:
        """Return what an asset is made from as `stored_behind` does, each with the edges that lead there."""
        if key not in self._behind:
            found, passed, todo = dict[dg.AssetKey, list[_Edge]](), {key}, [key]
            while todo:
                asset = self.table.by_key.get(todo.pop())
                for dep in asset.spec.deps if asset is not None else ():
                    other = self.table.by_key.get(dep.asset_key)
                    if dep.asset_key in passed:
                        continue
                    if other is not None and other.vertex in self.table.graph.passing:
                        passed.add(dep.asset_key)
                        todo.append(dep.asset_key)
                    else:
                        found.setdefault(dep.asset_key, []).append(dep.partition_mapping)
            self._behind[key] = found
        return self._behind[key]

    def _read(self, by: dg.AssetKey, key: dg.AssetKey) -> Collection[str] | None:
        """Return the partitions of an asset that another is made from, which is asked for in one partition if it has any.

        What passes in memory between the two is of that partition too.

        Returns:
            None if it has no partitions, or if it is not known which they are: then all count.
        """
        own, other = self.table.by_key.get(by), self.table.by_key.get(key)
        if own is None or other is None or other.partitioning is None or (own.partitioning and not self.partition):
            return None
        definition = own.partitioning.definition if own.partitioning else None
        made = [self.partition] if own.partitioning and self.partition else []
        found = set[str]()
        for mapping in self._edges(by)[key]:
            keys, _ = dagster_partitions.partitions_read(
                mapping, definition, made, other.partitioning.definition, self.instance
            )
            found.update(map(str, keys))
        return found

    def _event(self, asked: dg.AssetRecordsFilter) -> dg.EventLogRecord | None:
        return next(iter(self.instance.fetch_materializations(asked, limit=1).records), None)

    def _partition(self, key: dg.AssetKey) -> list[str] | None:
        asset = self.table.by_key.get(key)
        return [self.partition] if self.partition and asset is not None and asset.partitioning else None


def _pages(fetch: Callable[..., dg.EventRecordsResult], asked: dg.AssetRecordsFilter) -> Iterator[dg.EventLogRecord]:
    """Yield the events that are asked for, the latest first."""
    cursor = None
    while True:
        found = fetch(asked, limit=_PAGE, cursor=cursor)
        yield from found.records
        if not found.has_more:
            return
        cursor = found.cursor


def _data(record: dg.EventLogRecord) -> tuple[str | None, str | None]:
    """Return the partition of an event, and its data version; of one without, its place among all events."""
    found = dagster_instance.recorded_materialization(record) or dagster_instance.recorded_observation(record)
    if found is None:
        return None, None
    return found.partition, (found.tags or {}).get(_DATA_VERSION_TAG, str(record.storage_id))
