"""Projects and graphs made by hand, without files."""

from pathlib import Path

from kedro.pipeline import Node, Pipeline, node

from kedro_assets.config import AssetsConfig, DagsterConfig
from kedro_assets.errors import Problems
from kedro_assets.graph import ProjectGraph, build_graph
from kedro_assets.project import Project, ProjectLocation, resolve_catalog


def nothing(*args):
    """Do nothing, with any number of inputs."""


def make_node(name, inputs=(), outputs=(), **options) -> Node:
    return node(nothing, list(inputs), list(outputs), name=name, **options)


def make_project(pipelines, *, files=(), catalog=None, **assets) -> Project:
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


def make_graph(pipelines, **options) -> ProjectGraph:
    """Make a graph, and fail if that reports a problem."""
    problems = Problems()
    graph = build_graph(make_project(pipelines, **options), problems)
    problems.raise_if_any()
    return graph
