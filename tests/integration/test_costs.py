"""What loading and running cost, in counts that are the same on every machine: calls, events, what is opened.

How long that takes is measured by the programs in `benchmarks`.
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from helpers import KedroProject, calls, execute, load_definitions, write_project

NODES = """
    def add(value, offset):
        return [item + offset for item in value]
"""
CATALOG = "start: {type: json.JSONDataset, filepath: data/start.json}\n"
FILES = CATALOG + '"d{number}": {type: json.JSONDataset, filepath: "data/d{number}.json"}\n'
PIPELINES = """
    {{
        "__default__": pipeline(
            [
                node(add, ["start" if i < 10 else f"d{{i - 10}}", "params:offset"], f"d{{i}}", name=f"n{{i}}")
                for i in range({nodes})
            ]
        )
    }}
"""


def project_of(nodes: int, folder: Path, catalog: str = FILES, dagster: str | None = None) -> KedroProject:
    """Ten chains side by side."""
    pipelines = PIPELINES.format(nodes=nodes)
    project = write_project(
        folder / str(nodes),
        nodes=NODES,
        pipelines=pipelines,
        catalog=catalog,
        parameters="offset: 1",
        dagster=dagster,
        hooks="",
        settings="",
    )
    project.write("data/start.json", "[1]")
    return project


def load(project: KedroProject) -> None:
    """Load definitions with all their jobs, as a code server does."""
    load_definitions(project).get_repository_def().get_all_jobs()


def test_loading_grows_with_the_nodes_and_not_with_their_square(tmp_path):
    load(project_of(10, tmp_path))  # imports, and what is built once per process
    few, many = (calls(partial(load, project_of(nodes, tmp_path))) for nodes in (100, 400))
    assert math.log(many / few, 4) < 1.1
    assert many / 400 < 4_000  # calls per node; about 3,400 with Dagster 1.13 and Kedro 1.7


def test_a_step_writes_no_event_beyond_those_of_dagster(tmp_path, instance):
    result = execute(project_of(20, tmp_path), instance)
    events = Counter(
        entry.dagster_event.event_type_value if entry.dagster_event else "LOG"
        for entry in instance.all_logs(result.run_id)
    )
    per_node = {name: count for name, count in events.items() if count >= 10}
    assert per_node == dict.fromkeys(
        ("ASSET_MATERIALIZATION_PLANNED", "STEP_START", "STEP_OUTPUT", "ASSET_MATERIALIZATION", "STEP_SUCCESS"), 20
    )


def test_hidden_datasets_in_memory_write_no_event(tmp_path, instance):
    result = execute(project_of(20, tmp_path, CATALOG, "assets: {memory_assets: false}"), instance)
    events = Counter(event.event_type_value for event in result.all_events)
    assert events["ASSET_MATERIALIZATION"] == 10  # the ends of the chains


@pytest.mark.parametrize("executor", ["in_process", "multiprocess"])
def test_a_process_opens_the_project_once(tmp_path, instance, executor):
    project = project_of(12, tmp_path, dagster=f"default_executor: {executor}")
    hooks = """
        import os
        from pathlib import Path
        from kedro.framework.hooks import hook_impl

        class Counting:
            @hook_impl
            def after_context_created(self, context):
                with (Path(__file__).parents[2] / "opened").open("a") as file:
                    file.write(f"{os.getpid()}\\n")
    """
    project.write(f"src/{project.package}/hooks.py", hooks)
    project.write(
        f"src/{project.package}/settings.py", f"from {project.package}.hooks import Counting\nHOOKS = (Counting(),)\n"
    )
    assert execute(project, instance).success
    opened = (project.path / "opened").read_text(encoding="utf-8").split()
    assert len(opened) == len(set(opened)) == (1 if executor == "in_process" else 13)


def test_loading_imports_no_library_of_a_dataset_and_no_server(tmp_path):
    project = project_of(10, tmp_path)
    code = """
import sys
from kedro_assets import build_definitions
build_definitions(sys.argv[1]).get_repository_def().get_all_jobs()
print(*(name for name in ("pandas", "kedro_datasets.json", "sqlalchemy", "dagster_webserver", "docker", "kubernetes") if name in sys.modules))
"""
    command = [sys.executable, "-c", code, str(project.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1:] == [""]
