"""Names that a conversion changes."""

import pytest

from kedro_assets.convert.new_names import renamed_jobs, renamed_schedules


@pytest.mark.parametrize(
    ("assets", "renamed"),
    [
        ({}, [("local__daily", "daily"), ("local__{ns}_x", "{ns}_x")]),
        ({"key_prefix": ["local"]}, []),
        ({"key_prefix": ["shop"]}, [("local__daily", "shop__daily"), ("local__{ns}_x", "shop__{ns}_x")]),
    ],
    ids=["no prefix", "the environment", "another prefix"],
)
def test_jobs_lose_the_environment_before_their_names(assets, renamed):
    content = {"assets": assets, "jobs": {"daily": {}, "{ns}_x": {}}}
    assert list(renamed_jobs(content, "local")) == renamed


@pytest.mark.parametrize(
    ("jobs", "renamed"),
    [
        ({"a": {"schedule": "daily"}}, [("a", "a_daily_schedule", "daily")]),
        (
            {"a": {"schedule": "daily"}, "b": {"schedule": "daily"}},
            [("a", "a_daily_schedule", "a__daily"), ("b", "b_daily_schedule", "b__daily")],
        ),
        ({"{n}": {"schedule": "daily"}}, [("{n}", "{n}_daily_schedule", "{n}__daily")]),
        ({"a": {"schedule": {"cron_schedule": "@daily"}}}, [("a", "a__schedule", "a_schedule")]),
        ({"a": {}, "b": None}, []),
    ],
    ids=["alone", "shared", "factory", "written out", "none"],
)
def test_schedules_have_their_names_in_dagster_yml(jobs, renamed):
    assert list(renamed_schedules({"jobs": jobs})) == renamed


def test_without_jobs_nothing_is_renamed():
    assert list(renamed_jobs({"jobs": None}, "local")) == list(renamed_schedules({})) == []
