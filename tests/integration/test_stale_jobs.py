"""A job with `only: stale` makes what is not up to date when its run starts, and leaves out the rest of its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, execute, job_execute, json_dataset, materialized, write_project
from partitioned import between, every, partition

# `side` and `left` share a step with nothing; `model` and `other` are made by one step with `cluster_by: pipeline`.
NODES = """
def clean(raw):
    return raw + 1


def scale(cleaned, factor):
    return cleaned * factor


def train(scaled):
    return scaled + 100


def count(other):
    if other < 0:
        raise ValueError("below zero")
    return other * 10


def report(model, counted):
    return [model, counted]
"""
PIPELINES = """{"__default__": pipeline([
    node(clean, "raw", "cleaned", name="clean"),
    node(scale, ["cleaned", "params:factor"], "scaled", name="scale"),
    node(train, "scaled", "model", name="train"),
    node(count, "other", "counted", name="count"),
    node(report, ["model", "counted"], "reported", name="report"),
])}"""
JOBS = """
jobs:
  all: {}
  stale: {only: stale}
  several: {only: stale, executor: {multiprocess: {max_concurrent: 1}}}
  waits: {only: stale, executor: {in_process: {}}}
"""


def project_of(folder: Path, settings: str = "", content: str = "") -> KedroProject:
    project = write_project(
        folder,
        nodes=NODES,
        pipelines=PIPELINES,
        catalog=json_dataset("raw", "cleaned", "model", "other", "reported") + json_dataset("counted") + content,
        parameters="factor: 2\n",
        dagster=f"assets: {{{settings}}}{JOBS}",
    )
    project.write("data/raw.json", "1")
    project.write("data/other.json", "2")
    return project


@pytest.fixture
def instance(dagster_home: Path, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """One that knows nothing of the assets of other tests, which have the same names."""
    with dg.instance_for_test(temp_dir=str(tmp_path), overrides={"telemetry": {"enabled": False}}) as found:
        yield found


def kept(result: dg.JobExecutionResult) -> set[str]:
    """The steps that were skipped."""
    return {event.step_key for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_SKIPPED}


def log_of(instance: dg.DagsterInstance, run_id: str) -> str:
    return "\n".join(entry.user_message for entry in instance.all_logs(run_id))


EVERYTHING = {"cleaned", "model", "counted", "reported"}
"""What a job selects: `scaled` passes in memory, but between steps of single nodes."""


@pytest.mark.parametrize("settings", ["", "cluster_by: pipeline", "cluster_by: node", "memory_assets: false"])
@pytest.mark.parametrize("job", ["stale", "several"])
def test_what_is_not_up_to_date_is_made_and_the_rest_is_left_as_it_is(
    job: str, settings: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = project_of(tmp_path, settings)
    shown = EVERYTHING | ({"scaled"} if "node" in settings else set())
    assert set(materialized(execute(project, instance, job))) == shown
    project.write("data/other.json", "33")
    project.forget()
    result = execute(project, instance, job)
    assert result.success
    assert materialized(result) == ["counted", "reported"]
    assert project.nodes_run() == ["count", "report"]
    assert project.read("reported.json") == [104, 330]
    assert log_of(instance, result.run_id).count("counted: new data in 'other'\nreported: 'counted' is made again") == 1


@pytest.mark.parametrize("job", ["stale", "several"])
def test_a_run_with_nothing_to_do_succeeds_without_opening_the_project(
    job: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = project_of(tmp_path)
    assert execute(project, instance, "all").success
    project.forget()
    result = execute(project, instance, job)
    assert result.success
    assert (materialized(result), project.calls()) == ([], [])
    assert kept(result) == {"clean", "train", "count", "report"}
    assert "Everything is up to date: there is nothing to make." in log_of(instance, result.run_id)


def test_the_pipeline_hooks_get_what_runs(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(tmp_path, "cluster_by: pipeline")
    assert execute(project, instance, "all").success
    project.write("data/other.json", "33")
    project.forget()
    assert execute(project, instance, "several").success
    pipelines = [call["nodes"] for call in project.calls() if "pipeline" in call["hook"]]
    assert pipelines == [["count", "report"]] * 2


def test_what_the_decision_was_is_a_tag_of_the_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(tmp_path)
    assert execute(project, instance, "all").success
    project.write("data/other.json", "33")
    run = instance.get_run_by_id(execute(project, instance, "stale").run_id)
    assert run is not None
    assert run.tags["kedro/stale_assets"] == '["counted", "reported"]'


def test_assets_of_the_job_can_be_chosen_for_a_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(tmp_path)
    assert materialized(execute(project, instance, "stale", assets=["counted"])) == ["counted"]
    assert materialized(execute(project, instance, "stale", assets=["counted", "cleaned"])) == ["cleaned"]


@pytest.mark.parametrize("job", ["stale", "several"])
def test_a_re_execution_from_failure_makes_what_is_still_missing(
    job: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = project_of(tmp_path)
    assert execute(project, instance, "all").success
    project.write("data/raw.json", "11")
    project.write("data/other.json", "-33")
    failed = execute(project, instance, job)
    assert not failed.success
    assert materialized(failed) == ["cleaned", "model"]
    project.write("data/other.json", "4")
    again = execute(project, instance, job, continue_from=failed.run_id)
    assert materialized(again) == ["counted", "reported"]
    assert project.read("reported.json") == [124, 40]
    assert materialized(execute(project, instance, job)) == []


@pytest.mark.parametrize("job", ["stale", "several"])
def test_what_comes_out_the_same_stops_there(job: str, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(tmp_path, content="  metadata: {dagster: {data_version: content}}\n")
    assert execute(project, instance, job).success
    project.write("data/other.json", "2 ")  # another file with the same number
    project.forget()
    assert execute(project, instance, job).success
    assert project.nodes_run() == ["count"]
    assert materialized(execute(project, instance, job)) == []


def test_one_step_of_which_a_part_is_up_to_date_holds_up_no_other(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes="def add(number):\n    return number + 1\n",
        pipelines="""{"__default__": pipeline([
            node(add, "raw", "x", name="a", tags="one"), node(add, "other", "y", name="b", tags="one"),
            node(add, "x", "z", name="c")])}""",
        catalog=json_dataset("raw", "other", "x", "y", "z"),
        dagster=f"assets: {{cluster_by: tag}}{JOBS}",
    )
    project.write("data/raw.json", "1")
    project.write("data/other.json", "1")
    assert execute(project, instance, "all").success
    (project.path / "data/z.json").unlink()
    project.write("data/other.json", "22")
    for job in ("stale", "several"):
        result = execute(project, instance, job)
        assert sorted(materialized(result)) == ["y", "z"]
        (project.path / "data/z.json").unlink()
        project.write("data/other.json", "333")


EACH = "def each(raw, key):\n    return {key: raw}\n\n\ndef both(raw):\n    return {'a': raw, 'b': raw}\n"


def of_days(folder: Path, node: str = 'each, ["raw", "params:partition_key"]', size: str = "") -> KedroProject:
    project = write_project(
        folder,
        nodes=EACH,
        pipelines=f"""{{"__default__": pipeline([node({node}, "days", name="days")])}}""",
        catalog=json_dataset("raw") + every("days", f"partitions: {{static: [a, b]{size}}}"),
        dagster=JOBS,
    )
    project.write("data/raw.json", "1")
    return project


def run_days(project: KedroProject, instance: dg.DagsterInstance, **tags: str) -> dg.JobExecutionResult:
    job = dg.build_reconstructable_job(
        "helpers",
        "load_job",
        (str(project.path), "stale"),
        reconstructor_working_directory=str(Path(__file__).parents[1]),
    )
    return dg.execute_job(job, instance, tags=tags)


@pytest.mark.parametrize("tags", [partition, lambda key: between(key, key)], ids=["by hand", "by a backfill"])
def test_each_partition_is_looked_at_by_itself(
    tags: Callable[[str], dict[str, str]], tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = of_days(tmp_path)
    for key, made in (("a", ["days"]), ("a", []), ("b", ["days"]), ("a", [])):
        result = run_days(project, instance, **tags(key))
        assert result.success
        assert materialized(result) == made


@pytest.mark.parametrize("node", ['both, "raw"', 'each, ["raw", "params:partition_key"]'], ids=["at once", "each"])
def test_a_run_of_several_partitions_makes_all_and_says_so(
    node: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = of_days(tmp_path, node, ", backfill_policy: single_run")
    for _ in range(2):
        result = run_days(project, instance, **between("a", "b"))
        assert materialized(result) == ["days", "days"]
        assert "This run makes several partitions" in log_of(instance, result.run_id)


def test_a_run_without_a_partition_says_that_it_needs_one(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = of_days(tmp_path)
    assert run_days(project, instance, **partition("a")).success
    result = run_days(project, instance)
    assert not result.success
    [failure] = [event for event in result.all_events if event.event_type == dg.DagsterEventType.RUN_FAILURE]
    assert "was started without a partition" in str(failure.event_specific_data)


def test_dagsters_command_line_does_the_same(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(tmp_path)
    job_execute(project, "stale")
    project.forget()
    job_execute(project, "stale")
    assert project.nodes_run() == []


@pytest.mark.parametrize("job", ["stale", "several"])
def test_files_are_looked_at_where_the_parameters_of_the_job_say(
    job: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    given = "config: {runtime_params: {day: monday}}"
    several = f"several: {{only: stale, {given}, executor: {{multiprocess: {{max_concurrent: 1}}}}}}"
    project = write_project(
        tmp_path,
        nodes="def double(raw):\n    return raw * 2\n",
        pipelines='{"__default__": pipeline([node(double, "raw", "doubled", name="double")])}',
        catalog=json_dataset("doubled")
        + "raw: {type: json.JSONDataset, filepath: 'data/${runtime_params:day}.json'}\n",
        dagster=f"jobs: {{stale: {{only: stale, {given}}}, {several}}}",
    )
    for data, made in (("1", ["doubled"]), ("1", []), ("22", ["doubled"])):
        if made:
            project.write("data/monday.json", data)
        assert materialized(execute(project, instance, job)) == made
    assert project.read("doubled.json") == 44
