"""Partitions as runtime parameters of the user's own, and nodes that they reach through `parameters.yml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from helpers import KedroProject, json_dataset, load_definitions, write_project
from partitioned import between, every, make, one, partition, run_job

NODES = """
def plain():
    return "plain"


def made(*values):
    return [str(value) for value in values]


def told(parameters):
    return {name: str(value) for name, value in parameters.items()}
"""
STATIC = "partitions: {static: [a, b]}"


def project_of(folder: Path, nodes: str, catalog: str, **options: Any) -> KedroProject:
    return write_project(
        folder, nodes=NODES, pipelines=f'{{"__default__": pipeline([{nodes}])}}', catalog=catalog, **options
    )


def given(**params: Any) -> dict[str, Any]:
    return {"resources": {"kedro": {"config": {"runtime_params": params}}}}


def stored(project: KedroProject) -> list[str]:
    return sorted(str(path.relative_to(project.path / "data")) for path in (project.path / "data").rglob("*.json"))


# Values that a user gives, in projects without partitions.

OUT = 'node(plain, None, "first", name="first"), node(made, ["first"], "out", name="second")'


@pytest.fixture
def unpartitioned(tmp_path: Path) -> KedroProject:
    jobs = """
jobs:
  told: {pipeline: {}, config: {runtime_params: {partition_key: k}}}
  untold: {pipeline: {}}
  ops: {pipeline: {}, view: ops}
  told_ops: {pipeline: {}, view: ops, config: {runtime_params: {partition_key: k}}}
