"""`kedro assets run` with partitions: which runs it makes, and what it says."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

NODES = """
    from kedro.pipeline import node, pipeline

    def extract(key):
        if key == "2026-01-03":
            raise ValueError("the shop was closed")
        return {"day": key}

    def folders(start, end):
        days = range(int(start[8:10]), int(end[8:10]))
        return {f"2026-01-{day:02}": day for day in days}

    def nothing():
        return {}

    def count(days):
        return len(days)

    def register_pipelines():
        nodes = [
            node(extract, "params:partition_key", "day@one", name="extract"),
            node(count, "day@all", "count", name="count"),
            node(nothing, None, "alone", name="alone"),
            node(folders, ["params:partition_start", "params:partition_end"], "three", name="three"),
            node(folders, ["params:partition_start", "params:partition_end"], "all_days", name="all"),
            node(extract, "params:partition_key", "file", name="read"),
        ]
        return {"__default__": pipeline(nodes)}
"""
DAILY = 'daily: {start_date: "2026-01-01", end_date: "2026-01-11"}'


def folder(name: str, metadata: str = "") -> str:
    entry = f'"{name}":\n  type: partitions.PartitionedDataset\n  path: data/{name.partition("@")[0]}\n'
    entry += "  dataset: json.JSONDataset\n  filename_suffix: .json\n"
    return entry + (f"  metadata: {{dagster: {{partitions: {{{metadata}}}}}}}\n" if metadata else "")


def file(name: str, metadata: str) -> str:
    path = f"data/{name.partition('@')[0]}/${{runtime_params:partition_key}}.json"
    entry = f'"{name}":\n  type: json.JSONDataset\n  filepath: {path}\n'
    return entry + f"  metadata: {{dagster: {{partitions: {{{metadata}}}}}}}\n"


CATALOG = (
    file("day@one", DAILY)
    + folder("day@all")
    + "count: {type: json.JSONDataset, filepath: data/count.json}\n"
    + "alone: {type: json.JSONDataset, filepath: data/alone.json}\n"
    + folder("three", f"{DAILY}, max_partitions_per_run: 3")
    + folder("all_days", f"{DAILY}, backfill_policy: single_run")
    + file("file", "dynamic: files")
)
DAGSTER = """
    jobs:
      days: {pipeline: {to_outputs: [count]}}
