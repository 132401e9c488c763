"""Schedules of jobs that make partitions: which runs a tick asks for, and that those runs make what they name."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from helpers import KedroProject, json_dataset, load_definitions, write_project
from partitioned import one, run_job

NODES = """
    def note(key, step):
        return {"key": key, "step": step}
"""
PIPELINES = '{"__default__": pipeline([node(note, ["params:partition_key", "params:step"], "made", name="make")])}'
SCHEDULE = """
    jobs:
      make:
        pipeline: {}
        schedule:
          cron_schedule: "0 3 * * *"
          execution_timezone: Europe/Berlin
          tags: {why: tick}
          config: {runtime_params: {step: 2}}
"""
# Dagster itself says this of the tags that it gives to a partition of two dimensions.
pytestmark = pytest.mark.filterwarnings("ignore:Non-compliant tag keys:DeprecationWarning")
BERLIN = ZoneInfo("Europe/Berlin")


def scheduled(folder: Path, partitions: str, dagster: str = SCHEDULE) -> KedroProject:
    return write_project(
        folder,
        nodes=NODES,
        pipelines=PIPELINES,
        catalog=json_dataset("other") + one("made", f"partitions: {partitions}"),
        parameters="step: 1",
        dagster=dagster,
    )


def tick(project: KedroProject, at: datetime, instance: dg.DagsterInstance) -> Any:
    """Evaluate the schedule as the daemon does."""
    repository = load_definitions(project).get_repository_def()
    [schedule] = repository.schedule_defs
    with dg.build_schedule_context(
        instance=instance, scheduled_execution_time=at, repository_def=repository
    ) as context:
        return schedule.evaluate_tick(context)


def asked(project: KedroProject, at: datetime, instance: dg.DagsterInstance) -> list[tuple[object, ...]]:
    requests = tick(project, at, instance).run_requests
    assert all(request.tags["why"] == "tick" for request in requests)
    assert all(request.tags["dagster/partition"] == request.partition_key for request in requests)
    return [(request.run_key, request.partition_key) for request in requests]


def twice(*keys: str) -> list[tuple[object, ...]]:
    """Each partition with itself as the key of its run: runs of one tick with one key are one run to Dagster."""
    return [(key, key) for key in keys]


WINDOWS = {
    "a day": ('{daily: {start_date: "2026-01-01"}}', datetime(2026, 1, 20, 3, tzinfo=BERLIN), "2026-01-19"),
    "a day that is not over elsewhere": (
        '{daily: {start_date: "2026-01-01", timezone: America/New_York}}',
        datetime(2026, 1, 20, 3, tzinfo=BERLIN),
        "2026-01-18",
    ),
    "the day that has just ended": (
        '{daily: {start_date: "2026-01-01", timezone: Europe/Berlin}}',
        datetime(2026, 1, 20, 0, tzinfo=BERLIN),
        "2026-01-19",
    ),
    "the day of the change of the clocks": (
        '{daily: {start_date: "2026-01-01", timezone: Europe/Berlin}}',
        datetime(2026, 3, 30, 3, tzinfo=BERLIN),
        "2026-03-29",
    ),
    "a day with an offset": (
        '{daily: {start_date: "2026-01-01", end_offset: 1}}',
        datetime(2026, 1, 20, 3, tzinfo=BERLIN),
        "2026-01-20",
    ),
    "the last day there is": (
        '{daily: {start_date: "2026-01-01", end_date: "2026-01-15"}}',
        datetime(2026, 2, 20, 3, tzinfo=BERLIN),
        "2026-01-14",
    ),
    "an hour": (
        '{hourly: {start_date: "2026-01-01-00:00"}}',
        datetime(2026, 1, 20, 3, 30, tzinfo=BERLIN),
        "2026-01-20-01:00",
    ),
    "a week": ('{weekly: {start_date: "2026-01-04"}}', datetime(2026, 1, 20, 3, tzinfo=BERLIN), "2026-01-11"),
    "a month": ('{monthly: {start_date: "2025-01-01"}}', datetime(2026, 1, 20, 3, tzinfo=BERLIN), "2025-12-01"),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_a_tick_makes_the_last_window_of_time_that_is_over(
    case: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    partitions, at, key = WINDOWS[case]
    assert asked(scheduled(tmp_path, partitions), at, instance) == twice(key)


def test_a_tick_before_the_first_window_is_over_is_skipped(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = scheduled(tmp_path, '{daily: {start_date: "2026-01-20"}}')
    answer = tick(project, datetime(2026, 1, 20, 3, tzinfo=BERLIN), instance)
    assert not answer.run_requests
    assert answer.skip_message == "There is no partition yet."


def test_a_tick_makes_each_static_partition_with_a_run_key_of_its_own(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = scheduled(tmp_path, "{static: [north, south]}")
    assert asked(project, datetime(2026, 1, 20, 3, tzinfo=BERLIN), instance) == twice("north", "south")


def test_a_tick_makes_each_dynamic_partition_there_is(tmp_path: Path) -> None:
    project = scheduled(tmp_path, "{dynamic: tick_files}")
    at = datetime(2026, 1, 20, 3, tzinfo=BERLIN)
    with dg.instance_for_test() as instance:
        assert tick(project, at, instance).skip_message == "There is no partition yet."
        instance.add_dynamic_partitions("tick_files", ["b", "a"])
        assert sorted(asked(project, at, instance)) == twice("a", "b")


MULTI = '{multi: {day: {daily: {start_date: "2026-01-01"}}, region: {static: [north, south]}}}'


def test_a_tick_makes_all_regions_of_the_last_day(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = scheduled(tmp_path, MULTI)
    wanted = twice("2026-01-19|north", "2026-01-19|south")
    assert asked(project, datetime(2026, 1, 20, 3, tzinfo=BERLIN), instance) == wanted


def test_a_tick_makes_every_pair_of_two_dimensions_without_time(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = scheduled(tmp_path, "{multi: {region: {static: [north, south]}, size: {static: [s, m]}}}")
    wanted = twice("north|m", "north|s", "south|m", "south|s")
    assert sorted(asked(project, datetime(2026, 1, 20, 3, tzinfo=BERLIN), instance)) == wanted


@pytest.mark.parametrize(
    "partitions",
    ["{static: [north, south]}", MULTI, '{daily: {start_date: "2026-01-01"}}'],
    ids=["static", "multi", "daily"],
)
def test_the_runs_that_a_tick_asks_for_make_what_they_name(
    partitions: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = scheduled(tmp_path, partitions)
    requests = tick(project, datetime(2026, 1, 20, 3, tzinfo=BERLIN), instance).run_requests
    for request in requests:
        made = run_job(project, instance, "make", tags=dict(request.tags), **request.run_config)
        assert made.success, made.error
        assert made.recorded == [("made", request.partition_key)]
    found = [project.read(name) for name in project.data()]
    assert sorted(entry["key"] for entry in found) == sorted(request.partition_key for request in requests)
    assert {entry["step"] for entry in found} == {2}
    runs = [call["run_id"] for call in project.calls("before_pipeline_run")]
    assert len(set(runs)) == len(runs) == len(requests)
