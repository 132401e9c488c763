"""What pages do with a shell's own means: a pipe, completion, an environment of Python."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from page_commands import Shell, commands_for

CLI = "docs/reference/cli.md"
DAGSTER = """
jobs:
  reports: {selection: 'report'}
  weekly: {selection: 'report'}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one node."""
    files = {
        "pyproject.toml": '[tool.kedro]\npackage_name = "in_the_shell"\nproject_name = "s"\nkedro_init_version = "1.7.0"\n',
        "src/in_the_shell/__init__.py": "",
        "src/in_the_shell/settings.py": "",
        "src/in_the_shell/pipeline_registry.py": "from kedro.pipeline import node, pipeline\n\n"
        "def register_pipelines():\n    return {'__default__': pipeline([node(list, None, 'report', name='make')])}\n",
        "conf/base/catalog.yml": "report: {type: json.JSONDataset, filepath: data/report.json}\n",
        "conf/base/dagster.yml": DAGSTER,
        "conf/local/.gitkeep": "",
    }
    folder = tmp_path_factory.mktemp("shell")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_what_is_piped_into_another_program_is_json_alone(project: Path) -> None:
    line = commands_for(__file__, CLI)[0]
    asked, _, others = line.partition(" | ")
    answer = Shell(project, {}).bash(f"{asked} | tee answer.json | cat")
    assert answer.returncode == 0, answer.stderr
    assert [asset["key"] for asset in json.loads(answer.stdout)["assets"]] == ["report"]
    assert others.startswith("jq ")
    if shutil.which("jq"):
        done = Shell(project, {}).bash(f"cat answer.json | {others}")
        assert (done.stdout, done.stderr) == ("report\n", "")


def test_completion_in_bash_gives_commands_and_jobs(project: Path) -> None:
    line = commands_for(__file__, CLI)[1]

    def completed(*words: str) -> str:
        asked = f"COMP_WORDS=({' '.join(words)} ''); COMP_CWORD={len(words)}; _kedro_completion kedro '' {words[-1]}"
        return f'{asked}; echo "${{COMPREPLY[@]}}"\n'

    done = Shell(project, {}).bash(f"{line}\n{completed('kedro', 'assets')}{completed('kedro', 'assets', 'run')}")
    assert done.returncode == 0, done.stderr
    commands, jobs = done.stdout.splitlines()
    assert {"init", "check", "explain", "run", "dev"} <= {*commands.split()}
    assert {"reports", "weekly"} <= {*jobs.split()}


def test_the_environments_of_pages_are_made_and_entered(tmp_path: Path) -> None:
    pytest.importorskip("ensurepip", reason="Debian has it in a package of its own")
    for page in ("CONTRIBUTING.md", "docs/tutorial/first-run.md"):
        shell = Shell(tmp_path, {})
        for line in commands_for(__file__, page):
            done = shell.run(line)
            assert done.returncode == 0, done.stderr
        assert shell.run("command -v pip").stdout == f"{tmp_path}/.venv/bin/pip\n"
