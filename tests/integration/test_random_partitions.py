"""Random graphs of partitioned nodes: all partitions made through Dagster are the files of a loop of Kedro runs.

The environment variable KEDRO_ASSETS_EXAMPLES, 200 without it, is how many random projects are drawn elsewhere; a graph of
partitions takes as long as thirteen of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from comparing import clean
from helpers import KedroProject, write_project
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from kedro_assets._internals import dagster_jobs

EXAMPLES = int(os.environ.get("KEDRO_ASSETS_EXAMPLES", "200")) // 13
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
pytestmark = pytest.mark.slow

NODES = """
import hashlib
import json
from pathlib import Path

from kedro.pipeline import node

SPEC = json.loads((Path(__file__).parent / "nodes.json").read_text())


def read(value):
    if isinstance(value, dict) and all(callable(load) for load in value.values()) and "made" not in value:
        return {key: load() for key, load in sorted(value.items())}
    return value


def made(spec):
    def function(*args):
        found = json.dumps([read(value) for value in args], sort_keys=True)
        text = hashlib.sha256(found.encode()).hexdigest()[:8]
        return [{"made": name, "from": text, "key": args[-1]} for name in spec["outputs"]]

    return node(function, spec["inputs"], spec["outputs"], name=spec["name"], tags=spec["tags"])


def all_nodes():
    return [made(spec) for spec in SPEC]
