"""Jobs before their assets are there: their names and their nodes."""

import pytest

from kedro_assets.config import JobConfig, PipelineFilter
from kedro_assets.errors import Scope
from kedro_assets.jobs import job_filters, stale_jobs
from unit.builders import make_node
from unit.records import make_kedro, plan_jobs_of

NODES = [make_node("a", ["raw"], ["x"], tags=["daily"]), make_node("b", ["x"], ["y"]), make_node("c", ["y"], ["z"])]
PIPELINES = {"__default__": NODES, "etl": NODES[:2], "empty": []}


def planned(jobs=None, problems=None, pipelines=None, **options):
    kedro = make_kedro(pipelines or PIPELINES, config={"jobs": jobs or {}}, **options)
    return plan_jobs_of(kedro, problems)


def nodes(jobs):
    return {name: (job.name, sorted(job.nodes)) for name, job in jobs.items()}


def test_without_jobs_every_pipeline_with_nodes_is_one():
    assert nodes(planned()) == {"__default__": ("__default__", ["a", "b", "c"]), "etl": ("etl", ["a", "b"])}


def test_without_jobs_a_pipeline_that_is_left_out_of_the_assets_is_a_job_of_ops():
    jobs = planned(pipelines={"__default__": NODES, "rival": [make_node("rival", ["raw"], ["x"])]})
    assert nodes(jobs)["rival"] == ("rival", ["rival"])
    assert {name: job.config.view for name, job in jobs.items()} == {"__default__": "assets", "rival": "ops"}
    assert set(planned({"j": JobConfig()}, pipelines={"__default__": NODES, "rival": NODES[:1]})) == {"j"}


def test_a_job_that_nobody_has_written_and_that_cannot_be_is_left_out_without_a_word():
    problems = Scope()
    planned({}, problems, pipelines={"__default__": NODES, "part": NODES[:1]}, memory_assets=False)
    assert not len(problems)


def test_a_job_has_the_nodes_that_its_filter_leaves():
    jobs = {"j": JobConfig(pipeline=PipelineFilter(tags=["daily"])), "all": JobConfig()}
    assert nodes(planned(jobs)) == {"j": ("j", ["a"]), "all": ("all", ["a", "b", "c"])}


def test_a_selection_of_assets_has_no_nodes_yet_and_no_filter():
    jobs = planned({"j": JobConfig(selection="+y"), "k": JobConfig(pipeline=PipelineFilter("etl"))})
    assert nodes(jobs)["j"] == ("j", [])
    assert job_filters(jobs) == {"k": PipelineFilter("etl")}


def test_jobs_carry_the_prefix_of_the_keys():
    jobs = planned({"training": JobConfig(), "a-b": JobConfig()}, key_prefix=["eu"])
    assert {name: job.name for name, job in jobs.items()} == {"training": "eu__training", "a-b": "eu__a_b"}
    assert set(job_filters(jobs)) == {"eu__training", "eu__a_b"}


def test_a_factory_makes_a_job_for_each_pipeline_that_fits():
    pipelines = {"__default__": NODES, "train_a": NODES[:1], "train_b": NODES[:2]}
    jobs = planned({"{model}": JobConfig(pipeline=PipelineFilter("train_{model}"))}, pipelines=pipelines)
    assert nodes(jobs) == {"a": ("a", ["a"]), "b": ("b", ["a", "b"])}


def test_a_job_of_ops_sees_its_own_pipeline_alone_whatever_it_competes_with():
    rival = [make_node("rival", ["raw"], ["x"])]
    jobs = planned(
        {"j": JobConfig(view="ops", pipeline=PipelineFilter("rival"))}, pipelines={"__default__": NODES, "rival": rival}
    )
    assert nodes(jobs) == {"j": ("j", ["rival"])}
    assert list(jobs["j"].graph.nodes) == ["rival"]
    assert planned({"j": JobConfig()})["j"].graph is None


@pytest.mark.parametrize("view", ["assets", "ops"])
def test_a_filter_that_does_not_fit_is_reported_at_its_job(view):
    problems = Scope()
    jobs = planned({"j": JobConfig(view=view, pipeline=PipelineFilter("etk"))}, problems)
    assert [problem.path for problem in problems] == ["jobs.j.pipeline.pipeline_name"]
    assert nodes(jobs) == {"j": ("j", [])}


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (PipelineFilter(node_names=["a"]), "node 'a'"),
        (PipelineFilter(node_names=["a", "b"]), "nodes 'a', 'b'"),
        (PipelineFilter(to_nodes=["b"]), "nodes 'a', 'b'"),
    ],
    ids=["one by name", "several by name", "up to a node"],
)
def test_nodes_that_a_job_of_assets_would_leave_out_are_reported(wanted, left):
    problems = Scope()
    planned({"j": JobConfig(pipeline=wanted)}, problems, memory_assets=False)
    [problem] = problems
    assert problem.path == "jobs.j.pipeline"
    assert problem.found.startswith(f"this job would leave out the {left}: ")
    assert "`assets.memory_assets: true`" in problem.hint


@pytest.mark.parametrize("view", ["assets", "ops"])
def test_nodes_behind_hidden_datasets_are_part_of_a_job(view):
    problems = Scope()
    job = JobConfig(view=view, pipeline=PipelineFilter(node_names=["a", "b"] if view == "ops" else ["b", "c"]))
    assert nodes(planned({"j": job}, problems, memory_assets=False))["j"][1] == job.pipeline.node_names
    assert not problems.failed


def test_jobs_whose_names_differ_only_in_what_dagster_does_not_allow_are_kept_apart(translate_project):
    translation = translate_project(conf={"dagster.yml": "jobs: {a b: {}, a-b: {}, a_b: {}}"})
    assert {name: job.definition.name for name, job in translation.jobs.items()} == {
        "a b": "a_b_2",
        "a-b": "a_b_3",
        "a_b": "a_b",
    }


def test_jobs_that_make_only_what_is_not_up_to_date_are_known_by_their_names_in_dagster():
    jobs = planned({"a b": JobConfig(only="stale"), "c": JobConfig()}, Scope())
    assert stale_jobs(jobs) == {"a_b"}
