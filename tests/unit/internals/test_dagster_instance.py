"""Fails when Dagster's instance or its records change."""

from pathlib import Path

import dagster as dg
import pytest

from kedro_assets._internals import dagster_instance

KEY = dg.AssetKey("a")


@dg.asset
def a(context):
    context.log_event(dg.AssetObservation("a", metadata={"seen": 1}))
    return dg.MaterializeResult(metadata={"rows": 3})


@pytest.fixture
def instance(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as found:
        yield found


@pytest.fixture
def run(instance):
    return dg.materialize([a], instance=instance, tags={"first": "1"}).dagster_run


def test_tags_are_added_to_a_run(instance, run):
    dagster_instance.add_run_tags(instance, run.run_id, {"second": "2"})
    tags = instance.get_run_by_id(run.run_id).tags
    assert (tags["first"], tags["second"]) == ("1", "2")


def test_the_materializations_of_a_run_are_found(instance, run):
    [found] = dagster_instance.materializations(instance, run.run_id)
    assert (found.asset_key, found.metadata["rows"].value) == (KEY, 3)
    assert list(dagster_instance.materializations(instance, "no such run")) == []


def test_what_the_engine_says_of_a_run_is_found(instance, run):
    instance.report_engine_event("It was killed.", run)
    assert dagster_instance.engine_messages(instance, run.run_id)[-1] == "It was killed."


def test_what_the_engine_says_of_a_run_ends_with_its_failure(instance, run):
    instance.report_engine_event("It was killed.", run)
    instance.report_run_failed(run, "It failed.")
    instance.report_engine_event("A sensor acted on it.", run)
    assert dagster_instance.engine_messages(instance, run.run_id)[-1] == "It was killed."


def test_records_have_their_events(instance, run):
    [made] = instance.fetch_materializations(KEY, limit=1).records
    [seen] = instance.fetch_observations(KEY, limit=1).records
    assert dagster_instance.recorded_materialization(made).metadata["rows"].value == 3
    assert dagster_instance.recorded_observation(seen).metadata["seen"].value == 1
    assert dagster_instance.recorded_observation(made) is None
    assert dagster_instance.recorded_materialization(seen) is None


def test_a_record_is_of_its_run_or_of_none(instance, run):
    [made] = instance.fetch_materializations(KEY, limit=1).records
    assert dagster_instance.run_of_record(made) == run.run_id
    instance.report_runless_asset_event(dg.AssetMaterialization(KEY))
    [reported] = instance.fetch_materializations(KEY, limit=1).records
    assert dagster_instance.run_of_record(reported) == ""


def test_the_folder_of_an_instance_is_inside_of_its_own(instance, tmp_path):
    assert dagster_instance.storage_folder(instance) == Path(tmp_path) / "storage"


def test_the_loggers_that_dagster_captures_are_known(tmp_path):
    overrides = {"python_logs": {"managed_python_loggers": ["some.logger"]}}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=overrides) as instance:
        assert list(dagster_instance.captured_loggers(instance)) == ["some.logger"]


# What is recorded of assets.


def test_the_last_materialization_and_the_last_run_of_many_assets_are_known():
    @dg.asset
    def made():
        pass

    @dg.asset(deps=["made"])
    def failed():
        raise ValueError

    with dg.DagsterInstance.ephemeral() as instance:
        first = dg.materialize([made], instance=instance)
        second = dg.materialize([made, failed], instance=instance, raise_on_error=False)
        keys = [dg.AssetKey(name) for name in ("made", "failed", "unknown")]
        found = dagster_instance.asset_summaries(instance, keys)
        latest = {key: each.materialization.run_id for key, each in found.items() if each.materialization}
        assert latest == {keys[0]: second.run_id}
        assert {key: each.last_run for key, each in found.items()} == dict.fromkeys(keys[:2], second.run_id)
        assert dagster_instance.asset_summaries(instance, []) == {}
        assert first.run_id != second.run_id


@pytest.mark.parametrize("page", [1, 10])
def test_the_runs_that_were_to_make_an_asset_are_known_the_latest_first(page, monkeypatch):
    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
    def made():
        raise ValueError

    monkeypatch.setattr(dagster_instance, "_PAGE", page)
    with dg.DagsterInstance.ephemeral() as instance:
        runs = [
            dg.materialize([made], instance=instance, raise_on_error=False, partition_key=key).run_id for key in "aba"
        ]
        assert list(dagster_instance.runs_planned(instance, made.key, 0)) == runs[::-1]
        assert list(dagster_instance.runs_planned(instance, made.key, 0, "a")) == [runs[2], runs[0]]
        assert list(dagster_instance.runs_planned(instance, dg.AssetKey("other"), 0)) == []


def test_the_assets_whose_steps_have_started_are_known():
    @dg.asset
    def first():
        raise ValueError

    @dg.asset(deps=[first])
    def second():
        pass

    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize([first, second], instance=instance, raise_on_error=False)
        assert dagster_instance.begun_assets(instance, run.run_id) == {dg.AssetKey("first")}


@pytest.mark.parametrize(("most", "expected"), [(3, {dg.AssetKey("seen")}), (2, None)], ids=["all", "too many"])
def test_the_assets_that_were_observed_since_an_event_are_known(most, expected, monkeypatch):
    monkeypatch.setattr(dagster_instance, "_MOST_OBSERVATIONS", most)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.report_runless_asset_event(dg.AssetObservation("before"))
        instance.report_runless_asset_event(dg.AssetMaterialization("made"))
        [record] = instance.fetch_materializations(dg.AssetKey("made"), limit=1).records
        for _ in range(2):
            instance.report_runless_asset_event(dg.AssetObservation("seen"))
        assert dagster_instance.assets_observed(instance, record.storage_id) == expected
