"""The files and entries that are written into a project, and those that are kept."""

import pytest
import tomlkit
import yaml

from kedro_assets.cli.init import DEFINITIONS, init_project
from kedro_assets.cli.schema import schema_text


def init(root, env=None, conf_source=None, *, force=False):
    """Return what is said of files, without what to do next."""
    lines = list(init_project(root, env, conf_source, force=force))
    return lines[: lines.index("")]


def files(root):
    found = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


def test_a_project_gets_what_is_missing(write_project):
    root = write_project()
    assert init(root) == [
        "written     conf/base/dagster.yml",
        "written     conf/dagster.schema.json",
        "written     definitions.py",
        "written     pyproject.toml: [tool.dagster], [tool.dg]",
    ]
    text = (root / "conf/base/dagster.yml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../dagster.schema.json\n")
    assert yaml.safe_load(text) is None
    assert (root / "conf/dagster.schema.json").read_text(encoding="utf-8") == schema_text()
    assert (root / "definitions.py").read_text(encoding="utf-8") == DEFINITIONS


def test_dagsters_tools_learn_where_the_definitions_are(write_project):
    root = write_project()
    init(root)
    tool = tomlkit.parse((root / "pyproject.toml").read_text(encoding="utf-8")).unwrap()["tool"]
    assert tool["dagster"] == {"module_name": "definitions", "code_location_name": root.name}
    assert tool["dg"]["project"]["code_location_target_module"] == "kedro_assets.location"
    assert tool["kedro"]["package_name"] == root.name


def test_a_second_time_nothing_changes(write_project):
    root = write_project()
    init(root)
    before = files(root)
    assert [line.split()[0] for line in init(root)] == ["unchanged"] * 4
    assert files(root) == before


def test_what_is_there_is_kept_unless_it_is_to_be_overwritten(write_project):
    root = write_project(conf={"dagster.yml": "jobs: {}\n"})
    (root / "definitions.py").write_text("defs = None\n", encoding="utf-8")
    with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n[tool.dagster]\nmodule_name = 'mine'\n")
    kept = [line for line in init(root) if line.startswith("kept")]
    assert kept == [
        "kept        conf/base/dagster.yml (exists already; --force overwrites it)",
        "kept        definitions.py (exists already; --force overwrites it)",
        "kept        pyproject.toml: tool.dagster.module_name = 'mine' (exists already; --force overwrites it)",
    ]
    assert (root / "definitions.py").read_text(encoding="utf-8") == "defs = None\n"
    assert [line for line in init(root, force=True) if line.startswith("overwritten")] == [
        "overwritten conf/base/dagster.yml",
        "overwritten definitions.py",
    ]
    assert (root / "definitions.py").read_text(encoding="utf-8") == DEFINITIONS
    assert 'module_name = "definitions"' in (root / "pyproject.toml").read_text(encoding="utf-8").replace("'", '"')


def test_an_environment_gets_a_file_of_its_own_and_is_named_in_what_comes_next(write_project):
    root = write_project(conf={"prod/parameters.yml": ""})
    lines = list(init_project(root, "prod", None, force=False))
    assert lines[0] == "written     conf/prod/dagster.yml"
    assert any("kedro assets check --env prod" in line for line in lines)


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "windows"])
def test_every_line_of_pyproject_stays_with_its_end(newline, write_project):
    root = write_project()
    path = root / "pyproject.toml"
    before = (path.read_text(encoding="utf-8") + "\n# a comment\n[tool.ruff]\nline-length=100\n").replace("\n", newline)
    path.write_bytes(before.encode())
    init(root)
    after = path.read_bytes().decode()
    assert after.startswith(before.rstrip())
    assert after.count("\n") == after.count(newline)


def test_where_the_project_is_read_as_configuration_the_schema_has_another_name(write_project):
    settings = "CONFIG_LOADER_ARGS = {'base_env': '', 'default_run_env': ''}\nCONF_SOURCE = '.'\n"
    root = write_project(settings=settings)
    assert "written     kedro-assets.schema.json" in init(root)
