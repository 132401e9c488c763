"""One project through `kedro run` and through Dagster: same files, same hooks, one identity."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers import (
    KedroProject,
    asset_materialize,
    hook_counts,
    job_execute,
    json_dataset,
    kedro_run,
    order_per_node,
    write_project,
)

NODES = """
    def clean(raw, factor):
        return [value * factor for value in raw]

    def split(cleaned):
        return {"low": cleaned[:2], "high": cleaned[2:]}

    def chunks(high):
        for value in high:
            yield {"value": value}

    def total(low, high, everything):
        return {"total": sum(low) + sum(high), "parameters": sorted(everything)}

    def report(total):
        print(total)
"""
PIPELINES = """{
    "__default__": pipeline([
        node(clean, ["raw", "params:factor"], "cleaned", name="clean"),
        node(split, "cleaned", {"low": "low", "high": "high"}, name="split", tags=["split"]),
        node(chunks, "high", "rows", name="chunks"),
        node(total, {"low": "low", "high": "high", "everything": "parameters"}, "total", name="total"),
        node(report, "total", None, name="report"),
        node(len, "raw", "size", name="measure"),
    ]),
}"""
DAGSTER = """
    executors:
      two: {multiprocess: {max_concurrent: 2}}
    jobs:
      sequential: {pipeline: {pipeline_name: __default__}}
      parallel: {pipeline: {pipeline_name: __default__}, executor: two}
"""
PROCESS_HOOKS = ("after_context_created", "after_catalog_created")


class Run:
    """What one run left behind."""

    def __init__(self, project: KedroProject) -> None:
        self.files = {name: data for name, data in project.data().items() if "raw" not in name}
        self.calls = project.calls()
        project.forget()

    def of(self, *hooks: str) -> list[dict[str, Any]]:
        return [call for call in self.calls if call["hook"] in hooks]

    @property
    def pids(self) -> set[int]:
        return {call["pid"] for call in self.calls}


def start_over(project: KedroProject) -> None:
    shutil.rmtree(project.path / "data", ignore_errors=True)
    project.write("data/raw.json", "[1, 2, 3, 4]")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, dagster_home: Path) -> dict[str, Run]:
    catalog = json_dataset("raw", "cleaned", "high", "total", "size") + json_dataset("rows")
    project = write_project(
        tmp_path_factory.mktemp("same"),
        nodes=NODES,
        pipelines=PIPELINES,
        catalog=catalog,
        parameters="factor: 10\nmodel: {depth: 3}\n",
        dagster=DAGSTER,
    )
    found = {}
    start_over(project)
    kedro_run(project)
    found["kedro"] = Run(project)
    start_over(project)
    job_execute(project, "sequential")
    found["in process"] = Run(project)
    start_over(project)
    job_execute(project, "parallel")
    found["multiprocess"] = Run(project)
    asset_materialize(project, 'key:"rows"')
    found["materialize"] = Run(project)
    return found


@pytest.mark.parametrize("path", ["in process", "multiprocess"])
def test_a_job_writes_the_same_files_as_kedro_run(runs: dict[str, Run], path: str) -> None:
    assert runs[path].files == runs["kedro"].files


@pytest.mark.parametrize("path", ["in process", "multiprocess"])
def test_a_job_calls_the_same_hooks_as_kedro_run(runs: dict[str, Run], path: str) -> None:
    assert hook_counts(runs[path].calls) == hook_counts(runs["kedro"].calls)


@pytest.mark.parametrize("path", ["in process", "multiprocess"])
def test_the_hooks_of_a_node_come_in_the_order_of_kedro_run(runs: dict[str, Run], path: str) -> None:
    assert order_per_node(runs[path].calls) == order_per_node(runs["kedro"].calls)


@pytest.mark.parametrize("path", ["in process", "multiprocess"])
def test_node_hooks_are_told_the_same_as_in_kedro_run(runs: dict[str, Run], path: str) -> None:
    def told(run: Run) -> set[str]:
        calls = run.of("before_node_run", "after_node_run", "after_dataset_loaded", "before_dataset_saved")
        return {str({key: value for key, value in call.items() if key not in ("pid", "run_id")}) for call in calls}

    assert told(runs[path]) == told(runs["kedro"])


@pytest.mark.parametrize("path", ["kedro", "in process", "multiprocess", "materialize"])
def test_the_context_and_the_catalog_are_made_once_per_process(runs: dict[str, Run], path: str) -> None:
    run = runs[path]
    for hook in PROCESS_HOOKS:
        assert sorted(call["pid"] for call in run.of(hook)) == sorted(run.pids)


@pytest.mark.parametrize("path", ["in process", "multiprocess"])
def test_pipeline_hooks_get_the_same_nodes_and_results_as_in_kedro_run(runs: dict[str, Run], path: str) -> None:
    for hook in ("before_pipeline_run", "after_pipeline_run"):
        [ours], [theirs] = runs[path].of(hook), runs["kedro"].of(hook)
        assert ours["nodes"] == theirs["nodes"]
        assert ours.get("results") == theirs.get("results")
        differing = ("run_id", "runner")
        assert [
            {key: value for key, value in call["run_params"].items() if key not in differing} for call in (ours, theirs)
        ] == [{key: value for key, value in theirs["run_params"].items() if key not in differing}] * 2


def test_pipeline_hooks_run_in_the_process_of_the_run_before_and_after_all_steps(runs: dict[str, Run]) -> None:
    run = runs["multiprocess"]
    [before], [after] = run.of("before_pipeline_run"), run.of("after_pipeline_run")
    steps = [call for call in run.calls if "node" in call]
    assert before["pid"] == after["pid"]
    assert before["pid"] not in {call["pid"] for call in steps}
    assert run.calls.index(before) < run.calls.index(steps[0])
    assert run.calls[-1] == after


def test_a_multiprocess_run_executes_its_steps_in_several_processes(runs: dict[str, Run]) -> None:
    assert len(runs["multiprocess"].pids) > 2
    assert len(runs["in process"].pids) == 1


@pytest.mark.parametrize("path", ["in process", "multiprocess", "materialize"])
def test_every_process_of_a_run_has_the_same_run_id_and_save_version(runs: dict[str, Run], path: str) -> None:
    calls = runs[path].calls
    identities = {call[key] for call in calls for key in ("run_id", "save_version") if key in call}
    assert len(identities) == 1
    [identity] = identities
    assert len(identity) == len("2026-03-01T12.30.05.123Z")


def test_materializing_one_asset_fires_the_pipeline_hooks_once_with_the_nodes_it_runs(runs: dict[str, Run]) -> None:
    run = runs["materialize"]
    ran = [call["node"] for call in run.of("before_node_run")]
    assert ran == ["chunks"]
    [before], [after] = run.of("before_pipeline_run"), run.of("after_pipeline_run")
    assert before["nodes"] == after["nodes"] == ran
    assert before["run_params"]["node_names"] == ran
    assert after["results"] == ["rows"]
    assert not run.of("on_pipeline_error")
