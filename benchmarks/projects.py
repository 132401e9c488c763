"""Projects of any size and shape, and everyone's way to put them on Dagster; `python benchmarks/projects.py FOLDER`.

Every contender gets a folder of its own with the same nodes, and in it a `definitions.py`.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

SHAPES = ("chain", "layers", "wide", "namespaces")
Edge = tuple[str, list[str], str]
"""Name, inputs and output of a node."""
Executor = Mapping[str, Mapping[str, Any]]
"""An executor by its type, with its options, as dagster.yml has it."""
IN_PROCESS: Executor = {"in_process": {}}
_LIBRARIES = {"dask": "dagster_dask", "celery": "dagster_celery", "docker": "dagster_docker"}
"""What brings an executor, if it is not Dagster itself."""
ADD = "return [value + offset for value in data[0]]"


@dataclass(frozen=True)
class Shape:
    """What a generated project looks like.

    Attributes:
        nodes: How many nodes.
        shape: `chain` (each node reads the one before), `layers` (each reads two of the layer before), `wide` (all read
            one dataset) or `namespaces` (chains of ten, each in a namespace of its own).
        memory: The share of intermediate datasets that stay in memory, from 0 to 1.
        rows: How many numbers each dataset holds.
        factory: Whether one factory pattern declares the datasets, or an entry for each.
        pipelines: How many registered pipelines share the nodes, beside `__default__`. Each of them is a job.
        dataset: The type of the persisted datasets.
        work: What every node does with the lists `data` and the number `offset`.
    """

    nodes: int = 100
    shape: str = "layers"
    memory: float = 0.0
    rows: int = 10
    factory: bool = True
    pipelines: int = 5
    dataset: str = "json.JSONDataset"
    work: str = ADD

    def edges(self) -> list[Edge]:
        """Give all nodes, in an order in which they can run; always the same ones."""
        chooser = random.Random(self.nodes)
        width = max(2, round(self.nodes**0.5))
        edges: list[Edge] = []
        for index in range(self.nodes):
            name, inputs = f"step_{index}", ["start"]
            if self.shape == "chain" and index:
                inputs = [f"data_{index - 1}"]
            elif self.shape == "namespaces":
                space, place = divmod(index, 10)
                name = f"space_{space}.step_{place}"
                inputs = [f"space_{space}.data_{place - 1}"] if place else ["start"]
            elif self.shape == "layers" and index >= width:
                above = index // width * width
                inputs = chooser.sample([f"data_{other}" for other in range(above - width, above)], 2)
            edges.append((name, inputs, name.replace("step_", "data_")))
        return edges

    def persisted(self) -> list[str]:
        """Give the outputs that are saved; the others stay in memory."""
        chooser = random.Random(self.nodes + 1)
        edges = self.edges()
        read = {name for _, inputs, _ in edges for name in inputs}
        return [output for _, _, output in edges if output not in read or chooser.random() >= self.memory]

    def parts(self) -> dict[str, list[Edge]]:
        """Give the registered pipelines without `__default__`: the nodes in slices of one size, each of whole namespaces."""
        edges, whole = self.edges(), 10 if self.shape == "namespaces" else 1
        size = whole * math.ceil(self.nodes / self.pipelines / whole)
        return {f"part_{at // size}": edges[at : at + size] for at in range(0, self.nodes, size)}

    def steps(self, cluster_by: str) -> dict[str, list[Edge]]:
        """Give the nodes by the step they run in: each alone (`node`), by `namespace`, or by `pipeline`."""
        if cluster_by == "pipeline":
            return {f"{name}_nodes": edges for name, edges in self.parts().items()}
        steps: dict[str, list[Edge]] = {}
        for edge in self.edges():
            name = edge[0].partition(".")[0] if cluster_by == "namespace" else edge[0].replace(".", "_")
            steps.setdefault(name, []).append(edge)
        return steps


@dataclass(frozen=True)
class Side:
    """One contender: a folder with a project, and the Python that runs it.

    Attributes:
        name: Shown in tables.
        root: The folder.
        imports: The modules that its definitions begin with.
        python: The interpreter.
        job: The job of all nodes.
    """

    name: str
    root: Path
    imports: tuple[str, ...] = ()
    python: str = sys.executable
    job: str = "__default__"


def kedro(folder: Path, shape: Shape) -> Side:
    """Write the project for `kedro run`: no Dagster."""
    return Side("kedro run", write_project(folder / "kedro", shape))


def ours(folder: Path, shape: Shape, cluster_by: str = "node", executor: Executor = IN_PROCESS, note: str = "") -> Side:
    """Write the project for kedro-assets."""
    name = f"kedro-assets, {note or cluster_by}"
    root = write_project(folder / name.replace(", ", "-"), shape)
    config = {"assets": {"cluster_by": cluster_by}, "default_executor": executor}
    _write_config(root, config)
    (root / "definitions.py").write_text(_OURS)
    return Side(name, root, ("kedro_assets.definitions",))


def floor(
    folder: Path,
    shape: Shape,
    cluster_by: str = "node",
    executor: Executor = IN_PROCESS,
    *,
    reading: bool = False,
) -> Side:
    """Write hand-written assets that load, compute and save the same.

    Args:
        folder: Where to put it.
        shape: The project.
        cluster_by: Which nodes share a step.
        executor: Dagster's executor of all jobs.
        reading: Whether the definitions also read the Kedro project, as everything does that is made from one.
    """
    root = write_project(folder / f"hand-written-{cluster_by}", shape)
    [(kind, options)] = executor.items()
    definitions = _FLOOR.format(
        reading=_READING if reading else "",
        steps=shape.steps(cluster_by),
        persisted=set(shape.persisted()),
        library=_LIBRARIES.get(kind, "dagster"),
        kind=kind,
        options=dict(options),
    )
    (root / "definitions.py").write_text(definitions)
    imports = ("dagster", "kedro.framework.session", "kedro.config") if reading else ("dagster",)
    return Side(f"hand-written, {cluster_by}", root, imports)


def wrapped(folder: Path, shape: Shape) -> Side:
    """Write one hand-written asset around all of `kedro run`: the least that a run of Kedro inside of Dagster takes."""
    root = write_project(folder / "wrapped", shape)
    (root / "definitions.py").write_text(_WRAPPED)
    return Side("`kedro run` inside one asset", root, ("dagster",))


def empty(folder: Path) -> Side:
    """Write one asset that does nothing: Dagster's own import, start and end."""
    root = write_project(folder / "empty", Shape(nodes=1))
    (root / "definitions.py").write_text(_EMPTY)
    return Side("one empty asset", root, ("dagster",))


