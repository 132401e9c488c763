"""What every engine has to do, whoever runs its steps.

A module for an engine has the fixture `engine`, a class for pytest to find these tests by, and what only that engine does.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from comparing import PIPELINE_HOOKS, Outcome, assert_same, by_dagster, by_kedro, left_behind, start_over
from dagster._core.launcher import LaunchRunContext
from engine_project import DATA, make_project
from helpers import KedroProject, execute, materialized
from servers import dagster_dev, has_ended, wait_for

TESTS = Path(__file__).parents[1]
JOBS = {
    "__default__": {},
    "retried": {"retries": {"max_retries": 1}},
    "short": {"pipeline": {"to_nodes": ["total"]}, "executor": "engine"},
    "ops": {"view": "ops", "executor": "engine"},
    "stale": {"only": "stale"},
}
SUCCEEDED = ["before_pipeline_run", "after_pipeline_run"]
FAILED = ["before_pipeline_run", "on_pipeline_error"]
CANCELLED = ["before_pipeline_run"]
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Engine:
    """What runs steps outside of the run's process.

    Attributes:
        executor: The executor as dagster.yml has it.
        instance: The instance that has the runs.
        processes: Gives the processes that have run steps, or may have.
        ends_steps: Whether the steps of a cancelled run are ended; else those that run go on to their end.
    """

    executor: Mapping[str, Any]
    instance: dg.DagsterInstance
    processes: Callable[[], set[int]]
    ends_steps: bool = False

    def project(self, folder: Path, cluster_by: str = "node", **assets: Any) -> KedroProject:
        """Write the project for this engine, each node with a step of its own or in clusters, and more of `assets`."""
        return make_project(
            folder,
            assets={"cluster_by": cluster_by, **assets},
            executors={"engine": self.executor},
            default_executor="engine",
            jobs=JOBS,
        )


class EngineTests:
    """Expectations of every engine."""

    def test_a_run_does_what_kedro_run_does(self, engine: Engine, project: KedroProject) -> None:
        theirs = by_kedro(project)
        start_over(project, DATA)
        ours = by_dagster(project, engine.instance)
        assert_same(ours, theirs, one_process=False)
        assert_hooks_in_their_places(ours, engine)
        [version] = ours.identities()
        assert (project.path / f"data/total.json/{version}/total.json").exists()

    def test_what_is_up_to_date_is_left_out(self, engine: Engine, project: KedroProject) -> None:
        assert execute(project, engine.instance, "stale").success
        assert len(project.nodes_run()) == 5
        (project.path / "data/stats.rows.json").unlink()
        project.forget()
        result = execute(project, engine.instance, "stale")
        assert result.success
        assert materialized(result) == ["stats/rows", "stats/report"]
        assert project.nodes_run() == ["stats.chunks", "stats.report"]
        project.forget()
        assert execute(project, engine.instance, "stale").success
        assert project.calls() == []

    def test_a_job_of_ops_does_what_kedro_run_does(self, engine: Engine, project: KedroProject) -> None:
        theirs = by_kedro(project)
        start_over(project, DATA)
        ours = by_dagster(project, engine.instance, "ops")
        assert_same(ours, theirs, one_process=False)
        assert_hooks_in_their_places(ours, engine)

    @pytest.mark.parametrize(
        ("cluster_by", "assets"), [("memory", ["high"]), ("node", ["cleaned", "high"])], ids=["memory", "node"]
    )
    def test_a_selection_of_assets_runs_the_nodes_that_it_needs_with_the_parameters_of_the_run(
        self, tmp_path: Path, engine: Engine, cluster_by: str, assets: list[str]
    ) -> None:
        project = engine.project(tmp_path, cluster_by)
        theirs = by_kedro(project, to_nodes=["split"], runtime_params={"factor": 2})
        assert project.read("high.json") == [6, 8]
        start_over(project, DATA)
        config = {"resources": {"kedro": {"config": {"runtime_params": {"factor": 2}}}}}
        assert_same(by_dagster(project, engine.instance, assets=assets, config=config), theirs, one_process=False)

    def test_a_run_fails_as_in_kedro_run_and_continues_with_what_is_left(
        self, engine: Engine, project: KedroProject
    ) -> None:
        theirs = by_kedro(project)
        start_over(project, DATA)
        project.write("fail_once", "")
        their_failure = by_kedro(project)
        start_over(project, DATA)
        project.write("fail_once", "")
        result = execute(project, engine.instance)
        failure = left_behind(project, engine.instance, result.run_id)
        assert failure.error == ("RuntimeError", "not now")
        assert_same(failure, their_failure, one_process=False)
        assert sorted(project.nodes_run()) == ["clean", "split", "stats.chunks", "total"]
        assert sorted(materialized(result)) == ["cleaned", "high", "low", "stats/rows"]
        error = error_of_the_pipeline(project)
        assert error["error"] == "StepError"
        assert "RuntimeError: not now" in error["message"]
        assert len(project.calls("on_node_error")) == 1
        project.forget()
        rest = by_dagster(project, engine.instance, continue_from=result.run_id)
        assert rest.success, rest.error
        assert project.nodes_run() == ["total", "stats.report"]
        assert rest.files == theirs.files
        assert rest.by_node().items() <= theirs.by_node().items()

    def test_retries_of_a_job_try_a_failed_step_again(self, engine: Engine, clustered: KedroProject) -> None:
        theirs = by_kedro(clustered)
        start_over(clustered, DATA)
        clustered.write("fail_once", "")
        ours = by_dagster(clustered, engine.instance, "retried")
        assert ours.success, ours.error
        assert ours.files == theirs.files
        tries = ["clean", "split", "total"] * 2
        assert sorted(clustered.nodes_run()) == sorted([*tries, "stats.chunks", "stats.report"])
        assert len(clustered.calls("on_node_error")) == 1
        assert len(ours.identities()) == 1
        assert_hooks_in_their_places(ours, engine)

    def test_a_cancelled_run_starts_no_more_steps_and_fires_no_further_hook_of_the_pipeline(
        self, engine: Engine, clustered: KedroProject
    ) -> None:
        wait = clustered.write("wait", "")

        def cancel() -> None:
            [run] = engine.instance.get_runs(limit=1)
            engine.instance.report_run_canceling(run)
            os.kill(os.getpid(), signal.SIGTERM)
            if not engine.ends_steps:
                wait.unlink()

        with Watcher((clustered.path / "waiting").exists, cancel):
            result = execute(clustered, engine.instance)
        run = engine.instance.get_run_by_id(result.run_id)
        assert run is not None
        assert run.status == dg.DagsterRunStatus.CANCELED
        assert hooks_of_the_pipeline(clustered) == CANCELLED
        assert clustered.nodes_run() == ["clean", "split", "total"]
        ended = [call["node"] for call in clustered.calls("after_node_run")]
        assert ended == (["clean", "split"] if engine.ends_steps else ["clean", "split", "total"])


class WorkerTests(EngineTests):
    """Expectations of engines whose workers stay from run to run, and let the steps of a cancelled run end."""

    @pytest.mark.parametrize("cluster_by", ["memory", "node"])
    def test_runs_on_the_same_workers_do_what_kedro_run_does_time_after_time(
        self, tmp_path: Path, engine: Engine, cluster_by: str
    ) -> None:
        project = engine.project(tmp_path, cluster_by)
        theirs = by_kedro(project)
        seen: set[str] = set()
        for _ in range(2):
            start_over(project, DATA)
            ours = by_dagster(project, engine.instance)
            assert_same(ours, theirs, one_process=False)
            assert ours.identities().isdisjoint(seen)
            seen |= ours.identities()

    @pytest.mark.slow
    def test_a_run_that_is_cancelled_in_the_ui_starts_no_more_steps_and_fires_no_further_hook_of_the_pipeline(
        self, tmp_path: Path, project: KedroProject
    ) -> None:
        waiting, wait = project.path / "waiting", project.write("wait", "")
        with dagster_dev(tmp_path / "home", project) as dev:
            run_id = dev.start(dev.location(project.package), "__default__")
            wait_for(waiting.exists, "the node")
            dev.ask("mutation ($id: String!) {terminateRun(runId: $id) {__typename}}", id=run_id)
            time.sleep(3)  # until the run's process has heard of it
            wait.unlink()
            assert dev.wait_for_run(run_id) == "CANCELED"
        assert [call["hook"] for call in project.calls(*PIPELINE_HOOKS)] == CANCELLED
        assert sorted(project.nodes_run()) == ["clean", "split", "stats.chunks", "total"]


def hooks_of_the_pipeline(project: KedroProject) -> list[str]:
    """The pipeline hooks that have fired, in order; all in the process of the run, which is this one."""
    calls = project.calls(*PIPELINE_HOOKS)
    assert {call["pid"] for call in calls} == {os.getpid()}
    return [call["hook"] for call in calls]


def error_of_the_pipeline(project: KedroProject) -> dict[str, Any]:
    """The call of `on_pipeline_error`, the only hook that a run has ended with."""
    assert hooks_of_the_pipeline(project) == FAILED
    [error] = project.calls("on_pipeline_error")
    return error


def run_error(result: dg.JobExecutionResult, instance: dg.DagsterInstance) -> str:
    """What Dagster has recorded of the failure of a run."""
    [failure] = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert failure.dagster_event
    return str(failure.dagster_event.job_failure_data.error.to_string())


def assert_hooks_in_their_places(run: Outcome, engine: Engine) -> None:
    """Fail unless a run has fired the hooks of its pipeline here, once, and those of its nodes on the engine."""
    of_pipeline = run.of(*PIPELINE_HOOKS)
    assert [(call["hook"], call["pid"]) for call in of_pipeline] == [(hook, os.getpid()) for hook in SUCCEEDED]
    of_nodes = {call["pid"] for call in run.calls if "node" in call}
    assert of_nodes <= engine.processes() - {os.getpid()}


def launch(project: KedroProject, instance: dg.DagsterInstance, job: str) -> dg.DagsterRun:
    """Start a run as the daemon and the web server do."""
    definition = dg.build_reconstructable_job(
        "helpers", "load_job", (str(project.path), job), reconstructor_working_directory=str(TESTS)
    )
    origin = definition.get_python_origin()
    run = instance.create_run_for_job(job_def=definition.get_definition(), job_code_origin=origin)
    instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
    return run


def ended(run: dg.DagsterRun, instance: dg.DagsterInstance) -> str:
    """Wait until a run has ended, and give its status."""

    def status() -> str:
        found = instance.get_run_by_id(run.run_id)
        return found.status.value if found else ""

    wait_for(lambda: has_ended(status()), "the run")
    return status()


def step_errors(result: dg.JobExecutionResult) -> str:
    """What the steps of a run have failed with."""
    return "\n".join(str(event.step_failure_data.error) for event in result.all_events if event.is_step_failure)


@dataclass
class Watcher:
    """Does something, once, as soon as something else is the case; outside the thread of the test, which is busy.

    Attributes:
        when: What to wait for.
        then: What to do.
        seconds: How long to wait at most.
        done: Whether it has been done.
    """

    when: Callable[[], Any]
    then: Callable[[], Any]
    seconds: float = 120
    done: bool = False
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watcher:  # noqa: PYI034 - Python 3.10 has no Self
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        end = time.monotonic() + self.seconds
        while time.monotonic() < end and not self._over.wait(POLL_SECONDS):
            if self.when():
                self.then()
                self.done = True
                return
