"""Clusters as assets that Dagster takes."""

import dagster as dg
import pytest

from kedro_assets.config import PartitionsConfig
from kedro_assets.errors import Scope
from kedro_assets.steps import build_assets, build_resources
from unit.builders import make_node
from unit.records import json_entry, make_kedro, translated

CHAIN = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"]), make_node("c", ["y", "other"])]


def steps_of(nodes, *, jobs=(), **options):
    """Return what Dagster executes, by the name of the step, and everything."""
    kedro, problems = make_kedro(nodes, **options), Scope()
    assets = build_assets(kedro, translated(kedro.project)[1], jobs, problems)
    problems.raise_if_any()
    return {each.op.name: each for each in assets if each.is_executable}, assets


def keys(found):
    return sorted(key.to_user_string() for key in found)


def test_every_cluster_is_a_step_of_its_own():
    steps, assets = steps_of(CHAIN, files=["y"])
    assert {name: keys(step.keys) for name, step in steps.items()} == {"b": ["x", "y"], "c": ["c"]}
    assert keys(key for each in assets if not each.is_executable for key in each.keys) == ["other", "raw"]


def test_a_step_waits_for_what_its_assets_depend_on_and_for_what_is_behind_its_in_memory_data():
    steps, _ = steps_of(CHAIN, files=["y"])
    assert {name: keys(step.keys_by_input_name.values()) for name, step in steps.items()} == {
        "b": ["raw", "x"],
        "c": ["other", "y"],
    }


def test_a_part_of_a_step_can_be_selected():
    steps, _ = steps_of(CHAIN, files=["y"])
    part = steps["b"].subset_for({dg.AssetKey("x")}, None)
    assert keys(part.keys) == ["x"]
    assert all(not out.is_required for out in steps["b"].op.output_dict.values())


def test_every_dataset_is_saved_by_its_io_manager_and_a_node_without_outputs_by_none():
    steps, _ = steps_of(CHAIN, files=["y"])
    outs = {name: out.io_manager_key for step in steps.values() for name, out in step.op.output_dict.items()}
    assert outs == {"x": "x__io_manager", "y": "y__io_manager", "node_c": "io_manager"}


def test_a_step_needs_the_project_and_the_io_managers_of_its_own_only():
    steps, _ = steps_of(CHAIN, files=["y"], key_prefix=["eu"])
    needed = {key for key in steps["eu__b"].required_resource_keys if key != "io_manager"}
    assert needed == {"kedro_eu", "eu__x__io_manager", "eu__y__io_manager"}
    kedro = make_kedro(CHAIN, files=["y"], key_prefix=["eu"])
    bound = steps["eu__b"].with_resources({**build_resources(kedro), "io_manager": dg.fs_io_manager})
    assert set(bound.resource_defs) - {"io_manager"} == needed


def test_steps_carry_the_prefix_of_the_keys():
    steps, _ = steps_of(CHAIN, files=["y"], key_prefix=["eu", "a-b"])
    assert set(steps) == {"eu__a_b__b", "eu__a_b__c"}


def test_steps_do_not_take_the_names_of_jobs():
    steps, _ = steps_of(CHAIN, files=["y"], jobs=["c", "b"])
    assert set(steps) == {"b_step", "c_step"}


def test_outputs_whose_names_differ_only_in_what_dagster_does_not_allow_are_kept_apart():
    steps, _ = steps_of([make_node("n", ["a b", "a-b"], ["x.y", "x-y"])])
    assert {port: key.to_user_string() for port, key in steps["n"].keys_by_output_name.items()} == {
        "x_y": "x/y",
        "x_y_2": "x-y",
    }
    assert len(steps["n"].keys_by_input_name) == 2


def test_every_check_of_a_step_is_an_output_of_it():
    catalog = {"y@one": json_entry("y", validator="shop.Y"), "y@two": json_entry("y", validator="shop.Y")}
    steps, _ = steps_of([make_node("a", ["raw"], ["y@one"]), make_node("b", ["y@two"])], catalog=catalog)
    assert [check.name for check in steps["a"].check_specs] == ["validator_one", "validator_two"]
    assert keys(check.asset_key for check in steps["a"].check_specs) == ["y", "y"]


def test_a_step_says_its_nodes_and_why_they_are_together():
    steps, _ = steps_of(CHAIN, files=["y"])
    assert steps["b"].op.description == "Kedro nodes: a, b.\n'x' is handed on in memory."
    assert steps["b"].op.tags["kedro/nodes"] == "2"


def test_a_step_has_the_partitions_and_the_backfill_policy_of_its_nodes():
    single = PartitionsConfig(static=["k1", "k2"], backfill_policy="single_run")
    steps, _ = steps_of(CHAIN, files=["y"], partitions={"y": single})
    assert steps["b"].partitions_def == dg.StaticPartitionsDefinition(["k1", "k2"])
    assert steps["b"].backfill_policy == dg.BackfillPolicy.single_run()
    assert (steps["c"].partitions_def, steps["c"].backfill_policy) == (None, None)


def test_steps_that_read_the_same_parameters_share_their_schema():
    nodes = [make_node(name, ["raw", "params:p"], [f"{name}_out"]) for name in "ab"]
    steps, _ = steps_of([*nodes, make_node("c", ["raw"], ["c_out"])])
    schemas = {name: step.op.config_schema for name, step in steps.items()}
    assert schemas["a"].config_type is schemas["b"].config_type
    assert schemas["c"].config_type is not schemas["a"].config_type


def test_a_cluster_that_makes_nothing_that_is_shown_is_no_step():
    nodes = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"])]
    steps, _ = steps_of(nodes, files=["y"], memory_assets=False)
    assert {name: keys(step.keys) for name, step in steps.items()} == {"b": ["y"]}


