"""What is said of conditions that nothing lets fire, and where nothing is said."""

import pytest

from unit.cli.automated import ON_CRON, file

SOURCE = "return {'__default__': Pipeline([n('a', None, ['x']), n('b', ['x'], ['y'])])}"


SILENT = "raw: {type: pandas.SQLTableDataset, table_name: raw, credentials: {con: 'sqlite://'}}\n"
OF_NOBODY = "raw: {type: json.JSONDataset, filepath: raw.json, metadata: {dagster: {external: false}}}\n"
IGNORING = "{eager: null, ignore: 'key:\"raw\"'}"


def test_nothing_is_said_where_there_is_no_condition(notes_of):
    assert notes_of() == []


@pytest.mark.parametrize(
    ("conditions", "catalog"),
    [
        ({"x": "eager", "y": "eager", "z": "eager"}, ""),
        ({"x": "eager"}, OF_NOBODY),
        ({"y": "eager"}, SILENT),
        ({"x": "{any_of: [on_missing, {on_cron: '@daily'}]}"}, ""),
        ({"x": "{on_cron: '@daily'}"}, SILENT),
        ({"x": "{on_cron: '@daily'}", "y": "{on_cron: '@daily'}"}, ""),
        ({"x": "{missing: null, since_last_handled: null}"}, SILENT),
        ({"x": "{all_of: [code_version_changed, {not: in_progress}]}"}, SILENT),
        ({"y": "{any_of: [{on_cron: '@daily'}, eager]}"}, ""),
        ({"y": "{on_cron: '@daily', ignore: 'key:\"x\"'}"}, ""),
    ],
)
def test_nothing_is_said_of_conditions_that_can_fire(notes_of, conditions, catalog):
    assert notes_of(catalog=catalog, **conditions) == []


@pytest.mark.parametrize(
    ("conditions", "catalog", "asset", "reason", "write"),
    [
        ({"x": "eager"}, SILENT, "x", "it waits until 'raw' is there, which no node makes", "`ignore: 'key:\"raw\"'`"),
        ({"x": "{all_of: [eager, code_version_changed]}"}, SILENT, "x", "it waits until 'raw' is there", "`ignore: '"),
        ({"x": "{eager: null, without: {not: any_deps_missing}}"}, SILENT, "x", "it follows 'raw', which no node makes", "`on_cron`"),
        ({"y": "{eager: null, allow: 'key:\"xx\"'}"}, "", "y", "its `allow` and `ignore` leave nothing", "Correct their selections"),
        ({"x": IGNORING}, "", "x", "its `allow` and `ignore` leave nothing", "Correct their selections"),
        ({"y": "on_missing"}, "", "y", "what has no partitions is newly missing only after", "`{missing: null, since_last_handled: null}`"),
        ({"y": "newly_missing"}, "", "y", "what has no partitions is newly missing only after", "since_last_handled"),
    ],
)  # fmt: skip
def test_a_condition_that_nothing_lets_fire_is_named_with_what_to_write(
    notes_of, conditions, catalog, asset, reason, write
):
    [note] = notes_of(catalog=catalog, **conditions)
    assert note.startswith(f"The automation condition of '{asset}' starts nothing: {reason}"), note
    assert write in note


def test_an_asset_that_is_made_from_nothing_has_nothing_to_follow(notes_of):
    [note] = notes_of(SOURCE, x="eager", y="eager")
    assert note.startswith("The automation condition of 'x' starts nothing: it follows what the asset is made from")
    assert "Write `on_cron`" in note


def test_partitions_may_be_newly_missing(notes_of):
    dagster = "assets: {partitions: {x: {dynamic: shops}, y: {dynamic: shops}}}"
    place = "${runtime_params:partition_key}.json"
    catalog = file("x", "on_missing", f"x/{place}") + file("y", "", f"y/{place}")
    assert notes_of(SOURCE, dagster, catalog) == []


def test_in_memory_data_is_looked_through(notes_of):
    [note] = notes_of(catalog=SILENT + "x: {type: MemoryDataset}\n", y="eager")
    assert "it waits until 'raw' is there" in note


def test_what_a_cron_tick_waits_for_though_nothing_makes_it_is_named(notes_of):
    [note] = notes_of(y=ON_CRON)
    assert note.startswith(
        "The automation condition of 'y' waits on every tick until 'x' has been made, and no condition"
    )
    assert "write `ignore: 'key:\"x\"'`" in note


@pytest.mark.parametrize(
    "job",
    [
        "schedule: {cron_schedule: '@daily'}",
        "sensor: {dataset: raw}",
        pytest.param("automation_condition: {any_job_root_assets_match: eager}", marks=pytest.mark.newer_jobs),
        "view: ops, schedule: {cron_schedule: '@daily'}",
    ],
)
def test_what_a_job_makes_that_something_starts_is_waited_for_with_reason(notes_of, job):
    assert notes_of(dagster=f"jobs: {{j: {{pipeline: {{node_names: [a]}}, {job}}}}}", y=ON_CRON) == []
    assert len(notes_of(dagster="jobs: {j: {pipeline: {node_names: [a]}}}", y=ON_CRON)) == 1


VALIDATED = """
    {name}: {{{of}, validator: shop.V, metadata: {{dagster: {{check_automation_condition: {condition}}}}}}}
"""
FILE = "type: json.JSONDataset, filepath: raw.json"
TABLE = "type: pandas.SQLTableDataset, table_name: raw, credentials: {con: 'sqlite://'}"


@pytest.mark.parametrize(
    ("name", "of", "condition", "reason"),
    [
        ("raw", FILE, "eager", ""),
        ("raw", TABLE, ON_CRON, ""),
        ("x", FILE, "{missing: null, since_last_handled: null}", ""),
        ("raw", TABLE, "eager", "it waits until 'raw' is there"),
        ("x", FILE, "on_missing", "what has no partitions is newly missing"),
        ("x", FILE, "{eager: null, ignore: 'key:\"x\"'}", "its `allow` and `ignore` leave nothing"),
    ],
)
def test_a_condition_of_a_check_that_nothing_lets_fire_is_named(notes_of, name, of, condition, reason):
    notes = notes_of(catalog=VALIDATED.format(name=name, of=of, condition=condition).strip() + "\n")
    start = f"The automation condition of the check 'validator' of '{name}' starts nothing: {reason}"
    assert [note.startswith(start) for note in notes] == ([True] if reason else [])


MADE_AGAIN = "return {'__default__': Pipeline([n('a', None, ['left', 'x']), n('b', ['left', 'x'], ['y'])])}"


def test_an_asset_that_is_made_from_what_its_own_run_makes_has_nothing_to_follow(notes_of):
    [note] = notes_of(MADE_AGAIN, y="eager")
    assert note.startswith(
        "The automation condition of 'y' starts nothing: it follows what the asset is made from, and 'x' is made anew whenever"
    )
    [note] = notes_of(MADE_AGAIN.replace("['left', 'x'], ['y']", "['left'], ['y']"), y="eager")
    assert "and that is nothing" in note
