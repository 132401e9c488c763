"""Every way to fail, as `kedro run` fails: same hooks, same error, nothing claimed that was not saved."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from comparing import assert_same, by_dagster, by_kedro, start_over
from helpers import HOOKS, KedroProject, json_dataset, write_project

NODES = """
    def first(raw):
        return raw + 1

    def fails(one):
        raise ValueError("the node fails")

    def unsaveable(one):
        return {1, 2}

    def none(one):
        return None

    def fine(one):
        return one

    def last(two):
        return two
"""
FAILING_HOOK = """

class Failing:
    @hook_impl
    def {hook}(self{arguments}):
        {when}raise RuntimeError("the hook fails")
"""
HOOK_ARGUMENTS = {
    "before_dataset_loaded": ", dataset_name, node",
    "after_dataset_loaded": ", dataset_name, node",
    "before_dataset_saved": ", dataset_name, node",
    "after_dataset_saved": ", dataset_name, node",
    "before_node_run": ", node",
    "after_node_run": ", node",
    "before_pipeline_run": "",
    "after_pipeline_run": "",
    "after_context_created": "",
    "after_catalog_created": "",
}
TWO = "jobs: {sequential: {pipeline: {}}, parallel: {pipeline: {}, executor: {multiprocess: {max_concurrent: 2}}}}\n"
DATA = {"raw.json": "1"}
ALL = json_dataset("raw", "one", "two", "three")


def project_that_fails(folder: Path, how: str) -> KedroProject:
    second = {"node": "fails", "save": "unsaveable", "nothing": "none"}.get(how, "fine")
    first_input = "nowhere" if how == "missing input" else "raw"
    catalog = ALL
    if how == "load":
        catalog = ALL.replace("data/raw.json", "data/gone.json")
    if how == "library":
        catalog = ALL.replace('"two":\n  type: json.JSONDataset', '"two":\n  type: nowhere.JSONDataset')
    hooks, settings = HOOKS, "from .hooks import Recorder\n\nHOOKS = (Recorder(),)\n"
    if how in HOOK_ARGUMENTS:
        arguments = HOOK_ARGUMENTS[how]
        when = 'if node.name == "second": ' if "node" in arguments else ""
        hooks += FAILING_HOOK.format(hook=how, arguments=arguments, when=when)
        settings = "from .hooks import Failing, Recorder\n\nHOOKS = (Failing(), Recorder())\n"
    return write_project(
        folder,
        nodes=NODES,
        pipelines=f"""{{"__default__": pipeline([
            node(first, "{first_input}", "one", name="first"),
            node({second}, "one", "two", name="second"),
            node(last, "two", "three", name="last"),
        ])}}""",
        catalog=catalog,
        dagster=TWO,
        hooks=hooks,
        settings=settings,
    )


WAYS = ["node", "save", "nothing", "load", "missing input", *HOOK_ARGUMENTS]


@pytest.mark.parametrize("how", WAYS)
def test_a_failure_is_that_of_kedro_run(tmp_path: Path, instance: dg.DagsterInstance, how: str) -> None:
    project = project_that_fails(tmp_path, how)
    start_over(project, DATA)
    theirs = by_kedro(project)
    assert not theirs.success
    saved = set(theirs.files)
    start_over(project, DATA)
    ours = by_dagster(project, instance, "sequential")
    assert_same(ours, theirs)
    assert set(ours.files) == saved
    reported = {f"{key}.json" for key in materialized_keys(instance, ours.run_id)}
    assert reported <= saved - {"raw.json"}


@pytest.mark.parametrize("how", ["node", "save", "before_node_run", "after_pipeline_run", "before_pipeline_run"])
def test_a_failure_in_another_process_is_that_of_kedro_run(
    tmp_path: Path, instance: dg.DagsterInstance, how: str
) -> None:
    project = project_that_fails(tmp_path, how)
    start_over(project, DATA)
    theirs = by_kedro(project)
    start_over(project, DATA)
    ours = by_dagster(project, instance, "parallel")
    assert_same(ours, theirs, one_process=False)
    assert set(ours.files) == set(theirs.files)


def test_a_dataset_whose_library_is_missing_fails_its_step_with_kedros_error(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = project_that_fails(tmp_path, "library")
    start_over(project, DATA)
    theirs = by_kedro(project)
    start_over(project, DATA)
    ours = by_dagster(project, instance, "sequential")
    assert not ours.success
    assert ours.error == theirs.error
    assert [call["hook"] for call in ours.of("on_pipeline_error", "after_pipeline_run")] == [
        call["hook"] for call in theirs.of("on_pipeline_error", "after_pipeline_run")
    ]


def materialized_keys(instance: dg.DagsterInstance, run_id: str) -> set[str]:
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    return {entry.asset_materialization.asset_key.to_user_string() for entry in entries if entry.asset_materialization}