def test_a_step_has_the_tags_and_the_pool_of_its_nodes(translate_project):
    pipelines = """
        return {'__default__': Pipeline([
            n('a', ['r'], ['x'], tags=['gpu', 'slow']), n('b', ['x'], ['y']), n('c', ['r'], ['z'], tags=['slow']),
        ])}
    """
    translation = translate_project(
        pipelines, conf={"dagster.yml": "assets: {pools: {gpu: cards}}\njobs: {j: {view: ops}}"}
    )
    steps = {step.op.name: step.op for step in translation.assets if step.is_executable}
    found = {name: ({*op.tags} - {"kedro/nodes"}, op.pool) for name, op in steps.items()}
    assert found == {"b": ({"gpu", "slow"}, "cards"), "c": ({"slow"}, None)}
    ops = {op.name: op for op in translation.definitions.resolve_job_def("j").all_node_defs}
    assert {name: op.pool for name, op in ops.items()} == {"j__a": "cards", "j__b": None, "j__c": None}


@pytest.mark.parametrize("view", ["assets", "ops"])
def test_the_pool_of_a_step_is_that_of_the_most_specific_key(translate_project, view):
    nodes = """
        return {'__default__': Pipeline([
            n('a', ['raw'], ['x'], tags=['gpu']), n('b', ['raw'], ['y'], namespace='shop', tags=['gpu']),
            n('c', ['raw'], ['z'], namespace='shop', tags=['gpu']),
        ])}
    """
    conf = {"dagster.yml": "assets: {pools: {gpu: tag, shop: namespace, shop.b: name}}\njobs: {j: {view: ops}}"}
    found = translate_project(nodes, conf=conf)
    ops = found.definitions.resolve_job_def("j").all_node_defs
    steps = ops if view == "ops" else [step.op for step in found.assets if step.is_executable]
    assert {step.name.removeprefix("j__"): step.pool for step in steps} == {
        "a": "tag",
        "shop_b": "name",
        "shop_c": "namespace",
    }


def test_a_pool_of_no_node_is_reported(problems_of):
    [problem] = problems_of(conf={"dagster.yml": "assets: {pools: {gpus: cards}}"})
    assert (problem.path, problem.found) == (
        "assets.pools.gpus",
        "no node has 'gpus' as its name, its namespace or a tag.",
    )


def test_a_step_that_would_be_in_two_pools_is_reported(problems_of):
    pipelines = "return {'__default__': Pipeline([n('a', ['r'], ['x'], tags=['t']), n('b', ['x'], ['y'], tags=['u'])])}"
    [problem] = problems_of(pipelines, conf={"dagster.yml": "assets: {pools: {t: one, u: two}}"})
    assert (problem.path, problem.found) == (
        "assets.pools.t",
        "the nodes 'a', 'b' share a step, but would be in several pools: 'one', 'two'.",
    )


STEP_TAGS = """
    assets:
      cluster_by: {cluster_by}
      step_tags:
        gpu: {{dagster-dask/resource_requirements: {{GPU: 1}}}}
        shop: {{dagster-celery/queue: shop}}
        shop.b: {{dagster-celery/queue: own, gpu: "yes"}}
"""
TAGGED = """
    return {'__default__': Pipeline([
        n('a', ['raw'], ['x'], tags=['gpu']), n('c', ['raw'], ['z']),
        n('b', ['raw'], ['y'], namespace='shop', tags=['gpu']), n('d', ['raw'], ['w'], namespace='shop'),
    ])}
"""


@pytest.mark.parametrize("cluster_by", ["memory", "node", "namespace", "tag", "pipeline"])
def test_a_step_has_the_step_tags_of_its_nodes_whatever_makes_the_steps(translate_project, cluster_by):
    translation = translate_project(TAGGED, conf={"dagster.yml": STEP_TAGS.format(cluster_by=cluster_by)})
    steps = {
        node: step.op.tags
        for cluster, step in zip(translation.clusters, (s for s in translation.assets if s.is_executable), strict=True)
        for node in cluster.nodes
    }
    resources, queue = "dagster-dask/resource_requirements", "dagster-celery/queue"
    assert {node: {key: tags.get(key) for key in (resources, queue, "gpu")} for node, tags in steps.items()} == {
        "a": {resources: '{"GPU": 1}', queue: None, "gpu": ""},
        "shop.b": {resources: '{"GPU": 1}', queue: "own", "gpu": "yes"},
        "c": {resources: None, queue: None, "gpu": None},
        "shop.d": {resources: None, queue: "shop", "gpu": None},
    }


def test_a_step_whose_nodes_may_differ_has_the_tags_of_all(translate_project):
    conf = {"dagster.yml": "assets: {merge_step_tags: true, step_tags: {b: {team: x}, a: {size: 3}}}"}
    chain = "return {'__default__': Pipeline([n('a', ['r'], ['x']), n('b', ['x'], ['y'])])}"
    [step] = [each for each in translate_project(chain, conf=conf).assets if each.is_executable]
    assert step.op.tags == {"kedro/nodes": "2", "team": "x", "size": "3"}


def test_nodes_that_differ_and_hand_on_data_in_memory_are_reported_with_the_place(problems_of):
    chain = "return {'__default__': Pipeline([n('a', ['r'], ['x']), n('b', ['x'], ['y'])])}"
    conf = {"dagster.yml": "assets:\n  step_tags:\n    b:\n      dagster-celery/queue: gpu\n"}
    [problem] = problems_of(chain, conf=conf)
    assert (problem.path, problem.source) == ("assets.step_tags.b.dagster-celery/queue", "conf/base/dagster.yml:4")
    assert problem.found.endswith("but have to share a step: 'x' is handed on in memory.")
