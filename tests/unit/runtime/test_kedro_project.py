"""A project in one code location: what its runs and IO managers find open."""

import dagster as dg
import pytest
from attrs import evolve

from kedro_assets.config import PartitionsConfig
from kedro_assets.errors import PartitionError
from kedro_assets.graph import Cluster
from kedro_assets.runtime import View, is_needed
from kedro_assets.runtime.identity import SAVE_VERSION, kedro_timestamp
from unit.builders import make_node
from unit.records import definitions_of, json_entry, make_kedro, open_over, run_of

CHAIN = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"])]
KEYS = PartitionsConfig(static=["k1", "k2"])


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def opened(monkeypatch):
    """Open runs without a project, and return those that are open."""
    return open_over(monkeypatch, lambda params: {"y": {"type": "MemoryDataset", "copy_mode": "assign"}})


def kedro_of(**options):
    kedro = make_kedro(CHAIN, **options)
    return kedro, definitions_of(kedro)


# Runs.


def test_the_first_call_in_a_process_opens_the_run(instance, opened):
    kedro, definitions = kedro_of()
    run, job = run_of(definitions, instance, "x")
    found = kedro.for_run(run, job, instance)
    assert kedro.for_run(run, job, instance) is found
    assert opened == [found]
    assert found.plan.steps["b"].nodes == ("a",)
    assert found.identity.dagster_run_id == run.run_id
    assert found.identity.kedro_run_id == kedro_timestamp(instance.get_run_record_by_id(run.run_id).create_timestamp)


def test_a_run_is_opened_with_the_parameters_of_its_partition(instance, opened):
    kedro, definitions = kedro_of(files=["y"], partitions={"y": KEYS})
    run, job = run_of(definitions, instance, tags={"dagster/partition": "k1"})
    found = kedro.for_run(run, job, instance)
    assert found.identity.runtime_params == {"partition_key": "k1"}
    assert (found.store.partition, found.store.partitioned) == ("k1", {"x", "y"})


def test_a_run_that_makes_something_partitioned_needs_a_partition(instance, opened):
    kedro, definitions = kedro_of(files=["y"], partitions={"y": KEYS})
    with pytest.raises(
        PartitionError, match="The data that node 'a' makes is partitioned, but this run was started without"
    ):
        kedro.for_run(*run_of(definitions, instance), instance)
    assert opened == []


def test_a_run_of_what_is_not_partitioned_has_placeholders(instance, opened):
    kedro = make_kedro(CHAIN)
    project = evolve(kedro.project, runtime_params={"partition_key": "<partition_key>", "depth": "<depth>"})
    kedro = evolve(kedro, project=project)
    found = kedro.for_run(*run_of(definitions_of(kedro), instance), instance)
    assert found.identity.runtime_params == {"partition_key": "<partition_key>"}


def saving(version, instance):
    """Run something that saves a version of `y`, and return the id of the run."""

    @dg.op
    def save():
        yield dg.AssetMaterialization("y", metadata={SAVE_VERSION: version})
        yield dg.Output(None)

    return dg.GraphDefinition("g", node_defs=[save]).to_job().execute_in_process(instance=instance).run_id


def test_a_run_goes_on_from_the_nearest_of_the_runs_that_it_continues(instance, opened):
    kedro = make_kedro([*CHAIN, make_node("c", ["y"], ["z"])], catalog={"y": json_entry("y", versioned=True)})
    definitions = definitions_of(kedro)
    root, parent = saving("2026-a", instance), saving("2026-b", instance)
    run, job = run_of(definitions, instance, "z")
    found = kedro.for_run(run._replace(parent_run_id=parent, root_run_id=root), job, instance)
    assert found.store.earlier == (parent,)
    assert found.identity.load_versions == {"y": "2026-b"}
    run, job = run_of(definitions, instance)  # it saves a version of its own
    found = kedro.for_run(run._replace(parent_run_id=root, root_run_id=root), job, instance)
    assert (found.store.earlier, found.identity.load_versions) == ((root,), {})


# IO managers.


def test_outside_a_run_the_project_is_opened_for_each_use(instance, opened):
    kedro, _ = kedro_of()
    first, second = (kedro.for_io(dg.build_input_context(asset_key="x", instance=instance)) for _ in range(2))
    assert opened == [first, second]
    assert (first.plan.steps, first.identity.dagster_run_id) == ({}, "")


def test_outside_a_run_the_project_is_opened_for_the_partition_that_is_loaded(instance, opened):
    kedro = make_kedro(CHAIN)
    kedro = evolve(kedro, project=evolve(kedro.project, runtime_params={"partition_key": "<partition_key>"}))
    kedro.for_io(dg.build_input_context(asset_key="x", instance=instance))
    definition = dg.StaticPartitionsDefinition(["k1", "k2"])
    options = {"asset_partitions_def": definition, "partition_key": "k2", "instance": instance}
    kedro.for_io(
        dg.build_input_context(asset_key="x", asset_partition_key_range=dg.PartitionKeyRange("k2", "k2"), **options)
    )
    assert [run.identity.runtime_params for run in opened] == [
        {"partition_key": "<partition_key>"},
        {"partition_key": "k2"},
    ]
    assert [run.store.partition for run in opened] == ["", "k2"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the instance's own folder
def test_without_an_instance_a_value_is_loaded_all_the_same(opened):
    kedro, _ = kedro_of()
    assert kedro.for_io(dg.build_output_context(asset_key="x")) is opened[0]


def test_every_dataset_of_the_catalog_has_an_io_manager():
    kedro, _ = kedro_of(catalog={"lonely": json_entry("lonely")}, memory_assets=False)
    assert set(kedro.io_managers) == {"raw", "x", "y", "lonely"}
    assert kedro.io_managers is kedro.io_managers


# The rest.


def test_in_memory_data_of_two_environments_is_kept_apart(instance, opened):
    kedro, definitions = kedro_of()
    other = evolve(kedro, project=evolve(kedro.project, location=evolve(kedro.location, env="prod")))
    folders = {one.for_run(*run_of(definitions, instance), instance).store.folder for one in (kedro, other, kedro)}
    assert len(folders) == 2


def test_a_job_of_ops_has_a_view_of_its_own():
    kedro = make_kedro(CHAIN)
    ops = View(kedro.table, {"a": Cluster("a", ("a",))})
    kedro = evolve(kedro, ops={"j": ops})
    assert (kedro.view("j"), kedro.view("other")) == (ops, kedro.assets)


def test_a_run_may_be_continued_unless_it_has_succeeded(instance):
    _, definitions = kedro_of()
    run, _ = run_of(definitions, instance)
    assert is_needed(run.run_id, instance)
    instance.report_run_failed(run)
    assert is_needed(run.run_id, instance)
    instance.delete_run(run.run_id)
    assert not is_needed(run.run_id, instance)
    job = dg.GraphDefinition("g").to_job()
    assert not is_needed(job.execute_in_process(instance=instance).run_id, instance)
