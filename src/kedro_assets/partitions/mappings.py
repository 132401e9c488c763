"""Mappings between partitions as the catalog has them, turned into Dagster's own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import dagster as dg
from attrs import asdict

from kedro_assets.config import PartitionMappingConfig
from kedro_assets.errors import Scope, suggest


def read_mapping(written: str | PartitionMappingConfig, scope: Scope) -> dg.PartitionMapping | None:
    """Make a mapping between partitions; None if it does not fit, which is reported.

    Args:
        written: What the catalog has.
        scope: Its place there.
    """
    window = asdict(written).get("time_window") if isinstance(written, PartitionMappingConfig) else None
    for key, value in (window or {}).items():
        if isinstance(value, int) and abs(value) > _MOST_WINDOWS:
            scope.at("time_window", key).add(
                f"an offset of {value} windows is too large.", f"Allowed: up to {_MOST_WINDOWS}."
            )
            return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)  # of options that the documentation names
            mapping = _make(written)
    except Exception as error:  # noqa: BLE001 - of many classes, some of them not Dagster's own
        scope.add(f"Dagster rejects this partition mapping: {error}")
        return None
    if mapping is None and not scope.failed:
        kinds = (*_PLAIN, *asdict(PartitionMappingConfig()))
        scope.add("expected one kind of partition mapping, found none.", suggest("", kinds))
    return mapping


def _make(written: str | PartitionMappingConfig) -> dg.PartitionMapping | None:
    if isinstance(written, str):
        return _PLAIN[written]()
    found: list[dg.PartitionMapping] = []
    if written.time_window is not None:
        found.append(dg.TimeWindowPartitionMapping(**asdict(written.time_window)))
    if written.static is not None:
        found.append(dg.StaticPartitionMapping(written.static))
    if written.specific is not None:
        found.append(dg.SpecificPartitionsPartitionMapping(written.specific))
    if written.dimension is not None:
        found.append(dg.MultiToSingleDimensionPartitionMapping(written.dimension))
    return next(iter(found), None)


_MOST_WINDOWS = 1_000_000
_PLAIN: Mapping[str, Callable[[], dg.PartitionMapping]] = {
    "identity": dg.IdentityPartitionMapping,
    "all": dg.AllPartitionMapping,
    "last": dg.LastPartitionMapping,
}
