import dagster as dg
import pytest

from kedro_assets.config import JobConfig, PartitionsConfig, PipelineFilter, RetryConfig, RunConfig
from kedro_assets.errors import Scope
from unit.builders import make_node
from unit.records import build_jobs_of, make_kedro

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
    assert jobs_of(translate_project(TWO)) == {"__default__": {"y"}, "more": {"z"}}


def test_with_jobs_there_are_no_others(translate_project):
    conf = {"dagster.yml": "jobs: {mine: {pipeline: {pipeline_name: more}}, all: {}, up: {selection: '+y'}}"}
    assert jobs_of(translate_project(TWO, conf=conf)) == {"mine": {"z"}, "all": {"y"}, "up": {"x", "y"}}


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


@pytest.mark.parametrize("view", ["assets", "ops"])
def test_a_tag_of_a_job_that_is_no_string_is_json_in_the_tags_of_its_runs(translate_project, view):
    dagster = (
        f"jobs: {{j: {{view: {view}, tags: {{dagster-k8s/config: {{container_config: {{image: a}}}}, n: 1, s: x}}}}}}"
    )
    job = translate_project(TWO, conf={"dagster.yml": dagster}).definitions.resolve_job_def("j")
    assert (
        job.run_tags.items()
        >= {"dagster-k8s/config": '{"container_config": {"image": "a"}}', "n": "1", "s": "x"}.items()
    )


def test_a_tag_of_a_job_that_dagster_could_not_keep_or_read_is_reported(problems_of):
    dagster = "jobs: {j: {tags: {a: {1: 2}, dagster/priority: high, d: null}}}"
    found = [problem.path for problem in problems_of(TWO, conf={"dagster.yml": dagster})]
    assert found == ["jobs.j.tags.a", "jobs.j.tags.dagster/priority", "jobs.j.tags.d"]


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
    assert (problem.path, problem.found) == (
        "jobs.j.selection",
        "a job with `view: ops` cannot be a selection of assets.",
    )


def test_ops_cannot_be_up_to_date(problems_of):
    [problem] = problems_of(conf={"dagster.yml": "jobs: {j: {view: ops, only: stale}}"})
    assert problem.path == "jobs.j.only"
    assert problem.found == "a job with `view: ops` runs all of its ops: only assets can be up to date."


@pytest.mark.filterwarnings("ignore:Parameter `owners`")  # whenever Dagster copies the job
@pytest.mark.newer_jobs
def test_a_job_has_its_owners_metadata_and_condition(translate_project):
    dagster = """
        jobs:
          j:
            owners: [a@example.com, "team:data"]
            metadata: {runbook: https://example.com, limits: {rows: 5}, live: true}
            automation_condition: {any_job_root_assets_match: {eager: null, ignore: 'key:"raw"'}}
          k: {view: ops, owners: ["team:data"], metadata: {level: 2}}
    """
    translation = translate_project(conf={"dagster.yml": dagster})
    job, ops = (translation.definitions.resolve_job_def(name) for name in "jk")
    assert (job.owners, ops.owners) == (["a@example.com", "team:data"], ["team:data"])
    assert {key: value.value for key, value in job.metadata.items()} == {
        "runbook": "https://example.com",
        "limits": {"rows": 5},
        "live": True,
    }
    assert ops.metadata["level"].value == 2
    assert job.automation_condition.get_label() == "any_job_root_assets_match(eager)"
    assert ops.automation_condition is None


@pytest.mark.parametrize(
    ("job", "path", "found"),
    [
        pytest.param("{owners: [team:data, nobody]}", "jobs.j.owners[1]", "'nobody' is not an owner.", marks=pytest.mark.newer_jobs),
        ("{automation_condition: eager}", "jobs.j.automation_condition", "a job has no data of its own"),
        pytest.param("{automation_condition: {any_job_root_assets_match: eagr}}", "jobs.j.automation_condition.any_job_root_assets_match", "no automation condition 'eagr'", marks=pytest.mark.newer_jobs),
        ("{view: ops, automation_condition: {any_job_root_assets_match: eager}}", "jobs.j.automation_condition", "a job with `view: ops`"),
    ],
)  # fmt: skip
def test_owners_and_conditions_of_jobs_that_do_not_fit_are_reported(problems_of, job, path, found):
    [problem] = problems_of(conf={"dagster.yml": f"jobs: {{j: {job}}}"})
    assert (problem.path, found in problem.found) == (path, True), problem


@pytest.mark.newer_jobs
def test_a_condition_cannot_give_runs_of_partitions_their_configuration(problems_of):
    dagster = """
        assets: {partitions: {made: {static: [a, b]}}}
        jobs:
          j: {automation_condition: {any_job_root_assets_match: eager}, config: {runtime_params: {a: 1}}}
          k: {automation_condition: {any_job_root_assets_match: eager}}
    """
    made = "made: {type: json.JSONDataset, filepath: 'a/${runtime_params:partition_key}.json'}\n"
    [problem] = problems_of(conf={"dagster.yml": dagster, "catalog.yml": made})
    assert (problem.path, "the job is partitioned" in problem.found) == ("jobs.j.automation_condition", True)


