"""Order without data: what waits, waits in every view and with every executor."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from comparing import by_dagster
from helpers import KedroProject, execute, json_dataset, load_definitions, write_project
from kedro.framework.startup import bootstrap_project

from kedro_assets import ConfigError
from kedro_assets.cli.report import check_lines

NODES = """
import time
from pathlib import Path

LOG = Path(__file__).parents[2] / "order.txt"


def tell(name, seconds=0.0, gives=None):
    def function(*args):
        time.sleep(seconds)
        with LOG.open("a") as log:
            log.write(name + "\\n")
        return gives

    function.__name__ = name
    return function
"""
# By Kedro's order, `announce` and `first` would be the first nodes, and `last` is slow to finish.
PIPELINES = """{"__default__": pipeline([
    node(tell("announce"), "raw", None, name="announce"),
    node(tell("first", gives=1), "raw", "a", name="first", tags=["one"]),
    node(tell("check", 0.5), "raw", None, name="check"),
    node(tell("last", 0.5, 1), "raw", "z", name="last"),
]), "part": pipeline([node(tell("announce"), "raw", None, name="announce")])}"""
DEPS = "assets: {cluster_by: CLUSTER, deps: {announce: [a, check], first: [z], check: [z]}}\n"
JOBS = """
executors: {two: {multiprocess: {max_concurrent: 2}}}
jobs:
  sequential: {}
  parallel: {executor: two}
  ops: {view: ops}
  parallel_ops: {view: ops, executor: two}
  part: {view: ops, pipeline: {pipeline_name: part}}
"""


def project_of(folder: Path, dagster: str) -> KedroProject:
    project = write_project(
        folder, nodes=NODES, pipelines=PIPELINES, catalog=json_dataset("raw", "a", "z"), dagster=dagster
    )
    project.write("data/raw.json", "1")
    return project


def order_of(project: KedroProject) -> list[str]:
    return (project.path / "order.txt").read_text().split()


@pytest.mark.parametrize("cluster_by", ["memory", "node", "pipeline"])
@pytest.mark.parametrize("job", ["sequential", "parallel", "ops", "parallel_ops"])
def test_what_waits_runs_later(cluster_by: str, job: str, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    if "ops" in job and cluster_by != "memory":
        pytest.skip("ops are of one node each")
    project = project_of(tmp_path, DEPS.replace("CLUSTER", cluster_by) + JOBS)
    assert execute(project, instance, job).success
    order = order_of(project)
    assert (order[0], order[-1], len(order)) == ("last", "announce", 4)
    assert len(project.calls("before_pipeline_run")) == 1


def test_what_is_waited_for_and_is_in_no_op_is_not_waited_for(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(tmp_path, DEPS.replace("CLUSTER", "memory") + JOBS)
    assert execute(project, instance, "part").success
    assert order_of(project) == ["announce"]


def test_what_waits_for_a_failure_does_not_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    for job in ("sequential", "ops"):
        project = project_of(tmp_path / job, DEPS.replace("CLUSTER", "memory") + JOBS)
        nodes = project.path / "src" / project.package / "nodes.py"
        nodes.write_text(nodes.read_text().replace("time.sleep(seconds)", "assert name != 'check'"))
        assert not execute(project, instance, job).success
        assert sorted(order_of(project)) == ["first", "last"]


def test_the_catalog_can_say_it_of_a_dataset(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(tmp_path, JOBS)
    catalog = project.path / "conf/base/catalog.yml"
    catalog.write_text(
        catalog.read_text().replace("data/a.json", "data/a.json\n  metadata: {dagster: {deps: [z, check]}}")
    )
    for job in ("parallel", "parallel_ops"):
        (project.path / "order.txt").unlink(missing_ok=True)
        assert execute(project, instance, job).success
        order = order_of(project)
        assert order.index("first") > max(order.index("last"), order.index("check"))


SPLIT = """
def split(raw):
    return raw, raw + 1


def score(kept):
    return kept * 10