def peer(folder: Path, shape: Shape, python: str, executor: Executor = IN_PROCESS) -> Side:
    """Write the project for kedro-dagster, with the `definitions.py` of its `kedro dagster init`.

    It has one job where the others have one for each pipeline: in 0.8.1 two jobs with a node in common do not load.
    """
    root = write_project(folder / "kedro-dagster", shape)
    job = {"pipeline": {"pipeline_name": "__default__"}, "executor": "chosen"}
    _write_config(root, {"executors": {"chosen": executor}, "jobs": {"everything": job}})
    (root / "definitions.py").write_text(_PEER)
    imports = ("kedro_dagster", "kedro.framework.session", "kedro.config")
    return Side("kedro-dagster", root, imports, python, job="local__everything")


def write_project(folder: Path, shape: Shape, package: str = "generated") -> Path:
    """Write a Kedro project into a new folder, and give its root.

    The same shape always gives the same project.
    """
    source = folder / "src" / package
    base = folder / "conf" / "base"
    for place in (source, base, folder / "conf" / "local", folder / "data"):
        place.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(
        f'[tool.kedro]\npackage_name = "{package}"\nproject_name = "{package}"\nkedro_init_version = "1.7.0"\n'
    )
    (source / "__init__.py").write_text("")
    (source / "settings.py").write_text("")
    pipelines = {"__default__": shape.edges(), **shape.parts()}
    (source / "nodes.py").write_text(_NODES.format(pipelines=pipelines, work=shape.work.replace("\n", "\n    ")))
    (source / "pipeline_registry.py").write_text(_REGISTRY.format(package=package))
    (base / "catalog.yml").write_text(_catalog(shape))
    (base / "parameters.yml").write_text("offset: 1\n")
    (folder / "data" / "start.json").write_text(str(list(range(shape.rows))))
    return folder


def _write_config(root: Path, config: Mapping[str, Any]) -> None:
    """Write dagster.yml: JSON is YAML."""
    (root / "conf" / "base" / "dagster.yml").write_text(json.dumps(config, indent=2))


def _catalog(shape: Shape) -> str:
    """Declare the persisted datasets as files; those left out stay in memory."""
    entry = '"{name}":\n  type: {type}\n  filepath: data/{name}.json\n'
    pattern = "{space}.data_{number}" if shape.shape == "namespaces" else "data_{number}"
    names = [pattern] if shape.factory and not shape.memory else shape.persisted()
    entries = [entry.format(name=name, type=shape.dataset) for name in names]
    return entry.format(name="start", type="json.JSONDataset") + "".join(entries)


