"""Which datasets have a new data version only if their content is another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import evolve

from kedro_assets.errors import Scope
from kedro_assets.graph.project_graph import ProjectGraph
from kedro_assets.project import NamePatterns


def with_data_versions(
    graph: ProjectGraph, written: Mapping[str, Literal["run", "content"]], problems: Scope
) -> ProjectGraph:
    """Apply `assets.data_version` of dagster.yml to the settings of the datasets that the catalog says nothing of.

    A pattern leaves out what has no content to compare: datasets without files, and those that no node makes.

    Args:
        graph: The graph.
        written: What is written, by names and patterns.
        problems: Collects names and patterns of no dataset, and names of datasets without content to compare.
    """
    scope = problems.at("assets", "data_version")
    patterns, settings = NamePatterns(written, scope), dict(graph.settings)
    for name in graph.datasets:
        pattern = patterns.match(name)
        if pattern is None or graph.settings_of(name).data_version is not None:
            continue
        external = graph.producer(name) is None
        if written[pattern] == "content" and (external or not graph.entry(name).location):
            if pattern == name:
                found = "no node makes this dataset" if external else "this dataset has no files"
                scope.at(name).add(f"{found}, so there is no content to compare.", "Leave it out.")
            continue
        settings[name] = evolve(graph.settings_of(name), data_version=written[pattern])
    patterns.report_unused(graph.datasets)
    return evolve(graph, settings=settings)
