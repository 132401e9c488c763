"""A Kedro project as a component of a Dagster project, through the commands of `dg`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import Project, clean_environment, make_project

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
name = "shelf"
version = "0.1"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "shelf"
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


@pytest.fixture
def dg_project(tmp_path: Path) -> Project:
    """Write a Dagster project as `create-dagster` does, and a Kedro project beside it."""
    kedro = make_project(tmp_path / "kedro", dagster=DAGSTER)
    kedro.write("conf/cloud/catalog.yml", CATALOG)
    kedro.write("conf/cloud/parameters.yml", "factor: 10")
    project = Project(tmp_path / "shelf", kedro.package)
    project.write("pyproject.toml", PYPROJECT)
    project.write("src/shelf/__init__.py", "")
    project.write("src/shelf/definitions.py", DEFINITIONS)
    project.write("src/shelf/defs/__init__.py", "")
    project.write("src/shelf/defs/native.py", NATIVE)
    return project


def test_a_dagster_project_takes_it_from_scaffold_to_launch(dg_project: Project, home: Path) -> None:
    def dg(*arguments: str) -> str:
        result = subprocess.run(
            [sys.executable, "-m", "dagster_dg_cli.cli", *arguments],
            cwd=dg_project.path,
            env=clean_environment({"DAGSTER_HOME": str(home), "PYTHONPATH": str(dg_project.path / "src")}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    listed = json.loads(dg("list", "components", "--json"))  # importing Kedro would print a line of its own
    assert "kedro_assets.KedroProjectComponent" in {component["key"] for component in listed["items"]}

    kedro = dg_project.path.parent / "kedro" / dg_project.package
    dg(
        "scaffold",
        "defs",
        "kedro_assets.KedroProjectComponent",
        "kedro",
        "--project-path",
        str(kedro),
        "--env",
        "cloud",
    )
    file = dg_project.path / "src/shelf/defs/kedro/defs.yaml"
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert written == {
        "type": "kedro_assets.KedroProjectComponent",
        "attributes": {"project_path": f"../../../../../kedro/{dg_project.package}", "env": "cloud"},
    }
    written["attributes"]["translation"] = {"key_prefix": "shop", "group_name": "kedro"}
    file.write_text(yaml.safe_dump(written), encoding="utf-8")

    dg("check", "yaml")
    dg("check", "defs")
    assets = {asset["asset_key"]: asset for asset in json.loads(dg("list", "defs", "--json"))["assets"]}
    assert assets.keys() == {"shop/raw", "shop/cleaned", "shop/doubled", "shop/reports/summary", "mail"}
    assert assets["shop/cleaned"]["dependency_keys"] == ["shop/raw"]
    assert assets["mail"]["dependency_keys"] == ["shop/reports/summary"]
    assert assets["shop/doubled"]["group_name"] == "kedro"

    dg("launch", "--assets", '+key:"shop/doubled"')
    assert json.loads((kedro / "data/doubled.json").read_text(encoding="utf-8")) == 210
