"""What starts jobs, and what it is called in Dagster."""

import pytest

from kedro_assets.config import AssetsConfig, DagsterConfig, JobConfig, ScheduleConfig, SensorConfig
from kedro_assets.errors import Scope
from kedro_assets.jobs.plan import PlannedJob
from kedro_assets.jobs.triggers import build_triggers

DAILY, WEEKLY = ScheduleConfig("@daily"), ScheduleConfig("@weekly")


def triggers(problems=None, *, valid=None, prefix=(), schedules=None, **jobs):
    """Return the schedules of jobs as (name, configuration, job, path)."""
    config = DagsterConfig(schedules=schedules or {}, assets=AssetsConfig(key_prefix=list(prefix)))
    planned = {name: PlannedJob(name, JobConfig(schedule=schedule)) for name, schedule in jobs.items()}
    scope = Scope() if problems is None else problems
    found = build_triggers("schedule", config.schedules if valid is None else valid, config, planned, scope)
    if problems is None:
        scope.raise_if_any()
    return [(one.name, one.config, one.job, ".".join(map(str, one.scope.path))) for one in found]


def test_a_job_that_names_none_is_started_by_none():
    assert triggers(j=None, schedules={"s": DAILY}) == []


def test_a_schedule_keeps_its_name_unless_jobs_share_it():
    assert triggers(schedules={"s": DAILY, "t": WEEKLY}, a="s", b=["s", "t"]) == [
        ("a__s", DAILY, "a", "jobs.a.schedule"),
        ("b__s", DAILY, "b", "jobs.b.schedule.0"),
        ("t", WEEKLY, "b", "jobs.b.schedule.1"),
    ]


def test_one_that_is_written_out_is_called_after_its_job():
    assert [(name, config) for name, config, *_ in triggers(j=[DAILY, WEEKLY], k=DAILY)] == [
        ("j_schedule", DAILY),
        ("j_schedule_2", WEEKLY),
        ("k_schedule", DAILY),
    ]


def test_names_carry_the_prefix_of_the_keys():
    assert [name for name, *_ in triggers(prefix=["eu"], schedules={"s": DAILY}, a="s", b=WEEKLY)] == [
        "eu__s",
        "eu__b_schedule",
    ]


def test_names_that_would_be_one_in_dagster_are_kept_apart():
    found = triggers(schedules={"a-b": DAILY, "a_b": WEEKLY}, j="a-b", k="a_b")
    assert [name for name, *_ in found] == ["a_b", "a_b_2"]


def test_an_unknown_name_is_reported_with_the_nearest():
    problems = Scope()
    assert triggers(problems, schedules={"nightly": DAILY}, j="nigthly", k=[WEEKLY, "no"])[0][0] == "k_schedule"
    assert [(problem.path, problem.found) for problem in problems] == [
        ("jobs.j.schedule", "no schedule 'nigthly' is defined."),
        ("jobs.k.schedule[1]", "no schedule 'no' is defined."),
    ]
    assert next(iter(problems)).hint.startswith("Did you mean 'nightly'?")


def test_one_that_was_refused_is_not_unknown_too():
    problems = Scope()
    problems.at("schedules", "s", "cron_schedule").add("no")
    assert triggers(problems, valid={}, schedules={"s": DAILY}, j="s") == []
    assert len(problems) == 1


@pytest.mark.parametrize("kind", ["schedule", "sensor"])
def test_sensors_are_named_alike(kind):
    given = {"schedule": DAILY, "sensor": SensorConfig(asset="x")}[kind]
    planned = {"j": PlannedJob("eu__j", JobConfig(**{kind: given}))}
    [found] = build_triggers(kind, {}, DagsterConfig(), planned, Scope())
    assert (found.name, found.config, found.job) == (f"j_{kind}", given, "j")
