"""What is stored of a dataset: a fingerprint of its files, and their names."""

import os
import shutil
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from kedro_assets.project.catalog import CatalogEntry
from kedro_assets.project.dataset_files import (
    address,
    content_version,
    fingerprint,
    is_in_known_system,
    kept_versions,
    partition_ids,
)
from kedro_assets.project.location import ProjectLocation


@pytest.fixture
def project(tmp_path):
    """A project, with a folder of files."""
    for name in ("a.json", "parts/x.csv", "parts/y.csv", "parts/deep/z.csv", "parts/note.txt"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name, encoding="utf-8")
    return ProjectLocation(tmp_path)


def entry(kind="json.JSONDataset", **config):
    return CatalogEntry("x", kind, {"type": kind, **config})


PARTS = entry("partitions.PartitionedDataset", path="parts", dataset="pandas.CSVDataset", filename_suffix=".csv")
INCREMENTAL = entry("partitions.IncrementalDataset", path="parts", dataset="pandas.CSVDataset")


def replaced(project, name, text):
    """Write a file anew, at another time."""
    file = project.path / name
    file.write_text(text, encoding="utf-8")
    os.utime(file, (1, 1))


# Where it is.


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"filepath": "a.json"}, "{root}/a.json"),
        ({"path": "parts"}, "{root}/parts"),
        ({"filepath": "/elsewhere/a.json"}, "/elsewhere/a.json"),
        ({"filepath": "s3://bucket/a.json"}, "s3://bucket/a.json"),
        ({"dataset": {"type": "json.JSONDataset", "filepath": "a.json"}}, "{root}/a.json"),
        ({}, None),
    ],
    ids=["file", "folder", "absolute", "address", "inside", "nowhere"],
)
def test_a_dataset_is_where_the_project_is_unless_its_place_is_absolute(project, config, expected):
    assert address(project, entry(**config)) == (expected and expected.format(root=project.path))


# The fingerprint.


@pytest.mark.parametrize(
    "dataset",
    [entry(filepath="a.json"), entry(path="parts"), PARTS, INCREMENTAL],
    ids=["file", "folder", "parts", "incremental"],
)
def test_a_fingerprint_stays_while_the_files_do(project, dataset):
    found = fingerprint(project, dataset)
    assert found
    (project.path / "a.json").read_text(encoding="utf-8")
    assert fingerprint(project, dataset) == found


@pytest.mark.parametrize(
    "change",
    [
        lambda project: replaced(project, "parts/x.csv", "parts/x.csv"),
        lambda project: replaced(project, "parts/x.csv", "more"),
        lambda project: replaced(project, "parts/new.csv", ""),
        lambda project: (project.path / "parts/deep/z.csv").unlink(),
        lambda project: (project.path / "parts/x.csv").rename(project.path / "parts/w.csv"),
    ],
    ids=["time", "content", "new", "gone", "name"],
)
@pytest.mark.parametrize("dataset", [entry(path="parts"), PARTS, INCREMENTAL], ids=["folder", "parts", "incremental"])
def test_a_fingerprint_changes_with_any_of_the_files(project, dataset, change):
    before = fingerprint(project, dataset)
    change(project)
    assert fingerprint(project, dataset) != before


@pytest.mark.parametrize(
    "dataset",
    [entry(filepath="none.json"), entry(path="empty"), entry(filepath="*.none"), entry()],
    ids=["file", "folder", "pattern", "no place"],
)
def test_what_has_no_files_has_no_fingerprint(project, dataset):
    (project.path / "empty").mkdir()
    assert fingerprint(project, dataset) is None


def test_the_files_of_a_pattern_are_those_that_fit(project):
    dataset = entry(path="parts/*.csv")
    before = fingerprint(project, dataset)
    replaced(project, "parts/note.txt", "changed")
    assert fingerprint(project, dataset) == before
    replaced(project, "parts/x.csv", "changed")
    assert fingerprint(project, dataset) != before


