"""What it costs to find out what has changed in a project of 200 nodes, and what runs of them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, json_dataset, load_definitions, run_command, write_project
from kedro.framework.startup import bootstrap_project

from kedro_assets.runtime import stale_assets
from kedro_assets.steps import projects_among

NODES, CHAINS, CHANGED = 200, 10, 100
BEHIND = [f"n{number}" for number in range(CHANGED, NODES, CHAINS)]
FUNCTION = "def n{number}(value, offset):\n    return [item + offset for item in value]\n\n\n"
PIPELINES = f"""{{"__default__": pipeline([
    node(globals()[f"n{{i}}"], [f"d{{i - {CHAINS}}}" if i >= {CHAINS} else "start", "params:offset"], f"d{{i}}", name=f"n{{i}}")
    for i in range({NODES})
])}}"""
pytestmark = pytest.mark.slow
SECONDS = 2  # it takes 0.3; a query for each asset would take more


@pytest.fixture
def project(tmp_path: Path, dagster_home: Path) -> KedroProject:
    """Ten chains side by side, all of which was made once. Data that comes out the same is not new."""
    assert dagster_home
    project = write_project(
        tmp_path,
        nodes="".join(FUNCTION.format(number=number) for number in range(NODES)),
        pipelines=PIPELINES,
        catalog=json_dataset("start") + '"d{number}": {type: json.JSONDataset, filepath: "data/d{number}.json"}\n',
        parameters="offset: 1\n",
        dagster='assets: {data_version: {"{any}": content}}\n',
    )
    project.write("data/start.json", "[1]")
    run_command(project, "kedro", "assets", "run")
    assert len(project.nodes_run()) == NODES
    return project


def change(project: KedroProject, body: str) -> None:
    """Change the function of one node."""
    file = next(project.path.glob("src/*/nodes.py"))
    head, found, tail = file.read_text().partition(f"def n{CHANGED}(value, offset):\n")
    assert found
    _, _, rest = tail.partition("\n\n\n")
    later = file.stat().st_mtime + 2  # Python compares seconds with those of the bytecode
    file.write_text(f"{head}{found}    {body}\n\n\n{rest}")
    os.utime(file, (later, later))


def run_stale(project: KedroProject) -> list[str]:
    """Run `kedro assets run --stale`, and return the nodes that have run."""
    project.forget()
    run_command(project, "kedro", "assets", "run", "--stale")
    return project.nodes_run()


def test_one_changed_function_costs_little_and_runs_its_node_and_those_behind_it(project: KedroProject) -> None:
    change(project, "return [item + offset + 1 for item in value]")
    bootstrap_project(project.path)
    [kedro] = projects_among(load_definitions(project).resources)
    with dg.DagsterInstance.get() as instance:
        before = time.process_time()  # of this process alone, whatever else the machine does
        found = stale_assets(kedro, kedro.table.by_key.keys(), instance)
        seconds = time.process_time() - before
    names = [key.to_user_string() for key in found]
    assert names == [name.replace("n", "d") for name in BEHIND]
    assert seconds < SECONDS
    assert run_stale(project) == BEHIND
    change(project, "return [1 + offset + item for item in value]")  # other code with the same result
    assert run_stale(project) == BEHIND[:1]
    assert run_stale(project) == []
