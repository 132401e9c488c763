"""Random histories of small projects, and a model of what is true after each of their actions.

A node's function notes in a journal which data it was given, and hands on nothing but the number of that call. So what a
file was made from is known from the file, whatever Dagster has been told of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from helpers import KedroProject, write_project
from hypothesis import strategies as st

PARAMETERS = ("p", "q")
CONDITIONS = {"eager": "eager", "on_missing": "on_missing", "on_cron": {"on_cron": "0 0 * * *"}}
CLUSTER_BY = ("memory", "node", "namespace", "tag", "pipeline")


@dataclass(frozen=True)
class Call:
    """A call of a node's function: what it was, and the number of the call, or of the content, of all that it has read."""

    node: str
    code: int
    read: Mapping[str, int]
    part: str = ""


JOURNAL: list[Call] = []
FAILING: set[str] = set()
PART: list[str] = [""]
"""The partition that the run makes."""


def call(node: str, code: int, names: tuple[str, ...], args: tuple[Any, ...], outputs: int) -> Any:
    """Be the function of a node."""
    if node in FAILING:
        msg = f"{node} fails"
        raise ValueError(msg)
    JOURNAL.append(Call(node, code, dict(zip(names, args, strict=True)), PART[0]))
    found = len(JOURNAL) - 1
    return [found] * outputs if outputs else None


class Number:
    """A validator that takes the numbers of calls and contents."""

    def validate(self, data: Any) -> Any:
        """Refuse what is none."""
        if not isinstance(data, int):
            msg = f"{data} is no number"
            raise TypeError(msg)
        return data


@dataclass(frozen=True)
class Dataset:
    """A dataset: `json`, `memory` or `transcoded`; an external one is read from a JSON file. A stored one may have a condition and a validator."""

    name: str
    kind: str = "json"
    condition: str = ""
    validated: bool = False

    @property
    def stored(self) -> bool:
        return self.kind != "memory"

    @property
    def read_as(self) -> str:
        return f"{self.name}@r" if self.kind == "transcoded" else self.name

    @property
    def written_as(self) -> str:
        return f"{self.name}@w" if self.kind == "transcoded" else self.name

    def entries(self, folder: str) -> dict[str, Any]:
        """What the catalog says of it."""
        entry: dict[str, Any] = {"type": "json.JSONDataset", "filepath": f"{folder}/{self.name}.json"}
        if self.condition:
            entry["metadata"] = {"dagster": {"automation_condition": CONDITIONS[self.condition]}}
        if self.validated:
            entry["validator"] = "histories.Number"
        return dict.fromkeys(dict.fromkeys([self.read_as, self.written_as]), entry) if self.stored else {}


