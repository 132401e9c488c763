"""One project launched in every way there is: each does what `kedro run` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import pytest
from comparing import Outcome, assert_same, by_dagster, by_kedro, left_behind, start_over
from helpers import KedroProject, asset_materialize, job_execute, json_dataset, run_command, write_project
from servers import DagsterDev, dagster_dev, has_ended, wait_for

NODES = """
    import logging
    from pathlib import Path

    logger = logging.getLogger(__name__)
    FAIL_ONCE = Path(__file__).parents[2] / "fail_once"

    def clean(raw, factor):
        logger.info("cleaning %d values", len(raw))
        return [value * factor for value in raw]

    def split(cleaned):
        logger.warning("splitting %s", cleaned)
        return {"low": cleaned[:2], "high": cleaned[2:]}

    def chunks(high):
        for value in high:
            logger.info("the next chunk is %d", value)
            yield {"value": value}

    def total(low, high, everything):
        if FAIL_ONCE.exists():
            FAIL_ONCE.unlink()
            raise RuntimeError("not now")
        return {"total": sum(low) + sum(high), "parameters": sorted(everything)}

    def history(total, depth):
        return [total["total"]] * depth

    def report(total):
        logger.error("the total is %d", total["total"])
"""
PIPELINES = """{
    "__default__": pipeline([
        node(clean, ["raw", "params:factor"], "cleaned", name="clean"),
        node(split, "cleaned", {"low": "low", "high": "high"}, name="split", tags=["split"]),
        node(chunks, "high", "rows", name="chunks"),
        node(total, {"low": "low", "high": "high", "everything": "parameters"}, "total", name="total"),
        node(history, ["total", "params:model.depth"], "stats.history", name="history", namespace="stats"),
        node(report, "total", None, name="report"),
    ]),
}"""
DAGSTER = """
    assets: {cluster_by: node}
    schedules:
      always: {cron_schedule: "* * * * *"}
    jobs:
      everything: {schedule: always}
      forking: {executor: {multiprocess: {max_concurrent: 2}}}
      spawning:
        pipeline: {to_nodes: [split]}
        executor: {multiprocess: {max_concurrent: 2, start_method: {spawn: {}}}}
