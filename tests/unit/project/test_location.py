"""Where a project is, and how a process opens it."""

from pathlib import Path

import pytest
from kedro.framework import project as kedro_project

from kedro_assets.errors import ProjectError
from kedro_assets.project.location import ProjectLocation, locate_project


@pytest.mark.parametrize("inside", [".", "src", "conf/base", "pyproject.toml"])
def test_a_project_is_found_from_anywhere_inside(write_project, inside):
    root = write_project()
    assert locate_project(root / inside) == ProjectLocation(root)


@pytest.mark.parametrize(
    ("statement", "said"),
    [("raise ValueError('no such key')", "ValueError: no such key"), ("exit(0)", "SystemExit: 0")],
)
def test_settings_that_raise_are_refused_with_their_place(write_project, statement, said):
    root = write_project()
    (root / "src" / root.name / "settings.py").write_text(f"\n{statement}\n", encoding="utf-8")
    with pytest.raises(ProjectError) as caught:
        ProjectLocation(root).open()
    assert str(caught.value).endswith(f"cannot be opened: {said} (src/{root.name}/settings.py:2)")


def test_without_a_path_the_working_directory_counts(write_project, monkeypatch):
    root = write_project()
    monkeypatch.chdir(root / "conf")
    assert locate_project().path == root


def test_outside_of_a_project_the_error_says_where_was_looked_and_for_what(tmp_path):
    with pytest.raises(ProjectError, match=rf"There is no Kedro project at {tmp_path} .* \[tool\.kedro\]"):
        locate_project(tmp_path)


@pytest.mark.parametrize(
    ("given", "variable", "expected"),
    [(None, None, None), (None, "", None), (None, "prod", "prod"), ("test", "prod", "test")],
    ids=["neither", "empty variable", "variable", "argument wins"],
)
def test_the_environment_is_the_argument_or_the_variable(write_project, monkeypatch, given, variable, expected):
    root = write_project()
    if variable is not None:
        monkeypatch.setenv("KEDRO_ENV", variable)
    assert locate_project(root, given).env == expected


def test_a_configuration_source_is_relative_to_the_working_directory(write_project, monkeypatch):
    root = write_project()
    monkeypatch.chdir(root / "conf")
    assert locate_project(root, conf_source="base").conf_source == str(root / "conf" / "base")


@pytest.mark.parametrize(
    ("given", "variable", "expected"),
    [
        (None, None, None),
        (None, "", None),
        (None, "elsewhere", "elsewhere"),
        ("given", "elsewhere", "given"),
        ("", "elsewhere", "elsewhere"),
    ],
    ids=["neither", "empty variable", "variable", "argument wins", "empty argument"],
)
def test_the_configuration_source_is_the_argument_or_the_variable(
    write_project, monkeypatch, given, variable, expected
):
    root = write_project()
    monkeypatch.chdir(root)
    if variable is not None:
        monkeypatch.setenv("KEDRO_ASSETS_CONF_SOURCE", variable)
    assert locate_project(root, conf_source=given).conf_source == (str(root / expected) if expected else None)


def test_an_address_of_a_configuration_stays_as_it_is(write_project):
    address = "s3://bucket/conf.tar.gz"
    assert locate_project(write_project(), conf_source=address).conf_source == address


def test_an_installed_package_needs_no_project_around(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locate_project(package="shop") == ProjectLocation(tmp_path, package="shop")
    (tmp_path / "data").mkdir()
    assert locate_project(tmp_path / "data", package="shop").path == tmp_path / "data"


def test_a_path_may_begin_at_home(write_project, monkeypatch):
    root = write_project()
    monkeypatch.setenv("HOME", str(root.parent))
    assert locate_project(Path("~") / root.name).path == root


def test_a_location_that_is_opened_is_the_project_of_the_process(write_project):
    one, other = write_project(), write_project()
    assert ProjectLocation(one).open() == one.name == kedro_project.PACKAGE_NAME
    assert ProjectLocation(other).open() == other.name == kedro_project.PACKAGE_NAME


def test_a_project_is_opened_again_only_if_another_was_opened_since(write_project):
    one, other = write_project(), write_project()
    ProjectLocation(one).open()
    gone = ProjectLocation(one / "nowhere")
    gone.reopen(one.name)
    with pytest.raises(ProjectError):
        gone.reopen(other.name)
    ProjectLocation(other).reopen(other.name)
    assert other.name == kedro_project.PACKAGE_NAME


def test_a_package_that_is_not_installed_is_an_error_with_the_cause(tmp_path):
    with pytest.raises(ProjectError, match=r"package 'no_such_package' cannot be opened: .*no_such_package") as caught:
        ProjectLocation(tmp_path, package="no_such_package").open()
    assert isinstance(caught.value.__cause__, ImportError)


def test_a_folder_that_is_no_project_is_an_error(tmp_path):
    with pytest.raises(ProjectError, match=rf"project at {tmp_path} cannot be opened"):
        ProjectLocation(tmp_path).open()
