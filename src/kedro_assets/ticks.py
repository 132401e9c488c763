"""What a schedule starts for a job that makes partitions."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import dagster as dg
from attrs import frozen


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
        """Give a run for each partition that is due."""
        found = False
        for key in _due(self.definition, context.scheduled_execution_time, context.instance):
            found = True
            yield dg.RunRequest(key, partition_key=key, run_config=dict(self.run_config), tags=dict(self.tags))
        if not found:
            yield dg.SkipReason("There is no partition yet.")


def _due(definition: dg.PartitionsDefinition[Any], now: datetime, instance: dg.DagsterInstance) -> Iterator[str]:
    with dg.partition_loading_context(now, instance):
        if isinstance(definition, dg.TimeWindowPartitionsDefinition):
            last = definition.get_last_partition_key()
            yield from [last] if last is not None else []
            return
        dimensions = definition.partitions_defs if isinstance(definition, dg.MultiPartitionsDefinition) else ()
        last_of = {
            dimension.name: dimension.partitions_def.get_last_partition_key()
            for dimension in dimensions
            if isinstance(dimension.partitions_def, dg.TimeWindowPartitionsDefinition)
        }
        for key in definition.get_partition_keys():
            at = getattr(key, "keys_by_dimension", {})
            if all(at[name] == last for name, last in last_of.items()):
                yield key
