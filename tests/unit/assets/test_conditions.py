from datetime import timedelta

import dagster as dg
import pytest

from kedro_assets.assets.conditions import build_condition, build_freshness, placed_condition
from kedro_assets.errors import Scope

AC = dg.AutomationCondition


def problems_of(build, raw):
    problems = Scope()
    assert build(raw, problems.at("a")) is None
    return [(problem.path, problem.found, problem.hint) for problem in problems]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("eager", AC.eager()),
        ("on_missing", AC.on_missing()),
        ({"eager": None}, AC.eager()),
        ({"on_cron": "0 6 * * *"}, AC.on_cron("0 6 * * *")),
        (
            {"on_cron": {"cron_schedule": "@daily", "cron_timezone": "Europe/Berlin"}},
            AC.on_cron("@daily", "Europe/Berlin"),
        ),
        ({"any_of": ["eager", {"on_cron": "@daily"}]}, AC.eager() | AC.on_cron("@daily")),
        ({"all_of": ["missing", {"not": "in_progress"}]}, AC.missing() & ~AC.in_progress()),
        ({"not": {"any_deps_match": "missing"}}, ~AC.any_deps_match(AC.missing())),
        (
            {"since": {"trigger_condition": "code_version_changed", "reset_condition": "newly_updated"}},
            AC.code_version_changed().since(AC.newly_updated()),
        ),
        ({"newly_true": "any_deps_updated"}, AC.any_deps_updated().newly_true()),
        ({"since_last_handled": "missing"}, AC.missing().since_last_handled()),
        ({"in_latest_time_window": "36h"}, AC.in_latest_time_window(timedelta(hours=36))),
        (
            {"asset_matches": {"key": "shop/rates", "condition": "newly_updated"}},
            AC.asset_matches(dg.AssetKey(["shop", "rates"]), AC.newly_updated()),
        ),
        ({"any_checks_match": {"condition": "check_failed", "blocking_only": True}}, AC.any_checks_match(AC.check_failed(), blocking_only=True)),
        ({"executed_with_tags": {"tag_keys": ["team"]}}, AC.executed_with_tags(tag_keys={"team"})),
    ],
)  # fmt: skip
def test_a_condition_is_dagsters_of_that_name(raw, expected):
    problems = Scope()
    assert build_condition(raw, problems) == expected
    assert not problems


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            {"time_window": {"fail_window": "1d12h", "warn_window": "24h"}},
            dg.FreshnessPolicy.time_window(timedelta(hours=36), timedelta(hours=24)),
        ),
        ({"time_window": "24h"}, dg.FreshnessPolicy.time_window(timedelta(hours=24))),
        (
            {"cron": {"deadline_cron": "0 9 * * *", "lower_bound_delta": "2h", "timezone": "Europe/Berlin"}},
            dg.FreshnessPolicy.cron("0 9 * * *", timedelta(hours=2), "Europe/Berlin"),
        ),
    ],
)
def test_a_freshness_policy_is_dagsters_of_that_name(raw, expected):
    assert build_freshness(raw, Scope()) == expected


def test_nothing_is_no_condition_and_no_policy():
    assert build_condition(None, Scope()) is None
    assert build_freshness(None, Scope()) is None


@pytest.mark.parametrize(
    ("raw", "path", "found", "hint"),
    [
        ("eagre", "a", "Dagster has no automation condition 'eagre'.", "Did you mean 'eager'?"),
        ({"on_corn": "@daily"}, "a.on_corn", "Dagster has no automation condition 'on_corn'.", "Did you mean 'on_cron'?"),
        ({"on_cron": "often"}, "a.on_cron", "Invalid cron schedule: often", "See `on_cron`"),
        ("on_cron", "a.cron_schedule", "this required argument is missing.", "Add it."),
        ({"on_cron": {"cron_schedule": "@daily", "cron_timezone": "Mars"}}, "a.on_cron.cron_timezone", "'Mars' is not a time zone.", "Europe/Berlin"),
        ({"on_cron": {"cron_schedule": "@daily", "cron_timezone": "Europe"}}, "a.on_cron.cron_timezone", "'Europe' is not a time zone.", "Europe/Berlin"),
        ({"on_cron": {"cron_schedule": 5}}, "a.on_cron", "Dagster rejects these arguments", "See `on_cron`"),
        ({"in_latest_time_window": "99999999999d"}, "a.in_latest_time_window", "is not a duration.", "24h"),
        ({"on_cron": {"schedule": "@daily", "cron_schedule": "@daily"}}, "a.on_cron.schedule", "unknown argument 'schedule'.", "Did you mean 'cron_schedule'?"),
        ({"eager": "now"}, "a.eager", "expected no arguments, found 'now'.", "Write the name alone."),
        ({"in_latest_time_window": "soon"}, "a.in_latest_time_window", "'soon' is not a duration.", "24h"),
        ({"any_of": "eager"}, "a.any_of", "expected a list of at least one condition.", "after a dash"),
        ({"all_of": ["eager", "never"]}, "a.all_of[1]", "Dagster has no automation condition 'never'.", "Allowed"),
        ({"eager": {}, "on_missing": {}}, "a", "expected one automation condition", "Write it as in `eager`"),
        (3, "a", "expected one automation condition", "Write it as in `eager`"),
        ({"executed_with_tags": {"tag_values": 3}}, "a.executed_with_tags", "Dagster rejects these arguments", "See"),
    ],
)  # fmt: skip
def test_what_is_no_condition_is_reported_at_its_place(raw, path, found, hint):
    [(where, text, advice)] = problems_of(build_condition, raw)
    assert (where, found in text, hint in advice) == (path, True, True), (where, text, advice)


def test_every_error_is_reported():
    raw = {"any_of": ["eagre", {"on_cron": {"cron_schedule": "often", "tz": "x"}}, {"not": "x"}]}
    assert [path for path, _, _ in problems_of(build_condition, raw)] == [
        "a.any_of[0]",
        "a.any_of[1].on_cron.tz",
        "a.any_of[2].not",
    ]


def test_a_window_that_dagster_refuses_is_reported():
    [(path, found, _)] = problems_of(build_freshness, {"time_window": {"fail_window": "1h", "warn_window": "2h"}})
    assert (path, "warn_window must be less than fail_window" in found) == ("a.time_window", True)


RAW, OBSERVED = dg.AssetSpec("raw"), dg.AssetSpec("seen", automation_condition=dg.AutomationCondition.eager())


def test_a_condition_looks_through_virtual_assets_where_there_are_any():
    eager = dg.AutomationCondition.eager()
    assert placed_condition(eager, [RAW], virtual=False) == eager
    assert placed_condition(eager, [RAW], virtual=True) == eager.resolve_through_virtual()


def test_on_cron_waits_for_no_external_dataset_that_nothing_observes():
    on_cron = dg.AutomationCondition.on_cron("@daily")
    assert placed_condition(on_cron, [OBSERVED], virtual=False) == on_cron
    silent = placed_condition(on_cron, [RAW, OBSERVED], virtual=False)
    assert silent == on_cron.ignore(dg.AssetSelection.assets("raw"))
