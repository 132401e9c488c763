"""How costs grow, in calls of functions, which are the same on every machine: with what there is to do, and not with its square."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, calls, execute, load_definitions, write_project

from kedro_assets import ConfigError
from kedro_assets.cli.report import check_lines

SIZES = (20, 40, 80)
LINEAR = 2.4  # what the second step adds by what the first adds, from 20 to 40 to 80: 2 if linear, 4 if square
NODES = """
    def one(*values):
        return 1
"""
FILE = "{type: json.JSONDataset, filepath: data/%s.json}\n"
SAVED = "start: " + FILE % "start" + '"d{number}": {type: json.JSONDataset, filepath: "data/d{number}.json"}\n'
CHAIN = 'node(one, f"d{i - 1}" if i else "start", f"d{i}", name=f"n{i}")'


@dataclass(frozen=True)
class Growing:
    """A project of any size.

    Attributes:
        node: The source of node `i`, in which `<size>` is the size.
        catalog: catalog.yml.
        dagster: What makes dagster.yml of a size.
        nodes: How many nodes there are, if the size is of something else.
        entry: A line of the catalog for each `i` of the size.
    """

    node: str = CHAIN
    catalog: str = SAVED
    dagster: Callable[[int], str] = lambda size: ""
    nodes: int | None = None
    entry: str = ""

    def project(self, folder: Path, size: int) -> KedroProject:
        nodes, node = self.nodes or size, self.node.replace("<size>", str(size))
        project = write_project(
            folder,
            nodes=NODES,
            pipelines=f'{{"__default__": pipeline([{node} for i in range({nodes})])}}',
            catalog=self.catalog + "".join(self.entry.replace("<i>", str(i)) for i in range(size)),
            dagster=self.dagster(size),
            hooks="",
            settings="",
        )
        project.write("data/start.json", "1")
        return project


def lines(head: str, line: str) -> Callable[[int], str]:
    return lambda size: head + "".join(line.replace("<i>", str(i)) for i in range(size))


def keys(size: int) -> str:
    listed = ", ".join(f"k{i}" for i in range(25 * size))
    return f"assets: {{partitions: {{start: {{static: [{listed}]}}, '{{name}}': {{static: [{listed}]}}}}}}\n"


LOADED = {
    "nodes in a chain": Growing(),
    "nodes in memory": Growing(
        'node(one, f"d{i - 1}" if i % 10 else "start", f"d{i}", name=f"n{i}")', "start: " + FILE % "start"
    ),
    "nodes that read one dataset": Growing('node(one, "start", f"d{i}", name=f"n{i}")'),
    "edges": Growing(
        'node(one, [f"s{k}" for k in range(<size>)] + [f"d{j}" for j in range(i)], f"d{i}", name=f"n{i}")',
        "start: " + FILE % "start" + '"{name}": {type: json.JSONDataset, filepath: "data/{name}.json"}\n',
        nodes=10,
    ),
    "nodes without outputs": Growing('node(one, "start", None, name=f"n{i}")'),
    "jobs": Growing(dagster=lines("jobs:\n", "  j<i>: {pipeline: {node_names: [n<i>]}}\n"), nodes=SIZES[-1]),
    "selections": Growing(dagster=lines("jobs:\n", "  j<i>: {selection: 'key:\"d<i>\"'}\n"), nodes=SIZES[-1]),
    "schedules": Growing(
        dagster=lines("jobs:\n", "  j<i>: {pipeline: {node_names: [n1]}, schedule: {cron_schedule: '0 2 * * *'}}\n"),
        nodes=2,
    ),
    "runtime parameters": Growing(
        entry='"x<i>": {type: json.JSONDataset, filepath: "data/${runtime_params:p<i>}.json"}\n', nodes=2
    ),
    "partition keys": Growing(
        catalog='"{name}": {type: json.JSONDataset, filepath: "data/${runtime_params:partition_key,none}/{name}.json"}\n',
        dagster=keys,
        nodes=3,
    ),
    "conditions": Growing(
        catalog='"d{number}": {type: json.JSONDataset, filepath: "data/d{number}.json", '
        "metadata: {dagster: {automation_condition: eager}}}\nstart: " + FILE % "start"
    ),
}


def growth(measure: Callable[[int], int]) -> float:
    """What the cost grows by from the second size to the third, by what it grows by from the first to the second."""
    first, second, third = map(measure, SIZES)
    return (third - second) / max(second - first, 1)


def load(project: KedroProject) -> None:
    load_definitions(project).get_repository_def().get_all_jobs()


def check(project: KedroProject) -> None:
    assert list(check_lines(project.path))[-1] == "No problems."


@pytest.mark.parametrize("kind", LOADED)
def test_loading_and_checking_grow_with_what_there_is(kind: str, tmp_path: Path) -> None:
    projects = {size: LOADED[kind].project(tmp_path, size) for size in (3, *SIZES)}
    for measured in (load, check):
        measured(projects[3])  # what is imported, and built once per process
        assert growth(lambda size, measured=measured: calls(partial(measured, projects[size]))) < LINEAR


@pytest.mark.parametrize("kind", ["nodes in a chain", "nodes in memory"])
def test_a_run_grows_with_what_it_does(kind: str, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    assert execute(LOADED[kind].project(tmp_path, 3), instance).success
    assert growth(lambda size: calls(partial(execute, LOADED[kind].project(tmp_path, size // 2), instance))) < LINEAR


@pytest.mark.parametrize(
    "growing",
    [
        Growing(dagster=lines("jobs:\n", "  j<i>: {pipeline: {node_names: [unknown<i>]}}\n"), nodes=2),
        Growing(dagster=lines("jobs:\n", "  j<i>: {unknown: 1}\n"), nodes=2),
        Growing(
            catalog="", entry="d<i>: {type: json.JSONDataset, filepath: a.json, metadata: {dagster: {unknown: 1}}}\n"
        ),
    ],
    ids=["names", "keys", "the catalog"],
)
def test_a_report_grows_with_the_problems(growing: Growing, tmp_path: Path) -> None:
    projects = {size: growing.project(tmp_path, size) for size in (3, *SIZES)}

    def report(size: int) -> None:
        with pytest.raises(ConfigError) as caught:
            load(projects[size])
        assert len(str(caught.value).splitlines()) > size

    report(3)
    assert growth(lambda size: calls(partial(report, size))) < LINEAR
