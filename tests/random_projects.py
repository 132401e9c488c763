"""A hypothesis strategy for Kedro projects, drawn as plain data, and the way to put one on disk.

Every value in a project is made from the values it is made from, so that the files of two runs can be compared.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from comparing import clean
from helpers import KedroProject, forget_loggers, write_project
from hypothesis import strategies as st

PARAMETERS = {"x": 3, "on": True, "a": {"b": "text", "c": {"d": [1, 2]}}, "a-b": 0.5}
PARAMETER_NAMES = ["parameters", "params:x", "params:on", "params:a", "params:a.b", "params:a.c.d", "params:a-b"]
NAMESPACES = [None, "ns", "ns.deep", "other"]
NODE_NAMES = ["b", "a", "ab", "a-b", "a_b", "a__b", "a.b", "class", "ns", "größe"]
DATASET_NAMES = ["x", "b", "a b", "a-b", "a_b", "a__b", "ab", "type", "ns", "größe", "1"]
EXTERNAL_KINDS = ["json", "versioned", "pattern", "transcoded", "given"]
KINDS = ["json", "memory", "versioned", "pattern", "transcoded", "deepcopy", "copy", "assign"]
MEMORY_KINDS = {"memory", "given", "deepcopy", "copy", "assign"}
VERSION = "2020-01-01T00.00.00.000Z"

NODES = """
import hashlib
import json
import logging
from pathlib import Path

from kedro.pipeline import node

logger = logging.getLogger(__name__)
SPEC = json.loads((Path(__file__).parent / "project.json").read_text(encoding="utf-8"))


def shaped(spec, values):
    if spec["shape"] == "dict":
        return {f"out_{place}": value for place, value in enumerate(values)}
    return values if spec["shape"] == "list" else values[0]


def digest_of(spec, args, kwargs):
    digest = hashlib.sha256(json.dumps([args, kwargs], sort_keys=True).encode()).hexdigest()[:8]
    if spec["log"]:
        logger.log(logging.getLevelName(spec["log"]), "%s has read %s", spec["name"], digest)
    if spec["fails"] == "at once":
        raise ValueError(f"{spec['name']} cannot read {digest}")
    if spec["touches"]:
        for value in (*args, *kwargs.values()):
            if isinstance(value, dict):
                value["touched"] = spec["name"]
    return digest


def values_of(spec, digest, chunk):
    values = [{"node": spec["name"], "read": digest, "place": [place, chunk]} for place in range(len(spec["outputs"]))]
    if spec["fails"] == "saving" and chunk == max(spec["chunks"] - 1, 0):
        values[-1] = None
    return values


def function_of(spec):
    def plain(*args, **kwargs):
        digest = digest_of(spec, args, kwargs)
        return shaped(spec, values_of(spec, digest, 0)) if spec["outputs"] else None

    def chunks(*args, **kwargs):
        digest = digest_of(spec, args, kwargs)
        for chunk in range(spec["chunks"]):
            yield shaped(spec, values_of(spec, digest, chunk))
            if spec["fails"] == "midway":
                raise ValueError(f"{spec['name']} cannot go on from {digest}")

    return chunks if spec["chunks"] else plain


def made(spec):
    inputs, outputs = spec["inputs"], spec["outputs"]
    if spec["by_name"]:
        inputs = {f"in_{place}": name for place, name in enumerate(inputs)}
    if spec["shape"] == "dict":
        outputs = {f"out_{place}": name for place, name in enumerate(outputs)}
    elif spec["shape"] == "plain":
        outputs = outputs[0]
    options = {key: spec[key] for key in ("name", "namespace", "tags")}
    return node(function_of(spec), inputs or None, outputs or None, **options)


def all_pipelines():
    nodes = {spec["id"]: made(spec) for spec in SPEC["nodes"]}
    parts = {name: [nodes[key] for key in keys] for name, keys in SPEC["pipelines"].items()}
    return {"__default__": list(nodes.values()), **parts}
