"""The command group as Kedro finds it, and what it costs every other `kedro` command."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from conftest import clean_environment

COMMANDS = ["check", "convert", "dev", "explain", "init", "list", "run", "schema"]
HEAVY = ["dagster", "pandas", "networkx", "cattrs", "sqlalchemy", "dagster_webserver", "tomlkit"]


def imported_with(statement: str, folder) -> set[str]:
    """The modules that a fresh process has after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=clean_environment(), capture_output=True, text=True, check=True
    )
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_the_command_line_imports_nothing_heavy(shop) -> None:
    modules = imported_with("import kedro_assets.cli", shop.path)
    assert not modules.intersection(HEAVY)
    assert "kedro" not in modules
    assert shop.package not in modules
    assert not {name for name in modules if name.startswith("kedro_assets.")} - {
        "kedro_assets.cli",
        "kedro_assets.cli.group",
        "kedro_assets.cli.options",
        "kedro_assets.cli.output",
        "kedro_assets._internals",
        "kedro_assets._internals.garbage",
        "kedro_assets._internals.process_output",
        "kedro_assets.errors",
        "kedro_assets._version",
    }


def test_kedros_own_command_line_imports_nothing_heavy_because_of_it(shop) -> None:
    modules = imported_with(
        "from click.testing import CliRunner\n"
        "from kedro.framework.cli.cli import KedroCLI\n"
        f"result = CliRunner().invoke(KedroCLI({str(shop.path)!r}), ['--help'])\n"
        "assert 'assets' in result.output, result.output",
        shop.path,
    )
    assert "kedro_assets.cli.group" in modules
    assert not modules.intersection({"dagster", "pandas", "kedro_assets.definitions", "kedro_assets.project.load"})
    assert f"{shop.package}.pipeline_registry" not in modules


def test_kedro_finds_the_group() -> None:
    [entry] = [entry for entry in entry_points(group="kedro.project_commands") if entry.name == "assets"]
    assert list(entry.load().commands) == ["assets"]


def test_help_lists_the_commands(shop, kedro) -> None:
    outcome = kedro(shop, "assets", "--help")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    commands = [line.split()[0] for line in lines[lines.index("Commands:") + 1 :] if line[:3].strip()]
    assert commands == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_the_options_that_open_a_project(command: str, shop, cli) -> None:
    outcome = cli(shop, command, "--help")
    assert outcome.code == 0
    opens_a_project = command != "schema"
    assert ("--env" in outcome.out) == opens_a_project
    assert ("--conf-source" in outcome.out) == opens_a_project


def test_an_unknown_command_or_option_is_a_usage_error(shop, cli) -> None:
    for arguments in (["chekc"], ["check", "--nonsense"], ["list", "too", "many"]):
        outcome = cli(shop, *arguments)
        assert outcome.code == 2
        assert "Usage:" in outcome.err


COMPLETE = """
import os, sys
from kedro.framework.cli import main

for line in sys.argv[1:]:
    os.environ.update(COMP_WORDS=f"kedro {line}", COMP_CWORD=str(len(line.split(" "))))
    sys.argv = ["kedro"]
    try:
        main()
    except SystemExit:
        print("the next line")
"""


def completed(project, *lines: str) -> list[list[str]]:
    """What a shell offers for the last word of each line, all in one process."""
    variables = clean_environment({"_KEDRO_COMPLETE": "bash_complete"})
    command = [sys.executable, "-c", COMPLETE, *lines]
    result = subprocess.run(command, cwd=project.path, env=variables, capture_output=True, text=True, check=True)
    *found, rest = result.stdout.split("the next line\n")
    assert (len(found), rest) == (len(lines), "")
    return [[line.removeprefix("plain,") for line in text.splitlines() if line.startswith("plain,")] for text in found]


def test_the_shell_completes_commands_jobs_and_names(shop) -> None:
    lines = ["assets ", "assets run ", "assets run --env test se", "assets explain r"]
    commands, jobs, of_test, names = completed(shop, *lines)
    assert commands == COMMANDS
    assert jobs == ["everything", "seeded", "two_steps"]
    assert of_test == ["seeded"]
    assert {"raw", "rival", "reports.summary", "reports/summary"} <= {*names}


def test_the_shell_completes_nothing_where_the_project_cannot_be_read(shop, new_project) -> None:
    assert completed(new_project(dagster="jbos: {}\n"), "assets run ") == [[]]
    assert completed(shop, "assets explain --env nowhere ") == [[]]


@pytest.mark.parametrize("command", [["list"], ["explain", "doubled"]], ids=" ".join)
def test_a_file_has_the_json_and_nothing_else(command: list[str], shop, kedro, tmp_path) -> None:
    file = tmp_path / "found.json"
    outcome = kedro(shop, "assets", *command, "--json", "--output", str(file))
    assert outcome.code == 0, outcome.text
    assert json.loads(file.read_text(encoding="utf-8"))
    assert "{" not in outcome.out


def test_the_schema_is_printed_or_written(shop, cli, tmp_path) -> None:
    printed = cli(shop, "schema")
    assert (printed.code, printed.err) == (0, "")
    assert json.loads(printed.out)["title"]
    file = tmp_path / "schema.json"
    written = cli(shop, "schema", "--output", str(file))
    assert (written.code, written.out) == (0, "")
    assert file.read_text(encoding="utf-8") == printed.out
    failed = cli(shop, "schema", "--output", str(tmp_path / "nowhere" / "schema.json"))
    assert failed.code == 1
    assert "No such file or directory" in failed.err