@dataclass(frozen=True)
class KedroNode:
    """A node: the names of the datasets and parameters it reads, and of the datasets it writes."""

    name: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    namespace: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.namespace}.{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        more = f" in {self.namespace}" if self.namespace else ""
        more += f" tags {','.join(self.tags)}" if self.tags else ""
        return f"{self.name}: {', '.join(self.inputs) or '-'} -> {', '.join(self.outputs) or '-'}{more}"


@dataclass(frozen=True)
class SmallProject:
    """A project, as plain data."""

    nodes: tuple[KedroNode, ...]
    datasets: tuple[Dataset, ...]
    second: tuple[str, ...] = ()
    cluster_by: str = "memory"
    memory_assets: bool = True
    watched: tuple[str, ...] = ()
    parts: tuple[str, ...] = ("",)

    def __str__(self) -> str:
        told = [f"cluster_by: {self.cluster_by}, memory_assets: {self.memory_assets}"]
        told[0] += f", partitions: {' '.join(self.parts)}" if self.partitioned else ""
        told[0] += f", sensors: {' '.join(self.watched)}" if self.watched else ""
        kinds = [(each, each.kind if self.maker(each.name) else "external") for each in self.datasets]
        told += [
            " ".join([f"{each.name}: {kind}", each.condition, "validated" * each.validated]).rstrip()
            for each, kind in kinds
        ]
        told += [*map(str, self.nodes), *([f"pipeline second: {', '.join(self.second)}"] if self.second else [])]
        return "\n".join(told)

    @cached_property
    def by_name(self) -> Mapping[str, Dataset]:
        return {dataset.name: dataset for dataset in self.datasets}

    def node(self, name: str) -> KedroNode:
        return next(node for node in self.nodes if node.name == name)

    def maker(self, asset: str) -> KedroNode | None:
        """The node that makes an asset: a dataset, or the node itself where it writes none."""
        return next((node for node in self.nodes if asset in node.outputs or asset == node.name), None)

    def read(self, name: str) -> bool:
        return any(name in node.inputs for node in self.nodes)

    @property
    def partitioned(self) -> bool:
        """Whether all that nodes make is partitioned."""
        return self.parts != ("",)

    @property
    def external(self) -> list[str]:
        return [dataset.name for dataset in self.datasets if self.maker(dataset.name) is None]

    def passing(self, name: str) -> bool:
        """Whether a dataset only passes from node to node of a step, in memory."""
        memory = name in self.by_name and not self.by_name[name].stored
        return memory and self.read(name) and self.cluster_by != "node"

    @property
    def assets(self) -> list[str]:
        """What can be selected."""
        made = [name for node in self.nodes for name in node.outputs or (node.name,)]
        return [name for name in made if self.memory_assets or not self.passing(name)]

    def kept(self, name: str) -> bool:
        """Whether in-memory data is left for the steps of other runs."""
        return not self.by_name[name].stored and self.read(name) and self.cluster_by == "node"

    @property
    def stored(self) -> list[str]:
        """What leaves something behind: files, data kept for other steps, and what a node without outputs has done."""
        return [
            name for name in self.assets if name not in self.by_name or self.by_name[name].stored or self.kept(name)
        ]

    def write(self, folder: Path) -> KedroProject:
        """Write it as a project on disk, but for its code and parameters."""
        assets: dict[str, Any] = {"cluster_by": self.cluster_by, "memory_assets": self.memory_assets}
        place = "data"
        if self.partitioned:
            place = "data/${runtime_params:partition_key}"
            static = {"static": list(self.parts)}
            assets["partitions"] = {each.name: static for each in self.datasets if each.name not in self.external}
        kinds = {name: "dataset" if name in self.external else "asset" for name in self.watched}
        sensors = {f"of_{name}": {kind: name} for name, kind in kinds.items()}
        ops = {} if self.partitioned else {"ops": {"view": "ops", "pipeline": {}}}
        jobs = {"all": {"pipeline": {}, "sensor": list(sensors)}, **ops}
        entries = [each.entries("data" if each.name in self.external else place) for each in self.datasets]
        nodes = {node.name: _source(node, self) for node in self.nodes}
        pipelines = {"__default__": list(nodes), **({"second": list(self.second)} if self.second else {})}
        text = ", ".join(
            f'"{name}": pipeline([{", ".join(nodes[each] for each in held)}])' for name, held in pipelines.items()
        )
        return write_project(
            folder,
            nodes="",
            pipelines="{" + text + "}",
            catalog=yaml.safe_dump({name: entry for each in entries for name, entry in each.items()}),
            dagster=yaml.safe_dump({"assets": assets, "jobs": jobs, "sensors": sensors}),
            hooks="",
            settings="",
        )


def _source(node: KedroNode, project: SmallProject) -> str:
    names = project.by_name
    inputs = [names[name].read_as if name in names else f"params:{name}" for name in node.inputs]
    outputs = [names[name].written_as for name in node.outputs]
    options = f"name={node.name!r}, namespace={node.namespace!r}, tags={list(node.tags)!r}"
    return f"node({node.name}, {inputs or None!r}, {outputs or None!r}, {options})".replace("'None'", "None")


@st.composite
def small_projects(draw: st.DrawFn) -> SmallProject:
    """Draw a project of a few nodes."""
    validated = st.just(value=False) | st.booleans()
    datasets = [Dataset(name, validated=draw(validated)) for name in ("x", "y")[: draw(st.sampled_from([1, 2, 0]))]]
    nodes: list[KedroNode] = []
    more = draw(st.sampled_from(["", "conditions", "partitions", "conditions"]))
    parts = ("u", "v") if more == "partitions" else ("",)
    conditions = st.sampled_from(["", "eager", "eager", "eager", *CONDITIONS] if more == "conditions" else [""])
    names = iter("abcdefghijklmnopq")
    for number in range(draw(st.integers(2, 6))):
        recent = [dataset.name for dataset in reversed(datasets)]
        readable = st.sampled_from(recent * 2 + list(PARAMETERS) if len(recent) > 1 else [*recent, *PARAMETERS])
        inputs = tuple(draw(st.lists(readable, min_size=0 if number == 3 else 1, max_size=3, unique=True)))
        kinds = st.sampled_from(["memory", "json", "memory", "json", "transcoded"])
        few = 0 if inputs and not parts[0] and draw(st.integers(0, 4)) == 4 else 1
        outputs = [
            _dataset(next(names), draw(kinds), draw(conditions), validated=draw(validated))
            for _ in range(draw(st.integers(few, 2)))
        ]
        datasets += outputs
        written = tuple(dataset.name for dataset in outputs)
        namespace, tags = draw(st.sampled_from([None, None, "ns"])), draw(st.sampled_from([(), (), ("red",)]))
        nodes.append(KedroNode(f"n{number}", inputs, written, namespace, tags))
    used = {name for node in nodes for name in (*node.inputs, *node.outputs)}
    files = [dataset.name for dataset in datasets if dataset.name in used and dataset.stored]
    return SmallProject(
        tuple(nodes),
        tuple(dataset for dataset in datasets if dataset.name in used),
        draw(st.sampled_from([(), tuple(node.name for node in nodes[-2:])])),
        draw(st.sampled_from(CLUSTER_BY)),
        draw(st.sampled_from([True, True, False])),
        tuple(draw(st.lists(st.sampled_from(files), max_size=2, unique=True))) if files and not parts[0] else (),
        parts,
    )


def _dataset(name: str, kind: str, condition: str, *, validated: bool) -> Dataset:
    return Dataset(name, kind, "" if kind == "memory" else condition, validated and kind == "json")


@dataclass(frozen=True)
class Action:
    """One action: what is done, to what."""

    what: str
    names: tuple[str, ...] = ()
    fails: str = ""
    part: str = ""

    def __str__(self) -> str:
        told = f"{self.what} {', '.join(self.names)}" + (f" while {self.fails} fails" if self.fails else "")
        return told + (f" for {self.part}" if self.part else "")


@st.composite
def histories(draw: st.DrawFn) -> tuple[SmallProject, tuple[Action, ...]]:
    """Draw a project and what happens to it."""
    project = draw(small_projects())
    nodes = st.sampled_from([node.name for node in project.nodes])
    parts = st.lists(st.sampled_from(project.assets), min_size=1, max_size=3, unique=True).map(tuple)
    part, jobs = st.sampled_from(project.parts), ["run all", "run job", *([] if project.partitioned else ["run ops"])]
    run = st.builds(Action, st.just("run"), parts, st.sampled_from(["", "", ""]) | nodes, part)
    one_of = [
        run,
        run,
        st.builds(Action, st.sampled_from(jobs), st.just(()), st.just("") | nodes, part),
        st.builds(Action, st.just("change code of"), st.tuples(nodes)),
    ]
    used = [name for name in PARAMETERS if project.read(name)]
    if used:
        one_of.append(st.builds(Action, st.just("change parameter"), st.tuples(st.sampled_from(used))))
    if project.external:
        external = st.tuples(st.sampled_from(project.external))
        one_of += [st.builds(Action, st.just(what), external) for what in ("change file", "observe", "change file")]
    if any(dataset.condition == "on_cron" for dataset in project.datasets):
        one_of += [st.just(Action("wait for midnight"))] * 2
    files = [name for name in project.stored if name in project.by_name and project.by_name[name].stored]
    if files:
        one_of.append(st.builds(Action, st.just("delete"), st.tuples(st.sampled_from(files)), part=part))
    first = st.builds(Action, st.sampled_from(jobs), part=part)
    actions = [draw(first | st.one_of(one_of))]
    for _ in range(draw(st.integers(1, 5))):
        last = actions[-1]
        then = [st.just(Action("re-execute"))] * 2 if last.fails else []
        then += [st.just(Action("observe", last.names))] * 4 if last.what == "change file" else []
        actions.append(draw(st.one_of([*one_of, *then])))
    return project, tuple(actions)