"""


@dataclass(frozen=True)
class Dataset:
    """A dataset; `memory` is one that the catalog does not name, `given` one that has its data in the catalog."""

    name: str
    kind: str = "json"

    @property
    def in_memory(self) -> bool:
        return self.kind in MEMORY_KINDS

    @property
    def read_as(self) -> str:
        return f"{self.name}@b" if self.kind == "transcoded" else self.name

    @property
    def written_as(self) -> str:
        return f"{self.name}@a" if self.kind == "transcoded" else self.name

    def entries(self) -> dict[str, Any]:
        """What the catalog says of it."""
        file = {"type": "json.JSONDataset", "filepath": f"data/{self.name}.json"}
        if self.kind in ("deepcopy", "copy", "assign"):
            return {self.name: {"type": "MemoryDataset", "copy_mode": self.kind}}
        if self.kind == "given":
            return {self.name: {"type": "MemoryDataset", "data": {"given": self.name}}}
        if self.kind == "transcoded":
            return {self.read_as: file, self.written_as: file}
        if self.kind == "versioned":
            return {self.name: {**file, "versioned": True}}
        return {self.name: file} if self.kind == "json" else {}

    def file(self) -> str | None:
        """Where its data is below data/."""
        if self.in_memory:
            return None
        if self.kind == "pattern":
            namespace, dot, name = self.name.partition(".")
            return f"{namespace}/{name}.json" if dot else f"patterns/{self.name}.json"
        version = f"/{VERSION}/{self.name}.json" if self.kind == "versioned" else ""
        return f"{self.name}.json{version}"


@dataclass(frozen=True)
class KedroNode:
    """A node, with what its function does.

    Attributes:
        name: Its name without the namespace.
        inputs: Datasets and parameters, in the names that it reads them under.
        outputs: The same for what it writes.
        namespace: Its namespace.
        tags: Its tags.
        shape: What the function returns: a value by itself, a list or a dict.
        by_name: Whether it gets its inputs by keyword.
        chunks: How many it yields; 0 for a function that returns.
        log: The level of the line that it logs; empty for none.
        touches: Whether it changes what it has been given.
        fails: When it fails; empty for a node that does not.
    """

    name: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    namespace: str | None = None
    tags: tuple[str, ...] = ()
    shape: str = "list"
    by_name: bool = False
    chunks: int = 0
    log: str = ""
    touches: bool = False
    fails: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.namespace}.{self.name}" if self.namespace else self.name


@dataclass(frozen=True)
class RandomProject:
    """A Kedro project and its dagster.yml, as plain data."""

    nodes: tuple[KedroNode, ...]
    datasets: tuple[Dataset, ...]
    pipelines: dict[str, tuple[str, ...]] = field(default_factory=dict)
    cluster_by: str = "memory"
    memory_assets: bool = True
    group_by: str = "pipeline"

    @property
    def fails(self) -> bool:
        return any(node.fails for node in self.nodes)

    def dataset(self, name: str) -> Dataset | None:
        """The dataset behind the name that a node uses; None for a parameter."""
        return next((dataset for dataset in self.datasets if dataset.name == name.partition("@")[0]), None)

    def producer(self, dataset: Dataset) -> KedroNode | None:
        return next((node for node in self.nodes if dataset.written_as in node.outputs), None)

    def assets(self) -> dict[tuple[str, ...], KedroNode]:
        """The path of every key that can be materialized, with the node behind it."""
        found: dict[tuple[str, ...], KedroNode] = {}
        for dataset in self.datasets:
            node = self.producer(dataset)
            read = any(dataset.read_as in other.inputs for other in self.nodes)
            hidden = dataset.in_memory and read and not self.memory_assets and self.cluster_by != "node"
            if node and not hidden:
                found[tuple(dataset.name.split("."))] = node
        used = {name for node in self.nodes for name in (*node.inputs, *node.outputs)}
        names = {dataset.name for name in used if (dataset := self.dataset(name))}
        for node in self.nodes:
            if not node.outputs:
                suffix = ("node",) if node.full_name in names else ()
                found[(*node.full_name.split("."), *suffix)] = node
        return found

    def needed_for(self, selected: set[tuple[str, ...]]) -> set[str]:
        """The nodes that run when these assets are materialized: those behind them, and what is handed on in memory."""
        assets = self.assets()
        todo, found = [assets[key] for key in selected], set()
        while todo:
            node = todo.pop()
            found.add(node.full_name)
            if self.cluster_by == "node":
                continue
            read = [dataset for name in node.inputs if (dataset := self.dataset(name)) and dataset.in_memory]
            todo += [producer for dataset in read if (producer := self.producer(dataset))]
        return found

    def made_and_read(self, nodes: set[str]) -> set[tuple[str, ...]]:
        """The assets that some of these nodes make and others read."""
        running = [node for node in self.nodes if node.full_name in nodes]
        read = {dataset.name for node in running for name in node.inputs if (dataset := self.dataset(name))}
        return {key for key, node in self.assets().items() if node in running and ".".join(key) in read}

    def run_alone(self, nodes: set[str]) -> bool:
        """Whether these nodes need no in-memory data of others."""
        running = [node for node in self.nodes if node.full_name in nodes]
        read = [dataset for node in running for name in node.inputs if (dataset := self.dataset(name))]
        makers = [producer for dataset in read if dataset.in_memory and (producer := self.producer(dataset))]
        return all(maker in running for maker in makers)

    def behind_the_failure(self) -> set[str]:
        """The node that fails, and every node that it needs."""
        todo, found = [node for node in self.nodes if node.fails], set()
        while todo:
            node = todo.pop()
            found.add(node.full_name)
            read = [dataset for name in node.inputs if (dataset := self.dataset(name))]
            todo += [producer for dataset in read if (producer := self.producer(dataset))]
        return found

    def renamed(self, dataset: str, name: str) -> RandomProject:
        """The same project with another name for a dataset."""

        def other(used: str) -> str:
            own, at, variant = used.partition("@")
            return f"{name}{at}{variant}" if own == dataset else used

        nodes = [
            replace(node, inputs=tuple(map(other, node.inputs)), outputs=tuple(map(other, node.outputs)))
            for node in self.nodes
        ]
        datasets = [replace(each, name=other(each.name)) for each in self.datasets]
        return replace(self, nodes=tuple(nodes), datasets=tuple(datasets))

    def data(self) -> dict[str, str]:
        """The files that the project starts with."""
        external = [dataset for dataset in self.datasets if not self.producer(dataset)]
        return {file: json.dumps({"file": dataset.name}) for dataset in external if (file := dataset.file())}

    def write(self, folder: Path) -> KedroProject:
        """Write it as a project on disk."""
        catalog = {name: entry for dataset in self.datasets for name, entry in dataset.entries().items()}
        for pattern, path in {
            "{name}_file": "patterns/{name}",
            "{namespace}.{name}_file": "{namespace}/{name}",
        }.items():
            catalog[pattern] = {"type": "json.JSONDataset", "filepath": f"data/{path}_file.json"}
        assets = {key: getattr(self, key) for key in ("cluster_by", "memory_assets", "group_by")}
        project = write_project(
            folder,
            nodes=NODES,
            pipelines="{name: pipeline(nodes) for name, nodes in all_pipelines().items()}",
            catalog=yaml.safe_dump(catalog, allow_unicode=True),
            parameters=yaml.safe_dump(PARAMETERS),
            dagster=yaml.safe_dump(
                {"assets": assets, "executors": {"two": {"multiprocess": {"max_concurrent": 2}}}, "jobs": _JOBS}
            ),
        )
        nodes = [{**asdict(node), "id": node.full_name} for node in self.nodes]
        spec = json.dumps({"nodes": nodes, "pipelines": self.pipelines}, indent=1)
        project.write(f"src/{project.package}/project.json", spec)
        return project


_JOBS = {"all": {"pipeline": {}}, "any": {"selection": "*"}, "parallel": {"pipeline": {}, "executor": "two"}}


@contextmanager
def written(random: RandomProject, folder: Path) -> Iterator[KedroProject]:
    """Put a project on disk for a while; afterwards neither the disk nor this process remembers it."""
    project = random.write(folder)
    with forgotten(project):
        try:
            yield project
        finally:
            clean(project)


@contextmanager
def forgotten(project: KedroProject) -> Iterator[None]:
    """Load a project's code inside; afterwards this process does not remember it."""
    path, python_path = list(sys.path), os.environ.get("PYTHONPATH")
    try:
        yield
    finally:
        sys.path[:] = path
        os.environ.pop("PYTHONPATH", None)
        if python_path is not None:
            os.environ["PYTHONPATH"] = python_path
        for module in [name for name in sys.modules if name.partition(".")[0] == project.package]:
            del sys.modules[module]
        for entry in [entry for entry in sys.path_importer_cache if project.package in entry]:
            del sys.path_importer_cache[entry]
        forget_loggers({project.package})


