"""`kedro assets run` in a terminal, and `python -m kedro_assets`: what is seen, what goes where, and how Ctrl-C ends it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, json_dataset, run_command, write_project
from terminals import Shown, in_terminal

NODES = """
    import os
    import sys
    import time
    import warnings
    from pathlib import Path

    if "LOAD_SLOWLY" in os.environ:
        print("loading", file=sys.stderr, flush=True)
        time.sleep(60)

    def make():
        print("printed on standard output")
        warnings.warn("an old way of making")
        return 1

    def wait(one):
        warnings.warn("an old way of making")
        while not Path("go").exists():
            time.sleep(0.05)
        return one

    def slow(one):
        print("waiting", file=sys.stderr, flush=True)
        time.sleep(60)
        return one
"""
PIPELINES = """{
    "__default__": pipeline([node(make, None, "one", name="make"), node(wait, "one", "two", name="wait")]),
    "slow": pipeline([node(make, None, "one", name="make"), node(slow, "one", "three", name="linger")]),
}"""
DAGSTER = """
    executors: {two: {multiprocess: {max_concurrent: 2}}}
    jobs:
      quick: {pipeline: {}}
      parallel: {pipeline: {}, executor: two}
      slow: {pipeline: {pipeline_name: slow}}
      slow_parallel: {pipeline: {pipeline_name: slow}, executor: two}
