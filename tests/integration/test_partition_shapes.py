"""Every shape that partitions can take: which partitions a node reads, and where what it makes is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from helpers import KedroProject, json_dataset, load_definitions, write_project
from partitioned import DAILY, WEEKLY, between, every, make, one, partition, run_job

NODES = """
def key_of(key):
    return {"key": key}


def copy(data):
    return data


def both(left, right):
    return [left, right]


def gathered(partitions):
    return {key: load() for key, load in sorted(partitions.items())}


def keys_of(partitions):
    return sorted(partitions)


def two(key):
    return {"one": key}, {"other": key}


def nothing(*args):
    pass


def with_key(data, key):
    return [key, data]
"""
STATIC = "partitions: {static: [north, south]}"
DAYS = f"partitions: {DAILY}"


def project_of(folder: Path, nodes: str, catalog: str, **options: Any) -> KedroProject:
    return write_project(
        folder, nodes=NODES, pipelines=f'{{"__default__": pipeline([{nodes}])}}', catalog=catalog, **options
    )


def put(project: KedroProject, folder: str, *keys: str) -> None:
    for key in keys:
        project.write(f"data/{folder}/{key}.json", f'"{key}"')


JAN = [f"2026-01-{day:02}" for day in range(1, 15)]


def test_daily_reads_the_same_day_of_two_inputs(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(
        tmp_path,
        'node(copy, "raw", "a", name="a"), node(both, ["a", "b"], "c", name="c")',
        one("raw", DAYS) + one("a", DAYS) + one("b", DAYS) + one("c", DAYS),
    )
    put(project, "raw", *JAN[:3])
    put(project, "b", *JAN[:3])
    result = make(project, instance, "a", "c", tags=partition(JAN[1]))
    assert result.success, result.error
    assert result.recorded == [("a", JAN[1]), ("c", JAN[1])]
    assert project.read(f"c/{JAN[1]}.json") == [JAN[1], JAN[1]]


def test_both_outputs_of_a_node_are_partitioned_if_one_is(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(
        tmp_path, 'node(two, "params:partition_key", ["a", "b"], name="two")', one("a", DAYS) + one("b")
    )
    result = make(project, instance, "b", tags=partition(JAN[2]))
    assert result.success, result.error
    assert sorted(result.recorded) == [("a", JAN[2]), ("b", JAN[2])]
    assert project.read(f"b/{JAN[2]}.json") == {"other": JAN[2]}


def test_static_partitions_go_into_one_report(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(
        tmp_path,
        'node(key_of, "params:partition_key", "region@one", name="region"), node(gathered, "region@all", "report", name="report")',
        one("region@one", STATIC) + every("region@all") + json_dataset("report"),
    )
    for key in ("north", "south"):
        assert make(project, instance, "region", tags=partition(key)).recorded == [("region", key)]
    put(project, "region", "elsewhere")
    result = make(project, instance, "report")
    assert result.success, result.error
    assert project.read("report.json") == {"north": {"key": "north"}, "south": {"key": "south"}}


MAPPINGS = {
    "identity": ("static: [north, south, east]", "identity", "north", ["north"]),
    "last": ("static: [north, south]", "last", "north", ["south"]),
    "all": ("static: [north, south]", "all", "north", ["north", "south"]),
    "specific": ("static: [x, y]", "{specific: [south]}", "x", ["south"]),
    "static": ("static: [x, y]", "{static: {north: [x, y], south: y}}", "y", ["north", "south"]),
    "static one": ("static: [x, y]", "{static: {north: [x, y], south: y}}", "x", ["north"]),
}


@pytest.mark.parametrize("case", MAPPINGS)
def test_mappings_of_static_partitions(case: str, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    kind, mapping, key, read = MAPPINGS[case]
    project = project_of(
        tmp_path,
        'node(key_of, "params:partition_key", "up@one", name="up"), node(keys_of, "up@all", "down", name="down")',
        one("up@one", STATIC)
        + every("up@all")
        + one("down", f"partitions: {{{kind}}}, partition_mappings: {{up: {mapping}}}"),
    )
    put(project, "up", "north", "south")
    result = make(project, instance, "down", tags=partition(key))
    assert result.success, result.error
    assert result.recorded == [("down", key)]
    assert project.read(f"down/{key}.json") == read


def window(start: int, end: int = 0) -> str:
    options = f"start_offset: {start}, end_offset: {end}, allow_nonexistent_upstream_partitions: true"
    return f"{DAYS}, partition_mappings: {{up: {{time_window: {{{options}}}}}}}"


@pytest.mark.parametrize(
    ("start", "end", "key", "read"),
    [
        (-1, -1, JAN[4], [JAN[3]]),
        (-1, -1, JAN[0], []),
        (-6, 0, JAN[9], JAN[3:10]),
        (-6, 0, JAN[2], JAN[:3]),
        (0, 2, JAN[12], JAN[12:14]),
    ],
)
@pytest.mark.parametrize("cluster_by", ["memory", "pipeline"])
def test_days_before_and_after(
    start: int, end: int, key: str, read: list[str], cluster_by: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = project_of(
        tmp_path,
        'node(copy, "raw", "up", name="up"), node(keys_of, "up", "down", name="down")',
        every("raw", DAYS) + every("up", DAYS) + one("down", window(start, end)),
        dagster=f"assets: {{cluster_by: {cluster_by}}}",
    )
    put(project, "up", *JAN)
    result = make(project, instance, "down", tags=partition(key))
    assert result.success, result.error
    assert project.read(f"down/{key}.json") == read


def test_a_partition_that_is_none_is_named(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    mapped = "partitions: {static: [south, west]}, partition_mappings: {up: identity}"
    project = project_of(
        tmp_path,
        'node(copy, "raw", "up", name="up"), node(keys_of, "up", "down", name="down")',
        every("raw", STATIC) + every("up", STATIC) + one("down", mapped),
    )
    put(project, "up", "north", "south")
    assert make(project, instance, "down", tags=partition("south")).success
    result = make(project, instance, "down", tags=partition("west"))
    assert "To make west, the step reads partition west of 'up', which does not exist." in str(result.error)


def test_partitions_that_only_other_nodes_of_the_step_read_need_not_be_there(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    late = "partitions: {daily: {start_date: '2026-01-05'}}"
    project = project_of(
        tmp_path,
        'node(keys_of, "late", "a", name="a"), node(copy, "raw", "b", name="b")',
        every("late", late) + one("raw", DAYS) + one("a", DAYS) + one("b", DAYS),
        dagster="assets: {cluster_by: pipeline}",
    )
    put(project, "raw", *JAN[:3])
    result = make(project, instance, "b", tags=partition(JAN[1]))
    assert result.success, result.error
    assert result.recorded == [("b", JAN[1])]


def test_each_day_reads_its_week(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(
        tmp_path,
        'node(key_of, "params:partition_key", "week@one", name="week"), node(keys_of, "week@all", "day", name="day")',
        one("week@one", f"partitions: {WEEKLY}") + every("week@all") + one("day", DAYS),
    )
    put(project, "week", "2026-01-04", "2026-01-11")
    for key, week in (("2026-01-10", "2026-01-04"), ("2026-01-11", "2026-01-11")):
        result = make(project, instance, "day", tags=partition(key))
        assert result.success, result.error
        assert project.read(f"day/{key}.json") == [week]


TWO_DIMENSIONS = """
partitions:
  by_day_and_region: {multi: {date: by_day, region: by_region}}
  by_day: {daily: {start_date: "2026-01-01", end_date: "2026-01-15"}}
  by_region: {static: [north, south]}
