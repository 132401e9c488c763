"""The project of the soak: steps that wait, files that can be checked, and a hook that tells even where nothing can be written."""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers import KedroProject, write_project

JOBS = ("sequential", "parallel", "again")
TRIES = {"again": 2}
STORED = ("one", "two", "three", "side", "last")

NODES = """
    import hashlib
    import random
    import time

    def make(name, *values):
        time.sleep(random.uniform(0.2, 1.2))
        text = random.randbytes(10_000).hex()
        return {"name": name, "text": text, "sha256": hashlib.sha256(text.encode()).hexdigest(), "from": len(values)}

    def one(raw):
        return make("one", raw)

    def memory(one):
        return make("memory", one)

    def two(memory):
        return make("two", memory)

    def side(one):
        return make("side", one)

    def three(memory, side):
        return make("three", memory, side)

    def last(two, three):
        return make("last", two, three)
"""
PIPELINES = """{"__default__": pipeline([
    node(one, "raw", "one", name="one"),
    node(memory, "one", "memory", name="memory"),
    node(two, "memory", "two", name="two"),
    node(side, "one", "side", name="side"),
    node(three, ["memory", "side"], "three", name="three"),
    node(last, ["two", "three"], "last", name="last"),
])}"""
# In-memory data passes from step to step, so that every job but one has a process for each node.
DAGSTER = """
    assets: {cluster_by: node}
    executors:
      two: {multiprocess: {max_concurrent: 2}}
    schedules:
      minutely: {cron_schedule: "* * * * *", default_status: RUNNING}
    sensors:
      new_raw: {dataset: raw, minimum_interval_seconds: 10, default_status: RUNNING}
    jobs:
      sequential: {pipeline: {}, schedule: minutely}
      parallel: {pipeline: {}, executor: two, sensor: new_raw}
      again: {pipeline: {}, executor: two, retries: {max_retries: 1}}
"""
# Writes to a pipe that was opened when the module was imported: it needs no disk and no further descriptor.
HOOKS = """
import json
import os
import time
from pathlib import Path

from kedro.framework.hooks import hook_impl

PIPE = os.open(Path(__file__).parents[2] / "hooks.pipe", os.O_WRONLY)


def tell(hook, run_id, node=None):
    call = {"hook": hook, "run_id": run_id, "node": node, "pid": os.getpid(), "time": time.time()}
    os.write(PIPE, json.dumps(call).encode() + b"\\n")


class Recorder:
    @hook_impl
    def before_pipeline_run(self, run_params):
        tell("before_pipeline_run", run_params["run_id"])

    @hook_impl
    def after_pipeline_run(self, run_params):
        tell("after_pipeline_run", run_params["run_id"])

    @hook_impl
    def on_pipeline_error(self, run_params):
        tell("on_pipeline_error", run_params["run_id"])

    @hook_impl
    def before_node_run(self, node, run_id):
        tell("before_node_run", run_id, node.name)

    @hook_impl
    def after_node_run(self, node, run_id):
        tell("after_node_run", run_id, node.name)

    @hook_impl
    def on_node_error(self, node, run_id):
        tell("on_node_error", run_id, node.name)
"""


def new_project(folder: Path) -> KedroProject:
    """Write the project, with the data that its first node reads."""
    entries = [_entry("raw"), *(_entry(name, versioned=True) for name in STORED)]
    project = write_project(
        folder, nodes=NODES, pipelines=PIPELINES, catalog="".join(entries), dagster=DAGSTER, hooks=HOOKS
    )
    (project.path / "data").mkdir()
    return project


def _entry(name: str, *, versioned: bool = False) -> str:
    version = "  versioned: true\n" if versioned else ""
    return f"{name}:\n  type: json.JSONDataset\n  filepath: data/{name}.json\n{version}"


def stored_file(project: KedroProject, dataset: str, version: str) -> Path:
    """Return where a dataset is saved in a version."""
    return project.path / "data" / f"{dataset}.json" / version / f"{dataset}.json"


class HookCalls:
    """What the hooks of a project tell, while this is open.

    Attributes:
        calls: Each call, in order.
    """

    def __init__(self, project: KedroProject) -> None:
        self.calls: list[dict[str, Any]] = []
        self._path = project.path / "hooks.pipe"
        os.mkfifo(self._path)
        # For both ends, so that there is always a reader, and never an end of the file.
        self._pipe = os.open(self._path, os.O_RDWR)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with os.fdopen(os.dup(self._pipe), encoding="utf-8") as lines:
            for line in lines:
                if not line.strip():
                    return
                self.calls.append(json.loads(line))

    def close(self) -> None:
        os.write(self._pipe, b"\n")
        self._thread.join()
        os.close(self._pipe)

    def of_runs(self) -> Mapping[str, list[dict[str, Any]]]:
        """Return the calls by Kedro's run id."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for call in list(self.calls):
            found[call["run_id"]].append(call)
        return found