"""
OURS = [sys.executable, "-m", "kedro_assets"]
KEDROS = [sys.executable, "-m", "kedro", "assets"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    catalog = json_dataset("one", "two", "three")
    found = write_project(
        tmp_path_factory.mktemp("terminal"), nodes=NODES, pipelines=PIPELINES, catalog=catalog, dagster=DAGSTER
    )
    found.write("go", "")
    return found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


def status(home: Path) -> str:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        [run] = instance.get_runs()
        return run.status.value


def test_standard_output_has_nothing_but_the_answer(project: KedroProject) -> None:
    listed = run_command(project, "kedro_assets", "list", "--json")
    assert [asset["key"] for asset in json.loads(listed.stdout)["assets"]] == ["one", "three", "two"]
    ran = run_command(project, "kedro_assets", "run", "quick")
    kinds = {line[0] for line in ran.stdout.splitlines()}
    assert kinds <= set("D>+. =")
    assert "printed on standard output" in ran.stderr
    assert "Running node: make" in ran.stderr


@pytest.mark.parametrize("job", ["quick", "parallel"])
def test_each_warning_comes_once_and_workers_write_no_debug_lines(job: str, project: KedroProject) -> None:
    ran = run_command(project, "kedro", "assets", "run", job)
    written = ran.stdout + ran.stderr
    assert written.count("an old way of making") <= 2  # the warning, and the line of code that Python shows with it
    assert written.count("UserWarning: an") == 1
    assert written.count("rich_logging.yml") + written.count("logging configuration") <= 2
    assert "DEBUG" not in written


def test_what_was_made_is_summed_up_with_its_place_and_its_time(project: KedroProject) -> None:
    *_, first, second, last = run_command(project, "kedro_assets", "run", "quick").stdout.splitlines()
    assert [line.split()[::3] for line in (first, second)] == [["one", "data/one.json"], ["two", "data/two.json"]]
    assert all(line.split()[2] == "s" for line in (first, second))
    assert last.endswith("the run succeeded: 2 assets materialized")


@pytest.mark.parametrize("job", ["quick", "parallel"])
def test_a_terminal_shows_the_steps_below_the_log_and_is_left_as_it_was(job: str, project: KedroProject) -> None:
    shown = in_terminal([*OURS, "run", job], project.path)
    assert shown.code == 0
    assert "1 of 2 steps done" in shown.written
    assert "1 running, 0 left" in shown.written
    assert not any("steps done" in line for line in shown.screen)
    said = "\n".join(shown.screen)
    for line in (
        "printed on standard output",
        "Running node: make",
        "s  data/one.json",
        "the run succeeded: 2 assets",
    ):
        assert line in said
    assert said.index("Running node: make") < said.index("+ ") < said.index("the run succeeded")
    assert shown.written.count("\x1b[?25l") == shown.written.count("\x1b[?25h")  # the cursor is there again


@pytest.mark.parametrize("command", [OURS, KEDROS], ids=["python -m", "kedro"])
@pytest.mark.parametrize("job", ["quick", "parallel"])
def test_the_marks_of_lines_have_their_colours_though_dagster_redirects_standard_output(
    command: list[str], job: str, project: KedroProject
) -> None:
    shown = in_terminal([*command, "run", job], project.path)
    assert shown.code == 0
    for mark in ("\x1b[90m>", "\x1b[32m+"):
        assert shown.written.count(mark) == 2


def test_a_narrow_terminal_breaks_no_line_of_the_view(project: KedroProject) -> None:
    shown = in_terminal([*OURS, "run", "quick"], project.path, width=32)
    assert shown.code == 0
    assert not any("steps done" in line or "running" in line for line in shown.screen)


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "a dumb terminal"])
@pytest.mark.parametrize("command", [OURS, KEDROS], ids=["python -m", "kedro"])
def test_without_colours_there_are_plain_lines(command: list[str], env: dict[str, str], project: KedroProject) -> None:
    shown = in_terminal([*command, "run", "quick"], project.path, env=env)
    assert shown.code == 0
    assert "steps done" not in shown.written
    lines = [line for line in shown.written.splitlines() if " s  " in line]
    assert "".join(line[0] for line in lines if line[0] != " ") == ">+>+="
    assert not any("\x1b" in line for line in lines)
    assert "the run succeeded: 2 assets materialized" in shown.written


@pytest.mark.parametrize("arguments", [["run", "--help"], ["list", "-h"], ["--help"]], ids=" ".join)
def test_help_is_an_answer(arguments: list[str], project: KedroProject) -> None:
    asked = run_command(project, "kedro_assets", *arguments)
    assert asked.stdout.startswith("Usage: python -m kedro_assets")
    assert "--help" in asked.stdout


def test_a_definitions_py_that_dagster_does_not_take_is_named(project: KedroProject) -> None:
    file = project.path / "src" / project.package / "definitions.py"
    before = file.read_text(encoding="utf-8")
    file.write_text("import dagster as dg\n\na = dg.Definitions()\nb = dg.Definitions()\n", encoding="utf-8")
    try:
        ran = run_command(project, "kedro_assets", "run", "quick", check=False)
    finally:
        file.write_text(before, encoding="utf-8")
    assert ran.returncode == 1
    place = f"{project.package}.definitions"
    assert f"Error: Dagster cannot take the definitions of the project from {place}: " in ran.stderr
    assert "more than one Definitions object" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("command", "job"), [(OURS, "slow"), (KEDROS, "slow_parallel")], ids=["in process", "multiprocess"]
)
def test_ctrl_c_cancels_the_run_and_ends_the_command(
    command: list[str], job: str, project: KedroProject, home: Path
) -> None:
    shown: Shown = in_terminal([*command, "run", job], project.path, ctrl_c_after="waiting")
    assert shown.code == 130
    lines = [line for line in shown.screen if line]
    assert lines[-1] == "interrupted"
    assert "the run was canceled: 1 asset materialized" in lines[-2]
    assert any("step linger was interrupted" in line for line in lines)
    assert "Traceback" not in shown.written
    assert status(home) == "CANCELED"


def test_ctrl_c_before_the_run_ends_the_command(project: KedroProject, home: Path) -> None:
    shown = in_terminal([*OURS, "run", "slow"], project.path, ctrl_c_after="loading", env={"LOAD_SLOWLY": "1"})
    assert shown.code == 130
    assert [line for line in shown.screen if line][-1] == "interrupted"
    assert "Traceback" not in shown.written
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert not instance.get_runs()
