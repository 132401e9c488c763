"""The configuration files of all environments, as they are written."""

import tarfile

import pytest

from kedro_assets.errors import ProjectError
from kedro_assets.project.environments import read_environments
from kedro_assets.project.location import ProjectLocation


@pytest.fixture
def read(write_project):
    """Write a project with these files under `conf`, and read those of some sections."""

    def call(conf, sections=("dagster", "catalog"), settings="", conf_source=None):
        location = ProjectLocation(write_project(conf=conf, settings=settings), conf_source=conf_source)
        location.open()
        return read_environments(location, sections)

    return call


def test_every_environment_is_read_the_base_environment_first(read):
    found = read(
        {
            "a/dagster.yml": "x: 1",
            "a/catalog/b.yml": "y: {type: z}",
            "base/catalog_more.yml": "# nothing",
            "base/parameters.yml": "z: 1",
            "a/.catalog.yml": "hidden: 1",
        }
    )
    assert [(file.shown, file.env, file.section, file.data) for file in found.files] == [
        ("conf/base/catalog_more.yml", "base", "catalog", {}),
        ("conf/a/dagster.yml", "a", "dagster", {"x": 1}),
        ("conf/a/catalog/b.yml", "a", "catalog", {"y": {"type": "z"}}),
    ]
    assert (found.base, found.names) == ("base", ["base", "a"])
    assert [file.shown for file in found.in_env("a", "dagster")] == ["conf/a/dagster.yml"]


def test_a_place_is_found_by_its_line(read):
    [file] = read({"catalog.yml": "a: 1\nb:\n  c: 2\n"}).files
    assert [file.locate(path) for path in [("b", "c"), ("b", "x"), ("y",)]] == [
        f"conf/base/catalog.yml:{n}" for n in (3, 2, 1)
    ]


def test_nothing_is_resolved_and_lines_end_as_they_are(read):
    [file] = read({"catalog.yml": "a: ${b}\n"}).files
    assert file.data == {"a": "${b}"}
    file.path.write_bytes(b"a: 1\r\n")
    [again] = read({"catalog.yml": "a: 1\r\n"}).files
    assert again.text == "a: 1\r\n"


def test_every_file_that_is_no_configuration_is_reported_with_its_line(read):
    with pytest.raises(ProjectError) as caught:
        read({"catalog.yml": "a: 1\na: 2\n", "prod/dagster.yml": "jobs: [\n", "local/dagster.yml": "- x\n"})
    lines = str(caught.value).splitlines()
    assert [line.strip().split(": ")[0] for line in lines[1:]] == [
        "conf/base/catalog.yml:2",
        "conf/local/dagster.yml:1",
        "conf/prod/dagster.yml:2",
    ]


def test_without_a_base_environment_the_whole_folder_is_one(read):
    found = read({"dagster.yml": "x: 1"}, settings="CONFIG_LOADER_ARGS = {'base_env': '', 'default_run_env': ''}")
    assert [(file.shown, file.env) for file in found.files] == [("conf/base/dagster.yml", "")]


def test_an_archive_is_refused(read, tmp_path):
    archive = tmp_path / "conf.tar.gz"
    (tmp_path / "base").mkdir()
    with tarfile.open(archive, "w:gz") as file:
        file.add(tmp_path / "base", "conf/base")
    with pytest.raises(ProjectError, match=r"conf\.tar\.gz is not a folder"):
        read({}, conf_source=str(archive))
