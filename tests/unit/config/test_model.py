"""What the sections decide by their defaults: what runs where nothing is written."""

import attrs
import pytest

from kedro_assets.config import (
    PARTITIONS,
    AssetsConfig,
    DagsterConfig,
    DatasetSettings,
    JobConfig,
    PartitionsConfig,
    PipelineFilter,
    RetryConfig,
    ScheduleConfig,
    SensorConfig,
    model,
)

SECTIONS = [value for value in vars(model).values() if attrs.has(value) and value.__module__ == model.__name__]


def test_without_a_dagster_yml_in_memory_data_stays_in_its_step_and_is_shown():
    assert AssetsConfig() == AssetsConfig(None, "memory", "pipeline", [], None, memory_assets=True)


def test_a_job_without_content_is_the_default_pipeline_by_assets():
    job = JobConfig()
    assert (job.view, job.pipeline, job.selection, PipelineFilter().pipeline_name) == (
        "assets",
        None,
        None,
        "__default__",
    )


def test_nothing_starts_by_itself_or_again_unless_it_is_written():
    assert ScheduleConfig("@daily").default_status == SensorConfig().default_status == "STOPPED"
    assert (JobConfig().retries, JobConfig().run_retries) == (None, None)
    assert DatasetSettings().automation_condition is None
    assert RetryConfig().max_retries == 1


def test_a_run_makes_one_partition_unless_more_are_written():
    partitions = PartitionsConfig(static=["a"])
    assert (partitions.backfill_policy, partitions.max_partitions_per_run) == ("multi_run", 1)


def test_a_project_is_read_without_its_hooks_and_an_external_dataset_is_shown():
    assert DagsterConfig().load_with_hooks is False
    assert DatasetSettings().external is True


def test_the_kinds_of_partitions_are_keys_of_their_section():
    keys = [each.name for each in attrs.fields(PartitionsConfig)]
    assert list(PARTITIONS) == keys[: len(PARTITIONS)]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_a_section_is_not_changed_and_shares_no_default(section):
    required = {each.name: "x" for each in attrs.fields(section) if each.default is attrs.NOTHING}
    one, other = section(**required), section(**required)
    for each in attrs.fields(section):
        value = getattr(one, each.name)
        assert value is not getattr(other, each.name) or not isinstance(value, list | dict)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(one, attrs.fields(section)[0].name, "changed")
