"""The page on packaged projects: the example is packaged, and Dagster runs it in a folder that has nothing but the package's files."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest
from page_commands import ROOT, Shell, blocks, commands_for
from servers import Server, web_server

PAGE = "docs/how-to/run-a-package.md"
ASSETS = "{ assetNodes { metadataEntries { label ... on TextMetadataEntry { text } } } }"
BACKEND = 'requires = ["setuptools>=64"]'


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell in a copy of the example with an environment `prod`, for whose build nothing is downloaded: setuptools is in it."""
    pytest.importorskip("ensurepip", reason="the build makes an environment")
    project, example = tmp_path / "flights", ROOT / "examples" / "flights"
    shutil.copytree(example, project, ignore=shutil.ignore_patterns("__pycache__", "*.parquet", "*.pkl", "fast"))
    shutil.copytree(example / "conf" / "fast", project / "conf" / "prod")
    pyproject = (project / "pyproject.toml").read_text(encoding="utf-8")
    assert BACKEND in pyproject
    (project / "pyproject.toml").write_text(
        pyproject.replace(BACKEND, 'requires = []\nbackend-path = ["tools"]'), encoding="utf-8"
    )
    found = find_spec("setuptools")
    assert found is not None
    packages = Path(str(found.origin)).parents[1]
    for path in (packages / "_distutils_hack", *packages.glob("setuptools*")):  # with its entry points
        shutil.copytree(path, project / "tools" / path.name)
    return Shell(project, {"HOME": str(tmp_path)})


def test_a_package_is_made_and_dagster_runs_it_in_a_folder_of_its_own(tmp_path: Path, shell: Shell) -> None:
    package, ls, make, choose, start = commands_for(__file__, PAGE)
    done = shell.run(package)
    assert done.returncode == 0, done.stdout + done.stderr
    made = shell.run(ls).stdout.split()
    [shown] = [line for block in blocks(PAGE) for line in block.text.splitlines() if line.startswith(ls)]
    assert made == shown.partition("#")[2].split()

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    archive, wheel = (shell.folder / "dist" / name for name in made)
    ZipFile(wheel).extractall(tmp_path / "installed")
    shutil.copy(archive, elsewhere)
    [definitions] = [block.text for block in blocks(PAGE) if block.language == "python"]
    (elsewhere / "definitions.py").write_text(definitions, encoding="utf-8")

    home = tmp_path / "dagster_home"
    assert shell.run(make).returncode == shell.run(choose).returncode == 0
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    assert shell.variables["DAGSTER_HOME"] == str(home)
    installed = {"PYTHONPATH": os.pathsep.join([str(tmp_path / "installed"), os.environ.get("PYTHONPATH", "")])}
    with web_server(shell.words(start), folder=elsewhere, home=home, variables={**shell.variables, **installed}) as url:
        server = Server(url)
        server.location("definitions.py")
        entries = [entry for node in server.ask(ASSETS)["assetNodes"] for entry in node["metadataEntries"]]
    paths = {entry["text"] for entry in entries if entry["label"] == "kedro/filepath"}
    assert "data/fast/08_reporting/report.json" in paths  # as it is in the environment `prod`
