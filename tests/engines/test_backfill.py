"""Backfills by Dagster's own daemon, with PostgreSQL as its storage: days that go into weeks, and weeks into a report."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from helpers import KedroProject, json_dataset, write_project
from partitioned import every, one
from servers import HASTY_BACKFILLS, DagsterDev, dagster_dev, wait_for

DAYS = int(os.environ.get("BACKFILL_DAYS", "14"))
FIRST = date(2026, 1, 4)  # a Sunday, on which Dagster's weeks begin
KILLED = "2026-01-07"
SECONDS = 240 + 15 * DAYS

NODES = """
import os
import signal
from datetime import date, timedelta
from pathlib import Path

KILL_ONCE = Path(__file__).parents[2] / "kill_once"


def value(raw, key):
    return {"day": key, "value": raw + date.fromisoformat(key).toordinal()}


def value_or_death(raw, key):
    if key == "KILLED" and KILL_ONCE.exists():
        KILL_ONCE.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return value(raw, key)


def extract_days(raw, start, end):
    first = date.fromisoformat(start[:10])
    count = (date.fromisoformat(end[:10]) - first).days
    keys = [(first + timedelta(number)).isoformat() for number in range(count)]
    return {key: (lambda key=key: value_or_death(raw, key)) for key in keys}


def total(days):
    loaded = {key: load() for key, load in sorted(days.items())}
    return {"days": sorted(loaded), "total": sum(day["value"] for day in loaded.values())}


def totals(days):
    weeks = {}
    for key, load in days.items():
        day = date.fromisoformat(key)
        weeks.setdefault((day - timedelta(day.isoweekday() % 7)).isoformat(), {})[key] = load
    return {week: total(loads) for week, loads in weeks.items()}


def report(weeks):
    return {key: load()["total"] for key, load in sorted(weeks.items())}