"""
    return project_of(tmp_path, OUT, json_dataset("first") + one("out"), dagster=jobs)


@pytest.mark.parametrize(
    ("part", "params"),
    [
        ("partition_key", {"partition_key": "k"}),
        ("partition_start", {"partition_start": "k"}),
        ("partition_end", {"partition_end": "k"}),
        ("partition_keys.day", {"partition_keys": {"day": "k"}}),
    ],
)
def test_what_the_user_gives_wins(
    part: str, params: dict[str, Any], tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    catalog = json_dataset("first") + one("out", place=f"${{runtime_params:{part}}}")
    project = project_of(tmp_path, OUT, catalog)
    result = make(project, instance, **given(**params))
    assert result.success, result.error
    assert stored(project) == ["first.json", "out/k.json"]


def test_what_the_user_gives_wins_in_one_of_several_dimensions(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    place = "${runtime_params:partition_keys.day}"
    catalog = one("first", place="${runtime_params:partition_keys.region}") + one("out", place=place)
    project = project_of(tmp_path, OUT, catalog)
    params = {"day": "k", "region": "eu"}
    assert make(project, instance, **given(partition_keys=params)).success
    assert stored(project) == ["first/eu.json", "out/k.json"]
    refused = make(project, instance, **given(partition_keys={"region": "us"}))
    assert "'out'" in refused.error
    assert "`partition_keys.day`" in refused.error
    assert stored(project) == ["first/eu.json", "out/k.json"]


@pytest.mark.parametrize("job", ["told", "told_ops"])
def test_what_a_job_gives_wins(job: str, unpartitioned: KedroProject, instance: dg.DagsterInstance) -> None:
    result = run_job(unpartitioned, instance, job)
    assert result.success, result.error
    assert stored(unpartitioned) == ["first.json", "out/k.json"]


@pytest.mark.parametrize("job", ["untold", "ops"])
def test_a_dataset_whose_place_has_a_placeholder_is_refused_before_anything_is_saved(
    job: str, unpartitioned: KedroProject, instance: dg.DagsterInstance
) -> None:
    result = run_job(unpartitioned, instance, job)
    assert not result.success
    assert "'out', which node 'second' writes, depends on the runtime parameter `partition_key`" in result.error
    assert "--params partition_key=" in result.error
    assert stored(unpartitioned) == []
    assert unpartitioned.calls("before_pipeline_run") == []


def test_a_dataset_that_is_read_is_refused_too(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(tmp_path, 'node(made, "raw", "out", name="read")', one("raw") + json_dataset("out"))
    project.write("data/raw/<partition_key>.json", "1")
    assert "'raw', which node 'read' reads" in make(project, instance).error


def test_a_default_in_the_catalog_stays(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    catalog = json_dataset("first") + one("out", place="${runtime_params:partition_key,none}")
    project = project_of(tmp_path, OUT, catalog)
    assert make(project, instance).success
    assert stored(project) == ["first.json", "out/none.json"]


def test_a_node_of_no_partition_in_a_run_of_several(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    nodes = 'node(made, "params:partition_key", "days", name="days"), node(plain, None, "out", name="plain")'
    project = project_of(tmp_path, nodes, every("days", f"{STATIC}") + one("out"))
    assert "'out', which node 'plain' writes" in make(project, instance, "out", tags=between("a", "b")).error
    assert stored(project) == []


# Parameters.

ASKED = 'node(made, "params:day", "out", name="told")'


def test_a_parameter_that_is_a_placeholder_is_handed_to_no_node(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(tmp_path, ASKED, json_dataset("out"), parameters='day: "${runtime_params:partition_key}"\n')
    result = make(project, instance)
    assert "'params:day', which node 'told' reads, depends on the runtime parameter `partition_key`" in result.error
    assert make(project, instance, **given(partition_key="k")).success
    assert project.read("out.json") == ["k"]
    assert make(project, instance, ops={"told": {"config": {"parameters": {"params:day": "mine"}}}}).success
    assert project.read("out.json") == ["mine"]


WHOLE = 'node(told, "parameters", "out", name="told"), node(plain, None, "days", name="days")'


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("depth: 3\n", {"depth": "3"}),
        ("depth: 3\npartition_key: none\n", {"depth": "3", "partition_key": "none"}),
        ('depth: 3\nday: "${runtime_params:partition_key,none}"\n', {"depth": "3", "day": "none"}),
    ],
    ids=["none", "own", "default"],
)
def test_no_placeholder_is_among_the_whole_of_the_parameters(
    parameters: str, expected: dict[str, str], tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = project_of(tmp_path, WHOLE, json_dataset("out") + one("days", STATIC), parameters=parameters)
    result = make(project, instance, "out")
    assert result.success, result.error
    assert project.read("out.json") == expected


def test_a_placeholder_inside_of_the_whole_of_the_parameters_is_refused(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    parameters = 'shop: {day: "d-${runtime_params:partition_key}"}\n'
    project = project_of(tmp_path, WHOLE, json_dataset("out") + one("days", STATIC), parameters=parameters)
    assert "'shop.day'" in make(project, instance, "out").error
    assert stored(project) == []


def test_a_default_in_the_parameters_stays(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    nodes = 'node(made, ["params:shop", "params:day", "params:none"], "out", name="told"), node(plain, None, "days", name="days")'
    parameters = 'day: "${runtime_params:partition_key,none}"\nnone: "${runtime_params:partition_key,null}"\n'
    parameters += 'shop: {day: "${day}", depth: 3}\n'
    project = project_of(tmp_path, nodes, json_dataset("out") + one("days", STATIC), parameters=parameters)
    result = make(project, instance, "out", **given(shop={"depth": 5}))
    assert result.success, result.error
    assert project.read("out.json") == ["{'day': 'none', 'depth': 5}", "none", "None"]


@pytest.mark.parametrize("parameters", ["", "partition_key: own\n"], ids=["none", "own"])
def test_the_key_itself_is_only_what_the_project_says_in_a_run_of_none(
    parameters: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    nodes = 'node(made, "params:partition_key", "out", name="told"), node(plain, None, "days", name="days")'
    project = project_of(tmp_path, nodes, json_dataset("out") + one("days", STATIC), parameters=parameters)
    result = make(project, instance, "out")
    if parameters:
        assert result.success, result.error
        assert project.read("out.json") == ["own"]
    else:
        assert "'params:partition_key', which node 'told' reads" in result.error


def test_what_the_launchpad_leaves_of_the_whole_is_that_of_the_run(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    parameters = 'depth: 3\nday: "${runtime_params:partition_key}"\n'
    nodes = 'node(told, "parameters", "out", name="told")'
    project = project_of(tmp_path, nodes, one("out", STATIC), parameters=parameters)
    whole = {"depth": 5, "day": "<partition_key>"}
    config = {"ops": {"told": {"config": {"parameters": {"parameters": whole}}}}}
    result = make(project, instance, "out", tags=partition("a"), **config)
    assert result.success, result.error
    assert project.read("out/a.json") == {"depth": "5", "day": "a"}


def test_an_asset_of_ones_own_finds_the_place_that_the_user_gives(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(tmp_path, OUT, json_dataset("first") + one("out"))
    project.write("data/out/k.json", '"kept"')
    definitions = load_definitions(project)
    seen = []

    @dg.asset(ins={"out": dg.AssetIn(dg.AssetKey("out"))})
    def own(out: Any) -> None:
        seen.append(out)

    job = dg.Definitions.merge(definitions, dg.Definitions([own])).resolve_implicit_global_asset_job_def()
    config = given(partition_key="k")
    assert job.execute_in_process(config, instance=instance, asset_selection=[own.key]).success
    assert seen == ["kept"]


# Keys that reach nodes through `parameters.yml`, in a run of several partitions.

READS = {
    "param": ('"params:day"', 'day: "${runtime_params:partition_key}"\n', "!"),
    "default": ('"params:day"', 'day: "${runtime_params:partition_key,none}"\n', "!"),
    "inside": ('"params:shop.day"', 'shop: {day: "on ${runtime_params:partition_key,none}"}\n', "on !"),
    "around": ('"params:shop"', 'shop: {k: "${runtime_params:partition_key,none}"}\n', "{'k': '!'}"),
    "behind": ('"params:to"', 'day: "${runtime_params:partition_key,none}"\nto: "${day}/x"\n', "!/x"),
    "changed": ('"params:day"', 'day: "${oc.decode:\\"[${runtime_params:partition_key,none}]\\"}"\n', "['!']"),
    "key": ('"params:partition_key"', "", "!"),
}
CHUNKS = """

