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


def test_jobs_whose_names_differ_only_in_what_dagster_does_not_allow_are_kept_apart(translate_project):
    translation = translate_project(conf={"dagster.yml": "jobs: {a b: {}, a-b: {}, a_b: {}}"})
    assert {name: job.definition.name for name, job in translation.jobs.items()} == {
        "a b": "a_b_2",
        "a-b": "a_b_3",
        "a_b": "a_b",
    }


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


# Schedules.


def schedules_of(translation):
    return {schedule.name: schedule.job_name for schedule in translation.schedules}


def test_a_schedule_has_the_name_it_has_in_dagster_yml(translate_project):
    dagster = """
        schedules:
          nightly: {cron_schedule: "0 2 * * *", execution_timezone: Europe/Berlin, default_status: RUNNING, tags: {a: b}}
          unused: {cron_schedule: "@daily"}
        jobs: {j: {schedule: nightly}}
    """
    [schedule] = translate_project(conf={"dagster.yml": dagster}).schedules
    assert (schedule.name, schedule.job_name) == ("nightly", "j")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "Europe/Berlin")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_a_schedule_written_out_is_stopped_and_named_after_its_job(translate_project):
    dagster = "jobs: {j: {schedule: {cron_schedule: '@daily'}}}"
    [schedule] = translate_project(conf={"dagster.yml": dagster}).schedules
    assert (schedule.name, schedule.default_status) == ("j_schedule", dg.DefaultScheduleStatus.STOPPED)


def test_a_schedule_that_jobs_share_is_one_for_each(translate_project):
    dagster = "schedules: {s: {cron_schedule: '@daily'}}\njobs: {a: {schedule: s}, b: {schedule: s}}"
    assert schedules_of(translate_project(conf={"dagster.yml": dagster})) == {"a__s": "a", "b__s": "b"}


def test_a_job_has_several_schedules(translate_project):
    dagster = """
        schedules: {s: {cron_schedule: "@daily"}}
        jobs: {a: {schedule: [s, {cron_schedule: "@weekly"}, {cron_schedule: "@hourly"}]}}
    """
    assert schedules_of(translate_project(conf={"dagster.yml": dagster})) == {
        "s": "a",
        "a_schedule_2": "a",
        "a_schedule_3": "a",
    }


@pytest.mark.parametrize(
    "dagster",
    [
        "schedules: {a-b: {cron_schedule: '@daily'}, a_b: {cron_schedule: '@daily'}}\njobs: {j: {schedule: a-b}, k: {schedule: a_b}}",
        "jobs: {a-b: {schedule: {cron_schedule: '@daily'}}, a_b: {schedule: {cron_schedule: '@daily'}}}",
        "schedules: {j_schedule: {cron_schedule: '@daily'}}\njobs: {j: {schedule: {cron_schedule: '@daily'}}, k: {schedule: j_schedule}}",
    ],
    ids=["named", "written out", "both"],
)
def test_schedules_whose_names_would_be_one_are_kept_apart(translate_project, dagster):
    assert len(schedules_of(translate_project(conf={"dagster.yml": dagster}))) == 2


def test_an_unknown_schedule_is_reported_with_the_nearest(problems_of):
    dagster = "schedules: {nightly: {cron_schedule: '@daily'}}\njobs: {j: {schedule: [nightly, nigthly]}}"
    [problem] = problems_of(conf={"dagster.yml": dagster})
    assert (problem.path, problem.found) == ("jobs.j.schedule[1]", "no schedule 'nigthly' is defined.")
    assert problem.hint == "Did you mean 'nightly'? Allowed: nightly."


def test_a_schedule_that_was_refused_is_not_reported_as_unknown_too(problems_of):
    dagster = "schedules: {nightly: {cron_schedule: 5}}\njobs: {j: {schedule: nightly}}"
    assert [problem.path for problem in problems_of(conf={"dagster.yml": dagster})] == [
        "schedules.nightly.cron_schedule"
    ]


def test_an_unknown_schedule_is_reported_although_one_with_a_longer_name_was_refused(problems_of):
    dagster = "schedules: {nightly: {cron_schedule: 5}}\njobs: {j: {schedule: night}}"
    paths = {problem.path for problem in problems_of(conf={"dagster.yml": dagster})}
    assert paths == {"schedules.nightly.cron_schedule", "jobs.j.schedule"}


@pytest.mark.parametrize(
    "schedule",
    ["{cron_schedule: nope}", "{cron_schedule: []}", "{cron_schedule: '@daily', execution_timezone: Mars}"],
    ids=["cron", "none", "time zone"],
)
@pytest.mark.parametrize(
    "jobs",
    ["", "jobs: {j: {schedule: s}}", "jobs: {j: {schedule: s}, k: {schedule: s}}"],
    ids=["unused", "used", "shared"],
)
def test_a_schedule_that_dagster_refuses_is_reported_once(problems_of, schedule, jobs):
    [problem] = problems_of(conf={"dagster.yml": f"schedules: {{s: {schedule}}}\n{jobs}"})
    assert problem.path == "schedules.s"


def test_a_schedule_written_out_that_dagster_refuses_is_reported_at_its_job(problems_of):
    [problem] = problems_of(conf={"dagster.yml": "jobs: {j: {schedule: {cron_schedule: nope}}}"})
    assert problem.path == "jobs.j.schedule"
    assert "'nope'" in problem.found


