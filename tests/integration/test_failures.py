"""Runs that fail: what is reported, what hooks hear, and what is not claimed."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from helpers import (
    KedroProject,
    execute,
    json_dataset,
    materialized,
    order_per_node,
    run_command,
    write_project,
)

NODES = """
    class NoStock(Exception):
        pass

    def fine(raw):
        return raw + 1

    def breaks(fine):
        raise NoStock("the shelf is empty")

    def after(broken):
        return broken

    def unsaveable(fine):
        return fine, {1, 2}, fine

    def independent(raw):
        return raw
"""
BREAKS = """{"__default__": pipeline([
    node(fine, "raw", "fine", name="fine"),
    node(breaks, "fine", "broken", name="breaks"),
    node(after, "broken", "last", name="after"),
])}"""
SAVES = """{"__default__": pipeline([
    node(fine, "raw", "fine", name="fine"),
    node(unsaveable, "fine", ["good", "bad", "never"], name="saves"),
])}"""
CATALOG = json_dataset("raw", "fine", "broken", "last", "good", "bad", "never")
TWO = "default_executor: {multiprocess: {max_concurrent: 2}}\n"


def failing(folder: Path, pipelines: str, dagster: str = "") -> KedroProject:
    project = write_project(folder, nodes=NODES, pipelines=pipelines, catalog=CATALOG, dagster=dagster)
    project.write("data/raw.json", "1")
    return project


def test_hooks_hear_of_a_failing_node_as_in_kedro_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = failing(tmp_path, BREAKS)
    assert run_command(project, "kedro", "run", check=False).returncode
    kedro = project.calls()
    project.forget()
    assert not execute(project, instance).success
    ours = project.calls()
    assert [call["hook"] for call in ours] == [call["hook"] for call in kedro]
    assert order_per_node(ours) == order_per_node(kedro)
    for hook in ("on_node_error", "on_pipeline_error"):
        [mine], [theirs] = ([call for call in calls if call["hook"] == hook] for calls in (ours, kedro))
        assert (
            (mine["error"], mine["message"])
            == (theirs["error"], theirs["message"])
            == ("NoStock", "the shelf is empty")
        )


@pytest.mark.parametrize("executor", ["", TWO], ids=["in process", "multiprocess"])
def test_a_failure_begins_with_the_node_the_error_and_the_place_in_the_project(
    executor: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = failing(tmp_path, BREAKS, executor)
    result = execute(project, instance)
    nodes = f"{project.package}.nodes"
    headline = (
        f"Node 'breaks' failed: {nodes}.NoStock: the shelf is empty\n  in {nodes.replace('.', '/')}.py:9, breaks\n"
    ).replace("in ", "in src/")
    [step] = [event for event in result.all_events if event.is_step_failure]
    [run] = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    for error in (step.step_failure_data.error, run.dagster_event.job_failure_data.error):
        assert error.to_string().startswith(headline)
        frames = [line for line in error.to_string().splitlines() if line.startswith("  File ")]
        assert "in breaks" in frames[0]
        assert not any("dagster/" in frame for frame in frames)
    [call] = project.calls("on_pipeline_error")
    if executor:
        assert (call["error"], call["message"].startswith(headline)) == ("StepError", True)
    else:
        assert (call["error"], call["message"]) == ("NoStock", "the shelf is empty")


def test_a_hook_around_the_run_that_fails_is_the_headline_of_the_run(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = failing(tmp_path, BREAKS)
    settings = project.path / "src" / project.package / "settings.py"
    settings.write_text(
        "from kedro.framework.hooks import hook_impl\n\n\n"
        "class NoLicence:\n"
        "    @hook_impl\n"
        "    def before_pipeline_run(self):\n"
        "        raise LookupError('no licence is left')\n\n\n"
        "HOOKS = (NoLicence(),)\n"
    )
    result = execute(project, instance)
    [run] = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    recorded = run.dagster_event.job_failure_data.error.to_string()
    place = f"src/{project.package}/settings.py:7, before_pipeline_run"
    assert recorded.startswith(f"LookupError: no licence is left\n  in {place}\n")
    frames = [line for line in recorded.splitlines() if line.startswith("  File ")]
    assert "in before_pipeline_run" in frames[0]
    with pytest.raises(LookupError, match="no licence is left"):
        execute(project, instance, raise_on_error=True)


def test_only_what_was_saved_before_the_failure_is_reported(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    result = execute(failing(tmp_path, BREAKS), instance)
    assert not result.success
    assert materialized(result) == ["fine"]


def test_a_dataset_that_cannot_be_saved_is_not_reported(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = failing(tmp_path, SAVES)
    result = execute(project, instance)
    assert not result.success
    assert materialized(result) == ["fine", "good"]
    [error] = project.calls("on_pipeline_error")
    assert error["error"] == "DatasetError"
    assert not project.calls("on_node_error", "after_pipeline_run")


def test_a_failing_multiprocess_run_tells_on_pipeline_error_once_in_its_own_process(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = failing(tmp_path, BREAKS, TWO)
    result = execute(project, instance)
    assert not result.success
    [before], [error] = project.calls("before_pipeline_run"), project.calls("on_pipeline_error")
    assert error["pid"] == before["pid"]
    assert error["nodes"] == ["fine", "breaks", "after"]
    assert "the shelf is empty" in error["message"]
    assert "NoStock" in error["message"]
    [node_error] = project.calls("on_node_error")
    assert node_error["pid"] != before["pid"]
    assert not project.calls("after_pipeline_run")
    assert materialized(result) == ["fine"]


def test_a_missing_input_fails_the_run_before_its_node(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = failing(tmp_path, '{"__default__": pipeline([node(fine, "nowhere", "fine", name="fine")])}')
    result = execute(project, instance)
    assert not result.success
    [error] = project.calls("on_pipeline_error")
    assert "nowhere" in error["message"]
    assert not project.calls("before_node_run")


def test_a_node_that_fails_once_and_is_tried_again_ends_in_after_pipeline_run(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes="""
            from pathlib import Path

            def flaky(raw):
                seen = Path(__file__).with_name("seen")
                if not seen.exists():
                    seen.touch()
                    raise ValueError("not yet")
                return raw
        """,
        pipelines='{"__default__": pipeline([node(flaky, "raw", "final", name="flaky")])}',
        catalog=json_dataset("raw", "final"),
        dagster="jobs: {again: {pipeline: {}, retries: {max_retries: 1}}}",
    )
    project.write("data/raw.json", "1")
    assert execute(project, instance, "again").success
    hooks = [call["hook"] for call in project.calls() if "dataset" not in call]
    assert hooks == [
        "after_context_created",
        "after_catalog_created",
        "before_pipeline_run",
        "before_node_run",
        "on_node_error",
        "before_node_run",
        "after_node_run",
        "after_pipeline_run",
    ]


def test_the_next_run_in_the_same_process_starts_afresh_after_a_failure(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = failing(tmp_path, BREAKS)
    assert not execute(project, instance).success
    project.forget()
    assert execute(project, instance, assets=["fine"]).success
    assert [call["hook"] for call in project.calls()][:3] == [
        "after_context_created",
        "after_catalog_created",
        "before_pipeline_run",
    ]


def test_a_run_continued_from_its_failure_gets_the_in_memory_data_of_the_failed_one(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes="""
            from pathlib import Path

            def make(raw):
                return [raw]

            def flaky(memory):
                seen = Path(__file__).with_name("seen")
                if not seen.exists():
                    seen.touch()
                    raise ValueError("not yet")
                return memory
        """,
        pipelines="""{"__default__": pipeline([
            node(make, "raw", "memory", name="make"), node(flaky, "memory", "final", name="flaky")])}""",
        catalog=json_dataset("raw", "final"),
        dagster="assets: {cluster_by: node}",
    )
    project.write("data/raw.json", "1")
    first = execute(project, instance)
    assert not first.success
    project.forget()
    again = execute(project, instance, continue_from=first.run_id)
    assert again.success
    assert project.read("final.json") == [1]
    assert project.nodes_run() == ["flaky"]
    [before] = project.calls("before_pipeline_run")
    assert before["nodes"] == ["flaky"]


def test_data_in_memory_stays_until_it_is_read_in_a_further_try_too(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes="""
            from pathlib import Path

            def same(value):
                return value

            def flaky(one):
                seen = Path(__file__).with_name("seen")
                if not seen.exists():
                    seen.touch()
                    raise ValueError("not yet")
                return one
        """,
        pipelines="""{"__default__": pipeline([
            node(same, "raw", "memory", name="make"), node(same, "memory", "one", name="one"),
            node(flaky, "one", "two", name="two"),
        ])}""",
        catalog=json_dataset("raw", "two"),
        dagster="jobs: {again: {pipeline: {}, retries: {max_retries: 1}}}",
    )
    project.write("data/raw.json", "1")
    assert execute(project, instance, "again").success
