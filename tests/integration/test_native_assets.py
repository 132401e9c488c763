"""Dagster's own assets beside Kedro's: they read, make and stand between Kedro's datasets."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, execute, json_dataset, load_definitions, materialized, write_project

# first -memory-> last, and first -file-> (Dagster's own asset) -> last
NODES = """
    from pathlib import Path

    def first(raw):
        return {"items": [raw]}, raw + 1

    def last(memory):
        prices = Path(__file__).parents[2] / "data" / "prices.txt"
        return [memory, int(prices.read_text())]
"""
PIPELINES = """{"__default__": pipeline([
    node(first, "raw", ["memory", "filed"], name="first"), node(last, "memory", "final", name="last"),
])}"""
BETWEEN = """
    from pathlib import Path

    import dagster as dg
    from kedro_assets import KedroTranslator, build_definitions

    class Translator(KedroTranslator):
        def get_asset_spec(self, data):
            spec = super().get_asset_spec(data)
            return spec.replace_attributes(deps=["prices"]) if data.name == "final" else spec

    @dg.asset(ins={"filed": dg.AssetIn(input_manager_key="filed__io_manager")})
    def prices(filed) -> None:
        (Path(__file__).parents[2] / "data" / "prices.txt").write_text(str(filed * 100))

    everything = dg.define_asset_job("everything", "*")
    ours = dg.Definitions(assets=[prices], jobs=[everything])
    defs = dg.Definitions.merge(build_definitions(translator=Translator()), ours)
"""


def between(folder: Path, dagster: str = "", native: str = BETWEEN, raw: str = "") -> KedroProject:
    catalog = json_dataset("filed", "final") + "raw: {type: json.JSONDataset, filepath: data/raw.json" + raw + "}\n"
    project = write_project(folder, nodes=NODES, pipelines=PIPELINES, catalog=catalog, dagster=dagster)
    project.write(f"src/{project.package}/native.py", native)
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
    result = execute(project, instance, "everything", merged=True)
    assert result.success
    assert project.read("final.json") == [{"items": [1]}, 200]
    assert project.nodes_run() == ["first", "last"]
    assert sorted(materialized(result)) == ["filed", "final", "memory", "prices"]


@pytest.mark.parametrize(
    "dagster", ["", "default_executor: {multiprocess: {max_concurrent: 2}}"], ids=["in process", "multiprocess"]
)
def test_a_node_before_it_runs_once_though_what_it_makes_in_memory_is_not_selected(
    tmp_path: Path, instance: dg.DagsterInstance, dagster: str
) -> None:
    project = between(tmp_path, dagster)
    result = execute(project, instance, "everything", assets=["filed", "prices", "final"], merged=True)
    assert result.success
    assert project.read("final.json") == [{"items": [1]}, 200]
    assert project.nodes_run() == ["first", "last"]
    assert materialized(result).count("filed") == 1


def test_a_cluster_that_runs_twice_fires_the_pipeline_hooks_once(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = between(tmp_path)
    assert execute(project, instance, "everything", merged=True).success
    hooks = [
        call["hook"] for call in project.calls("before_pipeline_run", "after_pipeline_run", "after_context_created")
    ]
    assert hooks == ["after_context_created", "before_pipeline_run", "after_pipeline_run"]
    [before] = project.calls("before_pipeline_run")
    assert before["nodes"] == ["first", "last"]


def test_the_part_of_a_cluster_behind_a_foreign_asset_can_be_selected_alone(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = between(tmp_path)
    project.write("data/prices.txt", "7")
    assert execute(project, instance, "everything", assets=["final"], merged=True).success
    assert project.read("final.json") == [{"items": [1]}, 7]


def test_an_asset_between_two_assets_can_read_the_in_memory_dataset_of_the_first(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    native = BETWEEN.replace("filed * 100", "len(memory['items'])").replace("filed", "memory")
    project = between(tmp_path, native=native)
    assert execute(project, instance, "everything", merged=True).success
    assert project.read("final.json") == [{"items": [1]}, 1]


def test_a_run_without_any_of_kedros_nodes_fires_no_pipeline_hook(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = between(tmp_path)
    project.write("data/filed.json", "3")
    assert execute(project, instance, "everything", assets=["prices"], merged=True).success
    assert (project.path / "data" / "prices.txt").read_text() == "300"
    assert not project.calls("before_pipeline_run", "before_dataset_loaded", "before_node_run")


MAKES = """
    import dagster as dg

    from .definitions import defs as kedro_defs

    @dg.asset(key="raw", io_manager_key="raw__io_manager")
    def fetched():
        return 41

    ours = dg.Definitions(assets=[fetched], jobs=[dg.define_asset_job("everything", "*")])
    defs = dg.Definitions.merge(kedro_defs, ours)
"""


def test_a_dagster_asset_makes_a_dataset_that_no_node_writes(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = between(tmp_path, native=MAKES, raw=", metadata: {dagster: {external: false}}")
    project.write("data/prices.txt", "7")
    assert execute(project, instance, "everything", assets=["raw"], merged=True).success
    assert project.read("raw.json") == 41
    assert execute(project, instance, "everything", assets=["filed"], merged=True).success
    assert project.read("filed.json") == 42


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
    assert project.read("size.json") == len((project.path / "data" / "table.json").read_text())
    definitions = load_definitions(project)
    assert definitions.load_asset_value("table", instance=instance) == [1]