READING = """
    return {
        '__default__': Pipeline([
            n('a', ['raw', 'params:x', 'params:m.depth'], ['b']), n('c', ['b', 'params:x', 'parameters'], ['d']),
            n('e', ['b'], ['f']),
        ]),
        'last': Pipeline([n('e', ['b'], ['f'])]),
    }
"""
FILES = "".join(f"{name}: {{type: json.JSONDataset, filepath: {name}.json}}\n" for name in "bdf")


def test_values_of_a_job_for_parameters_go_to_the_steps_that_read_them(translate_project):
    dagster = "jobs: {j: {config: {parameters: {'params:x': 5, 'params:m.depth': {a: null}}}}}"
    conf = {"dagster.yml": dagster, "parameters.yml": "x: 1\nm: {depth: 3}", "catalog.yml": FILES}
    job = translate_project(READING, conf=conf).definitions.resolve_job_def("j")
    assert job.run_config["ops"] == {
        "a": {"config": {"parameters": {"params:x": 5, "params:m.depth": {"a": None}}}},
        "c": {"config": {"parameters": {"params:x": 5}}},
    }


@pytest.mark.parametrize("job", ["{pipeline: {pipeline_name: last}, ", "{selection: f, "], ids=["filter", "selection"])
def test_a_value_for_a_parameter_that_no_node_of_the_job_reads_is_reported(problems_of, job):
    dagster = f"jobs: {{j: {job}config: {{parameters: {{'params:x': 5}}}}}}}}"
    [problem] = problems_of(READING, conf={"dagster.yml": dagster, "parameters.yml": "x: 1", "catalog.yml": FILES})
    assert (problem.path, problem.found) == (
        "jobs.j.config.parameters.params:x",
        "no node of this job reads 'params:x'.",
    )


def test_load_versions_of_a_job_are_configuration_of_its_runs(translate_project):
    dagster = "jobs: {j: {config: {load_versions: {made: 2026-03-01T12.30.05.123Z}}}}"
    job = translate_project(conf={"dagster.yml": dagster}).definitions.resolve_job_def("j")
    assert job.run_config["resources"]["kedro"]["config"] == {"load_versions": {"made": "2026-03-01T12.30.05.123Z"}}


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
    assert found == {"a_and_b": ({"gpu", "slow"}, "cards"), "c": ({"slow"}, None)}
    ops = {op.name: op for op in translation.definitions.resolve_job_def("j").all_node_defs}
    assert {name: op.pool for name, op in ops.items()} == {"j__a": "cards", "j__b": None, "j__c": None}


def test_a_step_that_would_be_in_two_pools_is_reported(problems_of):
    pipelines = "return {'__default__': Pipeline([n('a', ['r'], ['x'], tags=['t']), n('b', ['x'], ['y'], tags=['u'])])}"
    [problem] = problems_of(pipelines, conf={"dagster.yml": "assets: {pools: {t: one, u: two}}"})
    assert (problem.path, problem.found) == (
        "assets.pools.t",
        "the nodes a, b share a step and would be in the pools one, two.",
    )


def test_a_job_of_ops_cannot_be_a_selection_of_assets(problems_of):
    [problem] = problems_of(conf={"dagster.yml": "jobs: {j: {view: ops, selection: made}}"})
    assert (problem.path, problem.found) == ("jobs.j.selection", "a job of ops cannot be a selection of assets.")


def test_a_job_of_a_pipeline_that_competes_can_be_made_of_ops(translate_project, problems_of):
    pipelines = """
        return {'__default__': Pipeline([n('a', ['r'], ['x'])]), 'other': Pipeline([n('b', ['r'], ['x'])])}
    """
    job = "jobs: {j: {pipeline: {pipeline_name: other}%s}}"
    [problem] = problems_of(pipelines, conf={"dagster.yml": job % ""})
    assert all(choice in problem.hint for choice in ("`assets.pipelines`", "`view: ops`", "`assets.key_prefix`"))
    found = translate_project(pipelines, conf={"dagster.yml": job % ", view: ops"}).definitions.resolve_job_def("j")
    assert [op.name for op in found.nodes] == ["b"]


def test_ops_of_several_jobs_have_definitions_of_their_own(translate_project):
    pipelines = "return {'__default__': Pipeline([n('b__c', ['r'], ['x']), n('c', ['r'], ['y'])])}"
    definitions = translate_project(
        pipelines, conf={"dagster.yml": "jobs: {a: {view: ops}, a__b: {view: ops}}"}
    ).definitions
    names = [op.name for job in ("a", "a__b") for op in definitions.resolve_job_def(job).all_node_defs]
    assert len(set(names)) == len(names) == 4


def test_a_schedule_lays_its_configuration_over_that_of_its_job(translate_project):
    dagster = """
        jobs:
          j:
            config: {runtime_params: {m: {depth: 1, seed: 2}}, parameters: {'params:x': 1}}
            schedule:
              cron_schedule: "@daily"
              config: {runtime_params: {m: {depth: 3}}, parameters: {'params:x': 9}}
    """
    conf = {"dagster.yml": dagster, "parameters.yml": "x: 1\nm: {depth: 3}", "catalog.yml": FILES}
    [schedule] = translate_project(READING, conf=conf).schedules
    tick = schedule.evaluate_tick(dg.build_schedule_context())
    [request] = tick.run_requests
    assert request.run_config["resources"]["kedro"]["config"]["runtime_params"] == {"m": {"depth": 3, "seed": 2}}
    assert request.run_config["ops"]["a"]["config"]["parameters"] == {"params:x": 9}