@pytest.mark.parametrize(
    ("path", "known"),
    [("data/a.json", True), ("s3://a/b.json", True), ("simplecache::https://a/b.json", True), ("elsewhere://a", False)],
)
def test_a_system_is_known_by_the_protocol_of_the_place(path, known, project):
    assert is_in_known_system(project, entry(path=path)) is known


def test_a_folder_that_has_moved_with_its_files_is_the_same(project):
    before = fingerprint(project, entry(path="parts"))
    shutil.move(project.path / "parts", project.path / "moved")
    assert fingerprint(project, entry(path="moved")) == before


@pytest.mark.parametrize(
    ("config", "checkpoint"),
    [
        ({}, "parts/CHECKPOINT"),
        ({"checkpoint": "2026-01-01"}, "parts/CHECKPOINT"),
        ({"checkpoint": {"filepath": "parts/DONE"}}, "parts/DONE"),
        ({"checkpoint": {"filepath": "DONE"}}, "parts/DONE"),
        ({"checkpoint": {"filepath": ""}}, "parts/CHECKPOINT"),
    ],
    ids=["default", "value", "own in the project", "own in the folder", "empty"],
)
def test_a_checkpoint_is_no_partition_and_no_change(project, config, checkpoint):
    dataset = entry("partitions.IncrementalDataset", path="parts", dataset="pandas.CSVDataset", **config)
    before, ids = fingerprint(project, dataset), partition_ids(project, dataset)
    replaced(project, checkpoint, "x.csv")
    assert fingerprint(project, dataset) == before
    assert partition_ids(project, dataset) == ids


def test_a_file_of_that_name_is_a_change_of_any_other_dataset(project):
    before = fingerprint(project, entry(path="parts"))
    replaced(project, "parts/CHECKPOINT", "x.csv")
    assert fingerprint(project, entry(path="parts")) != before


# The ids of partitions.


def test_the_ids_of_partitions_are_the_paths_of_their_files_without_the_suffix(project):
    assert partition_ids(project, PARTS) == ["deep/z", "x", "y"]
    assert partition_ids(project, INCREMENTAL) == ["deep/z.csv", "note.txt", "x.csv", "y.csv"]


def test_files_are_looked_for_as_deep_as_the_dataset_does(project):
    dataset = entry("partitions.PartitionedDataset", path="parts", load_args={"maxdepth": 1})
    assert partition_ids(project, dataset) == ["note.txt", "x.csv", "y.csv"]


@pytest.mark.parametrize(
    "dataset", [entry("partitions.PartitionedDataset", path="none"), entry()], ids=["folder", "no place"]
)
def test_where_nothing_is_there_are_no_partitions(project, dataset):
    assert partition_ids(project, dataset) == []


# Addresses and their arguments.


def test_an_address_is_read_with_its_arguments_and_without_those_of_opening_files():
    memory = fsspec.filesystem("memory")
    memory.pipe("/unit_bucket/x.csv", b"x")
    dataset = entry(
        "partitions.PartitionedDataset", path="memory://unit_bucket", fs_args={"open_args_load": {"mode": "r"}}
    )
    project = ProjectLocation(Path("/nowhere"))
    assert partition_ids(project, dataset) == ["x.csv"]
    before = fingerprint(project, dataset)
    memory.pipe("/unit_bucket/y.csv", b"y")
    assert fingerprint(project, dataset) != before


class Refusing(MemoryFileSystem):
    """Shows in its error what it was given."""

    protocol = "refusing"

    def __init__(self, **options):
        raise PermissionError(f"no login with {options}")


def test_an_error_of_a_file_system_shows_no_credentials(project):
    fsspec.register_implementation("refusing", Refusing, clobber=True)
    dataset = entry(filepath="refusing://bucket/a", credentials={"secret": "hunter22", "user": "me"})
    for look in (fingerprint, partition_ids):
        with pytest.raises(PermissionError, match=r"no login with .*'me'") as caught:
            look(project, dataset)
        assert "hunter22" not in str(caught.value)


# Files that may not be read.


