"""Workers that live on notice that the project has changed since they loaded it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from helpers import KedroProject, run_command, write_project

NODES = """
    from importlib import import_module

    shared = import_module(f"{{__package__}}_shared.values").VALUE
    CODE = {0}

    def f(raw, p):
        late = import_module(f"{{__package__}}.late").VALUE
        return {{"raw": raw, "code": CODE, "p": p, "shared": shared, "late": late}}
"""
CATALOG = """
    raw: {{type: json.JSONDataset, filepath: data/raw.json}}
    out: {{type: json.JSONDataset, filepath: data/out{0}.json}}
"""
REGISTRY = """
    from kedro.pipeline import node, pipeline

    from .nodes import f

    def register_pipelines():
        return {{"__default__": pipeline([node(f, ["raw", "params:p"], "out", name="f{0}")])}}
"""


@pytest.fixture
def project(tmp_path: Path, one_worker: dict[str, Any]) -> KedroProject:
    """A project that a worker has run once."""
    project = write_project(tmp_path, nodes="", pipelines="{}")
    project.write("data/raw.json", "1")
    for file in files(project):
        change(project, file, "1")
    serve(project, one_worker, reload=False)
    return project


def files(project: KedroProject) -> dict[str, str]:
    """The files that a test changes, with their text for any value."""
    source = f"src/{project.package}"
    return {
        f"{source}/nodes.py": NODES,
        f"{source}/late.py": "VALUE = {0}\n",
        f"{source}_shared/values.py": "VALUE = {0}\n",
        f"{source}/pipeline_registry.py": REGISTRY,
        "conf/base/parameters.yml": "p: {0}\n",
        "conf/base/catalog.yml": CATALOG,
    }


def change(project: KedroProject, file: str, value: str) -> None:
    project.write(file, files(project)[file].format(value))


def serve(project: KedroProject, executor: dict[str, Any], *, reload: bool) -> None:
    """Let workers run the project."""
    dagster = {"default_executor": executor, "reload_workers": reload}
    project.write("conf/base/dagster.yml", yaml.safe_dump(dagster))


def run(project: KedroProject, instance: dg.DagsterInstance) -> str:
    """Run the project from a new process; return what the run has failed with, or nothing."""
    target = ("-m", f"{project.package}.definitions", "-d", str(project.path / "src"), "-j", "__default__")
    run_command(project, "dagster", "job", "execute", *target, check=False)
    [record] = instance.get_run_records(limit=1)
    found = record.dagster_run
    if found.status == dg.DagsterRunStatus.SUCCESS:
        return ""
    events = [entry.dagster_event for entry in instance.all_logs(found.run_id) if entry.dagster_event]
    errors = [event.event_specific_data.error.to_string() for event in events if event.is_step_failure]
    assert errors
    return "\n".join(errors)


@pytest.mark.parametrize(
    "changed",
    [
        "src/{}/nodes.py",
        "src/{}/late.py",
        "src/{}_shared/values.py",
        "conf/base/parameters.yml",
        "conf/base/catalog.yml",
    ],
    ids=["code", "late import", "package beside", "parameters", "catalog"],
)
def test_a_run_of_a_project_that_has_changed_fails_on_a_worker_and_names_the_file(
    project: KedroProject, instance: dg.DagsterInstance, changed: str
) -> None:
    assert run(project, instance) == ""
    file = changed.format(project.package)
    change(project, file, "2")
    error = run(project, instance)
    assert f"has changed since this worker loaded it: {file}. Restart the worker" in error
    assert not (project.path / "data/out2.json").exists()
    change(project, file, "1")
    assert run(project, instance) == ""  # it is as it was


def test_a_worker_loads_a_project_that_has_changed_again_if_dagster_yml_says_so(
    project: KedroProject, one_worker: dict[str, Any], instance: dg.DagsterInstance
) -> None:
    serve(project, one_worker, reload=True)
    for value in "123":
        for file in files(project):
            change(project, file, value)
        assert run(project, instance) == ""
        number = int(value)
        found = project.read(f"out{value}.json")
        assert found == {"raw": 1, "code": number, "p": number, "shared": number, "late": number}
