"""With a module in MLflow's place; tests/integration/test_mlflow.py has the real one."""

import sys
from types import SimpleNamespace

import dagster as dg
import pytest

from kedro_assets.runtime.identity import RunIdentity
from kedro_assets.runtime.mlflow_run import join_run, left_as_found, run_link, run_tags
from unit.builders import make_graph, make_node
from unit.records import RUN_ID, make_run, plan_of


class FakeMLflow:
    """A stack of active runs, as MLflow keeps one per thread."""

    def __init__(self, address="sqlite:///mlflow.db"):
        self.active = []
        self.ended = []
        self._address = address

    def active_run(self):
        return self.active[-1] if self.active else None

    def start_run(self, run_id):
        self.active.append(SimpleNamespace(info=SimpleNamespace(run_id=run_id, experiment_id="7")))

    def end_run(self, status):
        self.ended.append((self.active.pop().info.run_id, status))

    def get_tracking_uri(self):
        return self._address


@pytest.fixture
def mlflow(monkeypatch):
    fake = FakeMLflow()
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    return fake


def test_without_mlflow_nothing_happens(monkeypatch):
    monkeypatch.delitem(sys.modules, "mlflow", raising=False)
    with left_as_found():
        join_run("one")
    assert (run_tags(), run_link()) == ({}, {})
    assert "mlflow" not in sys.modules


def test_without_an_active_run_there_is_no_tag_and_no_link(mlflow):
    assert (run_tags(), run_link()) == ({}, {})


def test_a_step_goes_on_with_the_run_of_the_runs_own_process(mlflow):
    join_run("one")
    assert run_tags() == {"mlflow/run_id": "one"}
    join_run("two")
    assert [run.info.run_id for run in mlflow.active] == ["one"]


def test_a_step_of_a_run_without_an_mlflow_run_starts_none(mlflow):
    join_run(None)
    assert not mlflow.active


def test_runs_that_are_left_active_are_ended(mlflow):
    mlflow.start_run("outer")
    with left_as_found():
        mlflow.start_run("one")
        mlflow.start_run("one")
    assert [run.info.run_id for run in mlflow.active] == ["outer"]
    assert mlflow.ended == [("one", "FINISHED"), ("one", "FINISHED")]


def test_the_run_with_which_other_processes_go_on_is_left_running(mlflow):
    with left_as_found(running="one"):
        join_run("one")
        mlflow.start_run("of a node")
    assert (mlflow.active, mlflow.ended) == ([], [("of a node", "FINISHED"), ("one", "RUNNING")])


def joined(**identity):
    """A run as a step has it open."""
    graph = make_graph([make_node("a", ["raw"], ["x"])])
    return make_run(graph, plan_of(graph, s=["a"]), {}, identity=RunIdentity("d", RUN_ID, **identity)).joined()


def test_two_runs_in_a_worker_that_lives_on_log_to_an_mlflow_run_each(mlflow):
    seen = []
    for run_id in ("one", "two"):
        with joined(env="base", mlflow_run_id=run_id):
            seen.append(mlflow.active_run().info.run_id)
    assert (seen, mlflow.active) == (["one", "two"], [])
    assert mlflow.ended == [("one", "RUNNING"), ("two", "RUNNING")]


def test_in_the_runs_own_process_what_a_node_begins_stays_for_the_next_one(mlflow):
    mlflow.start_run("of the hook")
    with joined():
        mlflow.start_run("of a node")
    assert [run.info.run_id for run in mlflow.active] == ["of the hook", "of a node"]


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("sqlite:///mlflow.db", dg.MetadataValue.text("one")),
        ("databricks", dg.MetadataValue.text("one")),
        ("http://host:5000", dg.MetadataValue.url("http://host:5000/#/experiments/7/runs/one")),
        ("https://me:hunter2@host/mlflow", dg.MetadataValue.url("https://host/mlflow/#/experiments/7/runs/one")),
    ],
)
def test_the_link_leads_to_the_server_and_has_no_password(monkeypatch, address, value):
    fake = FakeMLflow(address)
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    fake.start_run("one")
    assert run_link() == {"mlflow/run": value}
