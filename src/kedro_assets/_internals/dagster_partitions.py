"""Dagster's partitions: their keys, and how those of one asset follow from those of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.partitions.utils.mapping import infer_partition_mapping


def check_definition(definition: dg.PartitionsDefinition[Any]) -> None:
    """Look whether a partitions definition has keys, as Dagster does when it has all definitions.

    Reason: Dagster then names neither file nor line.
    Risk: low; where it changes, Dagster's own message is all that there is.

    Raises:
        Exception: Of many classes, if it has none.
    """
    definition.validate_partition_definition()


def has_key(definition: dg.PartitionsDefinition[Any], key: str) -> bool:
    """Whether there is a partition of this key.

    Reason: the public `get_partition_keys` makes all keys, which of hours are many.
    Risk: low.
    """
    return definition.has_partition_key(key)


def keys_between(definition: dg.PartitionsDefinition[Any], first: str, last: str) -> list[str]:
    """Return the keys from a first one to a last one; none if they are in the wrong order.

    Reason: of several dimensions, a range is not a slice of the public `get_partition_keys`.
    Risk: low; Dagster's own command line uses it.
    """
    return list(definition.get_partition_keys_in_range(dg.PartitionKeyRange(first, last)))


def tags_of_key(definition: dg.PartitionsDefinition[Any], key: str) -> Mapping[str, str]:
    """Return the tags that Dagster gives to a run of a partition, beside that of its key.

    Reason: `dagster.RunRequest` adds them, and there is none for a run that the command line starts.
    Risk: low.
    """
    return definition.get_tags_for_partition_key(key)


def last_key(definition: dg.TimeWindowPartitionsDefinition) -> str | None:
    """Return the key of the last window of time that is over, as the partition loading context has the time.

    Reason: the public `get_partition_keys` makes all keys, which of hours are many.
    Risk: low.
    """
    return definition.get_last_partition_key()


def window(definition: dg.TimeWindowPartitionsDefinition, key: str) -> dg.TimeWindow:
    """Return the window of time of a key.

    Reason: a step's context has the public `partition_time_window`, and the window is needed before there is a step.
    Risk: low.
    """
    return definition.time_window_for_partition_key(key)


def dimensions(definition: dg.PartitionsDefinition[Any] | None) -> Mapping[str, dg.PartitionsDefinition[Any]]:
    """Return the dimensions of a partitions definition by name; none if it is not of several.

    Reason: Dagster's constructor takes them so, and gives them back in a class that is not public.
    Risk: low.
    """
    if not isinstance(definition, dg.MultiPartitionsDefinition):
        return {}
    return {dimension.name: dimension.partitions_def for dimension in definition.partitions_defs}


def keys_by_dimension(definition: dg.MultiPartitionsDefinition, key: str) -> Mapping[str, str]:
    """Return the parts of a key of several dimensions, by dimension.

    Reason: a run's tag has the key as one text, and nothing public takes it apart.
    Risk: low.
    """
    return dict(definition.get_partition_key_from_str(key).keys_by_dimension)


def mapping_error(mapping: dg.PartitionMapping | None, own: Any, read: Any) -> str:
    """Return why a mapping cannot be between two partitions definitions; nothing if it can.

    Reason: Dagster looks at that when it has all definitions, and then names neither file nor line.
    Risk: low; where it changes, Dagster's own message is all that there is.

    Args:
        mapping: The mapping, None for Dagster's own choice.
        own: The partitions definition of what is made.
        read: The partitions definition of what is read.
    """
    try:
        infer_partition_mapping(mapping, own, read).validate_partition_mapping(read, own)
    except Exception as error:  # noqa: BLE001 - of many classes
        return str(error)
    return ""


def partitions_read(
    mapping: dg.PartitionMapping | None, own: Any, made: Sequence[str], read: Any, instance: dg.DagsterInstance
) -> tuple[list[str], list[str]]:
    """Return the partitions of an asset that are read to make some of another, and those of them that do not exist.

    Reason: Dagster tells a step only of what the selected assets depend on, and its nodes read more: what makes the
    in-memory data that the selected ones need.
    Risk: medium; where it changes, steps that read partitioned datasets fail. The subsets and the choice of a mapping are
    not public, the mappings are.

    Args:
        mapping: How they fit, None for Dagster's own choice.
        own: The partitions definition of what is made, None if it has no partitions.
        made: The partitions that are made.
        read: The partitions definition of what is read.
        instance: Knows dynamic partitions.
    """
    with dg.partition_loading_context(dynamic_partitions_store=instance):
        subset = own.subset_with_partition_keys(made) if own is not None else None
        found = infer_partition_mapping(mapping, own, read).get_upstream_mapped_partitions_result_for_partitions(
            subset, own, read
        )
        missing = list(found.required_but_nonexistent_partition_keys)
        return list(found.partitions_subset.get_partition_keys()), missing