"""
KINDS = {
    "daily": {"daily": {"start_date": "2026-01-03", "end_date": "2026-01-06"}},
    "weekly": {"weekly": {"start_date": "2025-12-28", "end_date": "2026-01-11"}},
    "static": {"static": ["north", "south"]},
    "other": {"static": ["south", "west"]},
    "none": None,
}
DAYS = [str(date(2026, 1, 3) + timedelta(day)) for day in range(3)]
KEYS = {
    "daily": DAYS,
    "weekly": ["2025-12-28", "2026-01-04"],
    "static": ["north", "south"],
    "other": ["south", "west"],
    "none": [None],
}


@dataclass(frozen=True)
class Reading:
    """How a node reads a dataset: `one` partition by its path, or `all` that its mapping gives."""

    dataset: str
    how: str
    mapping: Any = None


@dataclass(frozen=True)
class Made:
    """A node, what it reads and what it makes."""

    name: str
    kind: str
    reads: tuple[Reading, ...]
    outputs: tuple[str, ...]
    tag: str


@dataclass(frozen=True)
class PartitionedProject:
    """Nodes in an order in which they can run; what they hand on in memory has no file."""

    nodes: tuple[Made, ...]
    memory: frozenset[str]
    cluster_by: str

    def kind_of(self, dataset: str) -> str:
        return next((node.kind for node in self.nodes if dataset in node.outputs), "daily")

    def keys_read(self, node: Made, reading: Reading, key: str | None) -> set[str]:
        """The partitions that a run reads, by the rules that the documentation gives."""
        kind, mapping = self.kind_of(reading.dataset), reading.mapping
        keys = KEYS[kind]
        if mapping == "all" or (mapping is None and node.kind == "none"):
            return set(keys)
        if mapping == "last":
            return {keys[-1]}
        if isinstance(mapping, dict) and "specific" in mapping:
            return set(mapping["specific"])
        assert key is not None
        if kind in ("static", "other"):
            return {key}
        first, length = date.fromisoformat(key), 7 if node.kind == "weekly" else 1
        start, end = first, first + timedelta(length)
        if isinstance(mapping, dict):
            start += timedelta(mapping["time_window"]["start_offset"])
        size = 7 if kind == "weekly" else 1
        return {
            each
            for each in keys
            if date.fromisoformat(each) < end and date.fromisoformat(each) + timedelta(size) > start
        }

    def write(self, folder: Path) -> KedroProject:
        catalog: dict[str, Any] = {}
        for node in self.nodes:
            mappings = {reading.dataset: reading.mapping for reading in node.reads if reading.mapping is not None}
            for output in node.outputs:
                settings: dict[str, Any] = {"partitions": KINDS[node.kind]} if KINDS[node.kind] else {}
                settings |= {"partition_mappings": mappings} if mappings else {}
                if output in self.memory:
                    catalog[output] = {"type": "MemoryDataset", "metadata": {"dagster": settings}}
                else:
                    catalog |= entries(output, node.kind, settings)
        catalog |= entries("raw", "daily", {"partitions": KINDS["daily"]})
        catalog["raw@all"]["metadata"] = catalog["raw@one"]["metadata"]  # no node makes it, and some may read one only
        project = write_project(
            folder,
            nodes=NODES,
            pipelines='{"__default__": pipeline(all_nodes())}',
            catalog=yaml.safe_dump(catalog),
            dagster=yaml.safe_dump({"assets": {"cluster_by": self.cluster_by}}),
        )
        spec = [
            {
                **asdict(node),
                "inputs": [
                    *(self.name_of(reading) for reading in node.reads),
                    *(["params:partition_key"] if node.kind != "none" else ["params:nothing"]),
                ],
                "outputs": [output if output in self.memory else f"{output}@one" for output in node.outputs],
                "tags": [node.tag] if node.tag else [],
            }
            for node in self.nodes
        ]
        project.write("conf/base/parameters.yml", "nothing: here")
        project.write(f"src/{project.package}/nodes.json", json.dumps(spec, indent=1))
        for key in DAYS:
            project.write(f"data/raw/{key}.json", json.dumps(key))
        return project

    def name_of(self, reading: Reading) -> str:
        return reading.dataset if reading.how == "memory" else f"{reading.dataset}@{reading.how}"

    def groups(self) -> Iterator[list[Made]]:
        """The nodes that run together as they hand on data in memory, in an order in which they can run."""
        home = {node.name: {node.name} for node in self.nodes}
        for node in self.nodes:
            for reading in node.reads:
                if reading.dataset in self.memory:
                    writer = next(other for other in self.nodes if reading.dataset in other.outputs)
                    joined = home[node.name] | home[writer.name]
                    home.update(dict.fromkeys(joined, joined))
        done: set[frozenset[str]] = set()
        for node in self.nodes:
            if frozenset(home[node.name]) not in done:
                done.add(frozenset(home[node.name]))
                yield [other for other in self.nodes if other.name in home[node.name]]


def entries(name: str, kind: str, metadata: dict[str, Any]) -> dict[str, Any]:
    place = "${runtime_params:partition_key}" if kind != "none" else "made"
    one = {"type": "json.JSONDataset", "filepath": f"data/{name}/{place}.json", "metadata": {"dagster": metadata}}
    every = {
        "type": "partitions.PartitionedDataset",
        "path": f"data/{name}",
        "dataset": "json.JSONDataset",
        "filename_suffix": ".json",
    }
    return {f"{name}@one": one, f"{name}@all": every}


@st.composite
def partitioned_projects(draw: st.DrawFn) -> PartitionedProject:
    """Draw nodes in groups: those of a group may hand on data in memory, so they are made one after the other."""
    kinds = {"raw": "daily"}
    nodes: list[Made] = []
    memory: set[str] = set()
    previous: list[str] = []  # what the node before has written in memory
    for number in range(draw(st.integers(1, 6))):
        handed = draw(st.booleans()) if previous else False
        kind = kinds[previous[0]] if handed else draw(st.sampled_from(sorted(KINDS)))
        names = draw(st.lists(st.sampled_from(sorted(set(kinds) - memory)), unique=True, max_size=3))
        reads = [_draw_reading(draw, name, kinds[name], kind) for name in names]
        reads += [Reading(previous[0], "memory")] if handed else []
        outputs = tuple(f"d{number}_{place}" for place in range(draw(st.integers(1, 2))))
        nodes.append(Made(f"n{number}", kind, tuple(reads), outputs, draw(st.sampled_from(["", "red", "blue"]))))
        kinds.update(dict.fromkeys(outputs, kind))
        previous = [outputs[0]] if draw(st.booleans()) else []
        memory.update(previous)
    return PartitionedProject(
        tuple(nodes), frozenset(memory), draw(st.sampled_from(["memory", "node", "tag", "pipeline"]))
    )


def _draw_reading(draw: st.DrawFn, name: str, read: str, own: str) -> Reading:
    if read == "none":
        return Reading(name, "one")
    choices: list[Any] = ["all", "last", {"specific": [KEYS[read][0]]}]
    timed = {"daily", "weekly"}
    if own in ("none", read) or {own, read} <= timed:
        choices += [None, None, None]
    if own == read == "daily":
        offset = {"start_offset": -2, "end_offset": 0, "allow_nonexistent_upstream_partitions": True}
        choices.append({"time_window": offset})
    mapping = draw(st.sampled_from(choices))
    one = own == read and mapping is None and draw(st.booleans())
    if isinstance(mapping, dict) and "time_window" not in mapping:
        return Reading(name, "all", mapping)
    if {own, read} == timed and mapping is None:  # the days of a week, of which some are not there
        mapping = {"time_window": {"start_offset": 0, "end_offset": 0, "allow_nonexistent_upstream_partitions": True}}
    return Reading(name, "one" if one else "all", mapping)


def made_by_dagster(random: PartitionedProject, project: KedroProject, in_memory: dg.DagsterInstance) -> None:
    """Make every asset in order, each of its partitions in a run."""
    bootstrap_project(project.path)
    repository = dagster_jobs.load_repository(f"{project.package}.definitions", project.path)
    for group in random.groups():
        keys = [dg.AssetKey(output) for node in group for output in node.outputs]
        keys = (
            keys if random.cluster_by == "node" else [key for key in keys if key.path[0] not in random.memory] or keys
        )
        for key in KEYS[group[0].kind]:
            tags = {"dagster/partition": key} if key else {}
            *_, last = dagster_jobs.start_run(repository, dagster_jobs.ASSET_JOB, keys, QUIET, tags, in_memory).events
            assert last.event_type == dg.DagsterEventType.RUN_SUCCESS, last


def made_by_kedro(random: PartitionedProject, project: KedroProject) -> None:
    """Make the same in a loop; what a run reads of a dataset is all that is in its folder just then."""
    aside = project.path / "aside"
    for group in random.groups():
        for key in KEYS[group[0].kind]:
            hidden: list[tuple[Path, Path]] = []
            for node in group:
                for reading in node.reads:
                    if reading.how == "all":
                        wanted = random.keys_read(node, reading, key)
                        files = (project.path / "data" / reading.dataset).glob("*.json")
                        others = [file for file in files if file.stem not in wanted]
                        hidden += [(file, aside / reading.dataset / file.name) for file in others]
            for file, place in dict(hidden).items():
                place.parent.mkdir(parents=True, exist_ok=True)
                file.rename(place)
            params = {"partition_key": key or "<partition_key>"}
            with KedroSession.create(project_path=project.path, runtime_params=params) as session:
                session.run(node_names=[node.name for node in group])
            for file, place in dict(hidden).items():
                place.rename(file)


def can_run(random: PartitionedProject) -> bool:
    """Say whether nodes that run together read the same partitions, and of each other their own: else it is reported."""
    for group in random.groups():
        made = {output for node in group for output in node.outputs}
        found: dict[str, list[Any]] = {}
        for node in group:
            for reading in node.reads:
                found.setdefault(reading.dataset, []).append(reading.mapping)
        for dataset, mappings in found.items():
            if any(mapping != mappings[0] for mapping in mappings) or (dataset in made and mappings[0] is not None):
                return False
    return True


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(random=partitioned_projects().filter(can_run))
def test_all_partitions_made_by_dagster_are_the_files_of_a_loop_of_kedro_runs(
    random: PartitionedProject, tmp_path: Path
) -> None:
    event(random.cluster_by)
    project = random.write(tmp_path)
    try:
        with dg.DagsterInstance.ephemeral() as in_memory:
            made_by_dagster(random, project, in_memory)
        ours = project.data()
        for file in ours:
            if not file.startswith("raw/"):
                (project.path / "data" / file).unlink()
        made_by_kedro(random, project)
        assert ours == project.data()
        for node in random.nodes:
            for output in set(node.outputs) - random.memory:
                assert len([file for file in ours if file.startswith(f"{output}/")]) == len(KEYS[node.kind])
    finally:
        clean(project)
