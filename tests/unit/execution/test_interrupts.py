"""Runs that are interrupted, by their user or by somebody else."""

import dagster as dg
import pytest

from kedro_assets.execution.interrupts import cancelled_when_interrupted, interrupted


@dg.op
def nothing():
    pass


@pytest.fixture
def run():
    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.GraphDefinition("g", node_defs=[nothing]).to_job()
        yield instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED), instance


def test_a_run_that_its_user_interrupts_is_to_end_as_canceled(run):
    with cancelled_when_interrupted() as noticed:
        interrupted(*run)
    assert noticed == {run[0].run_id}
    assert run[1].get_run_by_id(run[0].run_id).status == dg.DagsterRunStatus.CANCELING


def test_a_run_that_is_interrupted_otherwise_stays_as_it_is(run):
    with cancelled_when_interrupted():
        pass
    interrupted(*run)
    assert run[1].get_run_by_id(run[0].run_id).status == dg.DagsterRunStatus.STARTED
