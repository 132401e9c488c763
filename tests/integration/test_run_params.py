"""What the pipeline hooks are told of a run: which filter made it, and which nodes it has."""

from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, execute, json_dataset, write_project


@pytest.fixture
def project(tmp_path: Path) -> KedroProject:
    project = write_project(
        tmp_path,
        nodes="def same(value):\n    return value\n",
        pipelines="""{"__default__": pipeline([
            node(same, "raw", "first", name="one", tags=["daily"]),
            node(same, "first", "second", name="two", tags=["daily"]),
            node(same, "second", "third", name="three")])}""",
        catalog=json_dataset("raw", "first", "second", "third"),
        dagster="jobs: {daily: {pipeline: {tags: [daily]}}, all_of_it: {selection: '*'}}",
    )
    project.write("data/raw.json", "1")
    return project


def told(project: KedroProject) -> dict:
    [call] = project.calls("before_pipeline_run")
    return {key: call["run_params"][key] for key in ("pipeline_names", "tags", "node_names")} | {"nodes": call["nodes"]}


def test_a_job_of_a_pipeline_is_told_by_its_filter(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "daily").success
    assert told(project) == {
        "pipeline_names": ["__default__"],
        "tags": ["daily"],
        "node_names": None,
        "nodes": ["one", "two"],
    }


def test_some_assets_of_a_job_are_told_by_their_nodes(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "daily", assets=["first"]).success
    assert told(project) == {"pipeline_names": None, "tags": None, "node_names": ["one"], "nodes": ["one"]}


def test_a_job_that_is_a_selection_is_told_by_its_nodes(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "all_of_it").success
    nodes = ["one", "two", "three"]
    assert told(project) == {"pipeline_names": None, "tags": None, "node_names": nodes, "nodes": nodes}
