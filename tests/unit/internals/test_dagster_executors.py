"""Fails when what Dagster's executors are given, or how they run steps, changes."""

import inspect
import pickle

import dagster as dg
import pytest
from dagster._core.execution.context.system import PlanOrchestrationContext

from kedro_assets._internals import dagster_executors, dagster_workers


class Executor(dg.Executor):
    """Runs its steps one after the other in this process, as that of Dask does in others."""

    def __init__(self, options):
        self.options = options
        self.executed = None

    @property
    def retries(self):
        return dagster_executors.RETRIES

    def execute(self, plan_context, execution_plan):
        assert plan_context.executor is self
        self.executed = dagster_executors.executed_run(plan_context)
        with dagster_executors.started_plan(execution_plan, self.retries, plan_context) as plan:
            while not plan.is_complete:
                assert not plan.is_cancelled()
                for step in plan.due():
                    arguments = pickle.loads(pickle.dumps(step.arguments))
                    yield from plan.ended(step.key, self._events(step, arguments, plan))
                yield from plan.other_events()

    def _events(self, step, arguments, plan):
        TRIED.append((step.key, dict(step.dask_resources)))
        try:
            return _work(arguments, dies=TRIED.count(TRIED[-1]) == 1 and step.key == "lost")
        except ConnectionError:
            return [plan.failure(self, step.key)]


def _work(arguments, *, dies):
    if dies:
        raise ConnectionError("the worker died")
    packed, run, step, instance, *others = arguments
    kept = dagster_workers.KeptRun.open(run.run_id, instance)
    try:
        return dagster_workers.run_one_step(packed, run, step, kept, *others)
    finally:
        kept.close()


TRIED = []
MADE = []


class Around(dg.Executor):
    """Executes with the executor above."""

    def __init__(self, inner):
        self.inner = inner

    @property
    def retries(self):
        return self.inner.retries

    @property
    def step_dependency_config(self):
        return dagster_executors.step_dependencies(self.inner)

    def execute(self, plan_context, execution_plan):
        return dagster_executors.execute_with(self.inner, plan_context, execution_plan)


def create(context):
    MADE.append(Executor(dagster_executors.given_options(context)))
    return Around(MADE[-1])


theirs = dg.ExecutorDefinition(
    "theirs",
    config_schema={"size": dg.Field(int, default_value=3)},
    requirements=[dg.ExecutorRequirement.NON_EPHEMERAL_INSTANCE],
    description="An executor.",
)


@dg.op(tags={"dagster-dask/resource_requirements": {"GPU": 1}})
def first():
    return 1


@dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
def lost(value):
    return value


def job():
    @dg.job(executor_def=dagster_executors.created_otherwise(theirs, create))
    def steps():
        lost(first())

    return steps


@pytest.fixture
def done():
    TRIED.clear()
    MADE.clear()
    with dg.DagsterInstance.local_temp() as instance:
        yield dg.execute_job(dg.reconstructable(job), instance=instance)


def test_an_executor_that_is_created_otherwise_is_the_same_in_all_else():
    found = dagster_executors.created_otherwise(theirs, create)
    assert (found.name, found.description) == ("theirs", "An executor.")
    assert found.executor_creation_fn is create
    assert found.get_requirements({}) == [dg.ExecutorRequirement.NON_EPHEMERAL_INSTANCE]
    assert found.config_schema.as_field().config_type.fields.keys() == {"size"}


def test_an_executor_is_given_its_options(done):
    assert dict(MADE[-1].options) == {"size": 3}


def test_an_executor_is_given_its_run(done):
    executed = MADE[-1].executed
    assert (executed.run.run_id, executed.job.name, executed.is_resumed) == (done.run_id, "steps", False)
    assert isinstance(executed.instance, dg.DagsterInstance)
    assert isinstance(executed.log, dg.DagsterLogManager)


def test_steps_run_when_they_are_due_and_are_tried_again_when_their_worker_dies(done):
    assert done.success
    assert TRIED == [("first", {"GPU": 1}), ("lost", {}), ("lost", {})]
    assert [event.step_key for event in done.all_events if event.is_step_up_for_retry] == ["lost"]
    assert [event.step_key for event in done.all_events if event.is_step_success] == ["first", "lost"]


def test_the_context_of_a_run_has_its_executor_where_it_is_replaced():
    assert "self._executor" in inspect.getsource(PlanOrchestrationContext)


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED])
def test_a_step_of_a_cancelled_run_does_not_begin(status):
    with dg.DagsterInstance.local_temp() as instance:
        run = instance.create_run_for_job(job(), status=dg.DagsterRunStatus.STARTED)
        assert not dagster_executors.is_cancelled(run, instance)
        instance.report_run_canceling(run)
        if status == dg.DagsterRunStatus.CANCELED:
            instance.report_run_canceled(run)
        assert dagster_executors.is_cancelled(run, instance)
        kept = dagster_workers.KeptRun(run.run_id, instance)
        arguments = (dg.reconstructable(job).to_dict(), run, "first", kept, dagster_executors.RETRIES, None)
        assert dagster_workers.run_one_step(*arguments) is None


# Steps that are left out.


@dg.multi_asset(specs=[dg.AssetSpec("one", skippable=True), dg.AssetSpec("other", skippable=True)], can_subset=True)
def both(context):
    yield dg.MaterializeResult("other")


@dg.asset
def idle():
    raise AssertionError("it is left out")


@dg.asset(deps=["one", idle])
def behind():
    pass


class Fewer(Around):
    """Leaves out a step, and does not make an asset of another."""

    def execute(self, plan_context, execution_plan):
        assert sorted(dagster_executors.step_keys(execution_plan)) == ["behind", "both", "idle"]
        unmade = {dg.AssetKey("one")}
        plan = dagster_executors.without_steps(plan_context, execution_plan, ["idle"], unmade)
        assert dagster_executors.without_steps(plan_context, execution_plan, ["behind", "both", "idle"], ()) is None
        yield from dagster_executors.execute_with(self.inner, plan_context, plan)
        yield from dagster_executors.skipped(plan_context, execution_plan, ["idle"])


def fewer():
    def around(inner):
        return lambda context: Fewer(dagster_executors.creation_of(inner)(context))

    executor = dagster_executors.created_otherwise(INNER[0], around(INNER[0]))
    found = dg.Definitions([both, idle, behind], jobs=[dg.define_asset_job("fewer", executor_def=executor)])
    return found.resolve_job_def("fewer")


INNER = []


@pytest.mark.parametrize("inner", [dg.in_process_executor, theirs], ids=["in process", "as Dask"])
def test_a_step_that_is_left_out_is_skipped_and_holds_up_no_other(inner):
    INNER[:] = [dagster_executors.created_otherwise(inner, create) if inner is theirs else inner]
    with dg.DagsterInstance.local_temp() as instance:
        done = dg.execute_job(dg.reconstructable(fewer), instance=instance)
        assert done.success
        made = [event.asset_key.to_user_string() for event in done.all_events if event.is_step_materialization]
        assert made == ["other", "behind"]
        assert [event.step_key for event in done.all_events if event.is_step_skipped] == ["idle"]
