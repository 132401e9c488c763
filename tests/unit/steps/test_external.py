"""Datasets that no node writes: observed where Dagster can, and checked by steps of their own."""

import dagster as dg
import pytest

from kedro_assets.project import CatalogEntry
from kedro_assets.steps import observation, observe_inputs
from kedro_assets.steps.external import build_external, build_external_checks
from unit.builders import make_node
from unit.records import definitions_of, json_entry, make_kedro, make_run, make_table, plan_of

NODES = [make_node("a", ["raw", "given", "left"], ["x"])]
CATALOG = {"raw": json_entry("raw.json"), "left": json_entry("left", metadata={"dagster": {"external": False}})}


def external(catalog=None, taken=(), **options):
    kedro = make_kedro(NODES, catalog={**CATALOG, **(catalog or {})}, **options)
    return {key.to_user_string(): each for each in build_external(kedro, taken) for key in each.keys}


def test_what_has_files_in_one_place_is_observed_and_the_rest_is_shown():
    found = external()
    assert {key: each.is_observable for key, each in found.items()} == {"raw": True, "given": False}
    assert found["raw"].op.name == "raw_observation"
    assert found["raw"].required_resource_keys >= {"kedro", "raw__io_manager"}


def test_what_the_catalog_leaves_to_others_is_left_out():
    assert "left" not in external()


def test_an_external_dataset_is_loaded_by_its_io_manager():
    found = external(key_prefix=["eu"])
    assert found["eu/given"].get_io_manager_key_for_asset_key(dg.AssetKey(["eu", "given"])) == "eu__given__io_manager"


def test_the_step_of_an_observation_does_not_take_a_name_that_is_in_use():
    assert external(taken=["raw_observation"])["raw"].op.name == "raw_observation_2"


def test_the_steps_of_external_datasets_carry_the_prefix():
    catalog = {"raw": json_entry("raw", validator="shop.Raw")}
    [step] = build_external_checks(make_kedro(NODES, catalog=catalog, key_prefix=["eu"]), [])
    assert (step.op.name, external(key_prefix=["eu"])["eu/raw"].op.name) == ("eu__raw_validator", "eu__raw_observation")


def test_every_external_dataset_with_a_validator_has_a_step_that_checks_it():
    validator = {"validator": "shop.Raw"}
    catalog = {
        "raw": json_entry("raw", **validator),
        "left": json_entry("left", **validator),
        "x": json_entry("x", **validator),
    }
    steps = build_external_checks(make_kedro(NODES, catalog=catalog), ["raw_validator"])
    assert {step.op.name: [check.name for check in step.check_specs] for step in steps} == {
        "raw_validator_2": ["validator"],
        "left_validator": ["validator"],
    }


def test_an_observation_says_which_data_an_asset_has():
    event = observation(dg.AssetKey("raw"), "v1")
    assert (event.asset_key, event.tags) == (dg.AssetKey("raw"), {"dagster/data_version": "v1"})


# Before the first step of a run.


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def versions(instance):
    records = instance.fetch_observations(dg.AssetKey("raw"), limit=10).records
    return [record.asset_observation.tags["dagster/data_version"] for record in records]


def look(instance, folder, *, moved=False, nodes=NODES, **identity):
    """Look at the inputs of a run as its own process does."""
    entry = json_entry(folder / "raw.json")
    kedro = make_kedro(nodes, catalog={"raw": entry})
    table, job = kedro.table, definitions_of(kedro).resolve_implicit_global_asset_job_def()
    job = job.get_subset(asset_selection={dg.AssetKey("x")})
    run = make_run(
        table.graph, plan_of(table.graph, a=["a"]), {"raw": json_entry(folder / "other.json") if moved else entry}
    )
    run.identity = type(run.identity)(run.identity.dagster_run_id, run.identity.kedro_run_id, **identity)
    observe_inputs(run, table, job, instance)


def test_a_run_tells_which_data_it_reads_where_that_has_changed(instance, tmp_path):
    (tmp_path / "raw.json").write_text("1")
    for _ in range(2):
        look(instance, tmp_path)
    assert len(versions(instance)) == 1
    (tmp_path / "raw.json").write_text("[2, 3]")
    look(instance, tmp_path)
    assert len(set(versions(instance))) == 2


def test_a_version_that_is_asked_for_and_another_place_say_nothing(instance, tmp_path):
    for name in ("raw.json", "other.json"):
        (tmp_path / name).write_text("1")
    look(instance, tmp_path, load_versions={"raw": "2026"})
    look(instance, tmp_path, moved=True)
    assert versions(instance) == []


def test_files_that_are_not_there_are_left_to_the_node(instance, tmp_path):
    look(instance, tmp_path)
    assert versions(instance) == []


def test_what_others_materialize_keeps_their_version(instance, tmp_path):
    (tmp_path / "raw.json").write_text("1")
    instance.report_runless_asset_event(dg.AssetMaterialization("raw"))
    look(instance, tmp_path)
    assert versions(instance) == []


def test_files_that_are_not_there_fail_an_observation_with_their_name(tmp_path, translate_project):
    conf = {"catalog.yml": f"raw: {{type: json.JSONDataset, filepath: {tmp_path}/raw.json}}"}
    job = translate_project(conf=conf).definitions.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        options = {"instance": instance, "asset_selection": [dg.AssetKey("raw")]}
        with pytest.raises(dg.Failure, match="The dataset 'raw' has no files"):
            job.execute_in_process(**options)
        (tmp_path / "raw.json").write_text("1")
        result = job.execute_in_process(**options)
        [event] = [each for each in result.all_events if each.event_type_value == "ASSET_OBSERVATION"]
    assert event.asset_observation_data.asset_observation.tags["dagster/data_version"]


def test_an_entry_is_kept_without_credentials():
    table = make_table(NODES, catalog={"raw": json_entry("raw", credentials={"key": "hunter2"})})
    assert table.dataset("raw").observed == CatalogEntry("raw", "json.JSONDataset", json_entry("raw"))
