"""Datasets that no node writes: Dagster knows which data they have, and marks what was made from other data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest
from helpers import KedroProject, execute, json_dataset, load_definitions, write_project
from kedro.framework.startup import bootstrap_project

from kedro_assets import _private


@pytest.fixture
def instance(dagster_home: Path, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """One that knows nothing of the assets of other tests, which have the same names."""
    with dg.instance_for_test(temp_dir=str(tmp_path), overrides={"telemetry": {"enabled": False}}) as found:
        yield found


@pytest.fixture
def project(tmp_path: Path) -> KedroProject:
    project = write_project(
        tmp_path,
        nodes="def first(value):\n    return value\n\ndef second(one, other):\n    return [one, other]\n",
        pipelines="""{"__default__": pipeline([
            node(first, "raw", "made", name="first"), node(second, ["made", "other"], "both", name="second")])}""",
        catalog=json_dataset("raw", "made", "other", "both"),
        dagster="jobs: {all: {}}",
    )
    project.write("data/raw.json", "1")
    project.write("data/other.json", "1")
    return project


def stale(project: KedroProject, instance: dg.DagsterInstance) -> dict[str, list[str]]:
    """Say which assets the UI marks, and what it gives as reason."""
    graph = load_definitions(project).resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    keys = sorted(graph.materializable_asset_keys)
    causes = {key.to_user_string(): [cause.reason for cause in resolver.get_stale_causes(key)] for key in keys}
    return {name: reasons for name, reasons in causes.items() if reasons}


def launch(
    project: KedroProject, instance: dg.DagsterInstance, *names: str, config: dict[str, Any] | None = None
) -> list[dg.DagsterEvent]:
    """Do what the buttons of the UI do with the assets that are selected."""
    bootstrap_project(project.path)
    repository = _private.load_repository(f"{project.package}.definitions", project.path)
    keys = [dg.AssetKey.from_user_string(name) for name in names]
    return list(_private.run_events(repository, _private.ASSET_JOB, keys, config or {}, {}, instance))


def observe(
    project: KedroProject, instance: dg.DagsterInstance, *names: str, config: dict[str, Any] | None = None
) -> list[str]:
    """Observe; give the assets that were."""
    events = launch(project, instance, *names, config=config)
    assert events[-1].event_type == dg.DagsterEventType.RUN_SUCCESS, events
    found = [event for event in events if event.event_type == dg.DagsterEventType.ASSET_OBSERVATION]
    return sorted(event.asset_key.to_user_string() for event in found if event.asset_key)


NEW_DATA = ["has a new dependency data version"]


def test_what_was_made_from_other_data_is_stale_once_the_data_is_observed(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    assert execute(project, instance, "all").success
    assert stale(project, instance) == {}

    project.write("data/raw.json", "22")
    assert observe(project, instance, "raw", "other") == ["other", "raw"]

    assert stale(project, instance) == {"made": NEW_DATA}
    assert execute(project, instance, "all").success
    assert stale(project, instance) == {}
    assert project.read("both.json") == [22, 1]


def test_a_run_tells_which_data_it_has_read_and_only_what_has_changed(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    for _ in range(2):
        assert execute(project, instance, "all").success
    project.write("data/raw.json", "22")
    assert execute(project, instance, "all").success

    told = {
        name: [
            record.asset_observation.tags["dagster/data_version"]
            for record in instance.fetch_observations(dg.AssetKey(name), limit=9).records
        ]
        for name in ("raw", "other", "made")
    }
    assert {name: len(versions) for name, versions in told.items()} == {"raw": 2, "other": 1, "made": 0}
    assert len(set(told["raw"])) == 2


def test_a_job_may_make_and_observe(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes="def first(value):\n    return value\n",
        pipelines='{"__default__": pipeline([node(first, "raw", "made", name="first")])}',
        catalog=json_dataset("raw", "made"),
        dagster="jobs: {both: {selection: 'key:raw or key:made'}, made: {selection: '+key:made'}}",
    )
    project.write("data/raw.json", "1")
    for job, events in (("both", ["raw", "made"]), ("made", ["made"])):
        result = execute(project, instance, job)
        assert result.success
        told = [event for event in result.all_events if event.event_type_value.startswith("ASSET_")]
        found = {
            event.asset_key.to_user_string()
            for event in told
            if event.asset_key and not event.is_asset_materialization_planned
        }
        assert found == set(events)


def test_an_observation_opens_no_session_and_fires_no_hook(project: KedroProject, instance: dg.DagsterInstance) -> None:
    observe(project, instance, "raw")
    assert project.calls() == []


def test_data_that_is_not_there_fails_the_observation_with_its_name(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    (project.path / "data/raw.json").unlink()
    (failure,) = [event for event in launch(project, instance, "raw") if event.is_step_failure]
    assert "There are no files of 'raw'." in str(failure.step_failure_data)


def test_observing_goes_with_the_runtime_parameters_of_the_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes="def first(value):\n    return value\n",
        pipelines='{"__default__": pipeline([node(first, "raw", "made", name="first")])}',
        catalog=json_dataset("made")
        + 'raw: {type: json.JSONDataset, filepath: "data/${runtime_params:country,no}/raw.json"}',
        dagster="jobs: {all: {}}",
    )
    project.write("data/se/raw.json", "1")
    config = {"resources": {"kedro": {"config": {"runtime_params": {"country": "se"}}}}}
    assert observe(project, instance, "raw", config=config) == ["raw"]


def test_a_name_may_be_any_that_kedro_takes(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes="def first(value):\n    return value\n",
        pipelines='{"__default__": pipeline([node(first, "raw-däta", "made", name="first")])}',
        catalog=json_dataset("made") + "raw-däta: {type: json.JSONDataset, filepath: data/raw.json}",
        dagster="assets: {key_prefix: [a b]}",
    )
    project.write("data/raw.json", "1")
    assert observe(project, instance, "a b/raw-däta") == ["a b/raw-däta"]


@pytest.mark.parametrize(
    "entry",
    [
        "raw: {type: MemoryDataset}",
        "raw: {type: pandas.SQLTableDataset, table_name: raw, credentials: db}",
        "raw: {type: json.JSONDataset, filepath: data/raw.json, metadata: {dagster: {partitions: {static: [a, b]}}}}",
    ],
)
def test_what_has_no_files_or_partitions_is_not_observed(tmp_path: Path, entry: str) -> None:
    project = write_project(
        tmp_path,
        nodes="def first(value):\n    return value\n",
        pipelines='{"__default__": pipeline([node(first, "raw", "made", name="first")])}',
        catalog=json_dataset("made") + entry,
        dagster="",
    )
    graph = load_definitions(project).resolve_asset_graph()
    assert not graph.observable_asset_keys
    assert graph.external_asset_keys == {dg.AssetKey("raw")}


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
def test_assets_follow_data_that_dagster_observes_at_its_times(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes="def first(value):\n    return value\n",
        pipelines='{"__default__": pipeline([node(first, "raw", "made", name="first")])}',
        catalog=json_dataset("raw")
        + '  metadata: {dagster: {automation_condition: {cron_tick_passed: "* * * * *"}}}\n'
        + json_dataset("made")
        + "  metadata: {dagster: {automation_condition: eager}}\n",
        dagster="",
    )
    project.write("data/raw.json", "1")
    definitions, wanted = load_definitions(project), []
    cursor, now = None, datetime(2026, 3, 1, tzinfo=timezone.utc)
    for data in (None, None, "22", None):
        if data:
            project.write("data/raw.json", data)
        now += timedelta(minutes=1)
        tick = dg.evaluate_automation_conditions(definitions, instance, cursor=cursor, evaluation_time=now)
        cursor = tick.cursor
        requested = [name for name in ("raw", "made") if tick.get_num_requested(dg.AssetKey(name))]
        wanted.append(requested)
        if requested:
            launch(project, instance, *requested)
    assert wanted == [[], ["raw"], ["raw", "made"], ["raw"]]
    assert (project.read("made.json"), stale(project, instance)) == (22, {})
