"""`kedro assets init`: what it writes, what it leaves alone, and that Dagster takes it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomlkit
import yaml
from conftest import PYPROJECT, clean_environment

from kedro_assets.config import read_config
from kedro_assets.errors import Scope

DEFINITIONS = "from kedro_assets import build_definitions\n\ndefs = build_definitions()\n"
WRITTEN = ["conf/base/dagster.yml", "conf/dagster.schema.json", "definitions.py"]
FIRST_LINE = "# yaml-language-server: $schema=../dagster.schema.json\n"

COMMENTED = """\
# The first line is a comment.
[build-system]
requires = ["setuptools"]  # and this one ends a line

[tool.kedro]
package_name = "{package}"
project_name = '{package}'
kedro_init_version = "1.7.0"
source_dir = "src"

[project]
name    =   "{package}"
version = "0.1"
dependencies = [
  "kedro",   # spaces, and a comma
]

[tool.ruff]
line-length=100


[[tool.mypy.overrides]]
module = ["a.*"]

[project.optional-dependencies]
docs = []

[tool.pytest.ini_options]
addopts = '''
--strict-markers'''
# The last line is a comment, too.
"""


def removed_lines(before: bytes, after: bytes) -> list[bytes]:
    """The lines of `before` that `after` does not have in the same order; only the last may get an end."""
    *lines, last = before.splitlines(keepends=True)
    rest = iter(after.splitlines(keepends=True))
    removed = [line for line in lines if line not in rest]
    return (
        removed if any(line.startswith(last) and not line[len(last) :].strip() for line in rest) else [*removed, last]
    )


def settings_of(project) -> dict:
    return parse((project.path / "pyproject.toml").read_bytes())["tool"]


def parse(content: bytes) -> dict:
    return tomlkit.parse(content.decode()).unwrap()


def test_a_bare_project_gets_all_that_is_needed(new_project, cli) -> None:
    project = new_project()
    before = project.files()
    outcome = cli(project, "init")
    assert outcome.code == 0
    after = project.files()
    assert sorted(after.keys() - before.keys()) == WRITTEN
    assert {name for name in before if before[name] != after[name]} == {"pyproject.toml"}
    assert after["definitions.py"].decode() == DEFINITIONS
    tool = settings_of(project)
    assert tool["dagster"] == {"module_name": "definitions", "code_location_name": project.package}
    assert tool["dg"] == {
        "directory_type": "project",
        "project": {
            "root_module": project.package,
            "defs_module": project.package,
            "code_location_target_module": "kedro_assets.location",
        },
    }


def test_it_says_what_it_did_and_what_to_do_next(new_project, cli) -> None:
    lines = [line.split() for line in cli(new_project(), "init").out.splitlines()]
    assert ["written", "conf/base/dagster.yml"] in lines
    assert ["written", "conf/dagster.schema.json"] in lines
    assert ["written", "definitions.py"] in lines
    assert ["written", "pyproject.toml:", "[tool.dagster],", "[tool.dg]"] in lines
    for command in ("check", "run", "dev"):
        assert any(line[:3] == ["kedro", "assets", command] for line in lines)
    assert any("DAGSTER_HOME" in line for line in lines)


def test_the_dagster_yml_is_inert_as_written(new_project, cli) -> None:
    project = new_project()
    cli(project, "init")
    assert yaml.safe_load((project.path / "conf/base/dagster.yml").read_text(encoding="utf-8")) is None


def test_the_dagster_yml_is_valid_once_uncommented(new_project, cli) -> None:
    project = new_project()
    cli(project, "init")
    lines = (project.path / "conf/base/dagster.yml").read_text(encoding="utf-8").splitlines()
    assert all(not line or line.startswith("# ") for line in lines)
    after_the_introduction = lines[lines.index("") :]
    sentences = re.compile(r"# [A-Z]")
    text = "\n".join(line[2:] for line in after_the_introduction if not sentences.match(line))
    problems = Scope()
    raw = yaml.safe_load(text)
    config = read_config(raw, problems)
    assert not list(problems)
    assert raw.keys() == {"assets", "default_executor", "executors", "schedules", "jobs"}
    assert config.default_executor in config.executors
    for job in config.jobs.values():
        assert job.executor is None or job.executor in config.executors
        assert job.schedule is None or job.schedule in config.schedules


@pytest.mark.parametrize("section", ["assets", "executors", "schedules", "jobs"])
def test_every_section_alone_keeps_the_project_valid(section: str, new_project, cli) -> None:
    project = new_project()
    cli(project, "init")
    file = project.path / "conf/base/dagster.yml"
    paragraphs = file.read_text(encoding="utf-8").split("\n\n")
    chosen = [text for text in paragraphs if text.startswith(f"# {section}:")]
    if section == "jobs":  # it names an executor and a schedule; its second job names assets that are an example
        chosen = [text.split("\n#   one_branch:")[0] for text in chosen]
        chosen += [text for text in paragraphs if text.startswith(("# executors:", "# schedules:"))]
    file.write_text("\n\n".join(re.sub("^# ", "", text, flags=re.MULTILINE) for text in chosen), encoding="utf-8")
    outcome = cli(project, "check")
    assert outcome.code == 0, outcome.err


def test_a_second_run_changes_nothing(new_project, cli) -> None:
    project = new_project(pyproject=COMMENTED)
    cli(project, "init")
    before = project.files()
    times = {file: file.stat().st_mtime_ns for file in project.path.rglob("*") if file.is_file()}
    outcome = cli(project, "init")
    assert outcome.code == 0
    assert project.files() == before
    assert {file: file.stat().st_mtime_ns for file in times} == times
    assert [line.split()[0] for line in outcome.out.splitlines()[:4]] == ["unchanged"] * 4
    assert cli(project, "init", "--force").code == 0
    assert project.files() == before


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("pyproject", [PYPROJECT, COMMENTED, COMMENTED.rstrip()], ids=["plain", "commented", "no end"])
def test_every_other_line_of_pyproject_stays_as_it_was(pyproject: str, newline: str, new_project, cli) -> None:
    project = new_project(pyproject=pyproject.replace("\n", newline))
    file = project.path / "pyproject.toml"
    before = file.read_bytes()
    assert cli(project, "init").code == 0
    after = file.read_bytes()
    assert removed_lines(before, after) == []
    assert (b"\r\n" in after) == (newline == "\r\n")
    assert after.count(b"\r\n") in (0, after.count(b"\n"))
    old, new = parse(before), parse(after)
    assert new["tool"].pop("dagster")
    assert new["tool"].pop("dg")
    assert new == old


def test_other_letters_in_pyproject_stay_readable(new_project, cli) -> None:
    project = new_project(pyproject=PYPROJECT + '\n[tool.other]\nname = "Überraschung — 驚き"\n')
    assert cli(project, "init").code == 0
    assert settings_of(project)["other"] == {"name": "Überraschung — 驚き"}


def test_what_the_user_changed_is_kept(new_project, cli) -> None:
    project = new_project(pyproject=PYPROJECT + '\n[tool.dagster]\nmodule_name = "mine"  # mine\n')
    project.write("definitions.py", "defs = None\n")
    project.write("conf/base/dagster.yml", "assets: {cluster_by: node}\n")
    project.write("conf/dagster.schema.json", "{}\n")
    before = project.files()
    outcome = cli(project, "init")
    assert outcome.code == 0
    after = project.files()
    assert all(after[name] == before[name] for name in WRITTEN)
    assert b'module_name = "mine"  # mine\n' in after["pyproject.toml"]
    assert settings_of(project)["dagster"] == {"module_name": "mine", "code_location_name": project.package}
    kept = [line.split()[1] for line in outcome.out.splitlines() if line.startswith("kept ")]
    assert sorted(kept) == sorted([*WRITTEN, "pyproject.toml:"])
    assert outcome.out.count("--force") == 4


def test_force_overwrites_it(new_project, cli) -> None:
    project = new_project(pyproject=PYPROJECT + '\n[tool.dagster]\nmodule_name = "mine"\nother = 1\n')
    project.write("definitions.py", "defs = None\n")
    project.write("conf/base/dagster.yml", "assets: {cluster_by: node}\n")
    project.write("conf/dagster.schema.json", "{}\n")
    outcome = cli(project, "init", "--force")
    assert outcome.code == 0
    assert (project.path / "definitions.py").read_text(encoding="utf-8") == DEFINITIONS
    assert (project.path / "conf/base/dagster.yml").read_text(encoding="utf-8").startswith(f"{FIRST_LINE}# How ")
    assert settings_of(project)["dagster"] == {
        "module_name": "definitions",
        "code_location_name": project.package,
        "other": 1,
    }
    lines = [line.split() for line in outcome.out.splitlines()]
    assert all(["overwritten", name] in lines for name in WRITTEN), outcome.out
    assert "kept" not in outcome.out


def test_an_environment_gets_a_dagster_yml_of_its_own(new_project, cli) -> None:
    project = new_project()
    before = project.files()
    outcome = cli(project, "init", "--env", "cloud")
    assert outcome.code == 0
    assert sorted(project.files().keys() - before.keys()) == [
        "conf/cloud/dagster.yml",
        "conf/dagster.schema.json",
        "definitions.py",
    ]
    for command in ("check", "run", "dev"):
        assert f"kedro assets {command} --env cloud" in outcome.out


def test_a_configuration_folder_elsewhere_gets_the_dagster_yml(new_project, cli, tmp_path: Path) -> None:
    project = new_project()
    (tmp_path / "elsewhere").mkdir()
    outcome = cli(project, "init", "--conf-source", str(tmp_path / "elsewhere"))
    assert outcome.code == 0
    assert (tmp_path / "elsewhere/base/dagster.yml").read_text(encoding="utf-8").startswith(FIRST_LINE)
    assert (tmp_path / "elsewhere/dagster.schema.json").exists()
    assert not (project.path / "conf/base/dagster.yml").exists()
    assert not (project.path / "conf/dagster.schema.json").exists()


def test_the_schema_is_that_of_the_command_and_no_configuration(new_project, cli) -> None:
    project = new_project()
    cli(project, "init")
    assert project.files()["conf/dagster.schema.json"].decode() == cli(project, "schema").out
    assert cli(project, "check").code == 0


def test_where_configuration_has_no_environments_the_schema_is_outside_of_it(new_project, cli) -> None:
    project = new_project()
    project.write(
        f"src/{project.package}/settings.py",
        'CONFIG_LOADER_ARGS = {"base_env": "", "default_run_env": ""}\n',
    )
    for name in ("catalog.yml", "parameters.yml"):
        (project.path / "conf/base" / name).rename(project.path / "conf" / name)
    for folder in ("base", "test"):
        for file in (project.path / "conf" / folder).glob("*"):
            file.unlink()
    before = project.files()
    assert cli(project, "init").code == 0
    files = project.files()
    assert sorted(files.keys() - before.keys()) == ["conf/dagster.yml", "dagster.schema.json", "definitions.py"]
    assert files["conf/dagster.yml"].decode().startswith(FIRST_LINE)
    outcome = cli(project, "check")
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize(
    ("settings", "schema"),
    [
        ("CONFIG_LOADER_ARGS = {}\n", "dagster.schema.json"),
        ("CONFIG_LOADER_ARGS = {'base_env': 'base'}\n", "dagster.schema.json"),
        ("CONFIG_LOADER_ARGS = {}\nCONF_SOURCE = '.'\n", "kedro-assets.schema.json"),
    ],
    ids=["no environments", "no default environment", "the project is its configuration"],
)
def test_nothing_that_it_writes_is_read_as_configuration(settings: str, schema: str, new_project, cli) -> None:
    project = new_project()
    (project.path / "conf/test/catalog.yml").unlink()
    (project.path / "conf/test/parameters.yml").unlink()
    project.write(f"src/{project.package}/settings.py", settings)
    assert cli(project, "init").code == 0
    assert (project.path / schema).exists()
    outcome = cli(project, "check")
    assert outcome.code == 0, outcome


def test_it_needs_no_pipeline_code(new_project, cli) -> None:
    assert cli(new_project(nodes="import a_library_that_is_missing\n"), "init").code == 0


def test_dagster_takes_the_project_as_it_is_afterwards(new_project, kedro, home: Path) -> None:
    project = new_project(pyproject=COMMENTED)
    assert kedro(project, "assets", "init").code == 0
    before = project.files()
    command = [sys.executable, "-m", "dagster", "definitions", "validate"]
    result = subprocess.run(
        command,
        cwd=project.path,
        env=clean_environment({"DAGSTER_HOME": str(home)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "All code locations passed validation" in " ".join((result.stdout + result.stderr).split())
    assert project.files() == before


def test_afterwards_dg_finds_the_definitions(new_project, cli) -> None:
    project = new_project()
    assert cli(project, "init").code == 0
    checked = subprocess.run(
        [sys.executable, "-m", "dagster_dg_cli.cli", "check", "defs"],
        cwd=project.path,
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(),
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
