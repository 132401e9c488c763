"""Dagster's own assets beside Kedro's: they read, make and stand between Kedro's datasets."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, execute, json_dataset, load_definitions, load_merged_job, materialized, write_project

# first -memory-> last, and first -file-> (Dagster's own asset) -priced-> last
NODES = """
    def first(raw):
        return {"items": [raw]}, raw + 1

    def last(memory, priced):
        return [memory, priced]
"""
PIPELINES = """{"__default__": pipeline([
    node(first, "raw", ["memory", "filed"], name="first"),
    node(last, ["memory", "priced"], "final", name="last"),
])}"""
BETWEEN = """
    import dagster as dg

    from .definitions import defs as kedro_defs

    @dg.asset(key="priced", ins={"filed": dg.AssetIn(input_manager_key="filed__io_manager")},
              io_manager_key="priced__io_manager")
    def between(filed):
        return filed * 100

    defs = dg.Definitions.merge(kedro_defs, dg.Definitions(assets=[between]))
"""


def between(folder: Path, dagster: str = "") -> KedroProject:
    catalog = json_dataset("raw", "filed", "priced", "final")
    project = write_project(folder, nodes=NODES, pipelines=PIPELINES, catalog=catalog, dagster=dagster)
    project.write(f"src/{project.package}/native.py", BETWEEN)
    project.write("data/raw.json", "1")
    return project


@pytest.mark.parametrize(
    "dagster",
    ["", "default_executor: {multiprocess: {max_concurrent: 2}}", "assets: {cluster_by: node}"],
    ids=["in process", "multiprocess", "every node a step"],
)
def test_an_asset_between_two_assets_of_one_cluster_runs_between_them(
    tmp_path: Path, instance: dg.DagsterInstance, dagster: str
) -> None:
    project = between(tmp_path, dagster)
    result = execute(project, instance, merged=True)
    assert result.success
    assert project.read("priced.json") == 200
    assert project.read("final.json") == [{"items": [1]}, 200]
    assert project.nodes_run() == ["first", "last"]
    assert sorted(materialized(result)) == ["filed", "final", "memory", "priced"]


def test_a_cluster_that_runs_twice_fires_the_pipeline_hooks_once(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = between(tmp_path)
    assert execute(project, instance, merged=True).success
    hooks = [call["hook"] for call in project.calls("before_pipeline_run", "after_pipeline_run", "after_context_created")]
    assert hooks == ["after_context_created", "before_pipeline_run", "after_pipeline_run"]
    [before] = project.calls("before_pipeline_run")
    assert before["nodes"] == ["first", "last"]


def test_the_part_of_a_cluster_behind_a_foreign_asset_can_be_selected_alone(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = between(tmp_path)
    project.write("data/priced.json", "7")
    assert execute(project, instance, assets=["final"], merged=True).success
    assert project.read("final.json") == [{"items": [1]}, 7]


def test_an_asset_between_two_assets_can_read_the_in_memory_dataset_of_the_first(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = between(tmp_path)
    source = BETWEEN.replace("filed__io", "memory__io").replace('"filed"', '"memory"').replace("filed", "memory")
    source = source.replace("memory * 100", "len(memory['items'])")
    project.write(f"src/{project.package}/native.py", source)
    assert execute(project, instance, merged=True).success
    assert project.read("final.json") == [{"items": [1]}, 1]


def test_the_merged_location_is_valid(tmp_path: Path) -> None:
    project = between(tmp_path)
    assert load_merged_job(str(project.path), project.package, "__default__").name == "__default__"


def test_a_run_without_any_of_kedros_nodes_opens_no_project_before_data_is_asked_for(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = between(tmp_path)
    project.write("data/filed.json", "3")
    assert execute(project, instance, assets=["priced"], merged=True).success
    assert project.read("priced.json") == 300
    assert not project.calls("before_pipeline_run", "before_dataset_loaded", "before_node_run")


def test_load_asset_value_gives_what_the_catalog_holds(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = between(tmp_path)
    project.write("data/filed.json", '{"a": 1}')
    definitions = load_definitions(project)
    assert definitions.load_asset_value("filed", instance=instance) == {"a": 1}
    assert definitions.load_asset_value("raw", instance=instance) == 1


def test_a_dagster_asset_reads_a_transcoded_dataset_as_it_was_written(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes="def one(raw):\n    return [raw]\n\ndef two(text):\n    return len(text)\n",
        pipelines="""{"__default__": pipeline([
            node(one, "raw", "table@json", name="one"), node(two, "table@text", "size", name="two")])}""",
        catalog=json_dataset("raw", "size")
        + "table@json: {type: json.JSONDataset, filepath: data/table.json}\n"
        + "table@text: {type: text.TextDataset, filepath: data/table.json}\n",
    )
    project.write("data/raw.json", "1")
    assert execute(project, instance).success
    assert project.read("size.json") == len("[1]")
    definitions = load_definitions(project)
    assert definitions.load_asset_value("table", instance=instance) == [1]