_NODES = '''\
"""What the nodes do, and how they hang together: the same for every contender."""

PIPELINES = {pipelines!r}


def work(*inputs):
    *data, offset = inputs
    {work}
'''

_REGISTRY = """\
from kedro.pipeline import Node, Pipeline

from {package}.nodes import PIPELINES, work


def register_pipelines():
    nodes = {{}}
    for name, inputs, output in PIPELINES["__default__"]:
        space, _, short = name.rpartition(".")
        nodes[name] = Node(work, [*inputs, "params:offset"], output, name=short, namespace=space or None)
    return {{pipeline: Pipeline([nodes[name] for name, _, _ in edges]) for pipeline, edges in PIPELINES.items()}}
"""

_OURS = """\
from kedro_assets import build_definitions

defs = build_definitions()
"""

_PEER = """\
import dagster as dg
from kedro_dagster import KedroProjectTranslator

location = KedroProjectTranslator(env="local").to_dagster()

defs = dg.Definitions(
    assets=list(location.named_assets.values()),
    resources=location.named_resources | {"io_manager": dg.fs_io_manager},
    jobs=list(location.named_jobs.values()),
    schedules=list(location.named_schedules.values()),
    sensors=list(location.named_sensors.values()),
    loggers={"console": dg.colored_console_logger},
    executor=dg.multiprocess_executor.configured({"max_concurrent": 2}),
)
"""

_FLOOR = """\
import json
import sys
from pathlib import Path

import dagster as dg
from {library} import {kind}_executor

ROOT = Path(__file__).parent.resolve()
sys.path.insert(0, str(ROOT / "src"))
from generated.nodes import PIPELINES, work

STEPS = {steps!r}
PERSISTED = {persisted!r}
{reading}

def key(name):
    return dg.AssetKey(name.split("."))


def load(name):
    return json.loads((ROOT / "data" / f"{{name}}.json").read_text())


def save(name, value):
    (ROOT / "data" / f"{{name}}.json").write_text(json.dumps(value))


def step(name, edges):
    kept = {{output for _, _, output in edges if output not in PERSISTED}}
    specs = [
        dg.AssetSpec(key(output), deps=[key(name) for name in inputs if name not in kept])
        for _, inputs, output in edges
        if output not in kept
    ]

    @dg.multi_asset(name=name, specs=specs)
    def compute():
        memory = {{}}
        for _, inputs, output in edges:
            value = work(*[memory[name] if name in kept else load(name) for name in inputs], 1)
            if output in kept:
                memory[output] = value
            else:
                save(output, value)
                yield dg.MaterializeResult(asset_key=key(output))

    return compute


defs = dg.Definitions(
    assets=[step(name, edges) for name, edges in STEPS.items()],
    jobs=[
        dg.define_asset_job(name, selection=[key(output) for _, _, output in edges if output in PERSISTED])
        for name, edges in PIPELINES.items()
        if any(output in PERSISTED for _, _, output in edges)
    ],
    executor={kind}_executor.configured({options!r}),
)
"""

_READING = """
from kedro.config import OmegaConfigLoader
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project

bootstrap_project(ROOT)
loader = OmegaConfigLoader(str(ROOT / "conf"), base_env="base", default_run_env="local")
loader["catalog"], loader["parameters"], dict(pipelines)

"""

_WRAPPED = """\
from pathlib import Path

import dagster as dg


@dg.asset
def everything():
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    root = Path(__file__).parent.resolve()
    bootstrap_project(root)
    with KedroSession.create(root) as session:
        session.run()


defs = dg.Definitions([everything], jobs=[dg.define_asset_job("__default__")], executor=dg.in_process_executor)
"""

_EMPTY = """\
import dagster as dg


@dg.asset
def nothing(): ...


defs = dg.Definitions([nothing], jobs=[dg.define_asset_job("__default__")], executor=dg.in_process_executor)
"""


def main() -> None:
    """Write a project from the command line, with the definitions of kedro-assets."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--shape", choices=SHAPES, default="layers")
    parser.add_argument("--memory", type=float, default=0.0)
    parser.add_argument("--cluster-by", default="memory")
    arguments = parser.parse_args()
    shape = replace(Shape(), nodes=arguments.nodes, shape=arguments.shape, memory=arguments.memory)
    print(ours(arguments.folder, shape, arguments.cluster_by).root)


if __name__ == "__main__":
    main()