"""
ASSETS = [["cleaned"], ["low"], ["high"], ["rows"], ["total"], ["stats", "history"], ["report"]]
RAW = {"raw.json": "[1, 2, 3, 4]"}
# pyproject.toml ignores it for this process
NO_WARNING = "ignore:register_new_resolver() is deprecated:UserWarning"


@dataclass(frozen=True)
class Bench:
    """The project, and everything that can launch it.

    Attributes:
        project: The project.
        twin: The same project once more, for the schedule, which runs when it likes.
        instance: The instance of this process and of the command lines.
        dev: `dagster dev`, which has another instance.
        schedule: The state of the twin's schedule, which is on.
    """

    project: KedroProject
    twin: KedroProject
    instance: dg.DagsterInstance
    dev: DagsterDev
    schedule: str

    def latest(self) -> Outcome:
        """What the latest run of the command line has left behind."""
        [run] = self.instance.get_runs(limit=1)
        return left_behind(self.project, self.instance, run.run_id)

    def of_server(self, run_id: str, project: KedroProject | None = None) -> Outcome:
        """What a run of the server has left behind."""
        with dg.DagsterInstance.from_config(str(self.dev.home)) as instance:
            return left_behind(project or self.project, instance, run_id)


def new_project(folder: Path) -> KedroProject:
    project = write_project(
        folder,
        nodes=NODES,
        pipelines=PIPELINES,
        catalog=json_dataset("raw", "high", "rows", "total") + json_dataset("stats.history", versioned=True),
        parameters="factor: 10\nmodel: {depth: 3}\n",
        dagster=DAGSTER,
    )
    start_over(project, RAW)
    return project


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, instance: dg.DagsterInstance) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("launched")
    project, twin = new_project(folder), new_project(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONWARNINGS", NO_WARNING)
        with dagster_dev(folder / "home", project, twin) as dev:
            yield Bench(project, twin, instance, dev, dev.start_schedule(twin, "always"))


@pytest.fixture(scope="module")
def theirs(bench: Bench) -> Outcome:
    start_over(bench.project, RAW)
    return by_kedro(bench.project)


def by_job_execute(bench: Bench) -> Outcome:
    job_execute(bench.project, "everything")
    return bench.latest()


def by_asset_materialize(bench: Bench) -> Outcome:
    asset_materialize(bench.project, "*")
    return bench.latest()


def by_assets_run(bench: Bench) -> Outcome:
    run_command(bench.project, "kedro", "assets", "run")
    return bench.latest()


def by_schedule(bench: Bench) -> Outcome:
    """Its first run; by now there may be others, which write the same files from processes of their own."""

    def twins() -> list[str]:
        with dg.DagsterInstance.from_config(str(bench.dev.home)) as instance:
            runs = instance.get_runs(dg.RunsFilter(tags={"dagster/schedule_name": "always"}))
        return [run.run_id for run in reversed(runs)]

    run_id = wait_for(twins, "the schedule")[0]
    bench.dev.stop_schedule(bench.schedule)
    wait_for(lambda: all(has_ended(bench.dev.status(run)) for run in twins()), "the runs of the schedule")
    outcome = bench.of_server(run_id, bench.twin)
    return replace(outcome, calls=[call for call in outcome.calls if call["pid"] == outcome.calls[0]["pid"]])


PATHS: dict[str, Callable[[Bench], Outcome]] = {
    "in process": lambda bench: by_dagster(bench.project, bench.instance, "everything"),
    "multiprocess": lambda bench: by_dagster(bench.project, bench.instance, "forking"),
    "dagster job execute": by_job_execute,
    "dagster asset materialize": by_asset_materialize,
    "kedro assets run": by_assets_run,
    "a job in the UI": lambda bench: bench.of_server(bench.dev.launch(bench.project, "everything")),
    "materialize all in the UI": lambda bench: bench.of_server(bench.dev.launch(bench.project, "__ASSET_JOB", ASSETS)),
    "a schedule": by_schedule,
}


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_every_way_to_launch_a_run_does_what_kedro_run_does(bench: Bench, theirs: Outcome, path: str) -> None:
    start_over(bench.project, RAW)
    assert_same(PATHS[path](bench), theirs)


@pytest.mark.slow
def test_a_run_whose_steps_are_spawned_does_what_kedro_run_does(bench: Bench) -> None:
    start_over(bench.project, RAW)
    theirs = by_kedro(bench.project, to_nodes=["split"])
    start_over(bench.project, RAW)
    assert_same(by_dagster(bench.project, bench.instance, "spawning"), theirs, one_process=False)


@pytest.mark.slow
def test_materializing_a_selection_in_the_ui_does_what_kedro_run_does_with_its_nodes(bench: Bench) -> None:
    start_over(bench.project, RAW)
    by_kedro(bench.project)
    bench.project.forget()
    theirs = by_kedro(bench.project, node_names=["chunks", "stats.history"])
    bench.project.forget()
    run_id = bench.dev.launch(bench.project, "__ASSET_JOB", [["rows"], ["stats", "history"]])
    assert_same(bench.of_server(run_id), theirs)


@pytest.mark.slow
def test_continuing_from_a_failure_in_the_ui_runs_what_is_left_with_the_data_of_the_first_attempt(
    bench: Bench, theirs: Outcome
) -> None:
    start_over(bench.project, RAW)
    bench.project.write("fail_once", "")
    failed = bench.dev.launch(bench.project, "everything")
    first = bench.of_server(failed)
    assert first.error == ("RuntimeError", "not now")
    assert [call["hook"] for call in first.of("after_pipeline_run", "on_pipeline_error")] == ["on_pipeline_error"]
    bench.project.forget()
    second = bench.of_server(bench.dev.continue_from_failure(failed))
    assert second.success, second.error
    assert sorted(bench.project.nodes_run()) == ["report", "stats.history", "total"]
    assert second.by_node().items() <= theirs.by_node().items()
    assert second.files == theirs.files
    hooks = [call["hook"] for call in second.of("before_pipeline_run", "after_pipeline_run", "on_pipeline_error")]
    assert hooks == ["before_pipeline_run", "after_pipeline_run"]
    assert second.calls[-1]["hook"] == "after_pipeline_run"
    assert second.identities().isdisjoint(first.identities())
