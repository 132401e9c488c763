"""What the pipeline hooks are told of a run: which filter made it, and which nodes it has."""

from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, execute, json_dataset, load_definitions, write_project

from kedro_assets.errors import ConfigError


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


JOINED = """{
    "__default__": pipeline([]),
    "features": pipeline([node(same, "raw", "first", name="one", tags=["daily"])]),
    "training": pipeline([node(same, "first", "second", name="two"), node(same, "second", "third", name="three", tags=["daily"])]),
    "other": pipeline([node(same, "raw", "fourth", name="four")]),
}"""


@pytest.mark.parametrize("view", ["assets", "ops"])
@pytest.mark.parametrize(
    ("filters", "nodes"),
    [("", ["one", "two", "three"]), (", tags: [daily]", ["one", "three"]), (", to_nodes: [two]", ["one", "two"])],
    ids=["all", "tags", "nodes"],
)
def test_a_job_of_several_pipelines_has_the_nodes_of_all(
    filters: str, nodes: list[str], view: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes="def same(value):\n    return value\n",
        pipelines=JOINED,
        catalog=json_dataset("raw", "first", "second", "third", "fourth"),
        dagster=f"jobs: {{joined: {{view: {view}, pipeline: {{pipeline_names: [features, training]{filters}}}}}}}",
    )
    for name in ("raw", "second"):
        project.write(f"data/{name}.json", "1")
    assert execute(project, instance, "joined").success
    found = told(project)
    assert found["pipeline_names"] == ["features", "training"]
    assert sorted(found["nodes"]) == sorted(nodes)


@pytest.mark.parametrize(
    ("pipeline", "path"),
    [
        ("{pipeline_names: [features, trainig]}", "jobs.joined.pipeline.pipeline_names[1]"),
        ("{pipeline_names: [features], pipeline_name: training}", "jobs.joined.pipeline"),
        ("{pipeline_names: [features, training], node_names: [four]}", "jobs.joined.pipeline.node_names[0]"),
    ],
    ids=["unknown", "both keys", "a node of another"],
)
def test_pipelines_that_cannot_be_joined_are_reported(pipeline: str, path: str, tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        nodes="def same(value):\n    return value\n",
        pipelines=JOINED,
        dagster=f"jobs: {{joined: {{pipeline: {pipeline}}}}}",
    )
    with pytest.raises(ConfigError) as caught:
        load_definitions(project)
    assert {problem.path for problem in caught.value.problems} == {path}


def test_a_job_factory_of_several_pipelines_makes_a_job_for_each_that_fits(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        nodes="def same(value):\n    return value\n",
        pipelines=JOINED,
        dagster='jobs: {"with_{name}": {pipeline: {pipeline_names: [features, "tr{name}"]}}}',
    )
    job = load_definitions(project).resolve_job_def("with_aining")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == {"first", "second", "third"}
