"""A backfill by Dagster's own daemon of what is stored before and behind in-memory data that nobody has selected."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from helpers import json_dataset, write_project
from partitioned import every, one
from servers import HASTY_BACKFILLS, dagster_dev

NODES = """
def extract(raw, start):
    return raw

def gather(days):
    return sorted(days)

def count(keys):
    return {"days": keys}

def collect(weeks):
    return {key: load() for key, load in weeks.items()}

def report(table):
    return table
"""
PIPELINES = """{"__default__": pipeline([
    node(extract, ["raw", "params:partition_start"], "daily@one", name="extract"),
    node(gather, "daily@all", "gathered", name="gather"),
    node(count, "gathered", "weekly@one", name="count"),
    node(collect, "weekly@all", "table", name="collect"),
    node(report, "table", "report", name="report"),
])}"""
DAYS = [f"2026-01-{day:02}" for day in range(4, 11)]  # a week of Dagster's, which begins on Sunday


def test_a_backfill_reaches_what_is_made_from_in_memory_data_in_the_order_of_what_is_stored(tmp_path: Path) -> None:
    until = 'start_date: "2026-01-04", end_date: "2026-01-11"'
    daily = f"partitions: {{daily: {{{until}}}, max_partitions_per_run: 7}}"
    weekly = f"partitions: {{weekly: {{{until}}}}}"
    project = write_project(
        tmp_path,
        nodes=NODES,
        pipelines=PIPELINES,
        catalog=json_dataset("raw", "report")
        + "".join([one("daily@one", daily), every("daily@all"), one("weekly@one", weekly), every("weekly@all")]),
    )
    project.write("data/raw.json", "100")
    with dagster_dev(tmp_path / "home", project, settings={"run_coordinator": HASTY_BACKFILLS}) as dev:
        dev.location(project.package)
        backfill = dev.backfill([[name] for name in ("daily", "weekly", "report")])
        assert dev.wait_for_backfill(backfill) == "COMPLETED_SUCCESS"
        with dg.DagsterInstance.from_config(str(dev.home)) as instance:
            runs = list(reversed(instance.get_runs()))
            times = [instance.get_run_stats(run.run_id) for run in runs]
    assert project.read("weekly/2026-01-04.json") == {"days": DAYS}
    assert project.read("report.json") == {"2026-01-04": {"days": DAYS}}
    assert [[key.to_user_string() for key in run.asset_selection or ()] for run in runs] == [
        ["daily"],
        ["weekly"],
        ["report"],
    ]
    asked, ended = [found.enqueued_time for found in times], [found.end_time for found in times]
    assert asked[1] > ended[0]
    assert asked[2] > ended[1]