"""


@pytest.fixture
def days(new_project):
    project = new_project(nodes=NODES, dagster=DAGSTER)
    project.write("conf/base/catalog.yml", CATALOG)
    project.write("conf/test/catalog.yml", "")
    project.write("definitions.py", "from kedro_assets import build_definitions\n\ndefs = build_definitions()\n")
    return project


def lines(outcome) -> list[str]:
    """The lines of the progress, without their times."""
    found = [line for line in outcome.out.splitlines() if line[:2] in ("+ ", "! ", "= ") or line.startswith("Part")]
    told = [line if line.startswith("P") else f"{line[0]} {line.partition(' s  ')[2]}" for line in found]
    return [line.partition("  (")[0] for line in told]


def runs(home: Path) -> list[dg.DagsterRun]:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        return list(reversed(instance.get_runs()))


def test_one_partition(days, cli, home: Path) -> None:
    outcome = cli(days, "run", "-s", "key:day", "--partition", "2026-01-02", variables={"DAGSTER_HOME": str(home)})
    assert outcome.code == 0, outcome
    assert days.read("day/2026-01-02.json") == {"day": "2026-01-02"}
    assert lines(outcome) == ["Partition 2026-01-02", "+ day", "= the run succeeded: 1 asset materialized"]
    with dg.DagsterInstance.from_config(str(home)) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("day"))
        assert event is not None
        assert event.asset_materialization is not None
        assert event.asset_materialization.partition == "2026-01-02"


def test_a_range_is_a_run_per_key_and_goes_on_after_a_failure(days, cli, home: Path) -> None:
    variables = {"DAGSTER_HOME": str(home)}
    outcome = cli(days, "run", "-s", "key:day", "--partition-range", "2026-01-02...2026-01-04", variables=variables)
    assert outcome.code == 1
    assert sorted(path.name for path in (days.path / "data/day").iterdir()) == ["2026-01-02.json", "2026-01-04.json"]
    assert [line for line in lines(outcome) if line.startswith("Part")] == [
        f"Partition 2026-01-{day:02}" for day in (2, 3, 4)
    ]
    assert any("the shop was closed" in line for line in lines(outcome))
    made = runs(home)
    assert [run.tags["dagster/partition"] for run in made] == ["2026-01-02", "2026-01-03", "2026-01-04"]
    assert [run.is_success for run in made] == [True, False, True]


@pytest.mark.parametrize(
    ("asset", "sizes"), [("three", ["01...03", "04...06", "07"]), ("all_days", ["01...07"])], ids=["three", "single"]
)
def test_partitions_that_share_a_run(asset: str, sizes: list[str], days, cli, home: Path) -> None:
    variables = {"DAGSTER_HOME": str(home)}
    outcome = cli(
        days, "run", "-s", f"key:{asset}", "--partition-range", "2026-01-01...2026-01-07", variables=variables
    )
    assert outcome.code == 0, outcome
    titles = [line for line in lines(outcome) if line.startswith("Part")]
    assert titles == ["Partition " + "...".join(f"2026-01-{day}" for day in size.split("...")) for size in sizes]
    assert len(runs(home)) == len(sizes)
    assert len(list((days.path / "data" / asset).iterdir())) == 7
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert len(instance.get_materialized_partitions(dg.AssetKey(asset))) == 7


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-s", "key:day", "--partition", "2026-02-01"], "no partition '2026-02-01'. Did you mean '2026-01-"),
        (["-s", "key:day", "--partition-range", "2026-01-05...2026-01-02"], "the first key must come before the last"),
        (["-s", "key:day", "--partition-range", "2026-01-05...2027-01-02"], "no partition '2027-01-02'"),
        (["-s", "key:day"], "Choose their partitions with --partition KEY"),
        (["-s", "key:count", "--partition", "2026-01-01"], "None of these assets is partitioned"),
        (["-s", "key:file", "--partition", "a"], "There is no partition 'a'. There are no partitions yet."),
        (["-s", "key:day or key:file", "--partition", "a"], "partitioned in several ways"),
        (["days"], "Choose their partitions with --partition KEY"),
        (["--partition", "2026-01-01"], "partitioned in several ways"),
    ],
)
def test_what_cannot_be_made(arguments: list[str], words: str, days, cli, home: Path) -> None:
    outcome = cli(days, "run", *arguments, variables={"DAGSTER_HOME": str(home)})
    assert outcome.code == 1
    assert words in outcome.text
    assert runs(home) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--partition", "2026-01-01", "--partition-range", "2026-01-01...2026-01-02"],
        ["--partition-range", "2026-01-01"],
        ["--partition-range", "...2026-01-01"],
        ["--partition-range", "2026-01-01..."],
    ],
)
def test_what_is_no_partition(arguments: list[str], days, cli) -> None:
    outcome = cli(days, "run", "-s", "key:day", *arguments)
    assert outcome.code != 0, outcome
    assert outcome.err
    assert not (days.path / "data/day").exists()


def test_a_job_of_partitions_makes_its_assets_without_too(days, cli) -> None:
    outcome = cli(days, "run", "days", "--partition-range", "2026-01-01...2026-01-02")
    assert outcome.code == 0, outcome
    assert days.read("count.json") == 2


def test_without_a_selection_what_is_not_partitioned_is_made(days, cli) -> None:
    outcome = cli(days, "run")
    assert outcome.code == 0, outcome
    assert days.read("alone.json") == {}
    left = "all_days, count, day, file, three"
    assert f"Left out, as they are partitioned or depend on partitioned assets: {left}" in outcome.out


def test_if_everything_is_partitioned_nothing_runs(days, cli) -> None:
    outcome = cli(days, "run", "-s", "key:day or key:three")
    assert outcome.code == 1
    assert "day, three: Daily" in outcome.err
    assert "--partition KEY" in outcome.err
    assert lines(outcome) == []


def test_keys_that_were_added(days, cli, home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.add_dynamic_partitions("files", ["a", "b", "c"])
    variables = {"DAGSTER_HOME": str(home)}
    assert cli(days, "run", "-s", "key:file", "--partition-range", "b...c", variables=variables).code == 0
    assert days.read("file/c.json") == {"day": "c"}
    assert not (days.path / "data/file/a.json").exists()
    outcome = cli(days, "run", "-s", "key:file", "--partition", "d", variables=variables)
    assert outcome.code == 1
    assert "no partition 'd'. Allowed: a, b, c" in outcome.text


GRID = """
    from kedro.pipeline import node, pipeline

    def extract(key, day, region):
        return [key, day, region]

    def register_pipelines():
        inputs = ["params:partition_key", "params:partition_keys.day", "params:partition_keys.region"]
        return {"__default__": pipeline([node(extract, inputs, "grid", name="grid")])}
