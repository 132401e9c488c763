"""What each step of a run does, told from Dagster's own record of the run."""

import dagster as dg
import pytest

from kedro_assets.graph import Cluster
from kedro_assets.runtime import View
from unit.builders import make_node
from unit.records import definitions_of, make_kedro, make_table, run_of

# a -memory-> b -file-> c
CHAIN = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"]), make_node("c", ["y"])]


@pytest.fixture(scope="module")
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def plan_of_run(instance, *keys, native=(), steps=None, **options):
    kedro = make_kedro(CHAIN, **{"files": ["y"], **options})
    run, job = run_of(definitions_of(kedro, *native), instance, *keys)
    return kedro.plan(run._replace(step_keys_to_execute=steps) if steps else run, job)


def steps_of(plan):
    return {step: each.nodes for step, each in plan.steps.items()}


def test_every_step_runs_the_nodes_that_its_selected_assets_need(instance):
    assert steps_of(plan_of_run(instance)) == {"b": ("a", "b"), "c": ("c",)}
    assert steps_of(plan_of_run(instance, "x")) == {"b": ("a",)}
    assert steps_of(plan_of_run(instance, "y", "c")) == {"b": ("a", "b"), "c": ("c",)}


def test_steps_that_are_not_executed_are_not_in_the_plan(instance):
    plan = plan_of_run(instance, steps=["c"])
    assert (steps_of(plan), plan.inputs) == ({"c": ("c",)}, {"y"})


def test_steps_that_make_nothing_of_what_is_to_be_made_are_not_in_the_plan(instance):
    kedro = make_kedro(CHAIN, files=["x", "y"], cluster_by="pipeline")
    run, job = run_of(definitions_of(kedro), instance)
    assert steps_of(kedro.plan(run, job, {dg.AssetKey("y")})) == {"a": ("b",)}
    kedro = make_kedro(CHAIN, files=["y"])
    run, job = run_of(definitions_of(kedro), instance)
    assert steps_of(kedro.plan(run, job, {dg.AssetKey("c")})) == {"c": ("c",)}
    assert steps_of(kedro.plan(run, job, set())) == {}


def test_steps_of_other_origin_are_left_out(instance):
    @dg.asset(deps=["y"])
    def native():
        pass

    assert steps_of(plan_of_run(instance, "native", native=[native])) == {}
    assert set(steps_of(plan_of_run(instance, native=[native]))) == {"b", "c"}


def test_in_memory_data_that_an_asset_of_other_origin_reads_is_handed_out(instance):
    @dg.asset(deps=["x"])
    def native():
        pass

    assert plan_of_run(instance, native=[native]).steps["b"].handed_out == {"x"}
    assert plan_of_run(instance).steps["b"].handed_out == frozenset()


def test_in_memory_data_that_an_asset_of_other_origin_makes_is_handed_in(instance):
    @dg.asset
    def raw():
        pass

    left = {"raw": {"type": "MemoryDataset", "metadata": {"dagster": {"external": False}}}}
    assert plan_of_run(instance, native=[raw], catalog=left).steps["b"].handed_in == {"raw"}
    assert plan_of_run(instance).steps["b"].handed_in == frozenset()


def test_a_job_of_ops_has_a_step_for_each_node():
    table = make_table(CHAIN, cluster_by="node")
    view = View(table, {"a_1": Cluster("a", ("a",)), "b_1": Cluster("b", ("b",))})
    ops = [dg.OpDefinition(lambda: None, name, ins={}, outs={"result": dg.Out(dg.Nothing)}) for name in view.ops]
    job = dg.GraphDefinition("g", node_defs=ops).to_job()
    with dg.DagsterInstance.ephemeral() as instance:
        plan = view.plan(instance.create_run_for_job(job), job)
    assert steps_of(plan) == {"a_1": ("a",), "b_1": ("b",)}
    assert (plan.steps["a_1"].handed_out, plan.steps["b_1"].handed_in) == ({"x"}, {"x"})


def test_parameters_are_checked_for_the_smallest_pipeline_around_a_run(instance):
    pipelines = {"__default__": CHAIN, "etl": CHAIN[:2], "first": CHAIN[:1]}
    kedro = make_kedro(pipelines, files=["y"])
    definitions = definitions_of(kedro)
    around = {
        keys: kedro.assets.pipeline_around(kedro.plan(*run_of(definitions, instance, *keys)))
        for keys in ((), ("y",), ("x",), ("c",))
    }
    assert around == {(): None, ("y",): "etl", ("x",): "first", ("c",): None}
