from datetime import timedelta

import dagster as dg
import pytest

from kedro_assets.assets.conditions import (
    build_condition,
    build_freshness,
    condition_words,
    methods_of,
    names_method,
    placed_condition,
)
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


SELECTED = dg.AssetSelection.from_string('key:"rates"')


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"eager": None, "ignore": 'key:"rates"'}, AC.eager().ignore(SELECTED)),
        ({"eager": None, "ignore": {"selection": 'key:"rates"'}}, AC.eager().ignore(SELECTED)),
        ({"eager": None, "allow": 'key:"rates"', "with_label": "rates"}, AC.eager().allow(SELECTED).with_label("rates")),
        (
            {"eager": None, "ignore": ['key:"rates"', "*"]},
            AC.eager().ignore(SELECTED).ignore(dg.AssetSelection.all()),
        ),
        ({"on_cron": "@daily", "ignore": 'key:"rates"'}, AC.on_cron("@daily").ignore(SELECTED)),
        ({"eager": None, "without": {"not": "any_deps_missing"}}, AC.eager().without(~AC.any_deps_missing())),
        (
            {"eager": None, "without": [{"not": "any_deps_missing"}, "in_latest_time_window"]},
            AC.eager().without(~AC.any_deps_missing()).without(AC.in_latest_time_window()),
        ),
        (
            {"eager": None, "replace": {"old": "newly_missing", "new": "missing"}},
            AC.eager().replace("newly_missing", AC.missing()),
        ),
        (
            {"eager": None, "replace": {"old": {"not": "in_progress"}, "new": {"not": "execution_failed"}}},
            AC.eager().replace(~AC.in_progress(), ~AC.execution_failed()),
        ),
        ({"any_deps_updated": None, "resolve_through_virtual": None}, AC.any_deps_updated().resolve_through_virtual()),
        ({"any_deps_updated": None, "resolve_through_virtual": False}, AC.any_deps_updated()),
        (
            {"missing": None, "newly_true": None, "since": "newly_updated"},
            AC.missing().newly_true().since(AC.newly_updated()),
        ),
        (
            {"missing": {}, "since": {"reset_condition": {"any_deps_match": "missing"}}},
            AC.missing().since(AC.any_deps_match(AC.missing())),
        ),
        (
            {"any_of": [{"eager": None, "ignore": 'key:"rates"'}, "missing"], "with_label": "both"},
            (AC.eager().ignore(SELECTED) | AC.missing()).with_label("both"),
        ),
        ({"not": {"any_deps_missing": None, "ignore": 'key:"rates"'}}, ~AC.any_deps_missing().ignore(SELECTED)),
        (
            {"eager": None, "replace": {"old": "any_deps_updated", "new": {"any_deps_updated": {}, "allow": 'key:"rates"'}}},
            AC.eager().replace("any_deps_updated", AC.any_deps_updated().allow(SELECTED)),
        ),
    ],
)  # fmt: skip
def test_further_keys_are_methods_of_the_condition_as_in_python(raw, expected):
    problems = Scope()
    assert build_condition(raw, problems) == expected
    assert not problems


@pytest.mark.parametrize(
    ("raw", "path", "found", "hint"),
    [
        ("ignore", "a", "`ignore` changes a condition, but there is none before it.", "`{eager: null, ignore: ...}`"),
        ({"ignore": "*", "eager": None}, "a", "there is none before it", "condition first"),
        ({"missing": None, "ignore": "*"}, "a.ignore", "the condition before it has no method 'ignore'.", "Allowed: newly_true"),
        ({"eager": None, "ignor": "*"}, "a.ignor", "has no method 'ignor'.", "Did you mean 'ignore'?"),
        ({"any_of": ["missing", {"eager": None, "ignore": "a b"}]}, "a.any_of[1].ignore", "Dagster cannot read this selection", "key:"),
        ({"eager": None, "allow": ["*", "a b"]}, "a.allow[1]", "Dagster cannot read this selection", "key:"),
        ({"eager": None, "allow": {"selection": 3}}, "a.allow.selection", "expected a selection of assets, found 3.", "key:"),
        ({"eager": None, "ignore": "table_name:x"}, "a.ignore", "does not support the selection 'table_name:x'", "UI only"),
        ({"eager": None, "ignore": None}, "a.ignore.selection", "this required argument is missing.", "Add it."),
        ({"eager": None, "replace": "missing"}, "a.replace.new", "this required argument is missing.", "Add it."),
        ({"eager": None, "replace": {"old": "mising", "new": "missing"}}, "a.replace", "`replace` changes nothing", "newly_missing"),
        ({"all_of": ["missing", "in_progress"], "ignore": "*"}, "a.ignore", "`ignore` changes nothing", "no part that looks at other assets"),
        ({"eager": None, "without": "missing"}, "a.without", "Condition not found in operands", "See `without`"),
        ({"eager": None, "resolve_through_virtual": "no"}, "a.resolve_through_virtual", "expected true or false, found 'no'.", "Write"),
        ({"since": "missing"}, "a.since.reset_condition", "this required argument is missing.", "Add it."),
        pytest.param({"any_job_root_assets_match": "eager"}, "a", "this is a condition of jobs, and cannot be one of assets.", "alone", marks=pytest.mark.newer_jobs),
    ],
)  # fmt: skip
def test_a_method_that_does_not_fit_is_reported_at_its_place(raw, path, found, hint):
    [(where, text, advice)] = problems_of(build_condition, raw)
    assert (where, found in text, hint in advice) == (path, True, True), (where, text, advice)


