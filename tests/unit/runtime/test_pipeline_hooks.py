"""Pipeline hooks with the arguments that Kedro's session gives them."""

import traceback
from pathlib import Path
from types import SimpleNamespace

import pytest
from kedro import __version__ as kedro_version
from kedro.framework.hooks import hook_impl

from kedro_assets.config import PipelineFilter
from kedro_assets.runtime import PipelineHooks
from kedro_assets.runtime.identity import RunIdentity
from kedro_assets.runtime.session_run import SessionRun
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


def hooks_of(*nodes, chosen=None, plugins=(), identity=None, executor="multiprocess"):
    graph = make_graph(NODES)
    run = make_run(graph, plan_of(graph, s=nodes), {}, hooks=plugins, identity=identity or RunIdentity("d", RUN_ID))
    run.context = SimpleNamespace(project_path=Path("/project"), env="prod")
    return PipelineHooks(run, SessionRun(chosen or PipelineFilter(), run.plan.pipeline), executor)


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
        "tags": (),
        "from_nodes": [],
        "to_nodes": [],
        "node_names": (),
        "from_inputs": [],
        "to_outputs": [],
        "load_versions": {"x": "2026"},
        "runtime_params": {"depth": 3},
        "pipeline_names": [],
        "namespaces": [],
        "runner": "multiprocess",
        "only_missing_outputs": False,
    }


def test_a_run_of_what_is_missing_is_told_as_kedro_tells_it():
    identity = RunIdentity("d", RUN_ID, only_missing_outputs=True)
    assert hooks_of("a", identity=identity).run_params()["only_missing_outputs"] is True


def test_the_executor_that_runs_in_process_reads_as_kedros_sequential_runner():
    runner = hooks_of("a", executor="in_process").run_params()["runner"]
    assert runner.partition(" at ")[0] == "<kedro.runner.sequential_runner.SequentialRunner object"


def test_the_session_has_an_id_if_it_has_one_in_kedro():
    hooks = hooks_of("a")
    hooks.run.session_id = "7f3a"
    assert hooks.run_params()["session_id"] == "7f3a"


def test_a_hook_finds_the_traceback_of_the_error_and_the_error_keeps_its_context():
    class Traceback:
        @hook_impl
        def on_pipeline_error(self, error):
            self.text = traceback.format_exc()

    def of_user():
        try:
            {}["key"]
        except KeyError:
            raise ValueError("no")  # noqa: B904 - its context is looked at

    plugin = Traceback()
    with pytest.raises(ValueError, match="no") as caught:
        of_user()
    try:
        {}["another one"]
    except KeyError:
        hooks_of("a", plugins=[plugin]).error(caught.value)
    assert "in of_user" in plugin.text
    assert plugin.text.endswith("ValueError: no\n")
    assert str(caught.value.__context__) == "'key'"
