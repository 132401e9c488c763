"""Partitions: the key of a run reaches Kedro, and every partition is recorded where it belongs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from helpers import KedroProject, execute, json_dataset, kedro_run, load_definitions, write_project
from partitioned import DAILY, WEEKLY, between, every, make, one, partition, run_job

from kedro_assets.cli.explain import explain_lines
from kedro_assets.cli.report import check_lines, list_json
from kedro_assets.errors import ConfigError

NODES = """
def extract(raw, key):
    return {"day": key, "value": raw + int(key[-2:])}


def label(daily):
    return {**daily, "label": daily["day"].upper()}


def sum_up(days):
    loaded = {key: load() for key, load in sorted(days.items())}
    return {"days": sorted(loaded), "total": sum(day["value"] for day in loaded.values())}


def report(weeks):
    return {key: load()["total"] for key, load in sorted(weeks.items())}
"""

CATALOG = f"""
{json_dataset("raw", "report")}

daily@one:
  type: json.JSONDataset
  filepath: data/daily/${{runtime_params:partition_key}}.json
  metadata: {{dagster: {{partitions: {DAILY}}}}}

daily@all:
  type: partitions.PartitionedDataset
  path: data/daily
  dataset: json.JSONDataset
  filename_suffix: .json

weekly@one:
  type: json.JSONDataset
  filepath: data/weekly/${{runtime_params:partition_key}}.json
  metadata: {{dagster: {{partitions: {WEEKLY}}}}}

weekly@all:
  type: partitions.PartitionedDataset
  path: data/weekly
  dataset: json.JSONDataset
  filename_suffix: .json
"""

PIPELINES = """{"__default__": pipeline([
    node(extract, ["raw", "params:partition_key"], "daily@one", name="extract"),
    node(sum_up, "daily@all", "weekly@one", name="sum_up"),
    node(report, "weekly@all", "report", name="report"),
])}"""


@pytest.fixture
def sales(tmp_path: Path) -> KedroProject:
    project = write_project(tmp_path, nodes=NODES, pipelines=PIPELINES, catalog=CATALOG)
    project.write("data/raw.json", "100")
    return project


def test_days_weeks_and_a_report(sales: KedroProject, instance: dg.DagsterInstance) -> None:
    for day in range(4, 18):
        result = make(sales, instance, "daily", tags=partition(f"2026-01-{day:02}"))
        if day < 15:
            assert result.success
            assert result.recorded == [("daily", f"2026-01-{day:02}")]
    assert sales.read("daily/2026-01-05.json") == {"day": "2026-01-05", "value": 105}
    result = make(sales, instance, "weekly", tags=partition("2026-01-04"))
    assert result.success
    assert result.recorded == [("weekly", "2026-01-04")]
    week = sales.read("weekly/2026-01-04.json")
    assert week == {"days": [f"2026-01-{day:02}" for day in range(4, 11)], "total": 749}
    result = make(sales, instance, "report")
    assert result.success
    assert result.recorded == [("report", None)]
    assert sales.read("report.json") == {"2026-01-04": 749}


def test_a_run_without_a_partition_is_refused_before_anything_happens(
    sales: KedroProject, instance: dg.DagsterInstance
) -> None:
    result = make(sales, instance, "daily")
    assert not result.success
    assert sales.calls() == []


def test_a_range_of_days_of_one_dataset_per_path_runs_the_node_once_for_each(
    sales: KedroProject, instance: dg.DagsterInstance
) -> None:
    sales.write(
        "conf/base/catalog.yml",
        CATALOG.replace("partitions: " + DAILY, "partitions: " + DAILY[:-1] + ", backfill_policy: single_run}"),
    )
    days = ["2026-01-04", "2026-01-05", "2026-01-06"]
    result = make(sales, instance, "daily", tags=between(days[0], days[-1]))
    assert result.success
    assert sorted(result.recorded) == [("daily", day) for day in days]
    assert [sales.read(f"daily/{day}.json")["day"] for day in days] == days


FOLDERS = """
def extract(raw, start, end):
    days = range(int(start[8:10]), int(end[8:10]))
    return {f"2026-01-{day:02}": raw + day for day in days}


def shout(days):
    return {key: (lambda load=load: -load()) for key, load in days.items()}


def total(days):
    return sum(load() for load in days.values())
"""


def folder(name: str, metadata: str) -> str:
    return f"""
{name}:
  type: partitions.PartitionedDataset
  path: data/{name}
  dataset: json.JSONDataset
  filename_suffix: .json
  metadata: {{dagster: {metadata}}}