"""
SPLIT_PIPELINES = """{"__default__": pipeline([
    node(split, "raw", ["shown", "kept"], name="split"), node(score, "kept", "scored", name="score")])}"""
TWO_OF_THREE = """
executors: {two: {multiprocess: {max_concurrent: 2}}}
jobs:
  all: {}
  parallel: {executor: two}
  some: {selection: "key:shown or key:scored"}
"""


@pytest.fixture(params=["json", "memory"])
def halves(request: pytest.FixtureRequest, tmp_path: Path) -> KedroProject:
    """A node that makes `shown` and `kept`, of which another step reads the second; `shown` is stored or in memory."""
    stored = ["raw", "kept", "scored"] + (["shown"] if request.param == "json" else [])
    project = write_project(
        tmp_path, nodes=SPLIT, pipelines=SPLIT_PIPELINES, catalog=json_dataset(*stored), dagster=TWO_OF_THREE
    )
    project.write("data/raw.json", "1")
    return project


@pytest.mark.parametrize("job", ["all", "parallel"])
def test_no_step_reads_the_old_data_of_what_the_run_makes_though_nobody_has_selected_it(
    halves: KedroProject, job: str, instance: dg.DagsterInstance
) -> None:
    assert execute(halves, instance, "all").success
    halves.write("data/raw.json", "5")
    halves.forget()
    outcome = by_dagster(halves, instance, job, assets=["shown", "scored"])
    kind, message = outcome.error or ("", "")
    assert (outcome.success, kind) == (False, "SelectionError")
    assert message.startswith("Node 'score' may read 'kept' before node 'split'")
    assert message.endswith("Select 'kept', too.")
    assert (halves.calls("before_pipeline_run"), halves.read("kept.json")) == ([], 2)
    assert execute(halves, instance, job, assets=["shown", "kept", "scored"]).success
    assert (halves.read("kept.json"), halves.read("scored.json")) == (6, 60)
    halves.write("data/raw.json", "7")
    assert execute(halves, instance, job, assets=["scored"]).success
    assert halves.read("scored.json") == 60


def test_no_step_reads_what_an_earlier_run_has_left_in_memory_of_what_the_run_makes_though_nobody_has_selected_it(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes=SPLIT,
        pipelines=SPLIT_PIPELINES,
        catalog=json_dataset("raw", "shown", "scored"),
        dagster="assets: {cluster_by: node}\njobs: {all: {}}\n",
    )
    project.write("data/raw.json", "1")
    assert execute(project, instance, "all", assets=["shown", "kept", "scored"]).success
    project.write("data/raw.json", "5")
    outcome = by_dagster(project, instance, "all", assets=["shown", "scored"])
    kind, message = outcome.error or ("", "")
    assert (outcome.success, kind) == (False, "SelectionError")
    assert message.endswith("Select 'kept', too.")
    assert execute(project, instance, "all", assets=["shown", "kept", "scored"]).success
    assert project.read("scored.json") == 60


def test_what_makes_a_hidden_dataset_waits_for_what_that_depends_on(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes="def add(value):\n    return value + 1\n\n\ndef tell(value):\n    pass\n",
        pipelines="""{"__default__": pipeline([
            node(add, "raw", "memory", name="a"), node(add, "memory", "final", name="b"), node(tell, "raw", None, name="notify"),
        ])}""",
        catalog=json_dataset("raw", "final"),
        dagster="assets: {memory_assets: false, deps: {memory: [notify]}}\n",
    )
    project.write("data/raw.json", "1")
    graph = load_definitions(project).resolve_asset_graph()
    assert dg.AssetKey("notify") in graph.get(dg.AssetKey("final")).parent_keys
    assert execute(project, instance).success
    assert project.nodes_run() == ["notify", "a", "b"]


def test_check_names_a_selection_that_would_read_too_early(halves: KedroProject) -> None:
    bootstrap_project(halves.path)
    with pytest.raises(ConfigError) as caught:
        list(check_lines(halves.path))
    [problem] = caught.value.problems
    assert (problem.path, problem.source) == ("jobs.some.selection", "conf/base/dagster.yml:6")
    assert "Select 'kept', too." in problem.found
