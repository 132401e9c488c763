"""Files change on a plan, and Dagster's daemon starts what that asks for: as many runs as one counts by hand.

Every step of the project hands on data in memory. Conditions (`eager`, `on_cron`, `on_missing`) and sensors (of a file, of a
folder whose files are partitions, of an asset) follow each other through it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
from helpers import KedroProject, write_project

from soak.deployment import ENDED, Deployment, wait_until

CYCLE = 120
"""The seconds after which the conditions with a schedule fire again."""
CHANGE_SECONDS = 15
"""When in a cycle files change."""
SETTLE_SECONDS = 120
CLUSTER_BY = ("memory", "pipeline")
"""What keeps in-memory data within a step. With `node` conditions do not look through it, and `sums` would have to be selected."""
AUTOMATION = "conditions"

NODES = """
    def count(value):
        return value

    def keep(value):
        return value

    def take(files):
        return {name: load() for name, load in files.items()}
"""
CHAINS = [
    # what is read, the data in memory, what is stored
    ("rates", "quotes", "prices"),
    ("prices", "ranking", "board"),
    ("base", "state", "snapshot"),
    ("snapshot", "summary", "digest"),
    ("orders", "sums", "orders_report"),
    ("orders_report", "text", "letter"),
    ("letter", "page", "letter_copy"),
    ("item", "features", "scored"),
]
CONDITIONS = {
    **dict.fromkeys(("prices", "board", "left", "right", "digest", "letter_copy"), "eager"),
    "snapshot": '{on_cron: "*/2 * * * *"}',
    "rates": '{on_cron: "1-59/2 * * * *"}',
    "scored": "on_missing",
}
PARTITIONS = "{dynamic: items}"
DAGSTER = """
    assets: {cluster_by: CLUSTER_BY, pipelines: [__default__]}
    sensors:
      new_orders: {dataset: orders, minimum_interval_seconds: 10, default_status: RUNNING}
      new_report: {asset: orders_report, minimum_interval_seconds: 10, default_status: RUNNING}
      new_items: {dataset: inbox, minimum_interval_seconds: 10, default_status: RUNNING}
    jobs:
      orders: {selection: orders_report, sensor: new_orders}
      letters: {selection: letter, sensor: new_report}
      items: {selection: item, sensor: new_items}
"""
# A sensor of Dagster's own for the conditions, as it looks oftener than the one that Dagster adds.
DEFINITIONS = """
    import dagster as dg

    from kedro_assets import build_definitions

    conditions = dg.AutomationConditionSensorDefinition(
        "conditions",
        target=dg.AssetSelection.all(include_sources=True),  # one that is only observed is a source
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=10,
    )
    defs = dg.Definitions.merge(build_definitions(), dg.Definitions(sensors=[conditions]))
