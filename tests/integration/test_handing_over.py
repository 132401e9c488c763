"""In-memory data that passes between steps: what stays of it, and what an executor that breaks leaves behind."""

import json
from pathlib import Path

import dagster as dg
import pytest
from helpers import HOOKS, KedroProject, execute, json_dataset, write_project

from kedro_assets.execution.lifecycle import LifecycleExecutor


@pytest.fixture
def project(tmp_path: Path) -> KedroProject:
    project = write_project(
        tmp_path,
        nodes="def double(value):\n    return value * 2\n\ndef refuse(value):\n    return 1 / (value - 2)\n",
        pipelines="""{"__default__": pipeline([
            node(double, "raw", "memory", name="one"), node(refuse, "memory", "result", name="two")])}""",
        catalog=json_dataset("raw", "result"),
        dagster="assets: {cluster_by: node}",
    )
    project.write("data/raw.json", "5")
    return project


def pickles(instance: dg.DagsterInstance, project: KedroProject) -> set[str]:
    folder = Path(instance.storage_directory()) / "kedro_assets"
    return {path.stem for path in folder.glob(f"{project.path.name}-*/memory-*/*.pickle")}


def test_a_run_deletes_what_an_earlier_one_has_handed_over(project: KedroProject, instance: dg.DagsterInstance) -> None:
    first, second = execute(project, instance), execute(project, instance)
    assert first.success
    assert second.success
    assert pickles(instance, project) == {second.run_id}


def test_what_a_failed_run_has_handed_over_stays_for_its_repetition(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    project.write("data/raw.json", "1")
    failed = execute(project, instance)
    project.write("data/raw.json", "5")
    succeeded = execute(project, instance)
    assert (failed.success, succeeded.success) == (False, True)
    assert pickles(instance, project) == {failed.run_id, succeeded.run_id}


def test_an_executor_that_breaks_is_an_error_of_the_pipeline(
    project: KedroProject, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(dg.Executor):
        retries = None

        def execute(self, plan_context, execution_plan):
            yield from ()
            raise OSError("no process can be started")

    create = LifecycleExecutor.__init__
    monkeypatch.setattr(LifecycleExecutor, "__init__", lambda self, _, *others: create(self, Broken(), *others))
    assert not execute(project, instance).success
    [call] = project.calls("on_pipeline_error")
    assert "no process can be started" in call["message"]
    assert not project.calls("after_pipeline_run")


@pytest.mark.parametrize("executor", ["in_process: {}", "multiprocess: {max_concurrent: 2}"], ids=["one", "several"])
def test_after_pipeline_run_gets_the_data_of_in_memory_outputs_from_every_process(
    tmp_path: Path, instance: dg.DagsterInstance, executor: str
) -> None:
    told = """

class Results:
    @hook_impl
    def after_pipeline_run(self, run_result):
        found = {name: dataset.load() for name, dataset in run_result.items()}
        (Path(__file__).parents[2] / "results.json").write_text(json.dumps(found))
"""
    project = write_project(
        tmp_path,
        nodes="""
            from pathlib import Path

            def flaky(raw):
                seen = Path(__file__).with_name("seen")
                tries = seen.read_text() + "x" if seen.exists() else "x"
                seen.write_text(tries)
                yield {"try": len(tries)}
                if len(tries) == 1:
                    raise ValueError("not yet")

            def other(raw):
                return raw + 1
        """,
        pipelines="""{"__default__": pipeline([
            node(flaky, "raw", "tried", name="flaky"), node(other, "raw", "kept", name="other"),
        ])}""",
        catalog=json_dataset("raw"),
        dagster=f"jobs: {{j: {{executor: {{{executor}}}, retries: {{max_retries: 1}}}}}}",
        hooks=HOOKS + told,
        settings="from .hooks import Recorder, Results\n\nHOOKS = (Recorder(), Results())\n",
    )
    project.write("data/raw.json", "1")
    assert execute(project, instance, "j").success
    assert json.loads((project.path / "results.json").read_text()) == {"tried": {"try": 2}, "kept": 2}
    left = [path for path in Path(instance.storage_directory()).rglob("*.pickle") if project.package in str(path)]
    assert not left
