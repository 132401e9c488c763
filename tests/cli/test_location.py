"""The code location that `dg` is pointed to: a project's own definitions.py, or else all of the project."""

import subprocess
import sys

from conftest import clean_environment

LOAD = "from kedro_assets.location import defs\nprint(*(spec.key.path[-1] for spec in defs.resolve_all_asset_specs()))"
OWN = """
import dagster as dg

from kedro_assets import build_definitions

defs = dg.Definitions.merge(build_definitions(), dg.Definitions(assets=[dg.AssetSpec("of_my_own")]))
"""


def load(project) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LOAD],
        cwd=project.path,
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(),
    )


def keys_in(project) -> set[str]:
    done = load(project)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_it_is_what_the_projects_own_file_defines(new_project) -> None:
    project = new_project()
    without = keys_in(project)
    project.write("definitions.py", OWN)
    assert "of_my_own" not in without
    assert keys_in(project) == without | {"of_my_own"}


def test_a_file_without_definitions_is_refused_with_what_to_write(new_project) -> None:
    project = new_project()
    project.write("definitions.py", "answer = 42\n")
    done = load(project)
    assert done.returncode == 1
    told = "".join(done.stderr.split())  # Kedro wraps what is printed
    assert "definitions.pydefinesno`Definitions`.Write`defs=build_definitions()`there." in told