"""


def test_two_dimensions(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(
        tmp_path,
        'node(copy, "day@by_date", "cell@one", name="cell"), '
        'node(keys_of, "cell@all", "region", name="region"), node(keys_of, "cell@all", "again", name="again")',
        one("day@one", "partitions: by_day")
        + one("day@by_date", "partitions: by_day", "${runtime_params:partition_keys.date}")
        + one(
            "cell@one",
            "partitions: by_day_and_region, partition_mappings: {day: {dimension: date}}",
            "${runtime_params:partition_keys.date}/${runtime_params:partition_keys.region}",
        )
        + every("cell@all")
        + one("region", "partitions: by_region")
        + one("again", "partitions: by_day, partition_mappings: {cell: {dimension: date}}"),
        dagster=TWO_DIMENSIONS,
    )
    put(project, "day", *JAN[:2])
    for day in JAN[:2]:
        for region in ("north", "south"):
            key = f"{day}|{region}"
            result = make(project, instance, "cell", tags={**partition(key)})
            assert result.success, result.error
            assert result.recorded == [("cell", key)]
            assert project.read(f"cell/{day}/{region}.json") == day
    result = make(project, instance, "region", tags=partition("north"))
    assert result.success, result.error
    assert project.read("region/north.json") == [f"{day}/north" for day in JAN[:2]]
    result = make(project, instance, "again", tags=partition(JAN[1]))
    assert result.success, result.error
    assert project.read(f"again/{JAN[1]}.json") == [f"{JAN[1]}/north", f"{JAN[1]}/south"]


def test_dynamic_partitions(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    name = f"files_{tmp_path.name}"
    files = f"partitions: {{dynamic: {name}}}"
    project = project_of(
        tmp_path,
        'node(copy, "incoming", "read@one", name="read"), node(gathered, "read@all", "report", name="report")',
        one("incoming", files) + one("read@one", files) + every("read@all") + json_dataset("report"),
    )
    put(project, "incoming", "a", "b", "c")
    instance.add_dynamic_partitions(name, ["a", "b"])
    for key in ("a", "b"):
        result = make(project, instance, "read", tags=partition(key))
        assert result.success, result.error
        assert result.recorded == [("read", key)]
    assert not make(project, instance, "read", tags=partition("c")).success
    assert make(project, instance, "report").success
    assert project.read("report.json") == {"a": "a", "b": "b"}


WINDOWS = {
    "hourly": (
        '{hourly: {start_date: "2026-01-01-00:00", end_date: "2026-01-02-00:00", minute_offset: 15}}',
        "2026-01-01-01:15",
        ["2026-01-01T01:15:00+00:00", "2026-01-01T02:15:00+00:00"],
    ),
    "monthly": (
        '{monthly: {start_date: "2026-01-01", end_date: "2026-06-01", day_offset: 5, timezone: Europe/Berlin}}',
        "2026-03-05",
        ["2026-03-05T00:00:00+01:00", "2026-04-05T00:00:00+02:00"],
    ),
    "daily over the change of the clocks": (
        '{daily: {start_date: "2026-03-01", end_date: "2026-04-05", timezone: Europe/Berlin, hour_offset: 1}}',
        "2026-03-28",
        ["2026-03-28T01:00:00+01:00", "2026-03-29T01:00:00+01:00"],
    ),
    "weekly": (
        '{weekly: {start_date: "2026-01-01", end_date: "2026-06-01", day_offset: 1, fmt: "%Y_%m_%d"}}'.replace(
            '"2026-01-01", end_date: "2026-06-01"', '"2026_01_01", end_date: "2026_06_01"'
        ),
        "2026_01_05",
        ["2026-01-05T00:00:00+00:00", "2026-01-12T00:00:00+00:00"],
    ),
    "cron": (
        '{cron: {cron_schedule: "0 6,18 * * 1-5", start_date: "2026-01-01-00:00", end_date: "2026-02-01-00:00"}}',
        "2026-01-02-18:00",
        ["2026-01-02T18:00:00+00:00", "2026-01-05T06:00:00+00:00"],
    ),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_windows_of_time(case: str, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    written, key, ends = WINDOWS[case]
    project = project_of(
        tmp_path,
        'node(both, ["params:partition_start", "params:partition_end"], "made", name="make")',
        one("made", f"partitions: {written}"),
    )
    result = make(project, instance, "made", tags=partition(key))
    assert result.success, result.error
    assert result.recorded == [("made", key)]
    assert project.read(f"made/{key}.json") == ends


def test_namespaces_and_dataset_factories(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(
        tmp_path,
        """*pipeline([node(copy, "raw", "made", name="make")], namespace="shop").nodes,
        *pipeline([node(copy, "raw", "made", name="make")], namespace="bank").nodes""",
        one("shop.{name}", DAYS, folder="shop/{name}") + one("{space}.{name}", folder="{space}/{name}"),
        dagster=f'assets: {{partitions: {{"bank.{{name}}": {DAILY}}}}}',
    )
    for space in ("shop", "bank"):
        put(project, f"{space}/raw", JAN[0])
        result = make(project, instance, f"{space}/made", tags=partition(JAN[0]))
        assert result.success, result.error
        assert result.recorded == [(f"{space}/made", JAN[0])]
        assert project.read(f"{space}/made/{JAN[0]}.json") == JAN[0]


@pytest.mark.parametrize(
    ("assets", "selected"),
    [
        ("cluster_by: memory", ["made", "between"]),
        ("cluster_by: memory", ["made"]),  # and what is read is read by the node behind the other asset
        ("cluster_by: node", ["made", "between"]),
        ("memory_assets: false", ["made"]),
    ],
)
def test_data_in_memory_between_partitioned_nodes(
    assets: str, selected: list[str], tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = project_of(
        tmp_path,
        'node(keys_of, "raw", "between", name="a"), node(copy, "between", "made", name="b"), node(nothing, "made", None, name="tell")',
        every("raw", DAYS) + one("made", DAYS),
        dagster=f"assets: {{{assets}, partitions: {{tell: {DAILY}}}}}",
    )
    put(project, "raw", *JAN)
    result = make(project, instance, *selected, tags=partition(JAN[5]))
    assert result.success, result.error
    assert {key for _, key in result.recorded} == {JAN[5]}
    assert project.read(f"made/{JAN[5]}.json") == [JAN[5]]


def test_a_mapping_holds_behind_a_hidden_dataset(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(
        tmp_path,
        'node(keys_of, "up", "between", name="a"), node(copy, "between", "made", name="b")',
        every("up", DAYS) + one("made", window(-2)),
        dagster="assets: {memory_assets: false}",
    )
    put(project, "up", *JAN)
    result = make(project, instance, "made", tags=partition(JAN[5]))
    assert result.success, result.error
    assert project.read(f"made/{JAN[5]}.json") == JAN[3:6]


def test_dagster_knows_the_mapping_of_a_hidden_dataset(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    hidden = "between: {type: MemoryDataset, metadata: {dagster: {partition_mappings: {up: {time_window: {start_offset: -2}}}}}}\n"
    project = project_of(
        tmp_path,
        'node(keys_of, "up", "between", name="a"), node(copy, "between", "made", name="b")',
        every("up", DAYS) + one("made", DAYS) + hidden,
        dagster="assets: {memory_assets: false}",
    )
    put(project, "up", *JAN)
    result = make(project, instance, "made", tags=partition(JAN[5]))
    assert result.success, result.error
    assert project.read(f"made/{JAN[5]}.json") == JAN[3:6]
    graph = load_definitions(project).resolve_asset_graph()
    mapping = graph.get(dg.AssetKey("made")).partition_mappings[dg.AssetKey("up")]
    assert isinstance(mapping, dg.TimeWindowPartitionMapping)
    assert mapping.start_offset == -2


def test_a_versioned_dataset_has_a_version_of_each_partition(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    catalog = one("made", DAYS).replace("type: json.JSONDataset", "type: json.JSONDataset\n  versioned: true")
    project = project_of(
        tmp_path,
        'node(key_of, "params:partition_key", "made", name="make"), node(copy, "made", "copied", name="copy")',
        catalog + one("copied", DAYS),
    )
    for key in JAN[:2]:
        assert make(project, instance, "made", tags=partition(key)).success
    for key in JAN[:2]:
        [version] = (project.path / f"data/made/{key}.json").iterdir()
        assert (version / f"{key}.json").exists()
        assert make(project, instance, "copied", tags=partition(key)).success
        assert project.read(f"copied/{key}.json") == {"key": key}


def test_a_node_without_outputs(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(
        tmp_path,
        'node(nothing, ["made", "params:partition_key"], None, name="tell")',
        every("made", DAYS),
        dagster=f"assets: {{partitions: {{tell: {DAILY}}}}}",
    )
    put(project, "made", *JAN)
    result = make(project, instance, "tell", tags=partition(JAN[3]))
    assert result.success, result.error
    assert result.recorded == [("tell", JAN[3])]
    [loaded] = [call for call in project.calls("after_dataset_loaded") if call["dataset"] == "made"]
    assert JAN[3] in loaded["data"]
    assert JAN[4] not in loaded["data"]


def test_a_node_named_as_what_it_reads(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    """A day that reads its week, and has the week's name."""
    project = project_of(
        tmp_path,
        'node(nothing, ["week", "params:partition_key"], None, name="week")',
        every("week", f"partitions: {WEEKLY}"),
        dagster=f"assets: {{partitions: {{week: {DAILY}}}}}",
    )
    put(project, "week", "2026-01-04", "2026-01-11")
    result = make(project, instance, "week/node", tags=partition("2026-01-06"))
    assert result.success, result.error
    [loaded] = [call for call in project.calls("after_dataset_loaded") if call["dataset"] == "week"]
    assert "2026-01-04" in loaded["data"]