"""


FOLDERS_PIPELINE = """{"__default__": pipeline([
    node(extract, ["raw", "params:partition_start", "params:partition_end"], "days", name="extract"),
    node(shout, "days", "loud", name="shout"),
    node(total, "loud", "total", name="total"),
])}"""


@pytest.fixture
def folders(tmp_path: Path) -> KedroProject:
    single = DAILY[:-1] + ", backfill_policy: single_run}"
    catalog = json_dataset("raw", "total") + folder("days", f"{{partitions: {single}}}")
    catalog += folder("loud", f"{{partitions: {single}}}")
    project = write_project(tmp_path, nodes=FOLDERS, pipelines=FOLDERS_PIPELINE, catalog=catalog)
    project.write("data/raw.json", "100")
    return project


def test_a_partitioned_dataset_loads_and_saves_the_partitions_of_its_run(
    folders: KedroProject, instance: dg.DagsterInstance
) -> None:
    folders.write("data/days/2026-01-01.json", "1")
    folders.write("data/loud/2026-01-01.json", "-1")
    result = make(folders, instance, "days", "loud", tags=between("2026-01-02", "2026-01-04"))
    assert result.success
    assert sorted(result.recorded) == [(name, f"2026-01-0{day}") for name in ("days", "loud") for day in (2, 3, 4)]
    assert {key: folders.read(f"loud/{key}.json") for key in ("2026-01-01", "2026-01-03")} == {
        "2026-01-01": -1,
        "2026-01-03": -103,
    }
    [loaded] = [call for call in folders.calls("after_dataset_loaded") if call["dataset"] == "days"]
    assert "2026-01-01" not in loaded["data"]
    assert make(folders, instance, "total").success
    assert folders.read("total.json") == -1 - 102 - 103 - 104
    assert [call["hook"] for call in folders.calls("before_pipeline_run")] == ["before_pipeline_run"] * 2


def test_a_partition_of_another_run_is_refused_and_nothing_of_it_is_saved(
    folders: KedroProject, instance: dg.DagsterInstance
) -> None:
    folders.write(f"src/{folders.package}/nodes.py", FOLDERS.replace("int(end[8:10]))", "9)"))
    result = make(folders, instance, "days", tags=partition("2026-01-02"))
    assert not result.success
    assert result.recorded == []
    assert not (folders.path / "data/days").exists()
    [failure] = [event for event in result.events if event.is_step_failure]
    message = failure.event_specific_data.error.cause.message
    assert "returned the partitions 2026-01-03" in message
    assert "this run makes 2026-01-02" in message
    assert folders.calls("before_dataset_saved") == []


def test_kedro_run_with_the_key_as_parameter_does_the_same(sales: KedroProject, instance: dg.DagsterInstance) -> None:
    assert make(sales, instance, "daily", tags=partition("2026-01-05")).success
    ours = sales.data()
    (sales.path / "data/daily/2026-01-05.json").unlink()
    kedro_run(sales, "--nodes", "extract", "--params", "partition_key=2026-01-05")
    assert sales.data() == ours


INCOMING = """
def take(files):
    return {key: sum(values) for key, values in files.items()}
