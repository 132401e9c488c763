"""The secondary view: one op per Kedro node, wired by the datasets that pass between them."""

import dagster as dg
from kedro.pipeline import node

from kedro_assets.config import JobConfig, PartitionsConfig, PipelineFilter, RetryConfig
from kedro_assets.errors import Scope
from kedro_assets.steps import build_resources
from unit.builders import make_node
from unit.records import OneRun, build_jobs_of, make_kedro, make_run

NODES = [
    make_node("a.one", ["raw", "params:p"], ["x@one", "w"], tags=["gpu", "fast"]),
    make_node("two", ["x@one", "x@other"], ["y"]),
    make_node("tell", ["w"]),
]
OPS = {"j": JobConfig(view="ops")}


def job_of(nodes, jobs=OPS, **options):
    jobs, kedro = build_jobs_of(make_kedro(nodes, config={"jobs": jobs}, **options))
    [job] = jobs.values()
    return job.definition, kedro


def waits_for(job):
    """Return the ops that each op waits for, with the output that it waits for."""
    return {
        invocation.alias: {(awaited.node, awaited.output) for awaited in ports.values()}
        for invocation, ports in job.graph.dependencies.items()
    }


def test_every_node_is_an_op_that_waits_for_what_it_reads():
    job, _ = job_of(NODES)
    assert waits_for(job) == {"a_one": set(), "two": {("a_one", "x")}, "tell": {("a_one", "w")}}


def test_an_op_waits_for_what_is_to_be_there_before_its_node():
    job, _ = job_of([*NODES, make_node("last", ["other"], ["z"])], deps={"z": ["tell", "y"]})
    assert waits_for(job)["last"] == {("tell", "node_tell"), ("two", "y")}


def test_of_a_filter_the_ops_wait_for_each_other_only():
    job, _ = job_of(NODES, {"j": JobConfig(view="ops", pipeline=PipelineFilter(node_names=["two", "tell"]))})
    assert waits_for(job) == {"two": set(), "tell": set()}


def test_an_op_has_the_parameters_the_tags_and_the_pool_of_its_node():
    job, _ = job_of(NODES, pools={"gpu": "cards"})
    ops = {op.name: op.definition for op in job.nodes}
    assert list(ops["a_one"].config_schema.config_type.fields["parameters"].config_type.fields) == ["params:p"]
    assert ops["two"].config_schema.config_type.fields == {}
    assert (set(ops["a_one"].tags), ops["a_one"].pool, ops["two"].pool) == ({"gpu", "fast"}, "cards", None)
    assert ops["a_one"].required_resource_keys == {"kedro"}


def test_an_op_has_the_step_tags_of_its_node_whatever_other_nodes_have():
    written = {"gpu": {"dagster-celery/queue": "cards"}, "two": {"dagster/priority": 3}}
    job, _ = job_of(NODES, step_tags=written, merge_step_tags=True)
    ops = {op.name: op.definition.tags for op in job.nodes}
    assert ops["a_one"] == {"fast": "", "gpu": "", "dagster-celery/queue": "cards"}
    assert (ops["two"], ops["tell"]) == ({"dagster/priority": "3"}, {})


def test_an_op_of_a_pipeline_that_makes_no_assets_has_its_step_tags_too(translate_project):
    pipelines = """
        return {
            '__default__': Pipeline([n('a', ['raw'], ['x'])]),
            'rival': Pipeline([n('other', ['raw'], ['x'], tags=['gpu'])]),
        }
    """
    conf = {"dagster.yml": "assets: {step_tags: {gpu: {dagster-celery/queue: cards}}}"}
    job = translate_project(pipelines, conf=conf).definitions.resolve_job_def("rival")
    assert [op.tags["dagster-celery/queue"] for op in job.all_node_defs] == ["cards"]


def test_a_job_of_ops_carries_what_its_entry_says():
    entry = JobConfig(view="ops", description="Daily", tags={"team": "a"}, retries=RetryConfig(2, 30))
    job, kedro = job_of(NODES, {"j": entry}, key_prefix=["eu"])
    assert (job.name, job.description, job.tags["team"]) == ("eu__j", "Daily", "a")
    assert kedro.view("eu__j").ops.keys() == {"a_one", "two", "tell"}
    assert all(op.definition.name.startswith("eu__j__") for op in job.nodes)


def test_what_is_partitioned_is_no_job_of_ops():
    problems = Scope()
    partitions = {"y": PartitionsConfig(static=["k"])}
    jobs, _ = build_jobs_of(make_kedro(NODES, config={"jobs": OPS}, files=["y"], partitions=partitions), problems)
    assert jobs == {}
    assert [(problem.path, problem.found) for problem in problems] == [
        ("jobs.j.view", "its nodes make partitioned data, but a job with `view: ops` cannot have partitions.")
    ]


def test_an_op_runs_its_node_and_tells_which_asset_it_has_made():
    runs, seen = OneRun(None), []
    nodes = [
        node(lambda raw: raw + 1, "raw", "x", name="a"),
        node(lambda x: x + 1, "x", "y", name="b"),
        node(seen.append, "y", None, name="tell"),
    ]
    job, kedro = job_of(nodes, files=["y"], open_runs=runs, memory_assets=False)
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(job)
        runs.run = make_run(None, kedro.plan(run, job), {}, own_process=True)
        runs.run.catalog["raw"] = 1
        bound = dg.Definitions(jobs=[job], resources=build_resources(kedro)).resolve_job_def("j")
        result = bound.execute_in_process(instance=instance)
    assert seen == [3]
    assert [event.asset_key.to_user_string() for event in result.all_events if event.is_step_materialization] == [
        "y",
        "tell",
    ]


def test_ops_of_several_jobs_have_definitions_of_their_own(translate_project):
    pipelines = "return {'__default__': Pipeline([n('b__c', ['r'], ['x']), n('c', ['r'], ['y'])])}"
    definitions = translate_project(
        pipelines, conf={"dagster.yml": "jobs: {a: {view: ops}, a__b: {view: ops}}"}
    ).definitions
    names = [op.name for job in ("a", "a__b") for op in definitions.resolve_job_def(job).all_node_defs]
    assert len(set(names)) == len(names) == 4


def test_a_job_of_a_pipeline_that_competes_can_be_made_of_ops(translate_project, problems_of):
    pipelines = """
        return {'__default__': Pipeline([n('a', ['r'], ['x'])]), 'other': Pipeline([n('b', ['r'], ['x'])])}
    """
    job = "jobs: {j: {pipeline: {pipeline_name: other}%s}}"
    [problem] = problems_of(pipelines, conf={"dagster.yml": job % ""})
    assert all(choice in problem.hint for choice in ("`assets.pipelines`", "`view: ops`", "`assets.key_prefix`"))
    found = translate_project(pipelines, conf={"dagster.yml": job % ", view: ops"}).definitions.resolve_job_def("j")
    assert [op.name for op in found.nodes] == ["b"]
