"""What a schedule starts for a job that makes partitions."""

from datetime import datetime, timezone

import dagster as dg
import pytest

from kedro_assets.jobs.ticks import PartitionedTicks

DAILY = dg.DailyPartitionsDefinition("2026-01-01")
REGIONS = dg.StaticPartitionsDefinition(["eu", "us"])
DYNAMIC = dg.DynamicPartitionsDefinition(name="shops")


def tick(definition, at="2026-01-10", **options):
    moment = datetime.fromisoformat(at).replace(tzinfo=timezone.utc)
    context = dg.build_schedule_context(scheduled_execution_time=moment, **options)
    return list(PartitionedTicks(definition, {"ops": {"a": {}}}, {"team": "a"}).requests(context))


def keys(found):
    return [request.partition_key for request in found]


def test_of_windows_of_time_the_last_one_that_is_over_is_due():
    assert keys(tick(DAILY)) == ["2026-01-09"]
    assert keys(tick(DAILY, "2026-01-10T23:59")) == ["2026-01-09"]


def test_of_other_keys_each_is_due():
    assert keys(tick(REGIONS)) == ["eu", "us"]


def test_of_two_dimensions_each_key_is_due_in_the_last_window():
    assert keys(tick(dg.MultiPartitionsDefinition({"day": DAILY, "region": REGIONS}))) == [
        "2026-01-09|eu",
        "2026-01-09|us",
    ]


def test_keys_that_are_added_while_dagster_runs_are_those_of_the_instance(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        instance.add_dynamic_partitions("shops", ["north"])
        assert keys(tick(DYNAMIC, instance=instance)) == ["north"]


@pytest.mark.parametrize(
    ("definition", "at"),
    [(DAILY, "2026-01-01T12:00"), (dg.MultiPartitionsDefinition({"day": DAILY, "region": REGIONS}), "2025-06-01")],
    ids=["windows", "dimensions"],
)
def test_before_the_first_partition_the_tick_is_skipped(definition, at):
    assert tick(definition, at) == [dg.SkipReason("There is no partition yet.")]


def test_without_any_key_the_tick_is_skipped(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert tick(DYNAMIC, instance=instance) == [dg.SkipReason("There is no partition yet.")]


def test_a_run_has_the_key_of_its_partition_so_that_a_repeated_tick_starts_none_twice():
    [request] = tick(DAILY)
    assert (request.run_key, request.run_config, request.tags["team"]) == ("2026-01-09", {"ops": {"a": {}}}, "a")
