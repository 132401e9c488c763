"""How nodes and datasets are partitioned, and how the partitions of a run reach Kedro."""

from kedro_assets.partitions.definitions import Partitioning, TranslatedPartitions
from kedro_assets.partitions.keys import (
    PARTITION_TAG,
    RANGE_TAGS,
    check_given,
    check_keys,
    check_saved,
    first_key,
    has_partition,
    has_several,
    held,
    is_incremental,
    is_partitioned,
    of_keys,
    part_of,
    partition_of,
    runtime_params,
    selected,
    shown,
)
from kedro_assets.partitions.resolve import Partitions, asks_for_key, resolve_partitions

__all__ = [
    "PARTITION_TAG",
    "RANGE_TAGS",
    "Partitioning",
    "Partitions",
    "TranslatedPartitions",
    "asks_for_key",
    "check_given",
    "check_keys",
    "check_saved",
    "first_key",
    "has_partition",
    "has_several",
    "held",
    "is_incremental",
    "is_partitioned",
    "of_keys",
    "part_of",
    "partition_of",
    "resolve_partitions",
    "runtime_params",
    "selected",
    "shown",
]
