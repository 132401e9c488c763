"""Fails when Dagster's partitions change."""

from datetime import datetime, timezone

import dagster as dg
import pytest

from kedro_assets._internals import dagster_partitions

DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-01-11")
REGIONS = dg.StaticPartitionsDefinition(["north", "south"])
BOTH = dg.MultiPartitionsDefinition({"day": DAYS, "region": REGIONS})


def test_a_definition_with_keys_is_told_from_one_that_can_have_none():
    dagster_partitions.check_definition(DAYS)
    with pytest.raises(Exception, match="cron"):
        dagster_partitions.check_definition(
            dg.TimeWindowPartitionsDefinition(start="2026-01-01", fmt="%Y-%m-%d", cron_schedule="0 0 31 2 *")
        )


def test_keys_are_known():
    assert dagster_partitions.has_key(DAYS, "2026-01-05")
    assert not dagster_partitions.has_key(DAYS, "2026-02-05")


def test_a_range_has_its_keys_in_order():
    found = dagster_partitions.keys_between(DAYS, "2026-01-02", "2026-01-04")
    assert found == ["2026-01-02", "2026-01-03", "2026-01-04"]
    assert dagster_partitions.keys_between(DAYS, "2026-01-04", "2026-01-02") == []


def test_a_run_of_several_dimensions_has_a_tag_for_each():
    tags = dagster_partitions.tags_of_key(BOTH, BOTH.get_partition_keys()[0])
    assert {value for key, value in tags.items() if key.startswith("dagster/partition/")} == {"2026-01-01", "north"}


def test_the_last_window_is_the_last_one_that_is_over():
    days = dg.DailyPartitionsDefinition("2026-01-01")
    with dg.partition_loading_context(datetime(2026, 1, 5, 12, tzinfo=timezone.utc)):
        assert dagster_partitions.last_key(days) == "2026-01-04"
    with dg.partition_loading_context(datetime(2026, 1, 1, 12, tzinfo=timezone.utc)):
        assert dagster_partitions.last_key(days) is None


def test_a_key_has_its_window_of_time():
    found = dagster_partitions.window(DAYS, "2026-01-05")
    assert [moment.isoformat() for moment in (found.start, found.end)] == [
        "2026-01-05T00:00:00+00:00",
        "2026-01-06T00:00:00+00:00",
    ]


def test_dimensions_are_known_by_name():
    assert dict(dagster_partitions.dimensions(BOTH)) == {"day": DAYS, "region": REGIONS}
    assert dagster_partitions.dimensions(DAYS) == dagster_partitions.dimensions(None) == {}


def test_a_key_of_several_dimensions_is_taken_apart():
    assert dagster_partitions.keys_by_dimension(BOTH, "2026-01-05|north") == {"day": "2026-01-05", "region": "north"}


@pytest.mark.parametrize(
    ("mapping", "read", "expected"),
    [(None, DAYS, ""), (None, REGIONS, "must match"), (dg.AllPartitionMapping(), REGIONS, "")],
    ids=["alike", "different", "with a mapping"],
)
def test_a_mapping_that_cannot_be_has_a_reason(mapping, read, expected):
    found = dagster_partitions.mapping_error(mapping, DAYS, read)
    assert expected in found
    assert bool(found) is bool(expected)


YESTERDAY = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)


@pytest.mark.parametrize(
    ("mapping", "own", "made", "read", "expected"),
    [
        (YESTERDAY, DAYS, ["2026-01-05"], DAYS, (["2026-01-04"], [])),
        (None, None, [], REGIONS, (["north", "south"], [])),
        (None, REGIONS, ["north"], dg.StaticPartitionsDefinition(["south"]), ([], ["north"])),
    ],
    ids=["of the day before", "all", "that do not exist"],
)
def test_the_partitions_that_are_read_are_those_of_the_mapping(mapping, own, made, read, expected):
    with dg.DagsterInstance.ephemeral() as instance:
        assert dagster_partitions.partitions_read(mapping, own, made, read, instance) == expected
