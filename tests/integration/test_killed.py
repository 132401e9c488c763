"""Processes that are killed and runs that are cancelled: what Dagster shows, which hooks fire, what a new try does."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from comparing import Outcome, left_behind, start_over
from helpers import KedroProject, execute, json_dataset, load_definitions, materialized, write_project
from servers import DagsterDev, dagster_dev, wait_for

from kedro_assets.execution.failure_sensor import _OpenHooks
from kedro_assets.steps import projects_among

NODES = """
    import os
    import signal
    import time
    from pathlib import Path

    HERE = Path(__file__).parents[2]

    def first(raw):
        return raw + 1

    def second(one):
        if (HERE / "kill_once").exists():
            (HERE / "kill_once").replace(HERE / "kill_no_more")
            os.kill(os.getpid(), signal.SIGKILL)
        if (HERE / "kill").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        while (HERE / "wait").exists():
            (HERE / "waiting").touch()
            time.sleep(0.1)
        return one + 1

    def last(two):
        return two + 1
"""
PIPELINES = """{"__default__": pipeline([
    node(first, "raw", "one", name="first"),
    node(second, "one", "two", name="second"),
    node(last, "two", "three", name="last"),
])}"""
DAGSTER = """
    executors:
      two: {multiprocess: {max_concurrent: 2}}
      spawning: {multiprocess: {max_concurrent: 2, start_method: {spawn: {}}}}
    jobs:
      sequential: {pipeline: {}}
      parallel: {pipeline: {}, executor: two}
      spawned: {pipeline: {}, executor: spawning}
      again: {pipeline: {}, executor: two, retries: {max_retries: 1}}
