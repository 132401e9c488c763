"""Runs at the same time whose steps take turns on one worker that lives on."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from helpers import KedroProject, write_project

STEPS = 5
NODES = """
    import time

    def add(value, number):
        print(f"adding {number} to {value}", flush=True)
        time.sleep(0.5)
        return value + number
"""
PIPELINES = f"""{{
    "__default__": pipeline([
        node(add, [f"x{{i}}", "params:number"], f"x{{i + 1}}", name=f"add_{{i}}") for i in range({STEPS})
    ])
}}"""
CATALOG = """
    x0: {type: json.JSONDataset, filepath: data/x0.json}
    "x{i}": {type: json.JSONDataset, filepath: "data/${runtime_params:number}/x{i}.json"}
"""


def write(folder: Path, executor: dict[str, Any]) -> KedroProject:
    dagster = {"assets": {"cluster_by": "node"}, "default_executor": executor}
    project = write_project(
        folder,
        nodes=NODES,
        pipelines=PIPELINES,
        catalog=CATALOG,
        parameters="number: ${runtime_params:number,0}\n",
        dagster=yaml.safe_dump(dagster),
    )
    project.write("data/x0.json", "1")
    return project


def start(project: KedroProject, number: int) -> subprocess.Popen[str]:
    """Begin a run with a parameter, in a process of its own."""
    config = {"resources": {"kedro": {"config": {"runtime_params": {"number": number}}}}}
    file = project.write(f"run_{number}.yaml", yaml.safe_dump(config))
    target = ("-m", f"{project.package}.definitions", "-d", str(project.path / "src"), "-j", "__default__")
    command = (sys.executable, "-m", "dagster", "job", "execute", *target, "-c", str(file))
    return subprocess.Popen(
        command, cwd=project.path, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_each_of_them_has_its_parameters_and_is_opened_once(
    tmp_path: Path, one_worker: dict[str, Any], instance: dg.DagsterInstance
) -> None:
    project, numbers = write(tmp_path, one_worker), (10, 100)
    processes = [start(project, number) for number in numbers]
    for process in processes:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output[-4000:]
    assert [project.read(f"{number}/x{STEPS}.json") for number in numbers] == [1 + STEPS * each for each in numbers]
    nodes = project.calls("before_node_run")
    [worker] = {call["pid"] for call in nodes}
    turns = [run_id for run_id, _ in itertools.groupby(call["run_id"] for call in nodes)]
    assert len(turns) > 2, "they did not take turns"
    assert Counter(call["pid"] for call in project.calls("after_context_created"))[worker] == 2
    assert "adding" in _captured(instance)


def _captured(instance: dg.DagsterInstance) -> str:
    """What Dagster has captured of the output of a step of the latest run."""
    [record] = instance.get_run_records(limit=1)
    run_id, manager = record.dagster_run.run_id, instance.compute_log_manager
    events = [entry.dagster_event for entry in instance.all_logs(run_id) if entry.dagster_event]
    [key, *_] = [event.logs_captured_data.file_key for event in events if event.event_type_value == "LOGS_CAPTURED"]
    found = manager.get_log_data(manager.build_log_key_for_run(run_id, key)).stdout
    return (found or b"").decode()