"""

# What Dagster asks for together: the assets of one run, or a part of one where several have their turn at once.
RATES, PRICES = frozenset({"rates"}), frozenset({"prices", "board", "left", "right"})
SNAPSHOT, COPY, SCORED = frozenset({"snapshot", "digest"}), frozenset({"letter_copy"}), frozenset({"scored"})
UNITS = (RATES, PRICES, SNAPSHOT, COPY, SCORED)


def new_project(folder: Path, cluster_by: str = "memory") -> KedroProject:
    """Write the project, with data that no sensor has seen yet."""
    nodes = ['node(count, "rates", "shared", name="make_shared")']
    nodes += [f'node(keep, "shared", "{side}", name="make_{side}")' for side in ("left", "right")]
    for read, memory, stored in CHAINS:
        nodes.append(f'node(count, "{read}", "{memory}", name="make_{memory}")')
        nodes.append(f'node(keep, "{memory}", "{stored}", name="make_{stored}")')
    nodes.append('node(take, "inbox", "new_item", name="make_new_item")')
    nodes.append('node(keep, "new_item", "item", name="make_item")')
    project = write_project(
        folder,
        nodes=NODES,
        pipelines=f'{{"__default__": pipeline([{", ".join(nodes)}])}}',
        catalog="".join(_entries()),
        dagster=DAGSTER.replace("CLUSTER_BY", cluster_by),
    )
    project.write(f"src/{project.package}/definitions.py", DEFINITIONS)
    for name in ("rates", "orders", "base"):
        project.write(f"data/{name}.json", "0")
    (project.path / "data/inbox").mkdir(parents=True)
    return project


def _entries() -> Iterator[str]:
    stored = ["rates", "orders", "base", "left", "right", *(stored for _, _, stored in CHAINS)]
    for name in dict.fromkeys(stored):
        condition = f"automation_condition: {CONDITIONS[name]}" if name in CONDITIONS else ""
        if name == "scored":
            yield _partitioned(name, f", {condition}")
        else:
            yield f"{name}:\n  type: json.JSONDataset\n  filepath: data/{name}.json\n"
            yield f"  metadata: {{dagster: {{{condition}}}}}\n" if condition else ""
    yield _partitioned("item")
    yield (
        "inbox:\n  type: partitions.PartitionedDataset\n  path: data/inbox\n  dataset: json.JSONDataset\n"
        f"  filename_suffix: .json\n  metadata: {{dagster: {{partitions: {PARTITIONS}}}}}\n"
    )


def _partitioned(name: str, more: str = "") -> str:
    path = f"data/{name}/${{runtime_params:partition_key}}.json"
    return (
        f'{name}:\n  type: json.JSONDataset\n  filepath: "{path}"\n'
        f"  metadata: {{dagster: {{partitions: {PARTITIONS}{more}}}}}\n"
    )


@dataclass
class Counts:
    """How many runs there were, by what they made and what has started them.

    Attributes:
        asked: As many as the changes ask for.
        found: As many as there were.
        errors: What else was wrong.
        changes: How many times each kind of file has changed.
    """

    asked: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)

    def rows(self) -> list[dict[str, Any]]:
        names = sorted({*self.asked, *self.found})
        return [{"what": name, "asked": self.asked[name], "found": self.found[name]} for name in names]

    def failures(self) -> list[str]:
        wrong = [row for row in self.rows() if row["asked"] != row["found"]]
        return [*(f"{row['what']}: {row['asked']} runs asked for, {row['found']} found" for row in wrong), *self.errors]


def count(folder: Path, cycles: int, cluster_by: str = "memory") -> Counts:
    """Let files change for some cycles, and count what Dagster's daemon has started.

    Args:
        folder: An empty folder.
        cycles: How many times two minutes; in all but the first and the last files change.
        cluster_by: As in dagster.yml.
    """
    project, counts = new_project(folder, cluster_by), Counts()
    runs = {"class": "QueuedRunCoordinator", "module": "dagster", "config": {"max_concurrent_runs": 4}}
    runs["config"]["dequeue_interval_seconds"] = 1  # type: ignore[index]
    with Deployment(project, folder / "home", {"run_coordinator": runs}, web=False) as deployment:
        first = _first_tick(deployment)
        begin = (first // CYCLE + 1) * CYCLE  # an even minute: snapshot
        end = begin + cycles * CYCLE + CYCLE - 5
        for cycle in range(cycles):
            wait_until(begin + cycle * CYCLE + CHANGE_SECONDS)
            if cycle:
                for kind in ("rates", "orders", "inbox"):
                    _change(project, kind, cycle)
                    counts.changes[kind] += 1
        wait_until(end)
        ticks = {parity: _ticks(first, end, parity) for parity in (0, 1)}
        _settle(deployment, end)
        _ask(counts, ticks)
        _find(counts, deployment, end)
        _look_at_hooks(counts, project, deployment)
    return counts


def _first_tick(deployment: Deployment, seconds: float = 120) -> float:
    """Wait until the daemon has looked at the conditions for the first time, and return when."""
    stop = time.time() + seconds
    while time.time() < stop:
        for state in deployment.instance.all_instigator_state():
            if state.name == AUTOMATION:
                ticks = deployment.instance.get_ticks(state.instigator_origin_id, state.selector_id)
                done = [tick.timestamp for tick in ticks if tick.end_timestamp]
                if done:
                    return min(done)
        time.sleep(0.5)
    raise TimeoutError(
        "the daemon has not looked at the conditions:\n" + deployment.services["daemon"].printed()[-4000:]
    )


def _change(project: KedroProject, kind: str, cycle: int) -> None:
    if kind == "inbox":
        project.write(f"data/inbox/item_{cycle}.json", str(cycle))
    else:
        project.write(f"data/{kind}.json", str(cycle))


def _ticks(first: float, end: float, parity: int) -> int:
    """How many minutes begin between two times, even or odd ones."""
    return sum(1 for minute in range(int(first // 60) + 1, int(end // 60) + 1) if minute % 2 == parity)


def _settle(deployment: Deployment, end: float) -> None:
    """Wait until the runs that were there at a time have ended."""
    stop = time.time() + SETTLE_SECONDS
    while time.time() < stop:
        if all(record.dagster_run.status in ENDED for record in _records(deployment, end)):
            return
        time.sleep(1)


def _records(deployment: Deployment, end: float) -> list[dg.RunRecord]:
    records = deployment.instance.get_run_records()
    return [record for record in records if record.create_timestamp.timestamp() <= end]


def _ask(counts: Counts, ticks: dict[int, int]) -> None:
    changes = counts.changes
    counts.asked.update(
        {
            _unit(SNAPSHOT): ticks[0],
            _unit(RATES): ticks[1],
            _unit(PRICES): 1 + changes["rates"],  # the first observation is one
            "job orders": changes["orders"],
            "job letters": changes["orders"],
            _unit(COPY): changes["orders"],
            "job items": changes["inbox"],
            _unit(SCORED): changes["inbox"],
        }
    )


def _unit(assets: frozenset[str]) -> str:
    return f"condition of {', '.join(sorted(assets))}"


def _find(counts: Counts, deployment: Deployment, end: float) -> None:
    for record in _records(deployment, end):
        run = record.dagster_run
        if run.status != dg.DagsterRunStatus.SUCCESS:
            counts.errors.append(f"run {run.run_id} of {run.job_name} is {run.status.value}")
        if (
            record.end_time is not None
            and record.end_time - record.create_timestamp.timestamp() > CYCLE - CHANGE_SECONDS
        ):
            counts.errors.append(f"run {run.run_id} of {run.job_name} took too long: it may have met the next change")
        if not run.job_name.startswith("__"):
            counts.found[f"job {run.job_name}"] += 1
            continue
        selected = {key.to_user_string() for key in run.asset_selection or ()}
        for unit in UNITS:
            if unit <= selected:
                selected -= unit
                counts.found[_unit(unit)] += 1
        if selected:
            counts.found[_unit(frozenset(selected))] += 1


def _look_at_hooks(counts: Counts, project: KedroProject, deployment: Deployment) -> None:
    """Each hook of a run fires once; a run that only observes has none."""
    fired = Counter(
        (call["hook"], call["run_id"]) for call in project.calls("before_pipeline_run", "after_pipeline_run")
    )
    counts.errors += [
        f"{hook} fired {times} times in {run_id}" for (hook, run_id), times in fired.items() if times != 1
    ]
    counts.errors += [f"{call['hook']}: {call['message']}" for call in project.calls("on_pipeline_error")]
