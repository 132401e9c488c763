"""The workflow of the CI host runs the sessions of the noxfile."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def in_the_workflow() -> set[str]:
    """The sessions that the workflow runs."""
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
    found = set()
    for job in jobs.values():
        for step in job["steps"]:
            for words in re.findall(r"nox -s (.+)", step.get("run", "")):
                found |= {*job["strategy"]["matrix"]["session"]} if "matrix.session" in words else {*words.split()}
    return found


@pytest.fixture(scope="module")
def in_the_noxfile() -> dict[str, bool]:
    """The sessions of the noxfile, and whether they are extras (`default=False`)."""
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    return {
        function.name: any("default=False" in ast.unparse(decorator) for decorator in function.decorator_list)
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
        and any(ast.unparse(decorator).startswith("nox.session") for decorator in function.decorator_list)
    }


def test_the_workflow_runs_only_sessions_that_the_noxfile_has(
    in_the_workflow: set[str], in_the_noxfile: dict[str, bool]
) -> None:
    assert in_the_workflow <= in_the_noxfile.keys()


def test_the_workflow_runs_every_session_that_a_change_has_to_pass(
    in_the_workflow: set[str], in_the_noxfile: dict[str, bool]
) -> None:
    needed = {name for name, is_extra in in_the_noxfile.items() if not is_extra}
    assert needed - in_the_workflow == {"demo"}  # `dist` runs the example
    assert "dist" in in_the_workflow