"""


@pytest.fixture
def incoming(tmp_path: Path) -> KedroProject:
    by_file = "partitions: {dynamic: files}"
    catalog = folder("files", f"{{{by_file}}}").replace("PartitionedDataset", "IncrementalDataset")
    catalog += folder("sums", f"{{{by_file}}}")
    project = write_project(
        tmp_path,
        nodes=INCOMING,
        pipelines='{"__default__": pipeline([node(take, "files", "sums", name="take", confirms="files")])}',
        catalog=catalog,
    )
    for number, name in enumerate("abcd"):
        project.write(f"data/files/{name}.json", str([number, 1]))
    return project


def checkpoint(project: KedroProject) -> str | None:
    file = project.path / "data/files/CHECKPOINT"
    return file.read_text() if file.exists() else None


def test_the_checkpoint_never_passes_a_file_that_is_still_to_be_processed(
    incoming: KedroProject, instance: dg.DagsterInstance
) -> None:
    instance.add_dynamic_partitions("files", ["a", "b", "c", "d"])
    moves = []
    for key in ("b", "a", "b", "c", "a", "d"):
        assert make(incoming, instance, "sums", tags=partition(key)).success
        moves.append(checkpoint(incoming))
    assert moves == [None, "a", "b", "c", "c", "d"]
    assert {key: incoming.read(f"sums/{key}.json") for key in "abcd"} == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_a_run_that_fails_before_it_confirms_leaves_the_checkpoint(
    incoming: KedroProject, instance: dg.DagsterInstance
) -> None:
    instance.add_dynamic_partitions("files", ["a"])
    incoming.write("data/files/a.json", '["no number"]')
    assert not make(incoming, instance, "sums", tags=partition("a")).success
    assert checkpoint(incoming) is None
    incoming.write("data/files/a.json", "[7]")
    assert make(incoming, instance, "sums", tags=partition("a")).success
    assert (checkpoint(incoming), incoming.read("sums/a.json")) == ("a", 7)


def test_kedro_run_goes_on_from_the_checkpoint_of_a_run_in_dagster(
    incoming: KedroProject, instance: dg.DagsterInstance
) -> None:
    instance.add_dynamic_partitions("files", ["a", "b"])
    assert make(incoming, instance, "sums", tags=between("a", "b")).success
    assert checkpoint(incoming) == "b"
    kedro_run(incoming)
    assert checkpoint(incoming) == "d"
    [loaded] = [call for call in incoming.calls("after_dataset_loaded") if "'c'" in call["data"]]
    assert "'a'" not in loaded["data"]


SENSOR = """
    sensors:
      arrived: {dataset: files, default_status: RUNNING, tags: {why: arrived}}
    jobs:
      take:
        sensor: arrived
