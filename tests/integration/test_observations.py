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
from helpers import KedroProject, execute, json_dataset, load_definitions, materialized, write_project
from kedro.framework.startup import bootstrap_project

from kedro_assets._internals import dagster_jobs


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


def one_node(folder: Path, catalog: str, dagster: str = "jobs: {all: {}}", **options: Any) -> KedroProject:
    """A node that makes `made` of `raw`."""
    project = write_project(
        folder,
        nodes="def first(value):\n    return value\n",
        pipelines='{"__default__": pipeline([node(first, "raw", "made", name="first")])}',
        catalog=catalog,
        dagster=dagster,
        **options,
    )
    project.write("data/raw.json", "1")
    return project


def versions(instance: dg.DagsterInstance, name: str) -> list[str]:
    """The data versions that were observed of an asset, the newest first."""
    records = instance.fetch_observations(dg.AssetKey(name), limit=9).records
    found = [record.asset_observation for record in records]
    return [each.tags["dagster/data_version"] for each in found if each and each.tags]


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
    repository = dagster_jobs.load_repository(f"{project.package}.definitions", project.path)
    keys = [dg.AssetKey.from_user_string(name) for name in names]
    return list(dagster_jobs.start_run(repository, dagster_jobs.ASSET_JOB, keys, config or {}, {}, instance).events)


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
    assert observe(project, instance, "raw", "other") == ["raw"]  # the other is known

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

    assert {name: len(versions(instance, name)) for name in ("raw", "other", "made")} == {
        "raw": 2,
        "other": 1,
        "made": 0,
    }
    assert len(set(versions(instance, "raw"))) == 2


def test_a_job_may_make_and_observe(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    jobs = "jobs: {both: {selection: 'key:raw or key:made'}, made: {selection: '+key:made'}}"
    project = one_node(tmp_path, json_dataset("raw", "made"), jobs)
    for job, made in (("both", ["made"]), ("made", ["made"])):
        result = execute(project, instance, job)
        assert (result.success, materialized(result)) == (True, made)
    assert len(versions(instance, "raw")) == 1


def test_what_is_made_in_memory_from_known_data_stays_up_to_date_when_that_is_observed_again(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes="def same(value):\n    return value\n",
        pipelines="""{"__default__": pipeline([
            node(same, "raw", "passed_on", name="first"), node(same, "passed_on", "made", name="second")])}""",
        catalog=json_dataset("raw", "made"),
        dagster="jobs: {all: {}}",
    )
    project.write("data/raw.json", "1")
    assert execute(project, instance, "all").success
    assert observe(project, instance, "raw") == []
    assert stale(project, instance) == {}
    project.write("data/raw.json", "22")
    assert observe(project, instance, "raw") == ["raw"]
    assert stale(project, instance) == {"made": ["has a new dependency materialization"]}


def test_what_a_hook_has_put_in_place_of_a_dataset_is_not_looked_at(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    hook = """
        from kedro.framework.hooks import hook_impl
        from kedro.io import MemoryDataset

        class Replaced:
            @hook_impl
            def after_catalog_created(self, catalog):
                catalog["raw"] = MemoryDataset(7)

        HOOKS = (Replaced(),)
    """
    project = one_node(tmp_path, json_dataset("raw", "made"), settings=hook)
    assert execute(project, instance, "all").success
    assert (versions(instance, "raw"), project.read("made.json")) == ([], 7)


def test_a_place_that_parameters_have_moved_is_not_reported(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    raw = 'raw: {type: json.JSONDataset, filepath: "data/${runtime_params:country,dk}/raw.json"}'
    jobs = "jobs: {dk: {}, se: {config: {runtime_params: {country: se}}}}"
    project = one_node(tmp_path, json_dataset("made") + raw, jobs)
    for country in ("dk", "se"):
        project.write(f"data/{country}/raw.json", "1")
        assert execute(project, instance, country).success
    assert len(versions(instance, "raw")) == 1


def test_a_version_that_is_asked_for_is_not_reported(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    jobs = "jobs: {all: {}, old: {config: {load_versions: {raw: 2026-01-01T00.00.00.000Z}}}}"
    project = one_node(tmp_path, json_dataset("raw", versioned=True) + json_dataset("made"), jobs)
    (project.path / "data/raw.json").unlink()
    for day in (1, 2):
        project.write(f"data/raw.json/2026-01-0{day}T00.00.00.000Z/raw.json", str(day))
    for job, value, told in (("old", 1, 0), ("all", 2, 1)):
        assert execute(project, instance, job).success
        assert (project.read("made.json"), len(versions(instance, "raw"))) == (value, told)


def test_what_others_materialize_keeps_their_data_version(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = one_node(tmp_path, json_dataset("raw", "made"))
    instance.report_runless_asset_event(dg.AssetMaterialization("raw"))
    for data in ("1", "22"):
        project.write("data/raw.json", data)
        assert execute(project, instance, "all").success
    assert versions(instance, "raw") == []


def test_what_is_left_to_another_asset_is_not_reported(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    raw = json_dataset("raw") + "  metadata: {dagster: {external: false}}\n"
    project = one_node(tmp_path, raw + json_dataset("made"))
    assert execute(project, instance, "all").success
    assert versions(instance, "raw") == []


def test_the_checkpoint_of_an_incremental_dataset_is_no_data(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes="def first(parts):\n    return len(parts)\n",
        pipelines='{"__default__": pipeline([node(first, "raw", "made", name="first", confirms="raw")])}',
        catalog=json_dataset("made")
        + "raw: {type: partitions.IncrementalDataset, path: data/raw, dataset: json.JSONDataset, filename_suffix: .json}\n",
        dagster="jobs: {all: {}}",
    )
    project.write("data/raw/a.json", "1")
    assert execute(project, instance, "all").success
    assert (project.path / "data/raw/CHECKPOINT").exists()
    first = versions(instance, "raw")
    assert observe(project, instance, "raw") == []
    assert versions(instance, "raw") == first


def test_a_pattern_of_files_is_observed(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = one_node(tmp_path, json_dataset("made") + "raw: {type: json.JSONDataset, filepath: data/raw/*.json}\n")
    found = []
    for name in ("a", "b"):
        project.write(f"data/raw/{name}.json", "1")
        observe(project, instance, "raw")
        found.append(versions(instance, "raw")[0])
    assert len(set(found)) == 2


def test_an_observation_opens_no_session_and_fires_no_hook(project: KedroProject, instance: dg.DagsterInstance) -> None:
    observe(project, instance, "raw")
    assert project.calls() == []


def test_data_that_is_not_there_fails_the_observation_with_its_name(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    (project.path / "data/raw.json").unlink()
    (failure,) = [event for event in launch(project, instance, "raw") if event.is_step_failure]
    assert "The dataset 'raw' has no files." in str(failure.step_failure_data)


def test_observing_goes_with_the_runtime_parameters_of_the_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    raw = 'raw: {type: json.JSONDataset, filepath: "data/${runtime_params:country,no}/raw.json"}'
    project = one_node(tmp_path, json_dataset("made") + raw)
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
    project = one_node(tmp_path, json_dataset("made") + entry)
    graph = load_definitions(project).resolve_asset_graph()
    assert not graph.observable_asset_keys
    assert graph.external_asset_keys == {dg.AssetKey("raw")}


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
def test_assets_follow_data_that_dagster_observes_at_its_times(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = one_node(
        tmp_path,
        json_dataset("raw")
        + '  metadata: {dagster: {automation_condition: {cron_tick_passed: "* * * * *"}}}\n'
        + json_dataset("made")
        + "  metadata: {dagster: {automation_condition: eager}}\n",
    )
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