""".replace("KILLED", KILLED)

EACH = """{"__default__": pipeline([
    node(value_or_death, ["raw", "params:partition_key"], "daily@one", name="extract"),
    node(total, "daily@all", "weekly@one", name="sum_up"),
    node(report, "weekly@all", "report", name="report"),
])}"""
ALL = """{"__default__": pipeline([
    node(extract_days, ["raw", "params:partition_start", "params:partition_end"], "daily", name="extract"),
    node(totals, "daily", "weekly", name="sum_up"),
    node(report, "weekly", "report", name="report"),
])}"""


@dataclass(frozen=True)
class Wanted:
    """A backfill, and the project that it makes.

    Attributes:
        days: How many days there are.
        single: Whether one run makes all days, and one all weeks.
        killed: Whether the process of a run is killed once.
    """

    days: int
    single: bool = False
    killed: bool = False

    @property
    def prefix(self) -> str:
        """What sets its assets apart from those of the other code locations."""
        return ("one" if self.single else "each") + ("_killed" if self.killed else "")

    @property
    def day_keys(self) -> list[str]:
        return [(FIRST + timedelta(number)).isoformat() for number in range(self.days)]

    @property
    def week_keys(self) -> list[str]:
        """The weeks that are whole."""
        return self.day_keys[: self.days // 7 * 7 : 7]

    def value(self, key: str) -> int:
        return 100 + date.fromisoformat(key).toordinal()

    def files(self) -> dict[str, Any]:
        """What is to be under data/ in the end."""
        found: dict[str, Any] = {"raw.json": 100, "report.json": {}}
        for key in self.day_keys:
            found[f"daily/{key}.json"] = {"day": key, "value": self.value(key)}
        for number, week in enumerate(self.week_keys):
            days = self.day_keys[number * 7 : number * 7 + 7]
            found["report.json"][week] = sum(map(self.value, days))
            found[f"weekly/{week}.json"] = {"days": days, "total": found["report.json"][week]}
        return found

    def write(self, folder: Path) -> KedroProject:
        def partitions(kind: str, days: int) -> str:
            window = f'{kind}: {{start_date: "{FIRST}", end_date: "{FIRST + timedelta(days)}"}}'
            return f"partitions: {{{window}{', backfill_policy: single_run' if self.single else ''}}}"

        daily, weekly = partitions("daily", self.days), partitions("weekly", self.days // 7 * 7)
        if self.single:
            entries = [every("daily", daily), every("weekly", weekly)]
        else:
            entries = [one("daily@one", daily), every("daily@all"), one("weekly@one", weekly), every("weekly@all")]
        catalog = json_dataset("raw", "report") + "".join(entries)
        pipelines = ALL if self.single else EACH
        prefix = f"assets: {{key_prefix: [{self.prefix}]}}"
        project = write_project(folder, nodes=NODES, pipelines=pipelines, catalog=catalog, dagster=prefix)
        project.write("data/raw.json", "100")
        if self.killed:
            project.write("kill_once", "")
        return project


WANTED = {
    "one run": Wanted(DAYS, single=True),
    "a run per key, one killed": Wanted(DAYS, killed=True),
    "one run, killed": Wanted(DAYS, single=True, killed=True),
}


@dataclass(frozen=True)
class Bench:
    """The backfills that the daemon is at.

    Attributes:
        dev: The daemon and the web server.
        projects: A project for each of `WANTED`.
        backfills: The ids of the backfills.
    """

    dev: DagsterDev
    projects: dict[str, KedroProject]
    backfills: dict[str, str]

    def ended(self, name: str) -> str:
        """Wait for a backfill, and give its status."""
        return self.dev.wait_for_backfill(self.backfills[name], SECONDS)

    def runs(self, name: str) -> list[Run]:
        """The runs of a backfill, the oldest first."""
        of_it = dg.RunsFilter(tags={"dagster/backfill": self.backfills[name]})
        found = []
        with dg.DagsterInstance.from_config(str(self.dev.home)) as instance:
            for run in reversed(instance.get_runs(of_it)):
                made = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
                events = [entry.dagster_event for entry in made if entry.dagster_event]
                recorded = [(event.asset_key.path[-1], event.partition) for event in events if event.asset_key]
                found.append(Run(run.status, run.tags[f"kedro_{WANTED[name].prefix}/run_id"], recorded))
        return found


@dataclass(frozen=True)
class Run:
    """A run of a backfill: its end, its run of Kedro, and the partitions of each asset that it has recorded."""

    status: dg.DagsterRunStatus
    kedro_id: str
    recorded: list[tuple[str, str | None]]


def launch(dev: DagsterDev, project: KedroProject, prefix: str) -> str:
    """Ask for all partitions of all assets, as the UI does."""
    dev.location(project.package)
    return dev.backfill([(prefix, name) for name in ("daily", "weekly", "report")])


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Bench]:
    """All backfills at once, which take turns in the run queue."""
    folder = tmp_path_factory.mktemp("backfills")
    projects = {name: wanted.write(folder) for name, wanted in WANTED.items()}
    settings = {
        "storage": {"postgres": {"postgres_url": postgres_url}},
        "run_coordinator": HASTY_BACKFILLS,
        "run_retries": {"enabled": True, "max_retries": 1},
    }
    with dagster_dev(folder / "home", *projects.values(), settings=settings) as dev:
        backfills = {name: launch(dev, projects[name], wanted.prefix) for name, wanted in WANTED.items()}
        yield Bench(dev, projects, backfills)


@pytest.mark.slow
@pytest.mark.parametrize("name", WANTED)
def test_a_backfill_makes_every_partition_once_with_one_kedro_run_per_run(bench: Bench, name: str) -> None:
    wanted, project = WANTED[name], bench.projects[name]
    assert bench.ended(name) == "COMPLETED_SUCCESS"
    assert not (project.path / "kill_once").exists()
    assert {file: project.read(file) for file in project.data()} == wanted.files()

    runs = bench.runs(name)
    good = [run for run in runs if run.status == dg.DagsterRunStatus.SUCCESS]
    bad = [run for run in runs if run.status != dg.DagsterRunStatus.SUCCESS]
    assert [(run.status, run.recorded) for run in bad] == [(dg.DagsterRunStatus.FAILURE, [])] * wanted.killed
    days, weeks = (
        [(asset, key) for key in keys] for asset, keys in (("daily", wanted.day_keys), ("weekly", wanted.week_keys))
    )
    assert sorted(share for run in good for share in run.recorded) == sorted([*days, ("report", None), *weeks])
    if wanted.single:
        # Dagster may ask for a week while the run of the days is still telling of the days after it.
        assert [sorted(run.recorded) for run in good if ("daily", KILLED) in run.recorded] == [days]
        assert len(good) <= 2 + len(weeks)
    else:
        assert {len(run.recorded) for run in good} == {1}

    def ids(*hooks: str) -> Counter[str]:
        return Counter(call["run_id"] for call in project.calls(*hooks))

    assert len({run.kedro_id for run in runs}) == len(runs)
    assert ids("before_pipeline_run") == Counter(run.kedro_id for run in runs)
    assert ids("after_pipeline_run") == Counter(run.kedro_id for run in good)
    if bad:
        wait_for(lambda: ids("on_pipeline_error"), "the sensor that tells of the killed run", SECONDS)
    assert ids("on_pipeline_error") == Counter(run.kedro_id for run in bad)
    # Every node of a run knows it by the same id.
    assert ids("before_node_run") == ids("before_pipeline_run")
    # The run that makes all days dies in the middle of saving them, when its node has ended.
    assert ids("after_node_run") == ids("before_pipeline_run" if wanted.single else "after_pipeline_run")