"""


def look(project: KedroProject, instance: dg.DagsterInstance, cursor: str | None) -> Any:
    repository = load_definitions(project).get_repository_def()
    with dg.build_sensor_context(instance, cursor, repository_def=repository, sensor_name="arrived") as context:
        return repository.get_sensor_def("arrived")(context)


def test_a_sensor_makes_every_new_file_a_partition_and_a_run(incoming: KedroProject) -> None:
    incoming.write("conf/base/dagster.yml", SENSOR)
    with dg.instance_for_test() as instance:
        first = look(incoming, instance, None)
        assert [request.partition_key for request in first.run_requests] == ["a", "b", "c", "d"]
        assert {request.tags["why"] for request in first.run_requests} == {"arrived"}
        [added] = first.dynamic_partitions_requests
        assert (added.partitions_def_name, added.partition_keys) == ("files", ["a", "b", "c", "d"])
        instance.add_dynamic_partitions("files", ["a", "b", "c", "d"])
        incoming.write("data/files/CHECKPOINT", "a")
        assert (
            look(incoming, instance, first.cursor).skip_reason.skip_message == "The dataset 'files' has no new files."
        )
        incoming.write("data/files/aa.json", "[5]")
        second = look(incoming, instance, first.cursor)
        assert [(request.run_key, request.partition_key) for request in second.run_requests] == [("files: aa", "aa")]


def test_a_sensor_sees_the_files_that_the_dataset_does(incoming: KedroProject) -> None:
    incoming.write("conf/base/dagster.yml", SENSOR)
    catalog = (incoming.path / "conf/base/catalog.yml").read_text()
    more = "  load_args: {maxdepth: 1}\n  checkpoint: {filepath: data/files/done.json}\n  metadata:"
    incoming.write("conf/base/catalog.yml", catalog.replace("  metadata:", more, 1))
    incoming.write("data/files/done.json", '"a"')
    incoming.write("data/files/deeper/e.json", "[5]")
    with dg.instance_for_test() as instance:
        found = look(incoming, instance, None)
        assert [request.partition_key for request in found.run_requests] == ["a", "b", "c", "d"]


def test_many_new_files_are_one_run_of_a_job_without_partitions(incoming: KedroProject) -> None:
    incoming.write("conf/base/dagster.yml", SENSOR.replace("take:", "take:\n        pipeline: {pipeline_name: other}"))
    registry = next(incoming.path.glob("src/*/pipeline_registry.py"))
    text = registry.read_text()
    other = '"other": pipeline([node(len, "more", "number", name="count")]), "__default__":'
    registry.write_text(text.replace('"__default__":', other))
    incoming.write(
        "conf/base/catalog.yml", (incoming.path / "conf/base/catalog.yml").read_text() + folder("more", "{}")
    )
    for number in range(300):
        incoming.write(f"data/files/{number}.json", "[1]")
    with dg.instance_for_test() as instance:
        found = look(incoming, instance, None)
        [request] = found.run_requests
        assert request.partition_key is None
        assert len(request.run_key) < 50
        assert len(found.dynamic_partitions_requests[0].partition_keys) == 304


def test_a_sensor_that_cannot_tell_which_partition_to_make_is_a_problem(incoming: KedroProject) -> None:
    incoming.write("conf/base/dagster.yml", SENSOR.replace("files", "other"))
    text = (incoming.path / "conf/base/catalog.yml").read_text()
    incoming.write("conf/base/catalog.yml", text + folder("other", "{}"))
    registry = next(incoming.path.glob("src/*/pipeline_registry.py"))
    registry.write_text(registry.read_text().replace("pipeline([", "pipeline([node(len, 'other', 'number'), "))
    with pytest.raises(
        ConfigError, match=r"jobs\.take\.sensor: the job is partitioned, but 'other' has other partitions or none"
    ):
        load_definitions(incoming)


def test_what_is_listed_tells_partitions_and_sensors(incoming: KedroProject) -> None:
    incoming.write("conf/base/dagster.yml", SENSOR)
    listed = json.loads(list_json(incoming.path))
    assert {row["key"]: row["partitions"] for row in listed["assets"]} == dict.fromkeys(
        ("files", "sums"), 'Dynamic partitions: "files"'
    )
    assert listed["sensors"][0] == {"name": "arrived", "job": "take", "status": "RUNNING"}
    assert [sensor["name"].endswith("on_pipeline_error") for sensor in listed["sensors"]] == [False, True]
    assert [job["partitions"] for job in listed["jobs"]] == ['Dynamic partitions: "files"']
    told = "\n".join(explain_lines(incoming.path, "sums"))
    assert 'Dynamic partitions: "files"' in told


def test_in_memory_data_of_one_partition_is_not_taken_for_that_of_another(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes="def start(key):\n    return {'made for': key}\n\ndef end(data):\n    return data\n",
        pipelines="""{"__default__": pipeline([
            node(start, "params:partition_key", "passed", name="start"), node(end, "passed", "out", name="end")])}""",
        catalog=one("out", f"partitions: {DAILY}"),
        dagster="assets: {cluster_by: node}",
    )
    for day in ("2026-01-01", "2026-01-02"):
        assert make(project, instance, "passed", "out", tags=partition(day)).success
    assert make(project, instance, "out", tags=partition("2026-01-01")).success
    assert project.read("out/2026-01-01.json") == {"made for": "2026-01-01"}
    missing = make(project, instance, "out", tags=partition("2026-01-03"))
    assert "'passed' is needed here, but no run has made it yet" in missing.error


def passing(folder: Path, nodes: str, policy: str = "", settings: str = "") -> KedroProject:
    """Two keys, each made from `raw` in two steps, with data in memory between them."""
    project = write_project(
        folder,
        nodes=nodes,
        pipelines="""{"__default__": pipeline([
            node(start, ["raw", "params:partition_key"], "passed", name="start"),
            node(end, "passed", "out", name="end"),
        ])}""",
        catalog=json_dataset("raw") + one("out", f"partitions: {{static: [a, b]{policy}}}"),
        dagster=f"assets: {{cluster_by: node{settings}}}\n",
    )
    project.write("data/raw.json", "1")
    return project


def test_a_run_of_one_key_that_a_backfill_starts_leaves_its_data_in_memory_for_other_runs_of_the_key(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = passing(tmp_path, "def start(raw, key):\n    return raw\n\n\ndef end(passed):\n    return passed\n")
    assert make(project, instance, "passed", "out", tags=partition("a")).success
    project.write("data/raw.json", "2")
    assert make(project, instance, "passed", "out", tags=between("a", "a")).success
    assert project.read("out/a.json") == 2
    assert make(project, instance, "out", tags=partition("a")).success
    assert project.read("out/a.json") == 2


def gathering(folder: Path) -> KedroProject:
    """A node that could make all keys of a run at once, and one that makes one after the other of what that hands it."""
    project = write_project(
        folder,
        nodes="""
def start(raw):
    return {key: load() for key, load in raw.items()}


def end(passed):
    return passed
