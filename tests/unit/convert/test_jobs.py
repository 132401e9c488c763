"""dagster.yml of kedro-dagster."""

import pytest

from kedro_assets.convert.jobs import converted_dagster
from kedro_assets.errors import Scope


def convert(content, executors=None):
    problems = Scope()
    known = content.get("executors") if executors is None else executors
    found = converted_dagster(content, known if isinstance(known, dict) else {}, problems)
    assert converted_dagster(found, {}, Scope()) == found  # the second time changes nothing
    return found, [problem.path for problem in problems]


def test_what_both_have_stays():
    content = {
        "executors": {"one": {"in_process": {}}},
        "schedules": {"daily": {"cron_schedule": "0 0 * * *", "execution_timezone": "UTC", "description": "x"}},
        "jobs": {"all": {"pipeline": {"pipeline_name": "__default__"}, "executor": "one", "schedule": "daily"}},
    }
    assert convert(content) == (content, [])


def test_retries_of_celery_become_those_of_the_jobs():
    content = {"executors": {"c": {"celery_executor": {"retries": 2}}}, "jobs": {"a": {"executor": "c"}, "b": {}}}
    found, problems = convert(content)
    assert found["jobs"] == {"a": {"executor": "c", "retries": {"max_retries": 2}}, "b": {}}
    assert problems == []


def test_retries_of_an_executor_of_another_file_reach_the_jobs():
    found, _ = convert({"jobs": {"a": {"executor": "c"}}}, {"c": {"celery_executor": {"retries": 3}}})
    assert found["jobs"]["a"]["retries"] == {"max_retries": 3}


def test_retries_that_a_job_has_stay():
    content = {"jobs": {"a": {"executor": {"broker": "x", "retries": 2}, "retries": {"max_retries": 5}}}}
    found, _ = convert(content)
    assert found["jobs"]["a"] == {"executor": {"celery_executor": {"broker": "x"}}, "retries": {"max_retries": 5}}


def test_a_logger_that_a_job_writes_out_gets_a_name():
    logger = {"log_level": "info"}
    content = {"loggers": {"x": {}}, "jobs": {"{n}-daily": {"loggers": ["x", logger, {"log_level": "ERROR"}, logger]}}}
    found, _ = convert(content)
    assert found["loggers"] == {
        "x": {},
        "n_daily_logger": {"log_level": "INFO"},
        "n_daily_logger_2": {"log_level": "ERROR"},
    }
    assert found["jobs"]["{n}-daily"]["loggers"] == ["x", "n_daily_logger", "n_daily_logger_2", "n_daily_logger"]


@pytest.mark.parametrize("key", ["metadata", "unknown"])
def test_what_a_schedule_does_not_have_is_left_out_and_reported(key):
    content = {
        "schedules": {"daily": {"cron_schedule": "@daily", key: 1}},
        "jobs": {"a": {"schedule": {"cron_schedule": "@daily", key: 1}}},
    }
    found, problems = convert(content)
    assert found["schedules"]["daily"] == found["jobs"]["a"]["schedule"] == {"cron_schedule": "@daily"}
    assert problems == [f"schedules.daily.{key}", f"jobs.a.schedule.{key}"]


def test_options_of_dev_are_said_as_those_of_the_command():
    problems = Scope()
    assert converted_dagster({"dev": {"port": "3000", "log_level": "info"}}, {}, problems) == {}
    assert "kedro assets dev --port 3000 --log-level info" in next(iter(problems)).hint


@pytest.mark.parametrize("key", ["executors", "schedules", "loggers", "jobs"])
@pytest.mark.parametrize("value", [None, [], "x", {"a": None}, {"a": "x"}], ids=str)
def test_what_does_not_fit_is_left_to_the_check(key, value):
    assert convert({key: value}) == ({key: value}, [])
