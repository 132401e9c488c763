"""The partitioned datasets of kedro-datasets, which is imported when one is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kedro_datasets.partitions import IncrementalDataset


def limit_partitions(dataset: IncrementalDataset, wanted: Callable[[str], bool]) -> None:
    """Let an IncrementalDataset load and confirm some partitions only, wherever its checkpoint is.

    Reason: it has no public way to load other partitions than those behind its checkpoint.
    Risk: high; it is told through the cache of its partitions. Where that changes, it loads what is behind its checkpoint.

    Args:
        dataset: The dataset.
        wanted: Takes the id of a partition.
    """
    from kedro_datasets.partitions import PartitionedDataset

    dataset._invalidate_caches()
    paths = PartitionedDataset._list_partitions(dataset)  # its own leaves out what is before the checkpoint
    dataset._cached_partitions = sorted(path for path in paths if wanted(dataset._path_to_partition(path)))


def closes_gap(dataset: IncrementalDataset) -> bool:
    """Whether the partitions that an IncrementalDataset is limited to are the next ones after its checkpoint.

    Reason: its public `confirm` moves the checkpoint to the last partition that it has loaded, past others that no run has
    processed.
    Risk: high, as for `limit_partitions`.
    """
    own = dataset._cached_partitions
    dataset._cached_partitions = None
    pending = dataset._list_partitions()
    dataset._cached_partitions = own
    return bool(own) and pending[: len(own)] == own
