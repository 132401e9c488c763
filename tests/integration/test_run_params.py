"""What the pipeline hooks are told of a run: which filter made it, and which nodes it has."""

from pathlib import Path

import dagster as dg
import pytest
from helpers import HOOKS, KedroProject, execute, json_dataset, load_definitions, run_command, write_project

from kedro_assets.errors import ConfigError


@pytest.fixture
def project(tmp_path: Path) -> KedroProject:
    project = write_project(
        tmp_path,
        nodes="def same(value):\n    return value\n",
        pipelines="""{"__default__": pipeline([
            node(same, "raw", "first", name="one", tags=["daily"]),
            node(same, "first", "second", name="two", tags=["daily"]),
            node(same, "second", "third", name="three")]),
            "end": pipeline([node(same, "second", "third", name="three")])}""",
        catalog=json_dataset("raw", versioned=True) + json_dataset("first", "second", "third"),
        dagster="jobs: {daily: {pipeline: {tags: [daily]}}, all_of_it: {selection: '*'}}",
    )
    project.write("data/raw.json/2026/raw.json", "1")
    project.write("data/second.json", "1")
    return project


def told(project: KedroProject) -> dict:
    [call] = project.calls("before_pipeline_run")
    return {key: value for key, value in call["run_params"].items() if key in FILTERS and value} | {
        "nodes": call["nodes"]
    }


FILTERS = (
    "pipeline_names",
    "tags",
    "node_names",
    "from_nodes",
    "to_nodes",
    "from_inputs",
    "to_outputs",
    "namespaces",
)


@pytest.mark.parametrize(
    ("options", "ours"),
    [
        ([], []),
        ([], ["all_of_it"]),
        (["--tags", "daily"], ["daily"]),
        (["--tags", "daily"], ["--tags", "daily"]),
        (["--to-nodes", "two", "--load-versions", "raw:2026"], ["--to-nodes", "two", "--load-versions", "raw:2026"]),
        (["--pipelines", "end", "--params", "a=1"], ["end", "--params", "a=1"]),
    ],
    ids=["everything", "a job of everything", "a job", "tags", "nodes and versions", "a registered pipeline"],
)
def test_hooks_get_from_a_run_what_they_get_from_kedro_run(
    options: list[str], ours: list[str], project: KedroProject
) -> None:
    for command in (["kedro", "run", *options], ["kedro", "assets", "run", *ours]):
        run_command(project, *command)
    theirs, mine = (
        {
            key: str(value).partition(" object at ")[0]
            for key, value in call["run_params"].items()
            if key not in ("run_id", "session_id")
        }
        for call in project.calls("before_pipeline_run")
    )
    assert mine == theirs


def test_a_job_of_a_pipeline_is_told_by_its_filter(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "daily").success
    assert told(project) == {"tags": ["daily"], "nodes": ["one", "two"]}


def test_some_assets_of_a_job_are_told_by_their_nodes(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "daily", assets=["first"]).success
    assert told(project) == {"node_names": ["one"], "nodes": ["one"]}


def test_a_job_that_is_a_selection_of_everything_is_not_filtered(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    assert execute(project, instance, "all_of_it").success
    assert told(project) == {"nodes": ["one", "two", "three"]}


def test_a_run_of_a_registered_pipeline_gets_the_object_of_its_class(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes="""
            from kedro.pipeline import Pipeline

            class Marked(Pipeline):
                def __radd__(self, other):
                    return self

                def filter(self, **filters):
                    return Marked(self.nodes)

            def same(value):
                return value
        """,
        pipelines="""{"training": Marked([node(same, "raw", "first", name="one"), node(same, "first", "second", name="two")]),
            "__default__": pipeline([node(same, "raw", "first", name="one"), node(same, "first", "second", name="two"),
                                     node(same, "second", "third", name="three")])}""",
        catalog=json_dataset("raw", "second", "third"),
        hooks=HOOKS.replace(
            "nodes = [node.name for node in pipeline.nodes]",
            "nodes = [type(pipeline).__name__, *(node.name for node in pipeline.nodes)]",
        ),
    )
    project.write("data/raw.json", "1")
    assert execute(project, instance, "training").success
    [before], [after] = project.calls("before_pipeline_run"), project.calls("after_pipeline_run")
    assert before["nodes"] == after["nodes"] == ["Marked", "one", "two"]
    project.forget()
    assert execute(project, instance, "training", assets=["second"]).success  # in-memory data is made anew for it
    [before] = project.calls("before_pipeline_run")
    assert before["nodes"] == ["Marked", "one", "two"]


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
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == {
        "third"
    }  # made of in-memory data
