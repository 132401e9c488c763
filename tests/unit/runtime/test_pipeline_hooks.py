"""Pipeline hooks with the arguments that Kedro's session gives them."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from kedro import __version__ as kedro_version
from kedro.framework.hooks import hook_impl

from kedro_assets.config import PipelineFilter
from kedro_assets.runtime import JobFilter, PipelineHooks
from kedro_assets.runtime.identity import RunIdentity
from unit.builders import make_graph, make_node
from unit.records import RUN_ID, make_run, plan_of

NODES = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"])]


class Pipelines:
    """Keeps the arguments of pipeline hooks."""

    def __init__(self):
        self.calls = []

    @hook_impl
    def before_pipeline_run(self, run_params, pipeline, catalog):
        self.calls.append(("before", run_params["run_id"], [node.name for node in pipeline.nodes], catalog))

    @hook_impl
    def after_pipeline_run(self, run_params, run_result, pipeline, catalog):
        self.calls.append(("after", run_result, [node.name for node in pipeline.nodes], catalog))

    @hook_impl
    def on_pipeline_error(self, error, run_params, pipeline, catalog):
        self.calls.append(("error", error, [node.name for node in pipeline.nodes], catalog))


def hooks_of(*nodes, job_filter=None, plugins=(), identity=None):
    graph = make_graph(NODES)
    run = make_run(graph, plan_of(graph, s=nodes), {}, hooks=plugins, identity=identity or RunIdentity("d", RUN_ID))
    run.context = SimpleNamespace(project_path=Path("/project"), env="prod")
    return PipelineHooks(run, job_filter, "multiprocess")


def test_every_hook_gets_the_nodes_of_the_run_and_its_catalog():
    plugin, error = Pipelines(), ValueError("no")
    hooks = hooks_of("b", plugins=[plugin])
    hooks.before()
    hooks.after({"y": 1})
    hooks.error(error)
    catalog = hooks.run.catalog
    assert plugin.calls == [
        ("before", RUN_ID, ["b"], catalog),
        ("after", {"y": 1}, ["b"], catalog),
        ("error", error, ["b"], catalog),
    ]


def test_a_run_is_described_with_kedros_keys():
    identity = RunIdentity("d", RUN_ID, {"depth": 3}, {"x": "2026"})
    assert hooks_of("a", "b", identity=identity).run_params() == {
        "run_id": RUN_ID,
        "project_path": "/project",
        "env": "prod",
        "kedro_version": kedro_version,
        "tags": None,
        "from_nodes": None,
        "to_nodes": None,
        "node_names": ["a", "b"],
        "from_inputs": None,
        "to_outputs": None,
        "load_versions": {"x": "2026"},
        "runtime_params": {"depth": 3},
        "pipeline_names": None,
        "namespaces": None,
        "runner": "multiprocess",
        "only_missing_outputs": False,
    }


def test_a_run_of_what_is_missing_is_told_as_kedro_tells_it():
    identity = RunIdentity("d", RUN_ID, only_missing_outputs=True)
    assert hooks_of("a", identity=identity).run_params()["only_missing_outputs"] is True


def test_a_run_of_all_nodes_of_its_job_has_the_filter_of_the_job():
    chosen = PipelineFilter("etl", from_nodes=["a"], tags=["daily"], node_namespaces=["shop"])
    params = hooks_of("a", "b", job_filter=JobFilter(chosen, frozenset("ab"))).run_params()
    assert (params["pipeline_names"], params["from_nodes"], params["tags"], params["namespaces"]) == (
        ["etl"],
        ["a"],
        ["daily"],
        ["shop"],
    )
    assert params["node_names"] is None


@pytest.mark.parametrize("nodes", [["a"], ["b"]], ids=str)
def test_a_run_of_some_nodes_of_its_job_names_them(nodes):
    params = hooks_of(*nodes, job_filter=JobFilter(PipelineFilter("etl", tags=["daily"]), frozenset("ab"))).run_params()
    assert (params["pipeline_names"], params["tags"], params["node_names"]) == (None, None, nodes)
