"""The page for those who come from kedro-dagster shows what `kedro assets convert` says of a project of kedro-dagster."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "from-kedro-dagster.md"
SHOWN = re.compile(r"^```(diff|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the command says, as lines."""
    project = tmp_path_factory.mktemp("docs") / "peer"
    shutil.copytree(ROOT / "tests" / "peer_project", project, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "kedro_assets", "convert"]
    return subprocess.run(command, cwd=project, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.parametrize(("language", "text"), SHOWN.findall(PAGE.read_text(encoding="utf-8")), ids=["diff", "rest"])
def test_the_page_shows_lines_of_the_command_in_their_order(language: str, text: str, output: list[str]) -> None:
    lines, position = text.splitlines(), -1
    assert len(lines) > 5
    for line in lines:
        assert line in output[position + 1 :], line
        position = output.index(line, position + 1)
    if language == "diff":  # without gaps
        start = output.index(lines[0])
        assert output[start : start + len(lines)] == lines
