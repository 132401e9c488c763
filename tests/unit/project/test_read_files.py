"""The files that a process has read a project from, and what has changed of them since."""

import os
import sys
import zipfile

import pytest

from kedro_assets.errors import ProjectError, Scope
from kedro_assets.project import ReadFiles, load_project, locate_project


@pytest.fixture
def read(write_project):
    """A project that was read, its package beside another one, and the files of it."""
    root = write_project(conf={"parameters.yml": "p: 1", "catalog.yml": "{}"})
    [package] = (root / "src").iterdir()
    (root / "src" / "shared_by_none").mkdir()
    (root / "src" / "shared_by_none" / "values.py").write_text("VALUE = 1\n")
    (root / "data").mkdir()
    (root / "data" / "script.py").write_text("")
    return package, ReadFiles.of(load_project(locate_project(root), Scope()))


def test_a_project_that_is_as_it_was_has_not_changed(read):
    package, files = read
    os.utime(package / "settings.py", (1, 1))
    (files.root / "data" / "script.py").write_text("1")
    (files.root / "conf" / "base" / ".hidden").write_text("1")
    (files.root / "conf" / "base" / "catalog.yml~").write_text("1")
    (package / "__pycache__").mkdir(exist_ok=True)
    assert files.changed() == []
    files.check()


@pytest.mark.parametrize(
    "name",
    [
        "conf/base/parameters.yml",
        "conf/base/catalog.yml",
        "conf/local/credentials.yml",
        "conf/base/catalog/more.yml",
        "src/{}/pipeline_registry.py",
        "src/{}/new.py",
        "src/shared_by_none/values.py",
        "pyproject.toml",
    ],
)
def test_a_file_that_is_another_or_new_has_changed(read, name):
    package, files = read
    file = files.root / name.format(package.name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("# another")
    assert files.changed() == [name.format(package.name)]


def test_a_file_that_has_gone_has_changed(read):
    package, files = read
    (package / "settings.py").unlink()
    assert files.changed() == [f"src/{package.name}/settings.py"]


def test_the_error_names_the_project_and_the_first_files_and_says_what_to_do(read):
    package, files = read
    for name in "abcd":
        (package / f"{name}.py").touch()
    first = ", ".join(f"src/{package.name}/{name}.py" for name in "abc")
    message = (
        f"The Kedro project at {files.root} has changed since this worker loaded it: {first} and 1 more. "
        "Restart the worker, or leave `reload_workers: false` out of dagster.yml: workers then load what has changed by "
        "themselves."
    )
    with pytest.raises(ProjectError) as error:
        files.check()
    assert str(error.value) == message


def test_the_modules_of_the_project_are_imported_anew_once_they_are_unloaded(read):
    package, files = read
    before, others = sys.modules[package.name], {name for name in sys.modules if not name.startswith(package.name)}
    assert f"{package.name}.pipeline_registry" in sys.modules
    files.unload()
    assert not [name for name in sys.modules if name.startswith(package.name)]
    assert others <= sys.modules.keys()
    __import__(package.name)
    assert sys.modules[package.name] is not before


def test_an_archive_with_the_configuration_is_a_file_like_others(write_project, tmp_path):
    root = write_project(conf={"parameters.yml": "p: 1"})
    archive = tmp_path / "conf.zip"
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("base/parameters.yml", "p: 1")
        written.writestr("local/.keep", "")
    location = locate_project(root, conf_source=str(archive))
    files = ReadFiles.of(load_project(location, Scope()))
    archive.write_bytes(archive.read_bytes() + b" ")
    assert files.changed() == [str(archive)]
