"""The partitioned datasets of kedro-datasets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def limit_partitions(dataset: Any, wanted: Callable[[str], bool]) -> None:
    """Let an IncrementalDataset load and confirm some partitions only, wherever its checkpoint is; it has no public way.

    Args:
        dataset: Of this class, or of one derived from it.
        wanted: Takes the id of a partition.
    """
    base: Any = next(kind for kind in type(dataset).__mro__ if kind.__name__ == "PartitionedDataset")
    dataset._invalidate_caches()
    paths = base._list_partitions(dataset)  # its own leaves out what is before the checkpoint
    dataset._cached_partitions = sorted(path for path in paths if wanted(dataset._path_to_partition(path)))


def closes_gap(dataset: Any) -> bool:
    """Say whether the partitions that an IncrementalDataset is limited to are the next ones after its checkpoint."""
    own = dataset._cached_partitions
    dataset._cached_partitions = None
    pending = dataset._list_partitions()
    dataset._cached_partitions = own
    return bool(own) and pending[: len(own)] == own
