"""Checks of partitioned datasets: each partition has its own result, and none hides that of another."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, write_project
from partitioned import between, every, make, one, partition

NODES = """
def made(source, key):
    return source[key]


def split(source, key):
    return {key: source[key]}


def total(many):
    return sum(load() for load in many.values())


def small(data):
    if data > 9:
        raise ValueError(f"{data} is too large")
    return data


def all_small(data):
    for load in data.values():
        small(load() if callable(load) else load)
    return data
"""
PIPELINES = """{"__default__": pipeline([
    node(made, ["source", "params:partition_key"], "one", name="made"),
    node(split, ["source", "params:partition_key"], "many", name="split"),
    node(total, "many", "total", name="total"),
    node(abs, "arrived", "kept", name="keep"),
])}"""
KEYS = "partitions: {static: [a, b, c], backfill_policy: single_run}"
WARN = "  validator: {{class: {package}.nodes.{function}, severity: warn}}\n"


@pytest.fixture
def project(tmp_path: Path) -> KedroProject:
    project = write_project(tmp_path, nodes=NODES, pipelines=PIPELINES, dagster="jobs: {all: {selection: '*'}}")
    catalog = "source: {type: json.JSONDataset, filepath: data/source.json}\n"
    for entry, function in (
        (one("one", KEYS), "small"),
        (every("many", KEYS), "all_small"),
        ("total:\n  type: json.JSONDataset\n  filepath: data/total.json\n", ""),
        (one("arrived", KEYS), "small"),
        (one("kept", KEYS), ""),
    ):
        validator = WARN.format(package=project.package, function=function) if function else ""
        catalog += entry.replace("  type:", f"{validator}  type:", 1)
    project.write("conf/base/catalog.yml", catalog)
    project.write("data/source.json", '{"a": 1, "b": 20, "c": 3}')
    return project


def results(instance: dg.DagsterInstance, asset: str) -> dict[str | None, str]:
    """What Dagster shows of a check: the result of each partition."""
    key = dg.AssetCheckKey(dg.AssetKey(asset), "validator")
    found = instance.event_log_storage.get_asset_check_partition_info([key])
    return {info.partition_key: info.latest_execution_status.value for info in found}


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.mark.parametrize("asset", ["one", "many"])
def test_a_result_of_one_partition_leaves_those_of_others(
    asset: str, project: KedroProject, instance: dg.DagsterInstance
) -> None:
    for key in ("b", "a"):
        assert make(project, instance, asset, tags=partition(key)).success
    assert results(instance, asset) == {"b": "FAILED", "a": "SUCCEEDED"}


def test_a_run_of_several_partitions_has_a_result_for_each(project: KedroProject, instance: dg.DagsterInstance) -> None:
    made = make(project, instance, "one", "many", tags=between("a", "c"))
    assert made.success
    expected = {"a": "SUCCEEDED", "b": "FAILED", "c": "SUCCEEDED"}
    assert (results(instance, "one"), results(instance, "many")) == (expected, expected)


def test_what_a_node_reads_at_once_has_one_result_for_all(project: KedroProject, instance: dg.DagsterInstance) -> None:
    for key in ("a", "c"):
        project.write(f"data/many/{key}.json", "1")
        instance.report_runless_asset_event(dg.AssetMaterialization("many", partition=key))
    made = make(project, instance, "total")
    assert made.success
    assert results(instance, "many") == {"a": "SUCCEEDED", "c": "SUCCEEDED"}  # there is nothing of b


def run_check(
    project: KedroProject, instance: dg.DagsterInstance, asset: str, tags: dict[str, str]
) -> dg.JobExecutionResult:
    """Execute the check of an asset alone, as the button of the UI does."""
    place = str(Path(__file__).parents[1])
    arguments = (str(project.path), "all")
    job = dg.build_reconstructable_job("helpers", "load_job", arguments, reconstructor_working_directory=place)
    checks = frozenset({dg.AssetCheckKey(dg.AssetKey(asset), "validator")})
    alone = job.get_subset(asset_selection=frozenset(), asset_check_selection=checks)
    return dg.execute_job(alone, instance, tags=tags)


@pytest.mark.parametrize("asset", ["one", "many", "arrived"])
@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (partition("a"), {"a": "SUCCEEDED"}),
        (partition("b"), {"b": "FAILED"}),
        (between("a", "c"), {"a": "SUCCEEDED", "b": "FAILED", "c": "SUCCEEDED"}),
    ],
    ids=["good", "bad", "several"],
)
def test_a_check_alone_looks_at_the_partitions_of_its_run(
    asset: str, tags: dict[str, str], expected: dict[str, str], project: KedroProject, instance: dg.DagsterInstance
) -> None:
    for key, value in {"a": 1, "b": 20, "c": 3}.items():
        project.write(f"data/{asset}/{key}.json", str(value))
    assert run_check(project, instance, asset, tags).success
    assert results(instance, asset) == expected


@pytest.mark.parametrize("asset", ["one", "many"])
def test_a_check_alone_of_a_partition_that_is_not_stored_fails(
    asset: str, project: KedroProject, instance: dg.DagsterInstance
) -> None:
    project.write(f"data/{asset}/a.json", "1")
    result = run_check(project, instance, asset, partition("b"))
    assert not result.success
    assert results(instance, asset) == {"b": "PLANNED"}
