import dagster as dg
import pytest

TWO = """
    return {
        '__default__': Pipeline([n('a', ['raw'], ['x']), n('b', ['x'], ['y'])]),
        'more': Pipeline([n('c', ['raw'], ['z'])]),
        'empty': Pipeline([]),
    }
"""


def jobs_of(translation):
    """Give what each job makes, by its name in Dagster."""
    names = [job.definition.name for job in translation.jobs.values()]
    return {
        name: {
            key.to_user_string()
            for key in translation.definitions.resolve_job_def(name).asset_layer.selected_asset_keys
        }
        for name in names
    }


def test_without_jobs_every_pipeline_with_nodes_is_one(translate_project):
    assert jobs_of(translate_project(TWO)) == {"__default__": {"x", "y"}, "more": {"z"}}


def test_with_jobs_there_are_no_others(translate_project):
    conf = {"dagster.yml": "jobs: {mine: {pipeline: {pipeline_name: more}}, all: {}, up: {selection: '+y'}}"}
    assert jobs_of(translate_project(TWO, conf=conf)) == {"mine": {"z"}, "all": {"x", "y"}, "up": {"x", "y"}}


@pytest.mark.parametrize(
    ("pipelines", "dagster"),
    [
        ("return {'__default__': Pipeline([n('etl', ['r'], ['x'])])}", "jobs: {etl: {}}"),
        ("p = Pipeline([n('etl', ['r'], ['x']), n('b', ['r'], ['y'])])\nreturn {'__default__': p, 'etl': p}", ""),
        (
            "p = Pipeline([n('a', ['r'], ['x']), n('b', ['r'], ['y'])])\nreturn {'etl': p}",
            "assets: {cluster_by: pipeline}",
        ),
    ],
    ids=["job and node", "pipeline and node", "pipeline and cluster"],
)
def test_a_job_may_have_the_name_of_a_node_or_a_cluster(translate_project, pipelines, dagster):
    assert "etl" in translate_project(pipelines, conf={"dagster.yml": dagster}).jobs


def test_a_job_carries_its_description_tags_retries_and_runtime_parameters(translate_project):
    dagster = """
        jobs:
          j:
            description: Daily
            tags: {team: growth}
            retries: {max_retries: 2, delay: 30}
            config: {runtime_params: {a: {b: [1]}}}
    """
    translation = translate_project(conf={"dagster.yml": dagster})
    job = translation.definitions.resolve_job_def("j")
    assert (job.description, job.tags["team"]) == ("Daily", "growth")
    assert translation.jobs["j"].definition.op_retry_policy == dg.RetryPolicy(max_retries=2, delay=30)
    assert job.run_config == {"resources": {"kedro": {"config": {"runtime_params": {"a": {"b": [1]}}}}}}


@pytest.mark.parametrize("text", ["nope", "group:((", "group:nope", "a +"], ids=["key", "syntax", "empty", "word"])
def test_a_selection_that_selects_nothing_is_reported(problems_of, text):
    [problem] = problems_of(conf={"dagster.yml": f"jobs: {{j: {{selection: '{text}'}}}}"})
    assert problem.path == "jobs.j.selection"


def test_priority_and_retries_of_a_run_are_tags_that_dagster_reads(translate_project):
    dagster = "jobs: {j: {priority: 0, run_retries: 2, tags: {team: growth, dagster/priority: '9'}}}"
    job = translate_project(conf={"dagster.yml": dagster}).definitions.resolve_job_def("j")
    assert job.tags == {"team": "growth", "dagster/priority": "9", "dagster/max_retries": "2"}


@pytest.mark.parametrize(
    ("retries", "path"),
    [("{max_retries: -1}", "jobs.j.retries.max_retries"), ("{max_retries: 1, backoff: LINEAR}", "jobs.j.retries")],
    ids=["negative", "backoff without delay"],
)
def test_retries_that_dagster_refuses_are_reported(problems_of, retries, path):
    assert [problem.path for problem in problems_of(conf={"dagster.yml": f"jobs: {{j: {{retries: {retries}}}}}"})] == [
        path
    ]


def test_a_job_of_ops_cannot_be_a_selection_of_assets(problems_of):
    [problem] = problems_of(conf={"dagster.yml": "jobs: {j: {view: ops, selection: made}}"})
    assert (problem.path, problem.found) == ("jobs.j.selection", "a job of ops cannot be a selection of assets.")