"""
DAYS_BY_REGION = (
    'multi: {day: {daily: {start_date: "2026-01-01", end_date: "2026-01-11"}}, region: {static: [n, s, w]}}'
)


@pytest.mark.parametrize(
    ("asked", "limit", "titles"),
    [
        ("1|n...3|s", "max_partitions_per_run: 3", ["1|n...3|n", "1|s...3|s"]),
        ("1|n...2|w", "max_partitions_per_run: 3", ["1|n...1|w", "2|n...2|w"]),
        ("1|n...3|s", "max_partitions_per_run: 2", ["1|n...1|s", "2|n...2|s", "3|n...3|s"]),
        ("1|n...5|s", "max_partitions_per_run: 4", ["1|n...4|n", "5|n", "1|s...4|s", "5|s"]),
        ("1|n...2|s", "max_partitions_per_run: 4", ["1|n...2|s"]),
        ("1|n...2|s", "max_partitions_per_run: 1", ["1|n", "1|s", "2|n", "2|s"]),
        ("1|s...3|s", "max_partitions_per_run: 2", ["1|s...2|s", "3|s"]),
        ("1|n...2|w", "backfill_policy: single_run", ["1|n...2|w"]),
    ],
    ids=["days", "regions", "pairs", "rest", "all", "each", "one region", "single"],
)
def test_every_key_of_two_dimensions_is_made_once(
    asked: str, limit: str, titles: list[str], new_project, cli, home: Path
) -> None:
    project = new_project(nodes=GRID, dagster="{}")
    project.write(
        "conf/base/catalog.yml",
        file("grid", f"{DAYS_BY_REGION}, {limit}").replace(
            "_key}", "_keys.day}-${runtime_params:partition_keys.region}"
        ),
    )
    project.write("conf/test/catalog.yml", "")
    project.write("definitions.py", "from kedro_assets import build_definitions\n\ndefs = build_definitions()\n")

    def full(text: str) -> str:
        return "...".join(f"2026-01-0{key}" for key in text.split("..."))

    outcome = cli(
        project, "run", "-s", "key:grid", "--partition-range", full(asked), variables={"DAGSTER_HOME": str(home)}
    )
    assert outcome.code == 0, outcome
    shown = [line.removeprefix("Partition ") for line in lines(outcome) if line.startswith("Part")]
    assert shown == [full(title) for title in titles]
    (first, low), (last, high) = (key.split("|") for key in asked.split("..."))
    regions = [region for region in "nsw" if low <= region <= high]
    wanted = sorted(f"2026-01-0{day}|{region}" for day in range(int(first), int(last) + 1) for region in regions)
    made = sorted(project.read(f"grid/{path.name}")[0] for path in (project.path / "data/grid").iterdir())
    assert made == wanted
    with dg.DagsterInstance.from_config(str(home)) as instance:
        events = instance.fetch_materializations(dg.AssetKey("grid"), limit=100).records
        assert sorted(str(event.partition_key) for event in events) == wanted


# Without `partitions`.

FORGOTTEN = """
    from kedro.pipeline import node, pipeline

    def made():
        return "data"

    def told(data, day):
        return [data, day]

    def register_pipelines():
        main = pipeline([node(made, None, "first", name="first"), node(told, ["first", "params:day"], "out", name="told")])
        other = pipeline([node(made, None, "rival", name="rival")])
        return {"__default__": main, "other": other}
"""
PLACES = """
first: {type: json.JSONDataset, filepath: data/first.json}
out: {type: json.JSONDataset, filepath: "data/out/${runtime_params:partition_key}.json"}
rival: {type: json.JSONDataset, filepath: "data/out/${runtime_params:partition_key}-rival.json"}
"""
OTHER = """
    assets: {pipelines: [__default__]}
    jobs:
      other: {pipeline: {pipeline_name: other}, view: ops}
"""


@pytest.fixture
def forgotten(new_project):
    project = new_project(nodes=FORGOTTEN, dagster=OTHER)
    project.write("conf/base/catalog.yml", PLACES)
    project.write("conf/test/catalog.yml", "")
    project.write("conf/base/parameters.yml", 'day: "${runtime_params:partition_key}"\n')
    project.write("definitions.py", "from kedro_assets import build_definitions\n\ndefs = build_definitions()\n")
    return project


def files(project) -> list[str]:
    return sorted(str(path.relative_to(project.path / "data")) for path in (project.path / "data").rglob("*.json"))


def test_a_key_that_is_given_as_a_runtime_parameter_is_that_of_kedro_run(forgotten, cli) -> None:
    before = files(forgotten)
    for flags in ([], ["--only-missing-outputs"]):
        outcome = cli(forgotten, "run", "--params", "partition_key=2026-01-31", *flags)
        assert outcome.code == 0, outcome
    assert forgotten.read("out/2026-01-31.json") == ["data", "2026-01-31"]
    assert cli(forgotten, "run", "other", "--params", "partition_key=k").code == 0
    assert sorted({*files(forgotten)} - {*before}) == ["first.json", "out/2026-01-31.json", "out/k-rival.json"]


@pytest.mark.parametrize("job", [[], ["other"]], ids=["assets", "ops"])
def test_without_it_nothing_is_written(job: list[str], forgotten, cli) -> None:
    before = files(forgotten)
    outcome = cli(forgotten, "run", *job)
    assert outcome.code == 1
    assert "depends on the runtime parameter `partition_key`" in outcome.text
    assert files(forgotten) == before


def test_check_says_what_needs_a_value(forgotten, cli) -> None:
    outcome = cli(forgotten, "check")
    assert outcome.code == 0, outcome
    for name, verb in (("out", "told' writes"), ("params:day", "told' reads"), ("rival", "rival' writes")):
        words = f"'{name}', which node '{verb}, depends on the runtime parameter `partition_key`"
        assert outcome.out.count(words) == 1, outcome
    told = "config: {runtime_params: {partition_key: k}}"
    forgotten.write("conf/base/dagster.yml", OTHER.replace("view: ops", f"view: ops, {told}"))
    assert "runtime parameter" not in cli(forgotten, "check").out


def test_check_says_nothing_of_what_is_partitioned(days, cli) -> None:
    assert "runtime parameter" not in cli(days, "check").out