@pytest.mark.parametrize("trend_first", [True, False])
@pytest.mark.parametrize("cluster_by", ["pipeline", "memory", "node"])
def test_nodes_that_read_other_partitions_of_one_dataset_share_no_step(
    trend_first: bool, cluster_by: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    nodes = ['node(keys_of, "up", "trend", name="trend")', 'node(keys_of, "up", "same", name="same")']
    nodes.append('node(keys_of, "up", "before", name="before")')
    project = project_of(
        tmp_path,
        ", ".join(nodes if trend_first else reversed(nodes)),
        every("up", DAYS) + one("trend", window(-2)) + one("same", DAYS) + one("before", window(-1, -1)),
        dagster=f"assets: {{cluster_by: {cluster_by}}}",
    )
    put(project, "up", *JAN)
    result = make(project, instance, "trend", "same", "before", tags=partition(JAN[5]))
    assert result.success, result.error
    assert project.read(f"trend/{JAN[5]}.json") == JAN[3:6]
    assert project.read(f"same/{JAN[5]}.json") == [JAN[5]]
    assert project.read(f"before/{JAN[5]}.json") == [JAN[4]]


def test_a_job_of_days_with_a_report_that_has_none(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(
        tmp_path,
        'node(key_of, "params:partition_key", "day@one", name="day"), node(keys_of, "day@all", "report", name="report")',
        one("day@one", DAYS) + every("day@all") + json_dataset("report"),
        dagster="jobs: {all: {}}",
    )
    put(project, "day", *JAN[:3])
    result = run_job(project, instance, "all", tags=partition(JAN[3]))
    assert result.success, result.error
    assert sorted(result.recorded, key=str) == [("day", JAN[3]), ("report", None)]
    assert project.read("report.json") == JAN[:4]


def test_an_incremental_dataset_gives_what_is_new_of_the_runs_partitions(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    catalog = every("raw", DAYS).replace("PartitionedDataset", "IncrementalDataset")
    project = project_of(
        tmp_path,
        'node(copy, "raw", "made", name="make", confirms="raw")',
        catalog + every("made", DAYS),
    )
    put(project, "raw", *JAN[:4])
    assert make(project, instance, "made", tags=between(JAN[1], JAN[2])).success
    assert sorted(path.name for path in (project.path / "data/made").iterdir()) == [f"{key}.json" for key in JAN[1:3]]


def test_what_dagster_is_told_may_stand_at_any_name_of_a_transcoded_dataset(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    layered = every("raw@all") + "  metadata: {kedro-viz: {layer: raw}}\n"
    project = project_of(
        tmp_path,
        'node(keys_of, "raw@all", "all", name="all"), node(copy, "raw@one", "same", name="same")',
        layered + one("raw@one", DAYS) + json_dataset("all") + one("same", DAYS),
    )
    put(project, "raw", *JAN[:2])
    assert make(project, instance, "same", tags=partition(JAN[1])).success
    assert make(project, instance, "all").success
    assert project.read("all.json") == JAN[:2]
