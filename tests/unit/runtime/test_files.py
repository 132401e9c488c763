"""What is seen of the files of datasets, and why some are not."""

import pytest
from attrs import evolve

from kedro_assets.config import DagsterConfig
from kedro_assets.errors import ProjectError
from kedro_assets.project import CatalogWithCredentials
from kedro_assets.runtime.files import DatasetFiles, SeenFiles
from unit.builders import make_node
from unit.records import json_entry, make_kedro


@pytest.fixture
def kedro(tmp_path):
    (tmp_path / "x.json").write_text("1")
    catalog = {name: json_entry(tmp_path / f"{name}.json") for name in ("x", "y")}
    return make_kedro([make_node("a", ["x"], ["y"])], catalog=catalog)


@pytest.fixture
def reads(kedro, monkeypatch):
    """What the catalog was read with, each time."""
    found = []

    def read(_, params, *, with_hooks):
        found.append((params, with_hooks))
        return CatalogWithCredentials(kedro.project.resolver, {})

    monkeypatch.setattr(CatalogWithCredentials, "read", read)
    return found


@pytest.mark.parametrize("with_hooks", [False, True], ids=["without hooks", "with hooks"])
def test_the_catalog_is_read_once_as_the_project_is_loaded(with_hooks, kedro, reads):
    project = evolve(kedro.project, config=DagsterConfig(load_with_hooks=with_hooks))
    files = DatasetFiles(evolve(kedro, project=project), {"day": "monday"})
    assert (bool(files.look("x").fingerprint), files.look("y")) == (True, SeenFiles())
    assert reads == [({"day": "monday"}, with_hooks)]


def test_the_files_of_a_dataset_are_looked_at_once(kedro, reads, monkeypatch):
    looked_at = []
    monkeypatch.setattr("kedro_assets.runtime.files.fingerprint", lambda *given: looked_at.append(given) or "there")
    files = DatasetFiles(kedro)
    assert files.look("x") == files.look("x") == SeenFiles("there")
    assert len(looked_at) == 1


def test_a_catalog_that_cannot_be_read_is_tried_once(kedro, monkeypatch):
    tried = []

    def read(*_, **__):
        tried.append(1)
        msg = "The project's catalog configuration cannot be read:\n  conf/base/catalog.yml:1: no YAML.\nNo hook fires."
        raise ProjectError(msg)

    monkeypatch.setattr(CatalogWithCredentials, "read", read)
    files = DatasetFiles(kedro)
    cause = "The project's catalog configuration cannot be read: conf/base/catalog.yml:1: no YAML"
    assert files.look("x") == files.look("y") == SeenFiles(unseen=cause)
    assert tried == [1]


def test_a_store_that_does_not_answer_hides_no_other(kedro, reads, monkeypatch):
    def look(_, entry):
        if entry.name == "x":
            msg = "no answer"
            raise TimeoutError(msg)
        return "there"

    monkeypatch.setattr("kedro_assets.runtime.files.fingerprint", look)
    files = DatasetFiles(kedro)
    assert (files.look("x"), files.look("y")) == (SeenFiles(unseen="TimeoutError: no answer"), SeenFiles("there"))


def test_a_folder_has_partitions_if_it_can_be_looked_at(tmp_path, monkeypatch):
    for key in ("a", "b"):
        (tmp_path / f"{key}.json").write_text("1")
    entry = {"type": "partitions.PartitionedDataset", "path": str(tmp_path), "dataset": "json.JSONDataset"}
    kedro = make_kedro([make_node("a", ["x"], ["y"])], catalog={"x": {**entry, "filename_suffix": ".json"}})
    found = CatalogWithCredentials(kedro.project.resolver, {})
    monkeypatch.setattr(CatalogWithCredentials, "read", lambda *_, **__: found)
    assert DatasetFiles(kedro).partitions("x") == ["a", "b"]

    def fail(*_):
        msg = "no permission"
        raise OSError(msg)

    monkeypatch.setattr("kedro_assets.runtime.files.partition_ids", fail)
    assert DatasetFiles(kedro).partitions("x") is None