class Guarded(MemoryFileSystem):
    """Has some files, and refuses what the test says."""

    protocol = "guarded"
    refuses = ()

    def info(self, path, **_):
        self.ask("info")
        if path.endswith((".json", "gone")):
            raise FileNotFoundError(path)
        return {"name": path, "size": 0, "type": "directory"}

    def ls(self, path, detail=True, **_):
        self.ask("ls")
        return []

    def ask(self, what):
        if what in self.refuses:
            msg = f"{what} is denied"
            raise PermissionError(msg)

    isfile = fsspec.AbstractFileSystem.isfile
    find = fsspec.AbstractFileSystem.find


@pytest.mark.parametrize(
    ("config", "refuses"),
    [
        ({"filepath": "guarded://b/a.json"}, "info"),
        ({"path": "guarded://b"}, "info"),
        ({"path": "guarded://b"}, "ls"),
        ({"path": "guarded://b/*.csv"}, "ls"),
    ],
    ids=["file", "folder", "list of a folder", "pattern"],
)
def test_what_may_not_be_read_is_an_error_and_not_taken_for_nothing(project, monkeypatch, config, refuses):
    fsspec.register_implementation("guarded", Guarded, clobber=True)
    assert fingerprint(project, entry(**config)) is None
    monkeypatch.setattr(Guarded, "refuses", (refuses,))
    for look in (fingerprint, partition_ids):
        with pytest.raises(PermissionError, match=f"{refuses} is denied"):
            look(project, entry(**config))


def test_a_server_that_refuses_is_an_error_though_its_file_system_says_that_nothing_is_there(project, monkeypatch):
    def info(self, path, **_):
        raise FileNotFoundError(path) from PermissionError("403")

    fsspec.register_implementation("guarded", Guarded, clobber=True)
    monkeypatch.setattr(Guarded, "info", info)
    with pytest.raises(PermissionError, match="403"):
        fingerprint(project, entry(filepath="guarded://b/a.json"))


# What their content is.


A_JSON = entry(filepath="a.json")
VERSIONED = entry(filepath="v.json", versioned=True)


def test_the_version_of_a_content_changes_with_the_content_only(project):
    before = content_version(project, A_JSON)
    replaced(project, "a.json", "a.json")
    assert content_version(project, A_JSON) == before
    replaced(project, "a.json", "other")
    assert content_version(project, A_JSON) != before


def test_what_is_not_there_has_no_version(project):
    assert content_version(project, entry(filepath="nope.json")) is None
    assert content_version(project, entry()) is None


def test_only_the_partitions_that_are_meant_count(project):
    def version(*ids):
        return content_version(project, PARTS, is_meant=lambda id_: id_ in ids)

    before = version("x"), version("y"), version("x", "y")
    assert len(set(before)) == 3
    replaced(project, "parts/y.csv", "other")
    assert version("x") == before[0]
    assert version("y") != before[1]
    assert version("z") is None


def test_only_the_version_that_is_meant_counts_and_not_its_name(project):
    for version, text in (("v1", "1"), ("v2", "1"), ("v3", "3")):
        file = project.path / "v.json" / version / "v.json"
        file.parent.mkdir(parents=True)
        file.write_text(text)
    found = {version: content_version(project, VERSIONED, version) for version in ("v1", "v2", "v3", "v4")}
    assert found["v1"] == found["v2"] != found["v3"]
    assert found["v4"] is None


def test_the_versions_of_a_dataset_are_told_in_their_order(project):
    assert kept_versions(project, VERSIONED) == []
    for version in ("2025-02", "2024-12", "2025-01"):
        file = project.path / "v.json" / version / "v.json"
        file.parent.mkdir(parents=True)
        file.write_text("1")
    assert kept_versions(project, VERSIONED) == ["2024-12", "2025-01", "2025-02"]
    assert kept_versions(project, A_JSON) == kept_versions(project, entry(versioned=True)) == []


def test_a_file_where_versions_are_to_be_has_none(project):
    replaced(project, "v.json", "1")
    assert kept_versions(project, VERSIONED) == []
