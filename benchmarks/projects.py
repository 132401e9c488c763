"""Kedro projects of any size and shape, for benchmarks: `python benchmarks/projects.py FOLDER --nodes 500`."""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass
from pathlib import Path

SHAPES = ("chain", "layers", "wide", "namespaces")


@dataclass(frozen=True)
class Shape:
    """What a generated project looks like.

    Attributes:
        nodes: How many nodes.
        shape: `chain` (each node reads the one before), `layers` (each reads two of the layer before), `wide` (all read
            one dataset) or `namespaces` (chains of ten, each in a namespace and a pipeline of its own).
        memory: The share of intermediate datasets that stay in memory, from 0 to 1.
        rows: How many numbers each dataset holds.
        factory: Whether one factory pattern declares the datasets, or an entry for each.
        pipelines: How many registered pipelines share the nodes, beside `__default__`.
    """

    nodes: int = 100
    shape: str = "layers"
    memory: float = 0.0
    rows: int = 10
    factory: bool = True
    pipelines: int = 5


def write_project(folder: Path, shape: Shape, package: str = "generated") -> Path:
    """Write a project into a new folder, and give its root.

    The same shape always gives the same project.
    """
    edges = _edges(shape)
    source = folder / "src" / package
    base = folder / "conf" / "base"
    for place in (source, base, folder / "conf" / "local", folder / "data"):
        place.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(
        f'[tool.kedro]\npackage_name = "{package}"\nproject_name = "{package}"\nkedro_init_version = "1.7.0"\n'
    )
    (source / "__init__.py").write_text("")
    (source / "settings.py").write_text("")
    (source / "pipeline_registry.py").write_text(_REGISTRY.format(edges=edges, pipelines=shape.pipelines))
    (base / "catalog.yml").write_text(_catalog(shape, edges))
    (base / "parameters.yml").write_text("offset: 1\n")
    (folder / "data" / "start.json").write_text(str(list(range(shape.rows))))
    return folder


def _edges(shape: Shape) -> list[tuple[str, list[str], str]]:
    """Give name, inputs and output of every node."""
    chooser = random.Random(shape.nodes)
    width = max(2, round(shape.nodes**0.5))
    edges: list[tuple[str, list[str], str]] = []
    for index in range(shape.nodes):
        if shape.shape == "chain":
            name, inputs = f"step_{index}", [f"data_{index - 1}"]
        elif shape.shape == "wide":
            name, inputs = f"step_{index}", ["start"]
        elif shape.shape == "namespaces":
            space, place = divmod(index, 10)
            name, inputs = f"space_{space}.step_{place}", [f"space_{space}.data_{place - 1}" if place else "start"]
        else:
            layer, _ = divmod(index, width)
            above = [f"data_{other}" for other in range((layer - 1) * width, layer * width)]
            name, inputs = f"step_{index}", chooser.sample(above, 2) if layer else ["start"]
        if index == 0:
            inputs = ["start"]
        edges.append((name, inputs, name.replace("step_", "data_")))
    return edges


def _catalog(shape: Shape, edges: list[tuple[str, list[str], str]]) -> str:
    """Declare the persisted datasets as JSON files; those left out stay in memory."""
    chooser = random.Random(shape.nodes + 1)
    read = {name for _, inputs, _ in edges for name in inputs}
    persisted = [output for _, _, output in edges if output not in read or chooser.random() >= shape.memory]
    entry = "{name}:\n  type: json.JSONDataset\n  filepath: data/{name}.json\n"
    declared = entry.format(name="start")
    if shape.factory and not shape.memory:
        return declared + '"{name}":\n  type: json.JSONDataset\n  filepath: data/{name}.json\n'
    return declared + "".join(entry.format(name=name) for name in persisted)


_REGISTRY = """\
from kedro.pipeline import Node, Pipeline

EDGES = {edges!r}


def work(*inputs):
    *data, offset = inputs
    return [value + offset for value in data[0]]


def register_pipelines():
    nodes = []
    for name, inputs, output in EDGES:
        space, _, short = name.rpartition(".")
        nodes.append(Node(work, [*inputs, "params:offset"], output, name=short, namespace=space or None))
    size = -(-len(nodes) // {pipelines})
    parts = {{f"part_{{i}}": Pipeline(nodes[i * size : (i + 1) * size]) for i in range({pipelines})}}
    return {{"__default__": Pipeline(nodes), **{{name: part for name, part in parts.items() if part.nodes}}}}
"""


def main() -> None:
    """Write a project from the command line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--shape", choices=SHAPES, default="layers")
    parser.add_argument("--memory", type=float, default=0.0)
    arguments = parser.parse_args()
    shape = Shape(nodes=arguments.nodes, shape=arguments.shape, memory=arguments.memory)
    print(write_project(arguments.folder, shape))


if __name__ == "__main__":
    main()
