"""While nodes run, Python looks for garbage as ever, though the command and the forkserver put it off before."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import run_command, write_project

NODES = """
    import gc

    def looks(): return gc.isenabled()
"""
CATALOG = "seen: {type: json.JSONDataset, filepath: data/seen.json}"
DAGSTER = """
    executors: {here: {in_process: {}}, forked: {multiprocess: {max_concurrent: 1}}}
    jobs:
      in_process: {pipeline: {pipeline_name: __default__}, executor: here}
      multiprocess: {pipeline: {pipeline_name: __default__}, executor: forked}
"""


@pytest.mark.parametrize("job", ["in_process", "multiprocess"])
def test_garbage_is_looked_for_while_nodes_run(tmp_path: Path, job: str) -> None:
    pipelines = '{"__default__": pipeline([node(looks, None, "seen", name="looks")])}'
    project = write_project(tmp_path, nodes=NODES, pipelines=pipelines, catalog=CATALOG, dagster=DAGSTER)
    run_command(project, "kedro", "assets", "run", job)
    assert project.read("seen.json") is True