"""
LAST_HOOKS = ("after_pipeline_run", "on_pipeline_error")
SENSOR_SECONDS = 100


def new_project(folder: Path) -> KedroProject:
    catalog = json_dataset("raw", "one", "two", "three")
    project = write_project(folder, nodes=NODES, pipelines=PIPELINES, catalog=catalog, dagster=DAGSTER)
    start_over(project, {"raw.json": "1"})
    return project


def test_a_step_whose_process_is_killed_fails_the_run_with_one_error_of_the_pipeline(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = new_project(tmp_path)
    kill = project.write("kill", "")
    result = execute(project, instance, "parallel")
    assert not result.success
    assert materialized(result) == ["one"]
    [before], [error] = project.calls("before_pipeline_run"), project.calls(*LAST_HOOKS)
    assert (error["hook"], error["pid"]) == ("on_pipeline_error", before["pid"])
    assert (error["error"], error["nodes"]) == ("StepError", ["first", "second", "last"])
    assert "ChildProcessCrashException" in error["message"]
    kill.unlink()
    project.forget()
    again = execute(project, instance, "parallel", continue_from=result.run_id)
    assert again.success
    assert (project.nodes_run(), project.read("three.json")) == (["second", "last"], 4)
    assert [call["hook"] for call in project.calls(*LAST_HOOKS)] == ["after_pipeline_run"]


def test_retries_of_a_job_try_a_step_again_whose_process_was_killed(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = new_project(tmp_path)
    project.write("kill_once", "")
    assert execute(project, instance, "again").success
    assert project.nodes_run() == ["first", "second", "second", "last"]
    assert [call["hook"] for call in project.calls(*LAST_HOOKS)] == ["after_pipeline_run"]


@pytest.mark.usefixtures("dagster_home")
@pytest.mark.parametrize("job", ["parallel", "spawned"])
def test_steps_end_with_the_process_of_their_run_and_save_nothing(tmp_path: Path, job: str) -> None:
    project = new_project(tmp_path)
    waiting, wait = tmp_path / project.package / "waiting", project.write("wait", "")
    target = ("-m", f"{project.package}.definitions", "-d", "src", "-j", job)
    with subprocess.Popen([sys.executable, "-m", "dagster", "job", "execute", *target], cwd=project.path) as run:
        wait_for(waiting.exists, "the node")
        run.kill()
    wait_for(lambda: time.time() - waiting.stat().st_mtime > 2, "the end of the node", 15)
    wait.unlink()
    time.sleep(1)
    assert project.nodes_run() == ["first", "second"]
    assert project.calls("after_node_run")[-1]["node"] == "first"
    assert not (project.path / "data/two.json").exists()


@pytest.mark.usefixtures("dagster_home")
def test_a_step_ends_with_the_process_that_it_was_forked_from_and_leaves_its_node_to_the_next_try(
    tmp_path: Path,
) -> None:
    project = new_project(tmp_path)
    waiting, wait = tmp_path / project.package / "waiting", project.write("wait", "")
    target = ("-m", f"{project.package}.definitions", "-d", "src", "-j", "again")
    with subprocess.Popen([sys.executable, "-m", "dagster", "job", "execute", *target], cwd=project.path):
        wait_for(waiting.exists, "the node")
        tried = project.calls("before_node_run")[-1]["pid"]
        forkserver = subprocess.run(["ps", "-o", "ppid=", "-p", str(tried)], capture_output=True, text=True, check=True)
        os.kill(int(forkserver.stdout), signal.SIGKILL)
        wait_for(lambda: project.nodes_run() == ["first", "second", "second"], "the next try")
        wait.unlink()
    assert [call["node"] for call in project.calls("after_node_run")] == ["first", "second", "last"]
    assert project.calls("after_node_run")[1]["pid"] != tried
    assert [call["hook"] for call in project.calls(*LAST_HOOKS)] == ["after_pipeline_run"]


def test_a_run_that_has_the_tags_of_the_one_before_it_says_how_far_it_is_itself(
    tmp_path: Path, dagster_home: Path, instance: dg.DagsterInstance
) -> None:
    """Dagster copies them when its daemon, or a user of the UI, runs a failed run again."""
    project = new_project(tmp_path)
    kill = project.write("kill", "")
    before = execute(project, instance, "parallel")
    copied = {tag: value for tag, value in tags_of(instance, before.run_id).items() if not tag.startswith("dagster/")}
    assert copied.keys() >= {"kedro/run_id", "kedro/env", "kedro/pipeline_hooks"}
    kill.unlink()
    waiting, wait = tmp_path / project.package / "waiting", project.write("wait", "")
    target = ("-m", f"{project.package}.definitions", "-d", "src", "-j", "parallel", "--tags", json.dumps(copied))
    with subprocess.Popen([sys.executable, "-m", "dagster", "job", "execute", *target], cwd=project.path) as process:
        wait_for(waiting.exists, "the node")
        process.kill()
    wait.unlink()
    [record] = instance.get_run_records(limit=1)
    tags = record.dagster_run.tags
    assert tags["kedro/run_id"] not in ("", copied["kedro/run_id"])
    assert (tags["kedro/env"], tags["kedro/pipeline_hooks"]) == (copied["kedro/env"], "")
    definitions = load_definitions(project)
    [kedro] = projects_among(definitions.resources or {})
    open_hooks = _OpenHooks(kedro)
    assert open_hooks.concerns(record.dagster_run, definitions.get_repository_def())
    failed = instance.get_run_by_id(before.run_id)
    assert failed is not None
    assert not open_hooks.concerns(failed, definitions.get_repository_def())


def without_address(fact: object) -> str:
    """What a hook got, as text; the runner is another object in each process."""
    return re.sub(r" at 0x\w+", "", str(fact))


def tags_of(instance: dg.DagsterInstance, run_id: str) -> dict[str, str]:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return dict(run.tags)


@dataclass(frozen=True)
class Bench:
    """A project and the `dagster dev` that runs it."""

    project: KedroProject
    dev: DagsterDev

    def start(self, job: str) -> str:
        """Launch a job, and give the id of its run at once."""
        return self.dev.start(self.dev.location(self.project.package), job)

    def left_behind(self, run_id: str) -> Outcome:
        with dg.DagsterInstance.from_config(str(self.dev.home)) as instance:
            return left_behind(self.project, instance, run_id)

    def tags(self, run_id: str) -> dict[str, str]:
        with dg.DagsterInstance.from_config(str(self.dev.home)) as instance:
            run = instance.get_run_by_id(run_id)
            assert run is not None
            return dict(run.tags)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("killed")
    project = new_project(folder)
    with dagster_dev(folder / "home", project) as dev:
        yield Bench(project, dev)


@pytest.mark.slow
def test_the_sensor_tells_on_pipeline_error_of_a_run_whose_own_process_was_killed(bench: Bench) -> None:
    start_over(bench.project, {"raw.json": "1"})
    kill = bench.project.write("kill", "")
    run_id = bench.start("sequential")
    assert bench.dev.wait_for_run(run_id) == "FAILURE"
    [before] = bench.project.calls("before_pipeline_run")
    wait_for(lambda: bench.project.calls(*LAST_HOOKS), "the sensor", SENSOR_SECONDS)
    [error] = bench.project.calls(*LAST_HOOKS)
    assert (error["hook"], error["error"]) == ("on_pipeline_error", "RunError")
    assert error["pid"] != before["pid"]
    assert f"signal {signal.SIGKILL.value}" in error["message"]
    for fact in ("run_id", "nodes", "run_params"):
        assert without_address(error[fact]) == without_address(before[fact])
    assert bench.tags(run_id)["kedro/run_id"] == before["run_id"]
    with dg.DagsterInstance.from_config(str(bench.dev.home)) as instance:
        made = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    assert [entry.asset_materialization.asset_key.path[-1] for entry in made if entry.asset_materialization] == ["one"]
    kill.unlink()
    bench.project.forget()
    outcome = bench.left_behind(bench.dev.continue_from_failure(run_id))
    assert outcome.success
    assert (bench.project.nodes_run(), bench.project.read("three.json")) == (["second", "last"], 4)


@pytest.mark.slow
def test_the_sensor_keeps_quiet_about_a_run_that_has_told_its_error_itself(bench: Bench) -> None:
    start_over(bench.project, {"raw.json": '"no number"'})
    run_id = bench.start("sequential")
    assert bench.dev.wait_for_run(run_id) == "FAILURE"
    start_over(bench.project, {"raw.json": "1"})
    kill = bench.project.write("kill", "")
    killed = bench.start("sequential")  # once the sensor has told of this one, it has seen the other
    wait_for(lambda: bench.tags(killed).get("kedro/pipeline_hooks"), "the sensor", SENSOR_SECONDS)
    kill.unlink()
    wait_for(lambda: bench.project.calls(*LAST_HOOKS), "the hook")
    [error] = bench.project.calls(*LAST_HOOKS)
    assert error["run_id"] == bench.tags(killed)["kedro/run_id"]


@pytest.mark.slow
@pytest.mark.parametrize("job", ["sequential", "parallel"])
def test_a_cancelled_run_fires_no_further_hook_of_the_pipeline(bench: Bench, job: str) -> None:
    start_over(bench.project, {"raw.json": "1"})
    waiting, wait = bench.project.path / "waiting", bench.project.write("wait", "")
    run_id = bench.start(job)
    wait_for(waiting.exists, "the node")
    bench.dev.ask("mutation ($id: String!) {terminateRun(runId: $id) {__typename}}", id=run_id)
    assert bench.dev.wait_for_run(run_id) == "CANCELED"
    waiting.unlink()
    wait.unlink()
    assert bench.project.calls("before_pipeline_run")
    assert not bench.project.calls(*LAST_HOOKS)
    assert not (bench.project.path / "data/two.json").exists()
