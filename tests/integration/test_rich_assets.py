"""What Dagster shows of an asset and of its materializations, from real runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest
from helpers import KedroProject, execute, json_dataset, load_definitions, write_project

NODES = """
    def double(raw, factor):
        return raw * factor


    def add(doubled):
        return doubled + 1
"""


def two_steps(folder: Path) -> KedroProject:
    project = write_project(
        folder,
        nodes=NODES,
        pipelines="""{"__default__": pipeline([
            node(double, ["raw", "params:factor"], "doubled", name="double"), node(add, "doubled", "final", name="add"),
        ])}""",
        catalog=json_dataset("raw", "doubled", "final"),
        parameters="factor: 2",
    )
    project.write("data/raw.json", "1")
    return project


def stale(project: KedroProject, instance: dg.DagsterInstance) -> dict[str, list[str]]:
    """Why the UI marks assets as out of date."""
    graph = load_definitions(project).get_repository_def().asset_graph
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    keys = sorted(graph.materializable_asset_keys)
    return {
        key.to_user_string(): causes
        for key in keys
        if (causes := [cause.reason for cause in resolver.get_stale_causes(key)])
    }


def test_what_a_change_of_code_or_parameters_concerns_is_marked(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = two_steps(tmp_path)
    assert execute(project, instance).success
    assert stale(project, instance) == {}
    project.write("conf/base/parameters.yml", "factor: 3")
    assert stale(project, instance)["doubled"] == ["has a new code version"]


def test_what_is_made_anew_marks_what_is_made_of_it(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = two_steps(tmp_path)
    assert execute(project, instance).success
    assert execute(project, instance, assets=["doubled"]).success
    assert stale(project, instance) == {"final": ["has a new dependency data version"]}
