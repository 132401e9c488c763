"""The commands for those who have a clone: what is not run within the tests is what a session of the noxfile does, or names one."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator

import pytest
from page_commands import ROOT, RUN_BY, Shell, all_commands, commands_for

TREE = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
NOXFILE, PROJECT = ((ROOT / name).read_text(encoding="utf-8") for name in ("noxfile.py", "pyproject.toml"))
SESSIONS = [
    part
    for part in TREE.body
    if isinstance(part, ast.FunctionDef) and any("nox.session" in ast.unparse(made) for made in part.decorator_list)
]


def lines(pattern: str) -> Iterator[object]:
    """Give the commands of all pages that are left to this file, as parameters of a test."""
    for page in RUN_BY["tests/docs/test_contributing.py"]:
        for line in commands_for(__file__, page):
            if re.search(pattern, line):
                yield pytest.param(line, id=f"{page} {line}")


def what_sessions_run() -> set[str]:
    """The commands of the sessions, as far as they are words."""
    calls = [part for session in SESSIONS for part in ast.walk(session) if isinstance(part, ast.Call)]
    runs = [call.args for call in calls if ast.unparse(call.func) == "session.run"]
    return {" ".join(str(part.value) for part in words if isinstance(part, ast.Constant)) for words in runs}


@pytest.mark.parametrize("line", list(lines(r"^(?!pytest )(?!.*\bnox -s )")))
def test_a_check_is_that_of_a_session(line: str) -> None:
    only_look = {words.replace("ruff format --check", "ruff format") for words in what_sessions_run()}
    assert set(line.split(" && ")) <= only_look


@pytest.mark.parametrize("line", list(lines(r"^pytest |-- tests/")))
def test_tests_that_are_named_are_there(line: str) -> None:
    words = line.removeprefix("pytest ").rpartition(" -- ")[2]
    done = Shell(ROOT, {}).run(f"pytest {words} --collect-only --quiet --quiet -p no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr  # it is 5 if none is found


@pytest.mark.parametrize("line", list(lines(r"\bnox -s ")))
def test_a_session_that_is_named_is_there_and_so_are_its_variables(line: str) -> None:
    variables, session = re.findall(r"(\w+)=", line), line.partition("nox -s ")[2].split()[0]
    assert session in {found.name for found in SESSIONS}
    assert [name for name in variables if f'"{name}"' not in NOXFILE] == []


@pytest.mark.parametrize(
    "line", sorted({command.text for command in all_commands() if re.match("pip install", command.text)})
)
def test_extras_and_folders_that_are_installed_are_there(line: str) -> None:
    for word in shlex.split(line)[2:]:
        name, _, extras = word.rstrip("]").partition("[")
        if name in ("/path/to/kedro-assets", "."):
            assert all(f"\n{extra} = [" in PROJECT for extra in filter(None, extras.split(",")))
        assert not name.startswith("./") or (ROOT / name).is_dir()


def test_contributors_install_what_the_tests_have() -> None:
    [line] = [command.text for command in all_commands() if "pytest-xdist" in command.text]
    [testing] = [
        part.value for part in TREE.body if isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == "TESTING"
    ]
    needed = {re.split("[>=]", part.value)[0] for part in ast.walk(testing) if isinstance(part, ast.Constant)}
    [dev] = re.findall(r"^dev = \[(.*)\]$", PROJECT, re.MULTILINE)
    assert needed <= {*shlex.split(line), *re.findall(r'"([\w-]+)', dev)}
