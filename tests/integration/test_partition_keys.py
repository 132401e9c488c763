"""Keys that are no names of files: none leads out of the folder of its dataset, however the run was started."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, json_dataset, load_definitions, write_project
from partitioned import every, make, one, partition

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
    assert "would lead out of the folder of its dataset" in result.error
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
    assert "gives the partitions p2 of 'streamed', but this run makes p1. This data is not saved." in result.error
    assert "What the node has yielded of 'streamed' before stays where it was saved" in result.error
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