@pytest.mark.newer_jobs
def test_what_the_installed_dagster_does_not_have_for_jobs_is_reported(problems_of, monkeypatch):
    def older(name, selection, config, description, tags, executor_def, op_retry_policy, metadata=None):
        """Define a job as Dagster 1.13.0 does."""
        return dg_define(name, selection, config, description, tags, metadata=metadata)

    dg_define = dg.define_asset_job
    monkeypatch.setattr(dg, "define_asset_job", older)
    dagster = "jobs: {j: {owners: ['team:a'], automation_condition: {any_job_root_assets_match: eager}}}"
    problems = problems_of(conf={"dagster.yml": dagster})
    assert [problem.path for problem in problems] == ["jobs.j.owners", "jobs.j.automation_condition"]
    assert all(f"the installed Dagster ({dg.__version__}) does not support" in problem.found for problem in problems)


# By hand-made records.


CHAIN = [make_node("a", ["raw", "params:p"], ["x"]), make_node("b", ["x"], ["y"]), make_node("c", ["raw"], ["z"])]


def built(jobs, problems=None, **options):
    kedro = make_kedro(CHAIN, config={"jobs": jobs}, files=["x", "y", "z"], **options)
    return build_jobs_of(kedro, problems)[0]


def selected(job):
    return sorted(key.to_user_string() for key in job.definition.selection.selected_keys)


def test_names_carry_the_prefix_of_the_keys_and_jobs_the_resource_key_of_the_project():
    jobs = built({"training": JobConfig()}, key_prefix=["a"])
    assert (jobs["training"].definition.name, jobs["training"].resource_key) == ("a__training", "kedro_a")
    assert selected(jobs["training"]) == ["a/x", "a/y", "a/z"]


def test_what_a_run_is_given_is_laid_over_what_its_job_gives():
    config = RunConfig({"params:p": 1}, {"m": {"depth": 1, "seed": 2}})
    job = built({"j": JobConfig(config=config, loggers=["console"])}, key_prefix=["a"])["j"]
    assert job.reads == {"a__a": {"params:p"}, "a__b": frozenset(), "a__c": frozenset()}
    assert job.run_config(RunConfig({"params:p": 9}, {"m": {"depth": 3}})) == {
        "ops": {"a__a": {"config": {"parameters": {"params:p": 9}}}},
        "resources": {"kedro_a": {"config": {"runtime_params": {"m": {"depth": 3, "seed": 2}}}}},
        "loggers": {"console": {}},
    }


def test_a_job_has_the_partitions_of_what_it_makes():
    partitions = {"x": PartitionsConfig(static=["k"]), "y": PartitionsConfig(static=["k"])}
    filters = {"j": PipelineFilter(to_nodes=["b"]), "k": PipelineFilter(node_names=["c"])}
    jobs = built({name: JobConfig(pipeline=each) for name, each in filters.items()}, partitions=partitions)
    assert {name: job.partitions for name, job in jobs.items()} == {
        "j": dg.StaticPartitionsDefinition(["k"]),
        "k": None,
    }


MIXED = {
    "x": PartitionsConfig(static=["k"]),
    "y": PartitionsConfig(static=["k"]),
    "z": PartitionsConfig(static=["m", "n"]),
}


def test_a_job_of_two_kinds_of_partitions_is_reported():
    problems = Scope()
    assert built({"j": JobConfig()}, problems, partitions=MIXED) == {}
    [problem] = problems
    assert problem.path == "jobs.j"
    assert problem.found.startswith("its assets have 2 different partitions definitions")
    assert "'x' by" in problem.found
    assert "'z' by" in problem.found


def test_a_pipeline_of_two_kinds_of_partitions_is_no_job_of_its_own():
    assert built({}, partitions=MIXED) == {}


def test_everything_that_is_wrong_with_a_job_is_reported_at_once():
    problems = Scope()
    jobs = {
        "j": JobConfig(selection="nope", retries=RetryConfig(-1)),
        "k": JobConfig(config=RunConfig({"params:q": 1}), retries=RetryConfig(1, backoff="LINEAR")),
        "l": JobConfig(selection="x", view="ops"),
    }
    built(jobs, problems)
    assert [problem.path for problem in problems] == [
        "jobs.j.selection",
        "jobs.j.retries.max_retries",
        "jobs.k.config.parameters.params:q",
        "jobs.k.retries",
        "jobs.l.selection",
    ]


def test_the_executor_is_asked_for_at_the_place_of_the_job():
    asked = []

    def get(wanted, scope):
        asked.append((wanted, scope.path))
        return dg.in_process_executor

    kedro = make_kedro(CHAIN, config={"jobs": {"j": JobConfig(executor="quick"), "k": JobConfig(view="ops")}})
    jobs, _ = build_jobs_of(kedro, get_executor=get)
    assert asked == [("quick", ("jobs", "j", "executor")), (None, ("jobs", "k", "executor"))]
    assert {job.definition.executor_def for job in jobs.values()} == {dg.in_process_executor}
