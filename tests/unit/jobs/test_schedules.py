from datetime import datetime, timezone

import dagster as dg
import pytest

from kedro_assets.config import JobConfig, PartitionsConfig, RunConfig, ScheduleConfig
from kedro_assets.errors import Scope
from kedro_assets.jobs import build_schedules
from unit.builders import make_node
from unit.records import build_jobs_of, definitions_of, make_kedro, plan_jobs_of

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


def test_a_schedule_that_no_time_fits_is_reported(problems_of):
    dagster = "schedules: {never: {cron_schedule: ['@daily', '0 0 31 2,4 *']}}\njobs: {j: {schedule: never}}"
    [problem] = problems_of(conf={"dagster.yml": dagster})
    assert (problem.path, problem.found) == (
        "schedules.never.cron_schedule",
        "no time fits this cron expression, so the schedule would never tick.",
    )


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


# By hand-made records.


def built(problems=None, *, schedules=None, **options):
    """Build the schedules of one job `j`, which is started by `s`."""
    config = {"jobs": {"j": JobConfig(schedule="s")}, "schedules": schedules}
    kedro = make_kedro([make_node("a", ["raw", "params:p"], ["x"])], config=config, files=["x"], **options)
    jobs, kedro = build_jobs_of(kedro)
    scope = Scope() if problems is None else problems
    found = build_schedules(kedro.project.config, plan_jobs_of(kedro), jobs, scope)
    if problems is None:
        scope.raise_if_any()
    return found


def test_a_schedule_carries_the_prefix_of_the_keys_and_starts_the_job_that_does():
    [schedule] = built(schedules={"s": ScheduleConfig("@daily")}, key_prefix=["eu"])
    assert (schedule.name, schedule.job_name) == ("eu__s", "eu__j")


def test_a_schedule_of_a_job_of_partitions_starts_a_run_for_each_that_is_due():
    partitions = {"x": PartitionsConfig(static=["k1", "k2"])}
    config = ScheduleConfig("@daily", tags={"team": "a"}, config=RunConfig({"params:p": 1}))
    [schedule] = built(schedules={"s": config}, partitions=partitions)
    options = {"files": ["x"], "partitions": partitions}
    definitions = definitions_of(
        make_kedro([make_node("a", ["raw", "params:p"], ["x"])], **options), jobs=[schedule.job]
    )
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime(2026, 1, 2, tzinfo=timezone.utc),
        repository_def=definitions.get_repository_def(),
    )
    requests = schedule.evaluate_tick(context).run_requests
    assert [(each.partition_key, each.tags["team"]) for each in requests] == [("k1", "a"), ("k2", "a")]
    assert requests[0].run_config == {"ops": {"a": {"config": {"parameters": {"params:p": 1}}}}}


def test_a_parameter_that_no_node_of_the_job_reads_is_reported_where_the_job_names_the_schedule():
    problems = Scope()
    built(problems, schedules={"s": ScheduleConfig("@daily", config=RunConfig({"params:q": 1}))})
    assert [problem.path for problem in problems] == ["jobs.j.schedule.config.parameters.params:q"]


def test_a_schedule_that_no_job_names_is_checked_all_the_same():
    problems = Scope()
    [schedule] = built(problems, schedules={"s": ScheduleConfig("@daily"), "t": ScheduleConfig("61 * * * *")})
    assert (schedule.name, [problem.path for problem in problems]) == ("s", ["schedules.t"])
