"""Which assets are to be made again, and why: what is missing, gone, or made by other code or from other data."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from attrs import define, field, frozen

from kedro_assets._internals import dagster_instance
from kedro_assets.assets import KedroAsset
from kedro_assets.partitions import PARTITION_TAG, at_partition, held
from kedro_assets.partitions import runtime_params as params_of_run
from kedro_assets.project import is_in_known_system
from kedro_assets.runtime.files import DatasetFiles
from kedro_assets.runtime.history import CODE_METADATA, History, Made
from kedro_assets.runtime.kedro_project import KedroProject

_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@frozen
class StaleAsset:
    """An asset that is to be made again.

    Attributes:
        reasons: Why.
        follows: Whether it is so only as what it is made from is made again: if that comes out the same, it can stay.
    """

    reasons: Sequence[str]
    follows: bool = False


def stale_assets(
    project: KedroProject,
    keys: Collection[dg.AssetKey],
    instance: dg.DagsterInstance,
    partition: str | None = None,
    run: str | None = None,
    runtime_params: Mapping[str, Any] | None = None,
) -> Mapping[dg.AssetKey, StaleAsset]:
    """Return those of some assets that are to be made again, in order, each with the reasons.

    What only passes in memory is none of them: with the nodes around it, it is as one. An asset is stale too if one that it
    is made from is made again, or if the files of an input cannot be looked at. What Dagster's UI shows as stale is among them,
    but for partitions behind in-memory data, which the UI does not tell apart.

    Args:
        project: The project; this process has it open.
        keys: The assets; what is not of this project is left out.
        instance: Where their history is recorded.
        partition: The partition of those that are partitioned.
        run: The run that asks, which has made nothing yet.
        runtime_params: What the run is given, as the places of files may depend on it.
    """
    files = DatasetFiles(project, {**(runtime_params or {}), **_of_partition(project, keys, partition)})
    return _Decision(project, History(project.table, instance, partition), files, run).of(keys)


def _of_partition(project: KedroProject, keys: Collection[dg.AssetKey], partition: str | None) -> Mapping[str, Any]:
    """Return the runtime parameters of a partition of some assets, all of which are partitioned alike if they are."""
    made = next((asset.partitioning for asset in project.table.of_keys(keys) if asset.partitioning), None)
    return params_of_run({PARTITION_TAG: partition}, made.definition) if partition and made else {}


@frozen
class _Beside:
    """What is made again with an asset, by the name of the asset; `follows` as for `StaleAsset`."""

    name: str
    follows: bool


@define
class _Decision:
    """Decides on the assets of a project.

    Attributes:
        project: The project.
        history: What is recorded of its assets.
        files: What is stored of them now.
        run: The run that asks.
    """

    project: KedroProject
    history: History
    files: DatasetFiles
    run: str | None = None
    _own: dict[dg.AssetKey, list[str]] = field(factory=dict, init=False)
    _news: dict[tuple[dg.AssetKey, dg.AssetKey], list[str]] = field(factory=dict, init=False)
    _states: dict[str, dg.DagsterRunStatus | None] = field(factory=dict, init=False)
    _begun: dict[str, frozenset[dg.AssetKey]] = field(factory=dict, init=False)

    def of(self, keys: Collection[dg.AssetKey]) -> dict[dg.AssetKey, StaleAsset]:
        table = self.project.table
        passing = table.graph.passing
        wanted = [asset for asset in table.of_keys(keys) if asset.cluster and asset.vertex not in passing]
        self.history.prepare([asset.key for asset in wanted])
        position = {vertex: number for number, vertex in enumerate(table.graph.assets_of(table.graph.nodes))}
        wanted.sort(key=lambda asset: position[asset.vertex])
        beside: dict[dg.AssetKey, _Beside] = {}
        while True:
            found = self._with(wanted, beside)
            more = {key: cause for key, cause in self._beside(found).items() if key not in beside}
            if not more:
                return found
            beside |= more

    def _with(
        self, wanted: Sequence[KedroAsset], beside: Mapping[dg.AssetKey, _Beside]
    ) -> dict[dg.AssetKey, StaleAsset]:
        """Return what is to be made again of some assets in order, where others are made beside it."""
        found: dict[dg.AssetKey, StaleAsset] = {}
        for asset in wanted:
            made = self.history.latest(asset.key)
            if made is None:
                found[asset.key] = StaleAsset(["never made"])
                continue
            if asset.key not in self._own:
                self._own[asset.key] = [
                    *self._code(asset, made),
                    *self._storage(asset),
                    *self._failure(asset, made),
                ]
            again = found.keys() | beside.keys()
            own = [*self._own[asset.key], *self._inputs(asset, made, again)]
            before = [
                f"'{self._name(key)}' is made again" for key in self.history.stored_behind(asset.key) if key in again
            ]
            cause = beside.get(asset.key)
            if cause is not None and not own and not before:
                found[asset.key] = StaleAsset([f"it is made together with '{cause.name}'"], cause.follows)
            elif own or before:
                follows = not own and (cause is None or cause.follows)
                found[asset.key] = StaleAsset([*own, *before], follows)
        return found

    def _beside(self, found: Mapping[dg.AssetKey, StaleAsset]) -> dict[dg.AssetKey, _Beside]:
        """Return what is made with some assets, as their nodes make it too, or those from which they get data in memory."""
        table, beside = self.project.table, dict[dg.AssetKey, _Beside]()
        for key, stale in found.items():
            node = table.graph.maker(table.by_key[key].vertex)
            if node is None:
                continue
            for other in table.made_by([node, *table.graph.in_memory_before(node)]):
                if other.key not in found and other.vertex not in table.graph.passing and not other.is_virtual:
                    known = beside.get(other.key)
                    follows = stale.follows and (known is None or known.follows)
                    beside[other.key] = _Beside(known.name if known else self._name(key), follows)
        return beside

    def _code(self, asset: KedroAsset, made: Made) -> Iterator[str]:
        """Yield what has changed of the code and the parameters by which an asset was made."""
        if asset.spec.code_version in (None, made.code_version):  # where a translator gives none, Dagster asks for none
            return
        recorded = made.materialization.metadata.get(CODE_METADATA)
        before = recorded.value if recorded is not None else None
        now = asset.record.code.pieces if asset.record.code else {}
        if not isinstance(before, Mapping):
            yield "made by other code or with other parameters"
            return
        changed = [piece for piece in {**before, **now} if before.get(piece) != now.get(piece)]
        for piece in changed:
            verb = "is new" if piece not in before else "is no longer used" if piece not in now else "has changed"
            yield f"{piece} {verb}"
        if not changed:
            yield "its code or a parameter has changed"

    def _storage(self, asset: KedroAsset) -> Iterator[str]:
        """Yield where the files of an asset, or of its partition, were that are not there any more.

        Those that cannot be looked at may be there.
        """
        if not asset.is_dataset or asset.in_memory:
            return
        partitions, key = self.project.table.partitions, self.history.partition if asset.partitioning else None
        entry = (partitions.in_own_place(asset.name) if key else None) or partitions.in_one_place(asset.name)
        if entry is None:
            return
        seen, place = self.files.look(entry.name), at_partition(str(entry.location), self.files.runtime_params)
        if seen.unseen:
            return
        if seen.fingerprint is None:
            yield f"there are no files at {place}"
        elif key and entry.is_partitioned and not entry.is_incremental and not entry.partition_parts:
            ids = self.files.partitions(entry.name)
            if ids is not None and not held(dict.fromkeys(ids), [key]):
                yield f"there are no files of partition {key} at {place}"

    def _failure(self, asset: KedroAsset, made: Made) -> Iterator[str]:
        """Yield the run that was to make an asset since, and has failed after its step had started.

        Those before one that has succeeded do not count: it has made the asset, or found it up to date.
        """
        for run_id in self.history.runs_since(asset.key, made):
            state = self._state(run_id)
            if state == dg.DagsterRunStatus.SUCCESS:
                return
            if state in _FAILED and asset.key in self._begun_in(run_id):
                ended = "was canceled" if state == dg.DagsterRunStatus.CANCELED else "has failed"
                yield f"run {run_id.partition('-')[0]} {ended} and may have left a part of it"
                return

    def _state(self, run_id: str) -> dg.DagsterRunStatus | None:
        """Return how a run has ended, or is; nothing of the run that asks, and of one that is not known any more."""
        if run_id not in self._states:
            run = self.history.instance.get_run_by_id(run_id) if run_id != self.run else None
            self._states[run_id] = run.status if run is not None else None
        return self._states[run_id]

    def _begun_in(self, run_id: str) -> frozenset[dg.AssetKey]:
        if run_id not in self._begun:
            self._begun[run_id] = dagster_instance.begun_assets(self.history.instance, run_id)
        return self._begun[run_id]

    def _inputs(self, asset: KedroAsset, made: Made, again: Collection[dg.AssetKey]) -> Iterator[str]:
        """Yield what an asset is made from that has other data since; what is made again is left out."""
        for key in self.history.stored_behind(asset.key):
            if key in again:
                continue
            if (asset.key, key) not in self._news:
                self._news[asset.key, key] = list(self._news_of(asset, key, made))
            yield from self._news[asset.key, key]

    def _news_of(self, asset: KedroAsset, key: dg.AssetKey, made: Made) -> Iterator[str]:
        """Yield that there is other data in an asset since something was made from it, or that this cannot be told."""
        other, name = self.project.table.by_key.get(key), self._name(key)
        if other is not None and other.observed is not None:
            seen = self.files.look(other.observed.name)
            if seen.unseen:
                if is_in_known_system(self.project.location, other.observed):  # else they never can be
                    yield f"the files of '{name}' cannot be looked at: {seen.unseen}"
                return
            now, then = seen.fingerprint, self.history.version_at(key, made.position)
            if now and now != then:
                yield f"new data in '{name}'" if then else f"nothing is known of the data of '{name}' at that time"
        elif self.history.is_changed(key, made.position, by=asset.key):
            yield f"new data in '{name}'"

    def _name(self, key: dg.AssetKey) -> str:
        asset = self.project.table.by_key.get(key)
        return asset.name if asset is not None else key.to_user_string()
