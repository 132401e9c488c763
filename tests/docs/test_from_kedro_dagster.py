"""The page for those who come from kedro-dagster shows what `kedro assets convert` says of a project of kedro-dagster."""

from __future__ import annotations

import re
import shutil

import pytest
from page_commands import ROOT, Shell, blocks, commands_for

PAGE = "docs/how-to/from-kedro-dagster.md"
SHOWN = [(block.language, block.text) for block in blocks(PAGE) if block.language in ("diff", "text")]
LINE_OF_A_DIFF = re.compile(r"^(?:---|\+\+\+|@@) ", re.MULTILINE)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell in a project of kedro-dagster."""
    project = tmp_path_factory.mktemp("docs") / "peer"
    shutil.copytree(ROOT / "tests" / "peer_project", project, ignore=shutil.ignore_patterns("__pycache__"))
    return Shell(project, {"COLUMNS": "200"})


@pytest.fixture(scope="module")
def output(shell: Shell) -> list[str]:
    """What the first command says, as lines; the second writes what it has shown."""
    outputs = []
    for line in commands_for(__file__, PAGE):
        done = shell.run(line)
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
    shown, written = outputs
    assert LINE_OF_A_DIFF.search(shown)
    assert "written" in written
    return shown.splitlines()


@pytest.mark.parametrize(("language", "text"), SHOWN, ids=["diff", "rest"])
def test_the_page_shows_lines_of_the_command_in_their_order(language: str, text: str, output: list[str]) -> None:
    lines, position = text.splitlines(), -1
    assert len(lines) > 5
    for line in lines:
        assert line in output[position + 1 :], line
        position = output.index(line, position + 1)
    if language == "diff":  # without gaps
        start = output.index(lines[0])
        assert output[start : start + len(lines)] == lines
