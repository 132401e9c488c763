"""What a worker keeps of the runs that take turns on it, and when it lets them go."""

import gc
import weakref

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from kedro.pipeline import node

from kedro_assets._internals.dagster_workers import KeptRun
from kedro_assets.execution.kept_runs import KeptRuns
from unit.records import definitions_of, make_kedro


@dg.job
def idle():
    pass


@pytest.fixture
def instance():
    with dg.DagsterInstance.local_temp() as instance:
        yield instance


@pytest.fixture
def closed(monkeypatch):
    """The runs that were let go."""
    found, close = [], KeptRun.close

    def closing(run):
        found.append(run.run_id)
        close(run)

    monkeypatch.setattr(KeptRun, "close", closing)
    return found


def begin(instance, number=1):
    """Begin some runs, and return their ids."""
    runs = [instance.create_run_for_job(idle, status=dg.DagsterRunStatus.STARTED) for _ in range(number)]
    return [run.run_id for run in runs]


def step(runs, run_id, instance):
    """Execute a step of a run, and return what was kept of it."""
    with runs.used(run_id, instance.get_ref()) as run:
        assert run.users == 1
        assert run.instance.get_run_by_id(run_id).run_id == run_id
    assert run.users == 0
    return run


def test_runs_that_take_turns_are_opened_once(instance, closed):
    runs, ids = KeptRuns(), begin(instance, 3)
    found = [[step(runs, run_id, instance) for run_id in ids] for _ in range(2)]
    assert found[0] == found[1]
    assert closed == []
    assert len({id(run.instance) for run in found[0]}) == 3


def test_a_run_that_has_ended_is_let_go_when_another_begins(instance, closed):
    runs, (first, second, third) = KeptRuns(), begin(instance, 3)
    step(runs, first, instance)
    step(runs, second, instance)
    instance.report_run_failed(instance.get_run_by_id(first))
    step(runs, second, instance)
    assert closed == []
    step(runs, third, instance)
    assert closed == [first]


def test_a_run_whose_record_is_gone_is_let_go(instance, closed):
    runs, (first, second) = KeptRuns(), begin(instance, 2)
    step(runs, first, instance)
    instance.delete_run(first)
    step(runs, second, instance)
    assert closed == [first]


def test_of_more_runs_than_some_the_one_that_was_used_last_before_all_others_is_let_go(instance, closed):
    runs, ids = KeptRuns(2), begin(instance, 4)
    for run_id in (ids[0], ids[1], ids[0], ids[2]):
        step(runs, run_id, instance)
    assert closed == [ids[1]]
    step(runs, ids[3], instance)
    assert closed == [ids[1], ids[0]]


def test_a_run_of_which_a_step_is_executed_is_not_let_go(instance, closed):
    runs, (first, second, third) = KeptRuns(1), begin(instance, 3)
    with runs.used(first, instance.get_ref()) as kept:
        instance.report_run_failed(instance.get_run_by_id(first))
        step(runs, second, instance)
        runs.let_go()
        assert closed == [second]
        assert kept.instance.get_run_by_id(first).is_finished
    step(runs, third, instance)
    assert closed == [second, first]


def test_a_step_that_fails_uses_its_run_no_more(instance):
    runs, [run_id] = KeptRuns(), begin(instance)
    with pytest.raises(RuntimeError, match="no"), runs.used(run_id, instance.get_ref()) as run:
        raise RuntimeError("no")
    assert run.users == 0


def test_nothing_is_left_of_a_run_that_was_let_go(instance):
    runs, (first, second) = KeptRuns(1), begin(instance, 2)
    seen = weakref.ref(step(runs, first, instance).instance)
    step(runs, second, instance)
    gc.collect()
    assert seen() is None


def test_the_projects_of_a_run_stay_open_until_it_is_let_go(instance):
    kedro = make_kedro([node(lambda raw: raw, "raw", "made", name="make")])
    repository = definitions_of(kedro, jobs=[dg.define_asset_job("everything")]).get_repository_def()
    runs, (first, second) = KeptRuns(), begin(instance, 2)
    opened = []

    def open_run(run_id):
        def opening():
            opened.append(run_id)
            return object()

        return kedro.open_runs.get(run_id, opening)

    for run_id in (first, second) * 2:
        with runs.used(run_id, instance.get_ref()) as run:
            run.plan(InMemoryJob(repository.get_job("everything")), {}, ["make"])
            open_run(run_id)
    assert opened == [first, second]
    runs.let_go()
    open_run(first)
    open_run(second)
    assert opened == [first, second] * 2
