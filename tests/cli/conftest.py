"""Small Kedro projects, and two ways to give `kedro assets` a command: in this process, and as a user does."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import kedro.framework.project
import pytest
from click.testing import CliRunner
from warm_python import WARM_PYTHON

from kedro_assets.cli import commands

PYPROJECT = """\
[project]
name = "{package}"
version = "0.1"

[tool.kedro]
package_name = "{package}"
project_name = "{package}"
kedro_init_version = "1.7.0"
source_dir = "src"
"""

NODES = """
    from kedro.pipeline import node, pipeline

    def clean(raw):
        return raw

    def multiply(cleaned, factor, fail):
        if fail:
            raise ValueError("the shelf is empty")
        return cleaned * factor

    def summarize(doubled):
        return {"total": doubled}

    def register_pipelines():
        main = pipeline([
            node(clean, "raw", "cleaned", name="clean"),
            node(multiply, ["cleaned", "params:factor", "params:fail"], "doubled", name="multiply"),
        ])
        reports = pipeline([node(summarize, "doubled", "summary", name="summarize")], inputs="doubled", namespace="reports")
        rival = pipeline([node(clean, "raw", "doubled", name="rival_multiply")])
        return {"__default__": main + reports, "rival": rival}
"""
CATALOG = """\
raw:
  type: json.JSONDataset
  filepath: data/raw.json
doubled:
  type: json.JSONDataset
  filepath: data/{folder}doubled.json
reports.summary:
  type: json.JSONDataset
  filepath: data/{folder}summary.json
"""
DAGSTER = """
    executors:
      parallel:
        multiprocess: {max_concurrent: 2}
    schedules:
      nightly: {cron_schedule: "0 2 * * *", execution_timezone: Europe/Berlin, default_status: RUNNING}
    jobs:
      everything:
        description: All of it.
        pipeline: {pipeline_name: __default__}
        schedule: nightly
      two-steps:
        selection: '+key:"reports/summary"'
        executor: parallel
      seeded:
        pipeline: {}
        config: {runtime_params: {factor: 9}}
"""


PEER = Path(__file__).parents[1] / "peer_project"
PEER_PACKAGE = "spaceflights_peer"


@dataclass(frozen=True)
class Project:
    """A project on disk."""

    path: Path
    package: str

    def write(self, name: str, text: str) -> Path:
        """Write a file, the folders around it included."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    def read(self, name: str) -> Any:
        """The content of a JSON file under data/."""
        return json.loads((self.path / "data" / name).read_text(encoding="utf-8"))

    def files(self) -> dict[str, bytes]:
        """Every file except Python's caches and the project's data."""
        found = (file for file in sorted(self.path.rglob("*")) if file.is_file() and "__pycache__" not in file.parts)
        names = {str(file.relative_to(self.path)): file for file in found}
        return {name: file.read_bytes() for name, file in names.items() if not name.startswith("data/")}


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All that a user sees, with the terminal's line breaks taken out."""
        return " ".join(f"{self.out}\n{self.err}".split())


MakeProject = Callable[..., Project]
Command = Callable[..., Outcome]


def make_project(
    folder: Path, *, nodes: str = NODES, dagster: str | None = None, pyproject: str = PYPROJECT
) -> Project:
    """Write a Kedro project whose package no other test uses, and which is not installed.

    Args:
        folder: Where its folder is made.
        nodes: The pipeline registry, node functions included.
        dagster: dagster.yml; None for a project without.
        pyproject: pyproject.toml, with `{package}` for the package's name.
    """
    package = f"cli_{uuid4().hex[:10]}"
    project = Project(folder / package, package)
    project.path.mkdir(parents=True)
    (project.path / "pyproject.toml").write_bytes(pyproject.replace("{package}", package).encode())
    project.write(f"src/{package}/__init__.py", "")
    project.write(f"src/{package}/settings.py", "")
    project.write(f"src/{package}/pipeline_registry.py", nodes)
    project.write("conf/base/catalog.yml", CATALOG.format(folder=""))
    project.write("conf/base/parameters.yml", "factor: 2\nfail: false\n")
    project.write("conf/test/catalog.yml", CATALOG.format(folder="test/"))
    project.write("conf/test/parameters.yml", "factor: 10\n")
    project.write("conf/local/credentials.yml", "")
    project.write("data/raw.json", "5")
    if dagster is not None:
        project.write("conf/base/dagster.yml", dagster)
    return project


@pytest.fixture
def new_project(tmp_path: Path) -> MakeProject:
    """Make a project of the test's own."""

    def make(**files: Any) -> Project:
        return make_project(tmp_path, **files)

    return make


@pytest.fixture
def peer(tmp_path: Path) -> Project:
    """A copy of a project that runs on kedro-dagster, with a package that no other test uses."""
    package = f"peer_{uuid4().hex[:10]}"
    project = Project(tmp_path / package, package)
    shutil.copytree(PEER, project.path, ignore=shutil.ignore_patterns("__pycache__"))
    (project.path / "src" / PEER_PACKAGE).rename(project.path / "src" / package)
    for name in ("pyproject.toml", "dg.toml"):
        text = (project.path / name).read_text(encoding="utf-8")
        (project.path / name).write_text(text.replace(PEER_PACKAGE, package), encoding="utf-8")
    project.write("conf/local/credentials.yml", "")
    return project


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One project for all tests that change nothing in it but its data."""
    project = make_project(tmp_path_factory.mktemp("shop"), dagster=DAGSTER)
    project.write("definitions.py", "from kedro_assets import build_definitions\n\ndefs = build_definitions()\n")
    return project


@pytest.fixture
def cli() -> Command:
    """Give a command to the group in this process, which saves the seconds that a start takes."""

    def call(project: Project | Path, *arguments: str, variables: dict[str, str] | None = None) -> Outcome:
        with _as_new_process(project if isinstance(project, Path) else project.path, variables or {}):
            result = CliRunner().invoke(commands, ["assets", *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception  # a user would see a traceback
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return call


@contextmanager
def _as_new_process(folder: Path, variables: dict[str, str]) -> Iterator[None]:
    """Take back what a command changes in its process: the folder, variables, logging, where modules are found."""
    before, environment, path, disabled = Path.cwd(), dict(os.environ), list(sys.path), logging.root.manager.disable
    os.chdir(folder)
    for name in ("DAGSTER_HOME", "KEDRO_ENV", "KEDRO_ASSETS_CONF_SOURCE"):
        os.environ.pop(name, None)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(environment)
        sys.path[:] = path
        sys.modules.pop("kedro_assets.location", None)  # the project of the folder in which it was imported
        logging.disable(disabled)


@pytest.fixture(scope="session")
def kedro() -> Command:
    """Run `kedro` as a user does, in the project's folder."""

    def call(project: Project | Path, *arguments: str, variables: dict[str, str] | None = None) -> Outcome:
        folder = project if isinstance(project, Path) else project.path
        result = WARM_PYTHON.run(["kedro", *arguments], folder, clean_environment(variables))
        return Outcome(result.returncode, result.stdout, result.stderr)

    return call


def clean_environment(variables: dict[str, str] | None = None) -> dict[str, str]:
    """The environment variables of a user who has set none for Kedro or Dagster, with some more."""
    ours = ("DAGSTER_HOME", "KEDRO_ENV", "KEDRO_ASSETS_CONF_SOURCE")
    return {**{name: value for name, value in os.environ.items() if name not in ours}, **(variables or {})}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A DAGSTER_HOME of the test's own."""
    folder = tmp_path / "dagster_home"
    folder.mkdir()
    (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    return folder
