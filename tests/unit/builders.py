"""Projects and graphs made by hand, without files."""

from pathlib import Path

from hypothesis import strategies as st
from kedro.pipeline import Node, Pipeline, node

from kedro_assets.config import AssetsConfig, DagsterConfig
from kedro_assets.errors import Problem, Scope
from kedro_assets.graph import ProjectGraph, build_graph, with_order
from kedro_assets.partitions import Partitions, TranslatedPartitions, resolve_partitions
from kedro_assets.project import Project, ProjectLocation, resolve_catalog


def nothing(*args):
    """Do nothing, with any number of inputs."""


def make_node(name, inputs=(), outputs=(), **options) -> Node:
    return node(nothing, list(inputs), list(outputs), name=name, **options)


def make_project(pipelines, /, *, files=(), catalog=None, **assets) -> Project:
    """Make a project from nodes or from named pipelines; `files` are datasets that are kept outside of memory."""
    if not isinstance(pipelines, dict):
        pipelines = {"__default__": pipelines}
    persisted = {name: {"type": "pandas.CSVDataset", "filepath": f"{name}.csv"} for name in files}
    return Project(
        location=ProjectLocation(Path("/project")),
        package_name="shop",
        pipelines={name: Pipeline(nodes) for name, nodes in pipelines.items()},
        config=DagsterConfig(assets=AssetsConfig(**assets)),
        resolver=resolve_catalog({**persisted, **(catalog or {})}),
    )


def make_graph(pipelines, /, **options) -> ProjectGraph:
    """Make a graph, and fail if that reports a problem."""
    problems = Scope()
    graph = build_graph(make_project(pipelines, **options), problems)
    problems.raise_if_any()
    return graph


def make_partitions(pipelines, /, **options) -> tuple[Partitions, list[Problem]]:
    """Make a graph with its order, and the partitions of it; return them, and the problems."""
    problems, project = Scope(), make_project(pipelines, **options)
    graph = with_order(build_graph(project, problems), project.config.assets.deps, (), problems)
    return resolve_partitions(project.config, graph, TranslatedPartitions(), problems), list(problems)


def json_entry(place="a.json", /, **settings):
    """Make what the catalog has of a file, with these settings for Dagster."""
    return {"type": "json.JSONDataset", "filepath": place, "metadata": {"dagster": settings}}


def entry_text(name, metadata="", place="", extra=""):
    """Write a catalog entry; what is said of it stands in line 5 of it, or line 4 without more."""
    path = f"data/{name}/{place}" if place else f"data/{name}.json"
    lines = [f"{name}:", "  type: json.JSONDataset", f"  filepath: {path}"]
    lines += [f"  {extra}"] if extra else []
    lines += ["  metadata: {dagster: {" + metadata + "}}"] if metadata else []
    return "\n".join(lines) + "\n"


CLUSTER_BY = ("memory", "node", "namespace", "tag", "pipeline")


@st.composite
def graphs(draw, **assets):
    """Draw a graph: any DAG of nodes and datasets, any of them in memory, with tags, namespaces and pipelines."""
    nodes, available = [], ["external_0", "external_1"]
    for number in range(draw(st.integers(1, 7))):
        inputs = draw(st.lists(st.sampled_from(available), unique=True, max_size=3))
        outputs = [f"d{number}_{index}" for index in range(draw(st.integers(0 if inputs else 1, 2)))]
        tags = draw(st.sets(st.sampled_from(["red", "blue"])))
        namespace = draw(st.sampled_from([None, "left", "right", "right.deep"]))
        # Names in no order, so that Kedro's order is not the order of making.
        nodes.append(make_node(f"n{(number * 5) % 7}", inputs, outputs, tags=tags, namespace=namespace))
        available += outputs
    files = draw(st.sets(st.sampled_from(available)))
    parts = {name: draw(st.sets(st.sampled_from(nodes))) for name in ("first", "second")}
    return make_graph({"__default__": nodes, **parts}, files=files, **assets)