@st.composite
def projects(draw: st.DrawFn, *, failing: bool = True) -> RandomProject:
    """Draw a project that Kedro takes: any graph of nodes, and any kinds of datasets between them."""
    datasets: list[Dataset] = []
    for _ in range(draw(st.integers(0, 3))):
        datasets.append(_draw_dataset(draw, draw(st.sampled_from(NAMESPACES)), EXTERNAL_KINDS, datasets))
    nodes: list[KedroNode] = []
    for _ in range(draw(st.integers(1, 8))):
        readable = st.sampled_from([*(dataset.read_as for dataset in reversed(datasets)), *PARAMETER_NAMES[:1]])
        inputs = tuple(draw(st.lists(readable | readable | st.sampled_from(PARAMETER_NAMES), max_size=3)))
        namespace = draw(st.sampled_from(NAMESPACES))
        outputs = []
        for _ in range(draw(st.integers(0 if inputs else 1, 2))):
            place = draw(st.sampled_from([namespace, None]))
            outputs.append(_draw_dataset(draw, place, KINDS, datasets + outputs))
        nodes.append(_draw_node(draw, namespace, inputs, outputs, nodes, datasets))
        datasets += outputs
    if failing and draw(st.integers(0, 7)) == 7:
        place = draw(st.integers(0, len(nodes) - 1))
        versions = {dataset.name for dataset in datasets if dataset.kind == "versioned"}  # are in the error's message
        ways = ["at once"]
        ways += ["midway"] if nodes[place].chunks else []
        ways += ["saving"] if nodes[place].outputs and nodes[place].outputs[-1] not in versions else []
        nodes[place] = replace(nodes[place], fails=draw(st.sampled_from(ways)))
    names = st.lists(st.sampled_from([node.full_name for node in nodes]), unique=True)
    return RandomProject(
        nodes=tuple(nodes),
        datasets=tuple(datasets),
        pipelines={name: tuple(draw(names)) for name in ("first", "second")},
        cluster_by=draw(st.sampled_from(["memory", "node", "namespace", "tag", "pipeline"])),
        memory_assets=draw(st.booleans()),
        group_by=draw(st.sampled_from(["pipeline", "namespace", "none"])),
    )


