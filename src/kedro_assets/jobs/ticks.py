"""What a schedule starts for a job that makes partitions."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_partitions


@frozen
class PartitionedTicks:
    """Gives the runs of a tick: of windows of time the last one that is over, of other keys each.

    Attributes:
        definition: The partitions of the job.
        run_config: What each run is given.
        tags: The tags of each run.
    """

    definition: dg.PartitionsDefinition[Any]
    run_config: Mapping[str, Any]
    tags: Mapping[str, str]

    def requests(self, context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Yield a run for each partition that is due."""
        with dg.partition_loading_context(context.scheduled_execution_time, _instance_of(context)):
            keys = _due(self.definition)
        for key in keys:
            yield dg.RunRequest(key, partition_key=key, run_config=dict(self.run_config), tags=dict(self.tags))
        if not keys:
            yield dg.SkipReason("There is no partition yet.")


def _due(definition: dg.PartitionsDefinition[Any]) -> list[str]:
    """Return the keys that are due now, by the partition loading context."""
    if isinstance(definition, dg.TimeWindowPartitionsDefinition):
        last = dagster_partitions.last_key(definition)
        return [last] if last is not None else []
    keys = list(definition.get_partition_keys())
    if not isinstance(definition, dg.MultiPartitionsDefinition):
        return keys
    last_of = {
        name: dagster_partitions.last_key(dimension)
        for name, dimension in dagster_partitions.dimensions(definition).items()
        if isinstance(dimension, dg.TimeWindowPartitionsDefinition)
    }
    parts = {key: dagster_partitions.keys_by_dimension(definition, key) for key in keys}
    return [key for key in keys if all(parts[key][name] == last for name, last in last_of.items())]


def _instance_of(context: dg.ScheduleEvaluationContext) -> dg.DagsterInstance | None:
    """Return the instance, which knows dynamic partitions; a context that a test has built may have none."""
    try:
        return context.instance
    except dg.DagsterInvariantViolationError:
        return None
