"""Versions: one run saves one, loads what it is given, and a re-execution goes on with what the first attempt saved."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import dagster as dg
import pytest
from comparing import assert_same, by_dagster, by_kedro, start_over
from helpers import KedroProject, execute, json_dataset, run_command, write_project

NODES = """
    import time
    from pathlib import Path

    HERE = Path(__file__).parent

    def make(raw):
        return [raw]

    def flaky(model):
        if (HERE / "broken").exists():
            raise ValueError("not yet")
        return model

    def wait(model):
        (HERE / f"waiting_{model[0]}").touch()
        while (HERE / "hold").exists():
            time.sleep(0.05)
        return model
"""
CATALOG = json_dataset("raw", "final") + json_dataset("model", versioned=True)
DAGSTER = """
    assets: {cluster_by: node}
    executors:
      two: {multiprocess: {max_concurrent: 2}}
    jobs:
      sequential: {pipeline: {}}
      parallel: {pipeline: {}, executor: two}
      old: {pipeline: {pipeline_name: use}, config: {load_versions: {model: 2020-01-01T00.00.00.000Z}}}
      use: {pipeline: {pipeline_name: use}}
"""
OLD = "2020-01-01T00.00.00.000Z"


def versioned(folder: Path, function: str = "flaky") -> KedroProject:
    project = write_project(
        folder,
        nodes=NODES,
        pipelines=f"""{{
            "__default__": pipeline([node(make, "raw", "model", name="make"), node({function}, "model", "final", name="{function}")]),
            "use": pipeline([node({function}, "model", "final", name="{function}")]),
        }}""",
        catalog=CATALOG,
        dagster=DAGSTER,
    )
    start_over(project, {"raw.json": "1", f"model.json/{OLD}/model.json": '["old"]'})
    return project


def versions(project: KedroProject) -> list[str]:
    return sorted(path.name for path in (project.path / "data/model.json").iterdir())


@pytest.mark.parametrize("job", ["sequential", "parallel"])
def test_a_re_execution_from_failure_loads_the_version_that_the_failed_run_has_saved(
    tmp_path: Path, instance: dg.DagsterInstance, job: str
) -> None:
    project = versioned(tmp_path)
    broken = project.write(f"src/{project.package}/broken", "")
    failed = execute(project, instance, job)
    assert not failed.success
    broken.unlink()
    [saved] = set(versions(project)) - {OLD}
    project.write("data/raw.json", "2")
    assert execute(project, instance, "sequential", assets=["model"]).success  # another run saves a newer one
    project.forget()
    again = execute(project, instance, job, continue_from=failed.run_id)
    assert again.success
    assert project.nodes_run() == ["flaky"]
    assert project.read("final.json") == [1]
    loaded = [call["load_versions"] for call in project.calls("after_catalog_created")]
    assert all(found == {"model": saved} for found in loaded)
    [before] = project.calls("before_pipeline_run")
    assert before["run_params"]["load_versions"] == {"model": saved}


def test_a_re_execution_of_a_re_execution_goes_back_to_the_run_that_has_saved(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = versioned(tmp_path)
    broken = project.write(f"src/{project.package}/broken", "")
    first = execute(project, instance, "sequential")
    second = execute(project, instance, "sequential", continue_from=first.run_id)
    broken.unlink()
    project.write("data/raw.json", "2")
    assert execute(project, instance, "sequential", assets=["model"]).success
    third = execute(project, instance, "sequential", continue_from=second.run_id)
    assert (second.success, third.success) == (False, True)
    assert project.read("final.json") == [1]


def test_a_run_that_makes_a_dataset_anew_does_not_load_the_version_of_the_run_it_continues(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = versioned(tmp_path)
    first = execute(project, instance, "sequential")
    project.write("data/raw.json", "2")
    job = dg.build_reconstructable_job(
        "helpers",
        "load_job",
        (str(project.path), "sequential"),
        reconstructor_working_directory=str(Path(__file__).parents[1]),
    )
    everything = dg.ReexecutionOptions(parent_run_id=first.run_id)
    with dg.execute_job(job, instance, reexecution_options=everything) as again:
        assert again.success
    assert project.read("final.json") == [2]


def test_load_versions_are_those_of_kedro_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = versioned(tmp_path)
    assert execute(project, instance, "sequential", assets=["model"]).success
    data = {"raw.json": "1", f"model.json/{OLD}/model.json": '["old"]'}
    newer = {f"model.json/{versions(project)[-1]}/model.json": '["new"]'}
    start_over(project, {**data, **newer})
    theirs = by_kedro(project, pipeline_names=["use"], load_versions={"model": OLD})
    start_over(project, {**data, **newer})
    ours = by_dagster(project, instance, "old")
    assert_same(ours, theirs)
    assert project.read("final.json") == ["old"]
    config = {"resources": {"kedro": {"config": {"load_versions": {"model": OLD}}}}}
    start_over(project, {**data, **newer})
    assert_same(by_dagster(project, instance, "use", config=config), theirs)
    start_over(project, {**data, **newer})
    run_command(project, "kedro", "assets", "run", "use", "--load-versions", f"model:{OLD}")
    assert project.read("final.json") == ["old"]
    project.forget()
    refused = run_command(project, "kedro", "assets", "run", "use", "--load-versions", "model:2019", check=False)
    told = f"Error: The dataset 'model' has no version '2019'. The versions that it has, the latest first: {versions(project)[-1]}"
    assert refused.returncode == 1
    assert " ".join(told.split()) in " ".join(refused.stderr.split())
    assert not project.calls("before_pipeline_run")  # there is no run


def test_a_version_that_is_not_there_fails_as_in_kedro_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = versioned(tmp_path)
    theirs = by_kedro(project, pipeline_names=["use"], load_versions={"model": "2019-01-01T00.00.00.000Z"})
    project.forget()
    config = {"resources": {"kedro": {"config": {"load_versions": {"model": "2019-01-01T00.00.00.000Z"}}}}}
    assert_same(by_dagster(project, instance, "use", config=config), theirs)


def test_a_load_version_of_an_unknown_dataset_fails_the_run_before_any_hook_of_the_pipeline(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = versioned(tmp_path)
    config = {"resources": {"kedro": {"config": {"load_versions": {"modle": OLD}}}}}
    theirs = by_kedro(project, load_versions={"modle": OLD})
    project.forget()
    ours = by_dagster(project, instance, "sequential", config=config)
    assert ours.error == theirs.error
    assert not project.calls("before_pipeline_run", "on_pipeline_error")


def test_two_runs_at_the_same_time_load_what_each_of_them_has_saved(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = versioned(tmp_path, "wait")
    hold = project.write(f"src/{project.package}/hold", "")
    found: dict[int, bool] = {}

    def run(raw: int) -> None:
        command = ("kedro", "assets", "run", "sequential")
        found[raw] = run_command(project, *command, check=False).returncode == 0

    threads = []
    for raw in (1, 2):
        project.write("data/raw.json", str(raw))
        threads.append(threading.Thread(target=run, args=(raw,)))
        threads[-1].start()
        deadline = time.monotonic() + 60
        while not (project.path / f"src/{project.package}/waiting_{raw}").exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
    hold.unlink()
    for thread in threads:
        thread.join()
    assert found == {1: True, 2: True}
    loaded = [call for call in project.calls("after_dataset_loaded") if call["dataset"] == "model"]
    assert sorted(call["data"] for call in loaded) == ["[1]", "[2]"]
    assert len(versions(project)) == 3
