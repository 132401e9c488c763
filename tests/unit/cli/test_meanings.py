"""What names mean that stand in the wrong place of a command."""

import dagster as dg
import pytest
from attrs import evolve

from kedro_assets.cli.meanings import OF_FILTERS, Meanings
from kedro_assets.config import PipelineFilter
from unit.builders import make_node
from unit.records import definitions_of, json_entry, make_kedro

FIT = make_node("fit", ["raw"], ["forest.model"], tags=["daily"], namespace="forest")
CATALOG = {"raw": json_entry("raw.json"), "forest.model": json_entry("m.json"), "{name}_log": json_entry("{name}.json")}


@pytest.fixture
def kedro():
    found = make_kedro({"__default__": [FIT], "training": [FIT]}, catalog=CATALOG)
    return evolve(found, project=evolve(found.project, parameters={"depth": 3}))


@pytest.fixture
def meanings(kedro):
    job = dg.define_asset_job("nightly_job", "*")
    schedule = dg.ScheduleDefinition(name="nightly", job=job, cron_schedule="@daily")
    twice = dg.ScheduleDefinition(name="nightly_job__twice", job=job, cron_schedule="@daily")

    @dg.sensor(job=job)
    def arrival(_):
        yield dg.SkipReason("nothing")

    @dg.run_failure_sensor
    def alarm(_):
        pass

    more = dg.Definitions(jobs=[job], schedules=[schedule, twice], sensors=[arrival, alarm])
    found = dg.Definitions.merge(definitions_of(kedro), more)
    return Meanings([kedro], found.get_repository_def())


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("nightly_job", "a job: run it with `kedro assets run nightly_job`"),
        ("nightly", "a schedule: run its job with `kedro assets run nightly_job`"),
        ("twice", "a schedule: run its job with `kedro assets run nightly_job`"),
        ("forest_fit", "a step: make its assets with `--select 'key:\"forest/model\"'`"),
        ("arrival", "a sensor: run its job with `kedro assets run nightly_job`"),
        ("alarm", "a sensor: it starts by itself in Dagster"),
        ("params:depth", "a parameter: give it a value for a run with `--params depth=...`"),
        ("raw", "a dataset: no node makes it. Run what reads it with `--from-inputs raw`"),
        ("forest.model", "a dataset: make it with `--select forest.model`"),
        ("forest/model", "an asset: make it with `--select forest/model`"),
        ("forest.fit", "a node: run it with `--nodes forest.fit`"),
        ("training", "a registered pipeline: run it with `--pipelines training`"),
        ("daily", "a tag: run its nodes with `--tags daily`"),
        ("forest", "a namespace: run its nodes with `--namespaces forest`"),
    ],
    ids=lambda value: value if " " not in value else "",
)
def test_a_name_in_the_wrong_place_has_a_hint(meanings, name, hint):
    assert meanings.hint(name).startswith(f"'{name}' is {hint}")


def test_what_is_expected_has_no_hint_and_neither_has_what_means_nothing(meanings):
    assert meanings.hint("daily", "tag") == ""
    assert meanings.hint("nothing") == meanings.hint("") == ""


def test_the_key_of_an_asset_is_taken_for_its_dataset(meanings):
    assert [meanings.dataset(name) for name in ("forest/model", "forest.model", "nothing")] == [
        "forest.model",
        "forest.model",
        "nothing",
    ]


def test_each_filter_has_a_kind():
    fields = {field.name for field in PipelineFilter.__attrs_attrs__} - {"pipeline_name"}
    assert OF_FILTERS.keys() == fields
