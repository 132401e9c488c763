"""Partitions as they are written: what they become in Dagster, and what is reported of those that are none."""

import dagster as dg
import pytest

from kedro_assets.config import AssetsConfig, DagsterConfig, PartitionsConfig, TimeWindowsConfig
from kedro_assets.errors import Scope
from kedro_assets.partitions.definitions import PartitionsReader
from unit.builders import entry_text, json_entry, make_graph, make_node

DAILY = 'daily: {start_date: "2026-01-01"}'
ONE = "return {'__default__': Pipeline([n('make', ['raw'], ['made'])])}"
KEY = "${runtime_params:partition_key}.json"
PARTITIONS = "catalog.made.metadata.dagster.partitions"
WRITTEN = {
    "unknown name": ("by_dya", "", "no partitions 'by_dya' are defined", "Did you mean 'by_day'"),
    "unknown kind": ("{dialy: {}}", "dialy", "unknown key 'dialy'", "Did you mean 'daily'"),
    "no kind": (
        "{backfill_policy: single_run}",
        "",
        "expected one kind of partitions, found none",
        "Allowed: cron, daily",
    ),
    "two kinds": (
        "{" + DAILY + ", static: [a]}",
        "",
        "expected one of these keys, found `daily` and `static`",
        "Keep one",
    ),
    "start": ("{daily: {start_date: yesterday}}", "daily", "Dagster rejects these partitions", ""),
    "no start": ("{daily: {}}", "daily.start_date", "this required key is missing", "Add it."),
    "time zone": (
        '{daily: {start_date: "2026-01-01", timezone: Mars}}',
        "daily",
        "Dagster rejects these partitions",
        "",
    ),
    "hours of hours": (
        '{hourly: {start_date: "2026-01-01-00:00", hour_offset: 1}}',
        "hourly.hour_offset",
        "`hourly` does not take the key `hour_offset`",
        "Leave it out.",
    ),
    "hours without time": ('{hourly: {start_date: "2026-01-01"}}', "hourly", "Dagster rejects these partitions", ""),
    "hour": ('{daily: {start_date: "2026-01-01", hour_offset: 25}}', "daily", "Dagster rejects these partitions", ""),
    "cron of days": (
        '{daily: {start_date: "2026-01-01", cron_schedule: "@daily"}}',
        "daily.cron_schedule",
        "`daily` does not take the key `cron_schedule`",
        "",
    ),
    "no cron": (
        '{cron: {start_date: "2026-01-01-00:00"}}',
        "cron.cron_schedule",
        "this required key is missing",
        "Add",
    ),
    "bad cron": (
        '{cron: {start_date: "2026-01-01-00:00", cron_schedule: often}}',
        "cron",
        "Dagster rejects these partitions",
        "",
    ),
    "three dimensions": (
        "{multi: {a: {static: [a]}, b: {static: [b]}, c: {static: [c]}}}",
        "multi",
        "Dagster rejects these partitions",
        "",
    ),
    "one dimension": ("{multi: {a: {static: [a]}}}", "multi", "Dagster rejects these partitions", ""),
    "unknown dimension": ("{multi: {a: {static: [a]}, b: by_month}}", "multi.b", "no partitions 'by_month'", "by_day"),
    "dimensions of dimensions": (
        "{multi: {a: {static: [a]}, b: {multi: {c: {static: [c]}, d: {static: [d]}}}}}",
        "multi",
        "Dagster rejects these partitions",
        "",
    ),
    "key twice": ("{static: [a, a]}", "static", "Dagster rejects these partitions", ""),
    "key that is none": ("{static: [a, 1]}", "static[1]", "expected a string, found a whole number (1)", ""),
    "policy": ("{static: [a], backfill_policy: all}", "backfill_policy", "'all' is not allowed here", "single_run"),
    "size": (
        "{static: [a], max_partitions_per_run: 0}",
        "max_partitions_per_run",
        "expected a number of at least 1, found 0",
        "",
    ),
    "range": ("{static: [a...b]}", "static", "Dagster rejects these partitions", ""),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_partitions_that_are_none(problems_of, case):
    written, below, found, hint = WRITTEN[case]
    conf = {
        "catalog.yml": entry_text("raw") + entry_text("made", f"partitions: {written}", KEY),
        "dagster.yml": "partitions: {by_day: {" + DAILY + "}}",
    }
    [problem] = problems_of(ONE, conf=conf)
    assert problem.path == ".".join([PARTITIONS, below] if below else [PARTITIONS])
    assert found in problem.found
    assert hint in problem.hint
    assert problem.source == "conf/base/catalog.yml:7"


@pytest.mark.parametrize("case", ["start", "two kinds", "three dimensions", "unknown kind", "hours of hours"])
def test_named_partitions_that_are_none_are_reported_once_at_their_name(problems_of, case):
    written, below, found, _ = WRITTEN[case]
    conf = {
        "catalog.yml": entry_text("raw", "partitions: bad") + entry_text("made", "partitions: bad", KEY),
        "dagster.yml": f"assets:\n  group_by: none\npartitions:\n  bad: {written}\n",
    }
    [problem] = problems_of(ONE, conf=conf)
    assert problem.path == ".".join(["partitions.bad", below] if below else ["partitions.bad"])
    assert found in problem.found
    assert problem.source == "conf/base/dagster.yml:4"


def test_dimensions_that_lead_back_are_reported(problems_of):
    conf = {
        "catalog.yml": entry_text("raw"),
        "dagster.yml": "partitions:\n  a: {multi: {x: b, y: {static: [y]}}}\n  b: {multi: {x: a, y: {static: [y]}}}\n",
    }
    problems = problems_of(ONE, conf=conf)
    assert {problem.path for problem in problems} & {"partitions.a.multi.x", "partitions.b.multi.x"}


def test_a_pattern_that_fits_nothing(problems_of):
    conf = {"catalog.yml": entry_text("raw"), "dagster.yml": 'assets:\n  partitions:\n    "{x}_daily": {static: [a]}\n'}
    [problem] = problems_of(ONE, conf=conf)
    assert "no dataset has this name or matches this pattern" in problem.found
    assert problem.source == "conf/base/dagster.yml:3"


# What they become.


def said(graph, *, named=None, patterns=None):
    """Return what is said of assets and where, by their names, and the problems."""
    problems = Scope()
    config = DagsterConfig(partitions=named or {}, assets=AssetsConfig(partitions=patterns or {}))
    found = list(PartitionsReader(config, problems).said(graph, {}))
    return {vertex[1]: (partitioning, scope) for vertex, partitioning, scope in found}, list(problems)


def said_of_one(written, **options):
    graph = make_graph([make_node("make", ["raw"], ["made"])], catalog={"made": json_entry(partitions=written)})
    found, problems = said(graph, **options)
    assert problems == []
    return found["made"][0]


@pytest.mark.parametrize(
    ("written", "definition"),
    [
        ({"static": ["a", "b"]}, dg.StaticPartitionsDefinition(["a", "b"])),
        ({"dynamic": "shops"}, dg.DynamicPartitionsDefinition(name="shops")),
        ({"daily": {"start_date": "2026-01-01"}}, dg.DailyPartitionsDefinition("2026-01-01")),
        (
            {"daily": {"start_date": "2026-01-01", "timezone": "Europe/Berlin", "hour_offset": 6, "end_offset": 1}},
            dg.DailyPartitionsDefinition("2026-01-01", timezone="Europe/Berlin", hour_offset=6, end_offset=1),
        ),
        (
            {"hourly": {"start_date": "2026-01-01-00:00", "minute_offset": 15}},
            dg.HourlyPartitionsDefinition("2026-01-01-00:00", minute_offset=15),
        ),
        (
            {"weekly": {"start_date": "2026-01-01", "day_offset": 1, "end_date": "2026-03-01"}},
            dg.WeeklyPartitionsDefinition("2026-01-01", day_offset=1, end_date="2026-03-01"),
        ),
        (
            {"monthly": {"start_date": "2026-01", "fmt": "%Y-%m"}},
            dg.MonthlyPartitionsDefinition("2026-01", fmt="%Y-%m"),
        ),
        (
            {"cron": {"start_date": "2026-01-01-00:00", "cron_schedule": "0 */6 * * *"}},
            dg.TimeWindowPartitionsDefinition(
                start="2026-01-01-00:00", cron_schedule="0 */6 * * *", fmt="%Y-%m-%d-%H:%M"
            ),
        ),
        (
            {"multi": {"region": {"static": ["eu"]}, "day": {"daily": {"start_date": "2026-01-01"}}}},
            dg.MultiPartitionsDefinition(
                {
                    "region": dg.StaticPartitionsDefinition(["eu"]),
                    "day": dg.DailyPartitionsDefinition("2026-01-01"),
                }
            ),
        ),
    ],
    ids=["static", "dynamic", "daily", "options", "hourly", "weekly", "monthly", "cron", "multi"],
)
def test_partitions_become_those_of_dagster(written, definition):
    found = said_of_one(written)
    assert found.definition == definition
    assert found.policy == dg.BackfillPolicy.multi_run()


@pytest.mark.parametrize(
    ("written", "policy"),
    [
        ({"backfill_policy": "single_run"}, dg.BackfillPolicy.single_run()),
        ({"max_partitions_per_run": 7}, dg.BackfillPolicy.multi_run(7)),
        ({"backfill_policy": "multi_run"}, dg.BackfillPolicy.multi_run(1)),
    ],
    ids=["single run", "size", "multi run"],
)
def test_the_policy_says_how_many_partitions_share_a_run(written, policy):
    assert said_of_one({"static": ["a"], **written}).policy == policy


DAYS = PartitionsConfig(daily=TimeWindowsConfig("2026-01-01"))
LETTERS = PartitionsConfig(static=["a", "b"])


def test_named_partitions_are_made_once_and_may_be_dimensions_of_others():
    named = {"days": DAYS, "letters": LETTERS, "both": PartitionsConfig(multi={"d": "days", "l": "letters"})}
    nodes = [make_node("one", ["raw"], ["x", "y"]), make_node("two", ["raw"], ["z"])]
    catalog = {
        "x": json_entry(partitions="days"),
        "y": json_entry(partitions="days"),
        "z": json_entry(partitions="both"),
    }
    found, problems = said(make_graph(nodes, catalog=catalog), named=named)
    assert problems == []
    assert found["x"][0] is found["y"][0]
    dimensions = found["z"][0].definition.partitions_defs
    assert [each.name for each in dimensions] == ["d", "l"]
    assert dimensions[0].partitions_def is found["x"][0].definition


def test_the_catalog_goes_before_dagster_yml_and_there_a_name_before_a_pattern_before_all():
    nodes = [make_node("one", ["raw"], ["own", "name", "a_day", "rest"])]
    graph = make_graph(nodes, catalog={"own": json_entry(partitions={"static": ["own"]})})
    patterns = {
        "{any}": PartitionsConfig(static=["any"]),
        "{x}_day": PartitionsConfig(static=["day"]),
        "name": PartitionsConfig(static=["name"]),
        "own": PartitionsConfig(static=["lost"]),
    }
    found, problems = said(graph, patterns=patterns)
    assert problems == []
    keys = {name: partitioning.definition.get_partition_keys() for name, (partitioning, _) in found.items()}
    assert keys == {"own": ["own"], "name": ["name"], "a_day": ["day"], "rest": ["any"], "raw": ["any"]}
    assert {name: scope.path for name, (_, scope) in found.items()} == {
        "own": ("catalog", "own", "metadata", "dagster", "partitions"),
        "name": ("assets", "partitions", "name"),
        "a_day": ("assets", "partitions", "{x}_day"),
        "rest": ("assets", "partitions", "{any}"),
        "raw": ("assets", "partitions", "{any}"),
    }


def test_a_node_without_outputs_is_partitioned_by_its_name():
    graph = make_graph([make_node("tell", ["raw"])])
    found, problems = said(graph, patterns={"tell": LETTERS})
    assert (list(found), problems) == (["tell"], [])


def test_of_what_nothing_is_said_nothing_is_known():
    assert said(make_graph([make_node("make", ["raw"], ["made"])])) == ({}, [])


def test_a_definition_that_is_refused_is_reported_although_nothing_uses_it():
    graph = make_graph([make_node("make", ["raw"], ["made"])])
    _, problems = said(
        graph, named={"empty": PartitionsConfig(), "size": PartitionsConfig(static=["a"], max_partitions_per_run=0)}
    )
    assert [problem.path for problem in problems] == ["partitions.empty", "partitions.size.max_partitions_per_run"]


def test_dimensions_that_lead_back_to_themselves_are_reported_once():
    named = {"a": PartitionsConfig(multi={"x": "a", "y": LETTERS})}
    _, problems = said(make_graph([make_node("make", ["raw"], ["made"])]), named=named)
    assert [(problem.path, problem.found) for problem in problems] == [
        ("partitions.a.multi.x", "the dimensions of 'a' refer back to 'a'.")
    ]


@pytest.mark.parametrize(
    ("patterns", "path"),
    [(["{name:none}"], "assets.partitions.{name:none}"), (["{a}", "{b}", "made"], "assets.partitions")],
    ids=["no pattern", "several that fit any name"],
)
def test_patterns_that_cannot_be_read_are_reported_once(patterns, path):
    graph = make_graph([make_node("make", ["raw"], ["made"])])
    found, problems = said(graph, patterns=dict.fromkeys(patterns, LETTERS))
    assert [problem.path for problem in problems if "cannot be read" in problem.found or "Kedro" in problem.found] == [
        path
    ]
    assert list(found) == [name for name in patterns if name == "made"]


@pytest.mark.parametrize("name", ["nowhere", "mad", "made_day"])
def test_a_name_that_no_dataset_has_is_reported_with_the_nearest(name):
    graph = make_graph([make_node("make", ["raw"], ["made"])])
    _, [problem] = said(graph, patterns={name: LETTERS})
    assert problem.path == f"assets.partitions.{name}"
    assert "made" in problem.hint
