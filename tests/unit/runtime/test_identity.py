from datetime import datetime, timedelta, timezone

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.io.core import VERSION_FORMAT, generate_timestamp

from kedro_assets.runtime.identity import RunIdentity, RunTags, kedro_timestamp
from kedro_assets.steps import build_resources
from unit.builders import make_node
from unit.records import make_kedro

moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc))  # noqa: DTZ001


@given(moments)
def test_a_timestamp_is_kedros_own_up_to_the_millisecond(moment):
    text = kedro_timestamp(moment)
    assert len(text) == len(generate_timestamp())
    parsed = datetime.strptime(text, VERSION_FORMAT).replace(tzinfo=timezone.utc)
    assert timedelta(0) <= moment - parsed < timedelta(milliseconds=1)


@given(moments, moments)
def test_timestamps_sort_as_their_moments(one, other):
    if one <= other:
        assert kedro_timestamp(one) <= kedro_timestamp(other)


def test_a_moment_of_another_time_zone_is_written_in_utc():
    moment = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert kedro_timestamp(moment) == "2026-02-28T23.30.00.000Z"


# The identity of a run.


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def kedro_job(config=None):
    @dg.op(required_resource_keys={"kedro"})
    def nothing():
        pass

    graph = dg.GraphDefinition(name="g", node_defs=[nothing])
    resources = build_resources(make_kedro([make_node("a", ["raw"], ["b"])]))
    return graph.to_job(resource_defs=resources, config=config)


def identity_of(instance, job, run_config=None, tags=None):
    run = instance.create_run_for_job(job, run_config=run_config, tags=tags)
    return run, RunIdentity.of(run, job, instance, "kedro")


def asking_for(params):
    return {"resources": {"kedro": {"config": {"runtime_params": params}}}}


def test_an_identity_comes_from_the_record_of_the_run_and_not_from_the_clock(instance):
    run, identity = identity_of(instance, kedro_job())
    created = instance.get_run_record_by_id(run.run_id).create_timestamp
    assert (identity.dagster_run_id, identity.kedro_run_id) == (run.run_id, kedro_timestamp(created))


def test_an_identity_has_the_runtime_parameters_of_the_run(instance):
    params = {"a": {"b": [1, None]}}
    _, identity = identity_of(instance, kedro_job(), asking_for(params))
    assert identity.runtime_params == params


def test_an_identity_has_the_runtime_parameters_of_the_job_if_the_run_asks_for_none(instance):
    _, identity = identity_of(instance, kedro_job(asking_for({"a": 1})))
    assert identity.runtime_params == {"a": 1}


@pytest.mark.parametrize("config", [{}, {"resources": {}}, {"resources": {"kedro": {}}}], ids=["empty", "none", "own"])
def test_a_run_without_runtime_parameters_has_none(instance, config):
    _, identity = identity_of(instance, kedro_job(), config)
    assert identity.runtime_params == {}


def test_a_run_of_a_job_without_kedros_assets_has_no_runtime_parameters(instance):
    _, identity = identity_of(instance, dg.GraphDefinition(name="g").to_job())
    assert identity.runtime_params == {}


def test_an_identity_has_the_environment_and_the_mlflow_run_once_the_runs_own_process_has_told_them(instance):
    tags = {"kedro/env": "prod", "kedro_eu/env": "other", "mlflow/run_id": "m1"}
    _, identity = identity_of(instance, kedro_job(), tags=tags)
    assert (identity.env, identity.mlflow_run_id) == ("prod", "m1")
    _, identity = identity_of(instance, kedro_job())
    assert (identity.env, identity.mlflow_run_id) == (None, None)


def test_an_identity_has_the_versions_to_load(instance):
    config = {"resources": {"kedro": {"config": {"load_versions": {"model": "2026"}}}}}
    _, identity = identity_of(instance, kedro_job(), config)
    assert identity.load_versions == {"model": "2026"}


@pytest.mark.parametrize(
    ("tags", "stale", "if_changed"),
    [
        ({}, None, set()),
        ({"kedro/stale_assets": ""}, None, set()),
        ({"kedro/stale_assets": "[]"}, set(), set()),
        (
            {"kedro/stale_assets": '["a/b", "c"]', "kedro/if_changed": '["c"]'},
            {dg.AssetKey(["a", "b"]), dg.AssetKey("c")},
            {"c"},
        ),
    ],
    ids=["all", "all, unlike the run before", "nothing", "some"],
)
def test_an_identity_has_the_assets_that_are_made(tags, stale, if_changed, instance):
    _, identity = identity_of(instance, kedro_job(), tags=tags)
    assert (identity.stale, identity.if_changed) == (stale, if_changed)


def test_an_identity_has_whether_only_what_is_missing_is_made(instance):
    _, identity = identity_of(instance, kedro_job(), tags={"kedro/only_missing_outputs": "true"})
    assert identity.only_missing_outputs
    assert not identity_of(instance, kedro_job())[1].only_missing_outputs


def test_each_project_of_a_run_has_an_identity_of_its_own(instance):
    run, _ = identity_of(instance, kedro_job(), asking_for({"a": 1}))
    other = RunIdentity.of(run, kedro_job(), instance, "kedro_eu")
    assert other.runtime_params == {}


def test_the_parameters_of_a_partition_lie_over_those_of_the_run():
    identity = RunIdentity("run", "2026", {"depth": 1, "partition_key": "<partition_key>"})
    assert not identity.has_parts(["partition_key"])
    assert identity.unfilled == {"partition_key"}
    partition = identity.with_partition({"partition_key": "a"})
    assert partition.runtime_params == {"depth": 1, "partition_key": "a"}
    assert partition.has_parts(["partition_key"])
    assert not partition.unfilled
    assert not RunIdentity("run", "2026").has_parts(["partition_key"])


def test_versions_that_are_asked_for_go_before_those_that_earlier_runs_have_saved():
    identity = RunIdentity("run", "2026", load_versions={"a": "asked"}).with_saved({"a": "saved", "b": "saved"})
    assert identity.load_versions == {"a": "asked", "b": "saved"}


def test_the_tags_of_a_run_carry_the_key_of_the_project():
    tags, other = RunTags("kedro"), RunTags("kedro_eu")
    assert (tags.run_id, tags.env, tags.ended) == ("kedro/run_id", "kedro/env", "kedro/pipeline_hooks")
    assert not {tags.run_id, tags.env, tags.ended} & {other.run_id, other.env, other.ended}
