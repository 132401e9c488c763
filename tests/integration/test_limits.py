"""Limits on how many steps run at once: Dagster's pools and tag limits, by the tags of Kedro's nodes."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, execute, json_dataset, write_project

NODES = """
    import time
    from pathlib import Path

    HERE = Path(__file__).parents[2]

    def alone(raw, name):
        others = list(HERE.glob("running_*"))
        mark = HERE / f"running_{name}"
        mark.touch()
        time.sleep(1.5)
        mark.unlink()
        return [other.name for other in others]

    def one(raw):
        return alone(raw, "one")

    def two(raw):
        return alone(raw, "two")
"""
PIPELINES = """{"__default__": pipeline([
    node(one, "raw", "first", name="one", tags=["gpu"]), node(two, "raw", "second", name="two", tags=["gpu"]),
])}"""


def limited(folder: Path, dagster: str) -> KedroProject:
    catalog = json_dataset("raw", "first", "second")
    project = write_project(folder, nodes=NODES, pipelines=PIPELINES, catalog=catalog, dagster=dagster)
    project.write("data/raw.json", "1")
    return project


def met(project: KedroProject) -> list[str]:
    """The nodes that each node saw at work when it began."""
    return [*project.read("first.json"), *project.read("second.json")]


def test_without_a_limit_two_steps_run_at_once(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = limited(tmp_path, "default_executor: {multiprocess: {max_concurrent: 2}}")
    assert execute(project, instance).success
    assert len(met(project)) == 1


def test_a_tag_of_nodes_can_be_limited_by_the_executor(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    limits = "tag_concurrency_limits: [{key: gpu, limit: 1}]"
    project = limited(tmp_path, f"default_executor: {{multiprocess: {{max_concurrent: 2, {limits}}}}}")
    assert execute(project, instance).success
    assert met(project) == []


@pytest.mark.parametrize("view", ["assets", "ops"])
def test_the_value_of_a_step_tag_can_be_limited_by_the_executor(
    tmp_path: Path, instance: dg.DagsterInstance, view: str
) -> None:
    limits = "tag_concurrency_limits: [{key: memory, value: large, limit: 1}]"
    dagster = f"""
        assets: {{step_tags: {{gpu: {{memory: large}}}}}}
        jobs: {{j: {{view: {view}, executor: {{multiprocess: {{max_concurrent: 2, {limits}}}}}}}}}
    """
    project = limited(tmp_path, dagster)
    assert execute(project, instance, "j").success
    assert met(project) == []


def test_of_two_steps_that_can_start_the_one_with_the_higher_priority_goes_first(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    for number, first in enumerate(("one", "two")):
        dagster = f"assets: {{step_tags: {{{first}: {{dagster/priority: 5}}, gpu: {{dagster/priority: -1}}}}}}"
        project = limited(tmp_path / str(number), dagster)
        assert execute(project, instance).success
        assert project.nodes_run()[0] == first


@pytest.mark.parametrize("view", ["assets", "ops"])
def test_a_pool_limits_the_steps_of_a_tag(tmp_path: Path, instance: dg.DagsterInstance, view: str) -> None:
    pool = f"cards_{view}"
    instance.event_log_storage.set_concurrency_slots(pool, 1)
    dagster = f"""
        assets: {{pools: {{gpu: {pool}}}}}
        jobs: {{j: {{view: {view}, executor: {{multiprocess: {{max_concurrent: 2}}}}}}}}
    """
    project = limited(tmp_path, dagster)
    assert execute(project, instance, "j").success
    assert met(project) == []
