"""A Kedro project as a component of a Dagster project, through the commands of `dg` on the page that tells of it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from conftest import NODES, Project, make_project
from page_commands import Shell, blocks, commands_for
from warm_python import WarmPython

PAGE = "docs/how-to/use-the-component.md"
DAGSTER = """
    executors:
      parallel:
        multiprocess: {max_concurrent: 1}
    default_executor: parallel
"""
CATALOG = """
raw:
  type: json.JSONDataset
  filepath: data/raw.json
  metadata: {dagster: {external: false}}
"""
PYPROJECT = """\
[project]
name = "my_project"
version = "0.1"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "my_project"
"""
DEFINITIONS = """\
from pathlib import Path

from dagster import definitions, load_from_defs_folder


@definitions
def defs():
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
"""
NATIVE = """\
import dagster as dg


@dg.asset(key=["shop", "raw"], io_manager_key="raw__io_manager")
def count() -> int:
    return 21


@dg.asset(deps=[["shop", "reports", "summary"]])
def mail() -> None: ...
"""


REPORT = """
report:
  type: json.JSONDataset
  filepath: data/report.json
"""


@pytest.fixture
def kedro(tmp_path: Path) -> Project:
    """The Kedro project of the page."""
    last = 'node(clean, "raw", "cleaned", name="clean"),'
    assert last in NODES
    made = make_project(
        tmp_path, nodes=NODES.replace(last, f'{last} node(list, None, "report", name="report"),'), dagster=DAGSTER
    )
    made.path.rename(tmp_path / "my_kedro_project")
    kedro = Project(tmp_path / "my_kedro_project", made.package)
    catalog = (kedro.path / "conf/base/catalog.yml").read_text(encoding="utf-8")
    kedro.write("conf/base/catalog.yml", catalog + REPORT)
    kedro.write("conf/cloud/catalog.yml", CATALOG)
    kedro.write("conf/cloud/parameters.yml", "factor: 10")
    return kedro


@pytest.fixture
def dg_project(tmp_path: Path, kedro: Project) -> Project:
    """A Dagster project as `create-dagster` makes it, beside the Kedro project."""
    project = Project(tmp_path / "my_project", "my_project")
    project.write("pyproject.toml", PYPROJECT)
    project.write("src/my_project/__init__.py", "")
    project.write("src/my_project/definitions.py", DEFINITIONS)
    project.write("src/my_project/defs/__init__.py", "")
    return project


@pytest.fixture
def shell(dg_project: Project, home: Path) -> Iterator[Shell]:
    """A shell in the Dagster project, whose package is found."""
    python = WarmPython(("kedro_assets", "dagster_dg_cli.cli"))
    search = os.pathsep.join([str(dg_project.path / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    yield Shell(dg_project.path, {"DAGSTER_HOME": str(home), "PYTHONPATH": search}, python)
    python.end()


def test_a_dagster_project_takes_it_from_scaffold_to_launch(shell: Shell, dg_project: Project, kedro: Project) -> None:
    def run(line: str) -> str:
        done = shell.run(line)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    listed = json.loads(run("dg list components --json"))  # importing Kedro would print a line of its own
    assert "kedro_assets.KedroProjectComponent" in {component["key"] for component in listed["items"]}

    scaffold, check_yaml, check_defs, list_defs, launch = commands_for(__file__, PAGE)
    run(scaffold)
    [shown] = [block for block in blocks(PAGE) if block.first_line.endswith("/defs.yaml")]
    file = dg_project.path / shown.first_line.removeprefix("# ")
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert written == yaml.safe_load(shown.text)
    run(check_yaml)
    run(check_defs)
    assert "reports/summary" in run(list_defs)
    run(launch)
    assert kedro.read("report.json") == []

    dg_project.write("src/my_project/defs/native.py", NATIVE)
    shutil.rmtree(file.parent)
    run(f"{scaffold} --env cloud")
    written["attributes"]["env"] = "cloud"
    assert written == yaml.safe_load(file.read_text(encoding="utf-8"))
    written["attributes"]["translation"] = {"key_prefix": "shop", "group_name": "kedro"}
    file.write_text(yaml.safe_dump(written), encoding="utf-8")
    assets = {asset["asset_key"]: asset for asset in json.loads(run("dg list defs --json"))["assets"]}
    ours = {f"shop/{name}" for name in ("raw", "cleaned", "doubled", "report", "reports/summary")}
    assert assets.keys() == {*ours, "mail"}
    assert assets["shop/cleaned"]["dependency_keys"] == ["shop/raw"]
    assert assets["mail"]["dependency_keys"] == ["shop/reports/summary"]
    assert assets["shop/doubled"]["group_name"] == "kedro"

    run("dg launch --assets '+key:\"shop/doubled\"'")
    assert kedro.read("doubled.json") == 210
