"""Keys that are no names of files: none leads out of the folder of its dataset, however the run was started."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, json_dataset, load_definitions, write_project
from partitioned import between, every, make, one, partition, run_job

from kedro_assets.errors import ConfigError, PartitionError
from kedro_assets.runtime.handover import MemoryStore

NODES = """
def made(raw):
    return {"value": raw}


def split(raw, ids):
    return {id_: raw for id_ in ids}


def chunks(raw, ids):
    for id_ in ids:
        yield {id_: raw}
"""
PIPELINES = """{"__default__": pipeline([
    node(made, "raw", "one", name="made"),
    node(split, ["raw", "params:ids"], "many", name="split"),
    node(chunks, ["raw", "params:ids"], "streamed", name="chunks"),
])}"""
DYNAMIC = "partitions: {dynamic: keys}"
ODD = ["../../outside", "a/../../../outside", "..", "/outside", "~/outside", "eu|..", "file:///outside", "c:\\outside"]


@pytest.fixture
def project(tmp_path: Path) -> KedroProject:
    catalog = json_dataset("raw") + one("one", DYNAMIC) + every("many", DYNAMIC) + every("streamed", DYNAMIC)
    project = write_project(
        tmp_path / "deep/inside", nodes=NODES, pipelines=PIPELINES, catalog=catalog, parameters="ids: [k]\n"
    )
    project.write("data/raw.json", "100")
    return project


@pytest.mark.parametrize("asset", ["one", "many"])
@pytest.mark.parametrize("key", ODD)
def test_a_key_that_leads_out_of_the_folder_is_refused_before_anything_is_loaded(
    key: str, asset: str, project: KedroProject, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    instance.add_dynamic_partitions("keys", [key])
    before = sorted(tmp_path.rglob("*.json"))
    result = make(project, instance, asset, tags=partition(key))
    assert not result.success
    assert "would lead out of the folder of the dataset" in result.error
    assert sorted(tmp_path.rglob("*.json")) == before
    assert project.calls("before_dataset_loaded") == []


def test_an_id_that_leads_out_of_the_folder_of_its_key_is_refused(
    project: KedroProject, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    instance.add_dynamic_partitions("keys", ["k"])
    project.write("conf/base/parameters.yml", "ids: [k/../../../../outside]\n")
    result = make(project, instance, "many", tags=partition("k"))
    assert not result.success
    assert "'k/../../../../outside' would lead out" in result.error
    assert not list(tmp_path.rglob("outside*"))


def test_a_key_that_leads_out_is_refused_outside_of_a_run_too(project: KedroProject) -> None:
    definitions = load_definitions(project)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("keys", ["../raw"])
        with pytest.raises(PartitionError, match="would lead out"):
            definitions.load_asset_value(dg.AssetKey("one"), partition_key="../raw", instance=instance)


def test_a_static_key_that_leads_out_is_reported_when_definitions_load(tmp_path: Path) -> None:
    catalog = json_dataset("raw", "many", "streamed") + one("one", "partitions: {static: [a, ../b]}")
    project = write_project(tmp_path, nodes=NODES, pipelines=PIPELINES, catalog=catalog, parameters="ids: [k]\n")
    with pytest.raises(ConfigError) as caught:
        load_definitions(project)
    assert [problem.path for problem in caught.value.problems] == ["catalog.one.metadata.dagster.partitions.static[1]"]


def test_folders_inside_that_of_the_dataset_are_fine(project: KedroProject, instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("keys", ["eu/2026..01", ".hidden"])
    assert make(project, instance, "one", tags=partition("eu/2026..01")).success
    assert project.read("one/eu/2026..01.json") == {"value": 100}
    assert make(project, instance, "one", tags=partition(".hidden")).success


def test_what_a_generator_has_saved_before_it_is_refused_is_said(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    instance.add_dynamic_partitions("keys", ["p1", "p2"])
    project.write("conf/base/parameters.yml", "ids: [p1, p2]\n")
    result = make(project, instance, "streamed", tags=partition("p1"))
    assert not result.success
    assert result.recorded == []
    assert "returned the partition p2 of 'streamed', but this run makes p1. This data is not saved." in result.error
    assert "The chunks of 'streamed' that the node yielded before stay where they were saved" in result.error
    assert (project.path / "data/streamed/p1.json").exists()


def test_in_memory_data_of_long_and_odd_names_has_places_of_its_own(tmp_path: Path) -> None:
    names = ["a" * 300, "a" * 299 + "b", "a/b", "a_b", "..", "ä", "\0", "a|b", "A", "a"]
    stores = [MemoryStore(tmp_path / "store", "run", partition=key, partitioned=["d"]) for key in names]
    for number, store in enumerate(stores):
        store.save("d", number)
        store.save(names[number], -number)
    assert [store.load("d") for store in stores] == list(range(len(names)))
    assert [stores[0].load(name) for name in names] == [-number for number in range(len(names))]
    assert all(path.is_relative_to(tmp_path / "store") for path in tmp_path.rglob("*.pickle"))


# What the configuration of a job and of a run says.

TOLD = """
def told(key, factor, reason):
    return {key: {"factor": factor, "reason": reason}}
"""
TOLD_PIPELINE = """{"__default__": pipeline([
    node(told, ["params:partition_key", "params:factor", "params:reason"], "day", name="told"),
])}"""
JOB = """
jobs:
  daily:
    pipeline: {}
    tags: {team: sales}
    config:
      parameters: {"params:factor": 7}
      runtime_params: {reason: nightly}
"""


@pytest.fixture
def told(tmp_path: Path) -> KedroProject:
    return write_project(
        tmp_path,
        nodes=TOLD,
        pipelines=TOLD_PIPELINE,
        catalog=every("day", "partitions: {static: [a, b], backfill_policy: single_run}"),
        parameters='factor: 1\nreason: "${runtime_params:reason,none}"\npartition_key: none\n',
        dagster=JOB,
    )


def stored(project: KedroProject) -> dict[str, object]:
    return {path.stem: json.loads(path.read_text()) for path in project.path.glob("data/day/*.json")}


@pytest.mark.parametrize("tags", [partition("a"), between("a", "b")], ids=["one", "several"])
def test_the_configuration_of_a_job_holds_where_a_run_brings_none(
    tags: dict[str, str], told: KedroProject, instance: dg.DagsterInstance
) -> None:
    assert run_job(told, instance, "daily", tags=tags).success
    keys = ["a"] if "dagster/partition" in tags else ["a", "b"]
    assert stored(told) == {key: {"factor": 7, "reason": "nightly"} for key in keys}
    [run] = instance.get_runs(limit=1)
    assert run.tags["team"] == "sales"


OPS = {"told": {"config": {"parameters": {"params:partition_key": "b"}}}}
RESOURCES = {"kedro": {"config": {"runtime_params": {"partition_key": "b"}}}}


@pytest.mark.parametrize("config", [{"ops": OPS}, {"resources": RESOURCES}], ids=["a step's", "the project's"])
@pytest.mark.parametrize("tags", [partition("a"), between("a", "b")], ids=["one", "several"])
def test_the_launchpad_cannot_name_another_partition_than_that_of_the_run(
    tags: dict[str, str], config: dict[str, object], told: KedroProject, instance: dg.DagsterInstance
) -> None:
    result = make(told, instance, "day", tags=tags, **config)
    assert not result.success
    assert "The run configuration has the value 'b' for `partition_key`" in result.error
    assert stored(told) == {}