def _draw_dataset(draw: st.DrawFn, namespace: str | None, kinds: list[str], others: list[Dataset]) -> Dataset:
    kind = draw(st.sampled_from(kinds))
    taken = {dataset.name for dataset in others}
    prefix, suffix = f"{namespace}." if namespace else "", "_file" if kind == "pattern" else ""
    names = [prefix + name + suffix for name in DATASET_NAMES]
    return Dataset(draw(st.sampled_from([name for name in names if name not in taken] or [f"more{len(taken)}"])), kind)


def _draw_node(
    draw: st.DrawFn,
    namespace: str | None,
    inputs: tuple[str, ...],
    outputs: list[Dataset],
    others: list[KedroNode],
    datasets: list[Dataset],
) -> KedroNode:
    taken = {node.full_name for node in others}
    prefix = f"{namespace}." if namespace else ""
    chunks = draw(st.sampled_from([0, 0, 1, 3])) if outputs else 0
    if any(dataset.kind == "versioned" for dataset in outputs):
        chunks = min(chunks, 1)  # a version is saved once
    shared = {dataset.read_as for dataset in datasets if dataset.kind == "assign"}
    return KedroNode(
        name=draw(
            st.sampled_from([name for name in NODE_NAMES if prefix + name not in taken] or [f"more{len(taken)}"])
        ),
        inputs=inputs,
        outputs=tuple(dataset.written_as for dataset in outputs),
        namespace=namespace,
        tags=tuple(draw(st.lists(st.sampled_from(["red", "blue"]), unique=True))),
        shape=draw(st.sampled_from(["list", "dict", "plain"] if len(outputs) == 1 else ["list", "dict"])),
        by_name=draw(st.booleans()),
        chunks=chunks,
        log=draw(st.sampled_from(["", "DEBUG", "INFO", "WARNING", "ERROR"])),
        touches=draw(st.booleans()) and not shared.intersection(inputs),
    )
