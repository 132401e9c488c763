"""`kedro assets run --only-missing-outputs` runs the nodes that `kedro run --only-missing-outputs` runs."""

from __future__ import annotations

import re
from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, json_dataset, kedro_run, run_command, write_project
from partitioned import every

# raw -> first -> memory, second -> third -> (nothing); `free` is in memory, and nobody reads it
NODES = """
def start(raw):
    return raw + 1


def split(first):
    return first + 1, first + 2


def end(memory, second):
    return memory + second


def tell(third):
    print(third)


def extra(raw):
    return raw
"""
PIPELINES = """{
    "__default__": pipeline([
        node(start, "raw", "first", name="start"),
        node(split, "first", ["memory", "second"], name="split"),
        node(end, ["memory", "second"], "third", name="end"),
        node(tell, "third", None, name="tell"),
        node(extra, "raw", "free", name="extra"),
    ]),
    "some": pipeline([node(start, "raw", "first", name="start"), node(split, "first", ["memory", "second"], name="split")]),
}"""
FLAG = "--only-missing-outputs"


@pytest.fixture
def project(tmp_path: Path) -> KedroProject:
    project = write_project(
        tmp_path,
        nodes=NODES,
        pipelines=PIPELINES,
        catalog=json_dataset("raw", "first", "second", "third"),
        dagster="assets: {memory_assets: false}\njobs: {all: {}, ops: {view: ops}}\n",
    )
    project.write("data/raw.json", "1")
    return project


def ran(project: KedroProject, *command: str) -> list[str]:
    """Run a command, and return the nodes that have run."""
    project.forget()
    run_command(project, "kedro", *command)
    return sorted(project.nodes_run())


@pytest.mark.parametrize(
    ("gone", "options"),
    [
        ((), ()),
        (("third",), ()),
        (("first",), ()),
        (("second",), ("--pipeline", "some")),
        (("first", "third"), ("--from-nodes", "split")),
    ],
    ids=["nothing", "the last one", "the first one", "of a pipeline", "with a filter"],
)
@pytest.mark.usefixtures("dagster_home")
def test_the_same_nodes_run_as_with_kedro_run(
    gone: tuple[str, ...], options: tuple[str, ...], project: KedroProject
) -> None:
    kedro_run(project)
    files = {name: project.path / f"data/{name}.json" for name in gone}
    kept = {name: file.read_text() for name, file in files.items()}
    if "--from-nodes" in options:  # what is not part of the run is not made
        project.write("data/first.json", kept.pop("first"))
    for name in kept:
        files[name].unlink()
    theirs = ran(project, "run", FLAG, *options)
    for name in kept:
        files[name].unlink()
    assert ran(project, "assets", "run", FLAG, *options) == theirs
    assert {name: files[name].read_text() for name in kept} == kept


def test_a_job_is_kept_to_and_hooks_are_told(project: KedroProject, dagster_home: Path) -> None:
    out = run_command(project, "kedro", "assets", "run", "all", FLAG, "--dry-run").stdout
    assert re.findall(r"^\S*\* (\S+)$", out, re.MULTILINE) == ["first", "second", "third", "tell"]
    assert project.nodes_run() == []
    assert ran(project, "assets", "run", "all", FLAG) == ["end", "split", "start", "tell"]
    [call] = project.calls("before_pipeline_run")
    assert call["run_params"]["only_missing_outputs"] is True
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        [run] = instance.get_runs(limit=1)
    assert run.tags["kedro/only_missing_outputs"] == "true"
    refused = run_command(project, "kedro", "assets", "run", "ops", FLAG, check=False)
    assert refused.returncode == 1
    assert "The job 'ops' is made of ops" in refused.stderr


@pytest.mark.usefixtures("dagster_home")
def test_of_a_partition_it_is_the_partition_that_is_missing(tmp_path: Path) -> None:
    kind = "partitions: {static: [a, b]}"
    project = write_project(
        tmp_path,
        nodes="def each(raw, key):\n    return {key: raw}\n\n\ndef own(days):\n    return [*days]\n",
        pipelines="""{"__default__": pipeline([
            node(each, ["raw", "params:partition_key"], "days", name="each"), node(own, "days", "own", name="own")])}""",
        catalog=json_dataset("raw")
        + every("days", kind)
        + "own:\n  type: json.JSONDataset\n  filepath: data/own/${runtime_params:partition_key}.json\n"
        + f"  metadata: {{dagster: {{{kind}}}}}\n",
    )
    project.write("data/raw.json", "1")
    run = ("assets", "run", FLAG, "--partition")
    assert ran(project, *run, "a") == ["each", "own"]
    assert ran(project, *run, "a") == []
    assert ran(project, *run, "b") == ["each", "own"]
    (project.path / "data/own/a.json").unlink()
    assert ran(project, *run, "a") == ["own"]
