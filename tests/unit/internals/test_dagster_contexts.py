"""Fails when what Dagster tells the code that it runs changes."""

import dagster as dg
import pytest

from kedro_assets._internals import dagster_contexts

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")


def test_a_step_knows_its_key_and_the_context_of_its_op():
    seen = []

    @dg.asset
    def made(context: dg.AssetExecutionContext):
        seen.append(dagster_contexts.op_context(context))
        seen.append(dagster_contexts.step_key(seen[0]))

    @dg.asset_check(asset=made)
    def checked(context: dg.AssetCheckExecutionContext):
        seen.append(dagster_contexts.op_context(context))
        return dg.AssetCheckResult(passed=True)

    assert dg.materialize([made, checked]).success
    assert isinstance(seen[0], dg.OpExecutionContext)
    assert seen[1] == "made"
    assert isinstance(seen[2], dg.OpExecutionContext)


class Manager(dg.IOManager):
    def __init__(self):
        self.found = []

    def handle_output(self, context, obj):
        self.found.append(dagster_contexts.run_in_progress(context))

    def load_input(self, context):
        self.found.append(dagster_contexts.run_in_progress(context))
        self.instance = dagster_contexts.instance_outside_run(context)


@dg.asset
def a():
    return 1


@dg.asset
def b(a):
    return 2


def test_an_io_manager_knows_the_run_that_it_loads_or_saves_in():
    manager = Manager()
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([a, b], instance=instance, resources={"io_manager": manager})
        saved, loaded, *_ = manager.found
        assert saved.run.run_id == loaded.run.run_id == done.run_id
        assert saved.job.name == done.dagster_run.job_name
        assert saved.instance is instance


def test_an_io_manager_knows_that_there_is_no_run():
    manager = Manager()
    definitions = dg.Definitions([a, b], resources={"io_manager": manager})
    with dg.DagsterInstance.ephemeral() as instance:
        definitions.load_asset_value("a", instance=instance)
        assert manager.found == [None]
        assert manager.instance is instance


def test_a_context_without_an_instance_has_an_empty_one():
    found = dagster_contexts.instance_outside_run(dg.build_output_context())
    assert found.is_ephemeral


def test_the_job_of_a_failed_run_has_the_selection_of_the_run():
    definitions = dg.Definitions([a, b], jobs=[dg.define_asset_job("job", "*")])
    job = definitions.resolve_job_def("job")
    repository = definitions.get_repository_def()

    with dg.DagsterInstance.ephemeral() as instance:
        whole = instance.create_run_for_job(job)
        part = instance.create_run_for_job(job, asset_selection=frozenset([dg.AssetKey("b")]))
        found = [dagster_contexts.job_of_failed_run(run, repository) for run in (whole, part)]
        assert dagster_contexts.job_of_failed_run(whole, None) is None
    assert [{node.name for node in job.nodes} for job in found] == [{"a", "b"}, {"b"}]
