"""Which nodes run in which step, and that every way of clustering runs."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, execute, json_dataset, load_definitions, materialized, write_project

# The circle of the first tests, which Kedro warns of as well.
pytestmark = pytest.mark.filterwarnings("ignore:Namespace 'one' is interrupted:UserWarning")

NODES = """
    def start(raw):
        return raw + 1, raw + 2

    def middle(filed):
        return filed * 10

    def end(memory, middle):
        return [memory, middle]

    def closing(final):
        return len(final)
"""
# start -memory-> end, and start -file-> middle -file-> end
PIPELINES = """{
    "left": pipeline([
        node(start, "raw", ["memory", "filed"], name="start", tags=["a"], namespace="one"),
        node(end, ["memory", "middle"], "final", name="end", tags=["a"], namespace="one"),
    ]),
    "right": pipeline([node(middle, "filed", "middle", name="middle", tags=["b"], namespace="two")]),
    "__default__": pipeline([
        node(start, "raw", ["memory", "filed"], name="start", tags=["a"], namespace="one"),
        node(middle, "filed", "middle", name="middle", tags=["b"], namespace="two"),
        node(end, ["memory", "middle"], "final", name="end", tags=["a"], namespace="one"),
        node(closing, "final", "size", name="closing"),
    ]),
}"""
CATALOG = json_dataset("raw", "filed", "middle", "final", "size")
TWO = "default_executor: {multiprocess: {max_concurrent: 2}}\n"


def circle(folder: Path, cluster_by: str, executor: str = "") -> KedroProject:
    dagster = f"assets: {{cluster_by: {cluster_by}}}\n{executor}"
    project = write_project(folder, nodes=NODES, pipelines=PIPELINES, catalog=CATALOG, dagster=dagster)
    project.write("data/raw.json", "1")
    return project


@pytest.mark.parametrize("cluster_by", ["memory", "node", "namespace", "tag", "pipeline"])
def test_a_file_that_leaves_and_enters_a_cluster_runs_under_every_way_of_clustering(
    tmp_path: Path, instance: dg.DagsterInstance, cluster_by: str
) -> None:
    project = circle(tmp_path, cluster_by)
    result = execute(project, instance)
    assert result.success
    assert project.read("final.json") == [2, 30]
    assert sorted(project.nodes_run()) == ["closing", "one.end", "one.start", "two.middle"]
    handed_on = ["memory"] if cluster_by == "node" else []
    assert sorted(materialized(result)) == sorted(["filed", "final", "middle", "size", *handed_on])


@pytest.mark.parametrize("cluster_by", ["memory", "node", "namespace", "tag", "pipeline"])
def test_every_way_of_clustering_makes_a_location_that_dagster_validates(tmp_path: Path, cluster_by: str) -> None:
    dg.Definitions.validate_loadable(load_definitions(circle(tmp_path, cluster_by)))


def test_in_memory_data_passes_between_processes_when_every_node_is_a_step(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = circle(tmp_path, "node", TWO)
    assert execute(project, instance).success
    assert project.read("final.json") == [2, 30]
    assert len({call["pid"] for call in project.calls("before_node_run")}) == 4


def test_hidden_in_memory_datasets_still_pass_between_steps(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes="def add(value):\n    return value + 1\n",
        pipelines="""{"__default__": pipeline([
            node(add, "raw", "memory", name="first"), node(add, "memory", "final", name="second"),
        ])}""",
        catalog=json_dataset("raw", "final"),
        dagster="assets: {cluster_by: node, memory_assets: false}\n",
    )
    project.write("data/raw.json", "1")
    assert execute(project, instance).success
    assert project.read("final.json") == 3


CHAIN_NODES = """
    def load(raw):
        return raw + 1

    def prepare(loaded):
        return loaded + 1, {"seen": loaded}

    def fit(prepared, loaded):
        return prepared + loaded

    def score(model, prepared):
        return model * prepared
"""
CHAIN = """{"__default__": pipeline([
    node(load, "raw", "loaded", name="load"),
    node(prepare, "loaded", ["prepared", "statistics"], name="prepare"),
    node(fit, ["prepared", "loaded"], "model", name="fit"),
    node(score, ["model", "prepared"], "metrics", name="score"),
])}"""


@pytest.fixture
def chain(tmp_path: Path) -> KedroProject:
    """A cluster of three nodes: `prepared` is in memory, the rest in files; `load` stands alone."""
    catalog = json_dataset("raw", "loaded", "statistics", "model", "metrics")
    project = write_project(tmp_path, nodes=CHAIN_NODES, pipelines=CHAIN, catalog=catalog)
    project.write("data/raw.json", "1")
    return project


def test_selecting_one_asset_reruns_what_it_needs_in_memory_and_loads_the_rest(
    chain: KedroProject, instance: dg.DagsterInstance
) -> None:
    chain.write("data/loaded.json", "2")
    chain.write("data/model.json", "5")
    result = execute(chain, instance, assets=["metrics"])
    assert result.success
    assert chain.read("metrics.json") == 15
    assert chain.nodes_run() == ["prepare", "score"]
    loads = [(call["node"], call["dataset"]) for call in chain.calls("after_dataset_loaded")]
    assert loads == [("prepare", "loaded"), ("score", "model"), ("score", "prepared")]
    [before] = chain.calls("before_pipeline_run")
    assert before["nodes"] == ["prepare", "score"]


def test_what_a_node_saves_is_reported_though_nobody_selected_it(
    chain: KedroProject, instance: dg.DagsterInstance
) -> None:
    chain.write("data/loaded.json", "2")
    chain.write("data/model.json", "5")
    result = execute(chain, instance, assets=["metrics"])
    assert sorted(materialized(result)) == [
        "metrics",
        "statistics",
    ]  # and nothing of `prepared`, of which nothing is left
    assert instance.get_latest_materialization_event(dg.AssetKey("statistics")).run_id == result.run_id
    assert chain.read("statistics.json") == {"seen": 2}


def test_a_selected_persisted_asset_runs_no_other_node(chain: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(chain, instance, assets=["loaded"]).success
    assert chain.nodes_run() == ["load"]


def test_a_selected_in_memory_asset_runs_its_node(chain: KedroProject, instance: dg.DagsterInstance) -> None:
    chain.write("data/loaded.json", "2")
    result = execute(chain, instance, assets=["prepared"])
    assert result.success
    assert chain.nodes_run() == ["prepare"]
    assert sorted(materialized(result)) == ["prepared", "statistics"]


def test_selecting_everything_loads_no_dataset_more_often_than_kedro(
    chain: KedroProject, instance: dg.DagsterInstance
) -> None:
    assert execute(chain, instance).success
    loads = sorted((call["node"], call["dataset"]) for call in chain.calls("after_dataset_loaded"))
    assert loads == sorted([
        ("load", "raw"), ("prepare", "loaded"), ("fit", "prepared"), ("fit", "loaded"), ("score", "model"), ("score", "prepared"),
    ])  # fmt: skip


def test_a_job_of_a_kedro_filter_runs_the_nodes_of_the_filter(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes=CHAIN_NODES,
        pipelines=CHAIN,
        catalog=json_dataset("raw", "loaded", "statistics", "model", "metrics"),
        dagster="jobs: {scoring: {pipeline: {from_nodes: [fit]}}}\n",
    )
    project.write("data/loaded.json", "2")
    assert execute(project, instance, "scoring").success
    assert project.nodes_run() == ["prepare", "fit", "score"]  # `prepare` makes what the two read in memory
