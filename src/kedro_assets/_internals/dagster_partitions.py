"""How partitions of one asset follow from those of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.partitions.utils.mapping import infer_partition_mapping


def misfit(mapping: dg.PartitionMapping | None, own: Any, read: Any) -> str:
    """Say why a mapping cannot be between two partitions definitions; empty if it can.

    Dagster looks at that when it has all definitions, and then names neither file nor line.
    """
    try:
        infer_partition_mapping(mapping, own, read).validate_partition_mapping(read, own)
    except Exception as error:  # noqa: BLE001 - of many classes
        return str(error)
    return ""


def partitions_read(
    mapping: dg.PartitionMapping | None, own: Any, made: Sequence[str], read: Any, instance: dg.DagsterInstance
) -> tuple[list[str], list[str]]:
    """Give the partitions of an asset that are read to make some of another, and those of them that do not exist.

    Dagster tells a step only of what the selected assets depend on, and its nodes read more: what makes the in-memory data
    that the selected ones need.

    Args:
        mapping: How they fit, None for Dagster's own choice.
        own: The partitions definition of what is made, None if it has no partitions.
        made: The partitions that are made.
        read: The partitions definition of what is read.
        instance: Knows dynamic partitions.
    """
    with partition_loading_context(dynamic_partitions_store=instance):
        subset = own.subset_with_partition_keys(made) if own is not None else None
        found = infer_partition_mapping(mapping, own, read).get_upstream_mapped_partitions_result_for_partitions(
            subset, own, read
        )
        missing = list(found.required_but_nonexistent_partition_keys)
        return list(found.partitions_subset.get_partition_keys()), missing