def test_a_method_that_only_newer_versions_of_dagster_have_is_reported_with_those_that_there_are(monkeypatch):
    owner = next(cls for cls in type(AC.eager()).__mro__ if "resolve_through_virtual" in vars(cls))
    monkeypatch.delattr(owner, "resolve_through_virtual")
    [(path, found, hint)] = problems_of(build_condition, {"eager": None, "resolve_through_virtual": None})
    assert (path, found) == (
        "a.resolve_through_virtual",
        "the condition before it has no method 'resolve_through_virtual'.",
    )
    assert "Allowed: allow, ignore" in hint


@pytest.mark.newer_jobs
def test_a_condition_of_a_job_looks_at_its_assets():
    raw = {"any_job_root_assets_match": {"eager": None, "ignore": 'key:"rates"'}}
    condition = build_condition(raw, Scope(), "job")
    assert condition.get_label() == "any_job_root_assets_match(eager)"
    problems = Scope()
    assert build_condition("eager", problems.at("a"), "job") is None
    [problem] = problems
    assert (problem.path, "any_job_root_assets_match" in problem.hint) == ("a", True)


def test_conditions_that_are_made_of_others_have_all_methods_and_others_fewer():
    assert {"allow", "ignore", "replace", "with_label", "without"} < methods_of(AC.eager()).keys()
    assert {"allow", "ignore"} < methods_of(AC.any_deps_updated()).keys()
    assert {"allow", "ignore", "without", "eager", "evaluate"}.isdisjoint(methods_of(AC.missing()))


def test_every_word_of_a_condition_is_described():
    words = condition_words()
    assert words.keys() > {"eager", "on_cron", "all_of", "not", "ignore", "with_label"}
    assert all(text for text, _ in words.values())
    assert [name for name in ("eager", "on_cron", "any_of", "ignore") if words[name][1]] == ["eager"]


def test_a_method_is_found_at_any_depth():
    raw = {"any_of": ["missing", {"not": {"eager": None, "ignore": "*"}}]}
    assert names_method(raw, "ignore")
    assert not names_method(raw, "allow")
    assert not names_method("eager", "allow")


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
        ({"on_cron": "0 0 31 2,4 *"}, "a.on_cron", "no time fits the cron expression '0 0 31 2,4 *'.", "Write the"),
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


def test_a_condition_leaves_out_what_is_made_anew_with_its_asset():
    eager, missing = dg.AutomationCondition.eager(), dg.AutomationCondition.missing()
    placed = placed_condition(eager, [RAW], [dg.AssetKey("x")], virtual=False)
    assert placed == eager.ignore(dg.AssetSelection.assets("x"))
    assert placed_condition(missing, [RAW], [dg.AssetKey("x")], virtual=False) == missing  # looks at no dependencies


def test_on_cron_waits_for_no_external_dataset_that_nothing_observes():
    on_cron = dg.AutomationCondition.on_cron("@daily")
    assert placed_condition(on_cron, [OBSERVED], virtual=False) == on_cron
    silent = placed_condition(on_cron, [RAW, OBSERVED], virtual=False)
    assert silent == on_cron.ignore(dg.AssetSelection.assets("raw"))


def test_also_a_part_of_a_condition_and_one_of_another_label_wait_for_no_such_dataset():
    on_cron, selection = AC.on_cron("@daily"), dg.AssetSelection.assets("raw")
    for condition, expected in (
        (AC.on_missing() | on_cron, AC.on_missing() | on_cron.ignore(selection)),
        (on_cron.with_label("daily"), on_cron.ignore(selection).with_label("daily")),
    ):
        assert placed_condition(condition, [RAW, OBSERVED], virtual=False) == expected