""",
        pipelines="""{"__default__": pipeline([
            node(start, "raw", "passed", name="start"), node(end, "passed", "out", name="end")])}""",
        catalog=every("raw", "partitions: {static: [a, b]}")
        + one("out", "partitions: {static: [a, b], backfill_policy: single_run}"),
        dagster="assets: {cluster_by: node}\njobs: {all: {}, apart: {executor: {multiprocess: {max_concurrent: 1}}}}\n",
    )
    for key in ("a", "b"):
        project.write(f"data/raw/{key}.json", "1")
    return project


@pytest.mark.parametrize("job", ["all", "apart"])
def test_a_step_of_single_partitions_reads_what_the_run_itself_has_made_in_memory(
    job: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = gathering(tmp_path)
    assert execute(project, instance, job, tags=partition("a")).success
    for key in ("a", "b"):
        project.write(f"data/raw/{key}.json", "2")
    assert execute(project, instance, job, tags=between("a", "b")).success
    assert project.read("out/a.json") == {"a": 2}
    assert project.read("out/b.json") == {"b": 2}
    for key in ("a", "b"):
        project.write(f"data/raw/{key}.json", "3")
    assert execute(project, instance, job, tags=between("a", "b")).success
    stored = Path(instance.storage_directory()) / "kedro_assets"
    assert len(list(stored.glob(f"{project.path.name}*/*/*/*.pickle"))) == 2  # of the latest run, one for each key


@pytest.mark.parametrize(
    ("tags", "named"),
    [(partition("b"), "Node 'end' failed: "), (between("a", "b"), "Node 'end' failed for partition 'b': ")],
    ids=["one", "several"],
)
def test_the_node_that_fails_in_a_run_of_partitions_is_named_and_its_retries_hold(
    tags: dict[str, str], named: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    nodes = """
def start(raw, key):
    return key


def end(passed):
    if passed == "b":
        raise ValueError("of b")
    return passed
"""
    retries = "retries: {max_retries: 2}, node_retries: {end: {max_retries: 0}}"
    project = passing(tmp_path, nodes, ", backfill_policy: single_run", f", {retries}")
    result = make(project, instance, "passed", "out", tags=tags)
    assert not result.success
    [failure] = [event for event in result.events if event.is_step_failure]
    error = failure.event_specific_data.error
    assert named in str(error)
    assert "of b" in str(error)
    assert len(project.calls("on_node_error")) == 1


NATIVE = """
import dagster as dg
from kedro_assets import build_definitions


@dg.asset(
    partitions_def=dg.WeeklyPartitionsDefinition("2026-01-04", end_date="2026-01-18"),
    ins={"days": dg.AssetIn("daily", input_manager_key="daily__io_manager")},
)
def week(days):
    return None


defs = dg.Definitions.merge(build_definitions(), dg.Definitions(assets=[week]))
"""


def test_another_partition_than_that_of_the_path_is_refused_to_an_asset_that_is_no_node(
    sales: KedroProject, instance: dg.DagsterInstance
) -> None:
    sales.write(f"src/{sales.package}/native.py", NATIVE)
    for day in range(4, 11):
        sales.write(f"data/daily/2026-01-{day:02}.json", "{}")
    found = run_job(sales, instance, "__ASSET_JOB", "week", tags=partition("2026-01-04"), module="native")
    assert "'daily@one' has one path per partition" in found.error


def test_the_check_of_a_path_per_partition_is_made_in_its_runs(
    sales: KedroProject, instance: dg.DagsterInstance
) -> None:
    sales.write(
        "conf/base/catalog.yml",
        CATALOG.replace("daily@one:\n", f"daily@one:\n  validator: {sales.package}.nodes.has_a_value\n"),
    )
    sales.write(
        f"src/{sales.package}/nodes.py",
        NODES + "\n\ndef has_a_value(day):\n    assert day['value'] > 0\n    return day\n",
    )
    made = make(sales, instance, "daily", tags=partition("2026-01-05"))
    [check] = [event for event in made.events if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION]
    assert check.event_specific_data.passed
    assert check.event_specific_data.partition == "2026-01-05"


def test_the_check_tells_what_was_split_for_its_partitions(sales: KedroProject) -> None:
    sales.write("conf/base/dagster.yml", "assets: {cluster_by: tag}")
    registry = next(sales.path.glob("src/*/pipeline_registry.py"))
    registry.write_text(registry.read_text().replace('name="', 'tags="all", name="'))
    told = "\n".join(check_lines(sales.path))
    for node in ("extract", "sum_up", "report"):
        assert f"nodes: {node}\n    because the other nodes of the tag 'all' are partitioned differently." in told
    assert "Pipeline '__default__' is not a job: its assets have different partitions definitions" in told