def keyed(value, ids):
    return {key: str(value) for key in ids if key in str(value)}


def keyed_by_all(parameters):
    return {key: str(parameters["day"]) for key in "ab" if key in parameters["day"]}
"""


def ranged(folder: Path, nodes: str, catalog: str, parameters: str, **options: Any) -> KedroProject:
    pipelines = f'{{"__default__": pipeline([{nodes}])}}'
    return write_project(
        folder, nodes=NODES + CHUNKS, pipelines=pipelines, catalog=catalog, parameters=parameters, **options
    )


SINGLE = "partitions: {static: [a, b], backfill_policy: single_run}"


@pytest.mark.parametrize("case", READS)
def test_a_node_that_a_key_reaches_runs_once_for_each(case: str, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    read, parameters, expected = READS[case]
    nodes = f'node(keyed, [{read}, "params:ids"], "out", name="told")'
    project = ranged(tmp_path, nodes, every("out", SINGLE), parameters + "ids: [a, b]\n")
    result = make(project, instance, tags=between("a", "b"))
    assert result.success, result.error
    assert {key: project.read(f"out/{key}.json") for key in "ab"} == {key: expected.replace("!", key) for key in "ab"}
    assert project.nodes_run() == ["told", "told"]


@pytest.mark.parametrize("default", ["", ",none"])
def test_a_node_that_reads_all_parameters_runs_once_for_each(
    default: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    parameters = f'day: "${{runtime_params:partition_key{default}}}"\n'
    nodes = 'node(keyed_by_all, "parameters", "out", name="told")'
    project = ranged(tmp_path, nodes, every("out", SINGLE), parameters)
    result = make(project, instance, tags=between("a", "b"))
    assert result.success, result.error
    assert {key: project.read(f"out/{key}.json") for key in "ab"} == {"a": "a", "b": "b"}


def test_a_node_that_no_key_reaches_runs_once(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    parameters = 'day: "${runtime_params:partition_key,none}"\nids: [a, b]\nother: ab\nfrom: "${runtime_params:partition_start,none}"\n'
    nodes = 'node(keyed, ["params:other", "params:ids"], "out", name="told")'
    project = ranged(tmp_path, nodes, every("out", SINGLE), parameters)
    assert make(project, instance, tags=between("a", "b")).success
    assert project.nodes_run() == ["told"]


DAYS = 'partitions: {daily: {start_date: "2026-01-01", end_date: "2026-01-05"}, backfill_policy: single_run}'
WINDOW = """

def window(start):
    return {start[:10]: start}
"""


def test_a_window_through_the_parameters_is_that_of_the_range(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes=WINDOW,
        pipelines='{"__default__": pipeline([node(window, "params:from", "out", name="told")])}',
        catalog=every("out", DAYS),
        parameters='from: "${runtime_params:partition_start,none}"\n',
    )
    result = make(project, instance, tags=between("2026-01-01", "2026-01-03"))
    assert result.success, result.error
    assert project.nodes_run() == ["told"]
    assert stored(project) == ["out/2026-01-01.json"]


@pytest.mark.parametrize("read", ["params:partition_start", "params:from"])
def test_of_two_dimensions_a_range_has_no_window(read: str, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    days = 'day: {daily: {start_date: "2026-01-01", end_date: "2026-01-05"}}, region: {static: [n, s]}'
    place = "${runtime_params:partition_keys.day}-${runtime_params:partition_keys.region}"
    project = project_of(
        tmp_path,
        f'node(made, "{read}", "mem", name="told"), node(made, "mem", "out", name="kept")',
        one("out", f"partitions: {{multi: {{{days}}}, backfill_policy: single_run}}", place=place),
        parameters='from: "${runtime_params:partition_start,none}"\n',
    )
    result = make(project, instance, tags=between("2026-01-01|n", "2026-01-02|s"))
    assert result.success, result.error
    assert {path: project.read(path)[0][2:12] for path in stored(project)} == {
        f"out/2026-01-0{day}-{region}.json": f"2026-01-0{day}" for day in (1, 2) for region in "ns"
    }


@pytest.mark.parametrize("year", ["int(str(text)[:4])", "str(text)[:4]"], ids=["refuses", "changes"])
def test_a_resolver_that_refuses_placeholders_or_changes_them_is_seen_through(
    year: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    parameters = 'day: "${year:${runtime_params:partition_key,2026-01-01}}"\nids: ["2025", "2026"]\n'
    nodes = 'node(keyed, ["params:day", "params:ids"], "out", name="told")'
    years = 'partitions: {static: ["2025", "2026"], backfill_policy: single_run}'
    settings = f'CONFIG_LOADER_ARGS = {{"custom_resolvers": {{"year": lambda text: {year}}}}}\n'
    project = ranged(tmp_path, nodes, every("out", years), parameters, settings=settings)
    result = make(project, instance, tags=between("2025", "2026"))
    assert result.success, result.error
    assert stored(project) == ["out/2025.json", "out/2026.json"]
