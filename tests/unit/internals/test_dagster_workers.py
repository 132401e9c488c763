"""Fails when what Dagster does for each step of a worker, or the task of dagster-celery, changes."""

import inspect
import pickle
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.execution import compute_logs, context_creation_job
from dagster._core.execution.api import create_execution_plan
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.system_config.objects import ResolvedRunConfig
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import pack_value

from kedro_assets._internals import dagster_executors, dagster_workers
from kedro_assets._internals.dagster_storage import PLAIN_VARIABLE


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """Leave this process as it was."""
    for owner, name in (
        (ReconstructableJob, "get_definition"),
        (ReconstructableJob, "get_repository_definition"),
        (context_creation_job, "ResolvedRunConfig"),
        (compute_logs, "tail_to_stream"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    yield
    dagster_workers._repository.cache_clear()
    dagster_workers._definition.cache_clear()


@dg.op(config_schema={"add": dg.Field(int, default_value=1)})
def first(context):
    return context.op_config["add"]


@dg.op
def second(value):
    return value + 1


@dg.op
def third(value):
    return value


def chain():
    @dg.job
    def three():
        third(second(first()))

    return three


@dg.op(out=dg.DynamicOut())
def several():
    for key in "ab":
        yield dg.DynamicOutput(key, key)


def dynamic():
    @dg.job
    def mapped():
        several().map(third)

    return mapped


@pytest.fixture
def instance():
    with dg.DagsterInstance.local_temp() as instance:
        yield instance


@pytest.fixture
def counted(monkeypatch):
    """How often Dagster works out a plan and the configuration of a run."""
    found = Counter()

    def count(owner, name, label):
        original = getattr(owner, name)

        def counting(*args, **options):
            found[label] += 1
            return original(*args, **options)

        monkeypatch.setattr(owner, name, counting)

    count(dagster_workers, "create_execution_plan", "plan")
    monkeypatch.setattr(ResolvedRunConfig, "build", staticmethod(ResolvedRunConfig.build))
    count(ResolvedRunConfig, "build", "config")
    return found


def begin(instance, job=chain, run_config=None):
    """Begin a run, and return what a worker is given of it."""
    run = instance.create_run_for_job(job(), run_config=run_config, status=dg.DagsterRunStatus.STARTED)
    return dg.reconstructable(job).to_dict(), run


def execute(packed, run, step, kept, known_state=None):
    events = dagster_workers.run_one_step(packed, run, step, kept, dagster_executors.RETRIES, known_state)
    return [event.step_key for event in events if event.is_step_success]


# The plan of a run.


@pytest.mark.parametrize("step", ["first", "second", "third"])
def test_the_plan_of_a_step_is_the_same_as_dagsters(instance, step):
    job, kept = dg.reconstructable(chain), dagster_workers.KeptRun("1", instance)
    known, config = KnownExecutionState(), {"ops": {"first": {"config": {"add": 2}}}}
    kept.plan(job, config, ["first"], known)
    ours = kept.plan(job, config, [step], known)
    theirs = create_execution_plan(job, config, step_keys_to_execute=[step], known_state=known)
    for name in ("step_keys_to_execute", "executable_map", "resolvable_map", "known_state", "artifacts_persisted"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.step_dict.keys() == theirs.step_dict.keys()
    assert (ours.executor_name, ours.repository_load_data) == (theirs.executor_name, theirs.repository_load_data)


def test_what_is_known_of_other_steps_is_that_of_the_step(instance):
    job, kept = dg.reconstructable(chain), dagster_workers.KeptRun("1", instance)
    tried = KnownExecutionState(previous_retry_attempts={"second": 2})
    assert kept.plan(job, {}, ["first"]).known_state == KnownExecutionState()
    assert kept.plan(job, {}, ["second"], tried).known_state is tried
    assert kept.plan(job, {}, ["third"]).known_state == KnownExecutionState()


def test_the_plan_and_the_configuration_are_worked_out_once_for_all_steps(instance, counted):
    dagster_workers.keep_from_step_to_step()
    packed, run = begin(instance)
    kept = dagster_workers.KeptRun(run.run_id, instance)
    counted.clear()
    for step in ("first", "second", "third"):
        assert execute(packed, run, step, kept) == [step]
    assert counted == {"plan": 1, "config": 2}  # one of them for the plan


def test_another_configuration_has_another_plan(instance, counted):
    dagster_workers.keep_from_step_to_step()
    job, kept = dg.reconstructable(chain), dagster_workers.KeptRun("1", instance)
    configs = [{"ops": {"first": {"config": {"add": number}}}} for number in (1, 2)]
    found = [kept.config(job.get_definition(), config).ops["first"].config for config in configs]
    assert found == [{"add": 1}, {"add": 2}]
    for config in configs:
        kept.plan(job, config, ["first"])
    assert counted["plan"] == 2


def test_definitions_that_were_loaded_again_have_another_plan(instance, counted):
    loaded = []
    kept = dagster_workers.KeptRun("1", instance, loaded=lambda run, job: loaded.append((run, job)))
    job = dg.reconstructable(chain)
    for step in ("first", "second"):
        kept.plan(job, {}, [step])
    ReconstructableJob.get_definition.cache_clear()
    ReconstructableJob.get_repository_definition.cache_clear()
    kept.plan(job, {}, ["third"])
    assert counted["plan"] == 2
    assert [run for run, _ in loaded] == [kept, kept]
    assert loaded[0][1] is not loaded[1][1] is job.get_definition()


def test_steps_that_become_known_during_a_run_are_planned_by_dagster(instance):
    job, kept = dg.reconstructable(dynamic), dagster_workers.KeptRun("1", instance)
    assert kept.plan(job, {}, ["several"]).step_keys_to_execute == ["several"]
    known = KnownExecutionState(dynamic_mappings={"several": {"result": ["a", "b"]}})
    assert list(kept.plan(job, {}, ["third[b]"], known).executable_map) == ["third[b]"]
    assert kept.plan(job, {}, None).step_keys_to_execute == ["several", "third[?]"]


def test_steps_have_the_values_of_their_own_run(instance):
    dagster_workers.keep_from_step_to_step()
    runs = [begin(instance, run_config={"ops": {"first": {"config": {"add": number}}}}) for number in (10, 20)]
    kept = [dagster_workers.KeptRun(run.run_id, instance) for _, run in runs]
    for step in ("first", "second", "third"):
        for (packed, run), each in zip(runs, kept, strict=True):
            assert execute(packed, run, step, each) == [step]
    storage = Path(instance.storage_directory())
    assert [pickle.loads((storage / run.run_id / "third" / "result").read_bytes()) for _, run in runs] == [11, 21]


# The process of a worker.


def test_definitions_of_several_jobs_are_kept(monkeypatch):
    loaded = []

    def load(source):
        loaded.append(source)
        return dg.Definitions(jobs=[chain(), dynamic()]).get_repository_def()

    monkeypatch.setattr(ReconstructableRepository, "get_definition", load)
    dagster_workers.keep_from_step_to_step()
    repository = ReconstructableRepository.for_module("somewhere", "defs", "/")
    for _ in range(3):
        for name in ("three", "mapped"):
            job = ReconstructableJob.from_dict(repository.get_reconstructable_job(name).to_dict())
            assert job.get_definition().name == name
            assert job.get_definition() is job.get_repository_definition().get_job(name)
    assert len(loaded) == 1
    ReconstructableJob.get_definition.cache_clear()
    ReconstructableJob.get_repository_definition.cache_clear()
    assert job.get_definition().name == "mapped"
    assert len(loaded) == 2


def test_what_is_replaced_is_what_dagster_uses():
    assert "lru_cache" in inspect.getsource(ReconstructableJob)
    assert "get_maybe_subset_job_def" in inspect.getsource(ReconstructableJob)
    assert "ResolvedRunConfig.build(job_def, run_config)" in inspect.getsource(context_creation_job)
    assert "with tail_to_stream(filepath, stream)" in inspect.getsource(compute_logs.mirror_stream_to_file)


@pytest.mark.parametrize("times", [1, 2])
def test_a_process_is_changed_once(times):
    owners = (ReconstructableJob, "get_definition"), (compute_logs, "tail_to_stream")
    before = [getattr(*owner) for owner in owners]
    found = []
    for _ in range(times):
        dagster_workers.keep_from_step_to_step()
        found.append([getattr(*owner) for owner in owners])
    assert all(each == found[0] for each in found)
    assert all(one is not other for one, other in zip(before, found[0], strict=True))


def test_dagster_does_all_by_itself_where_the_environment_says_so(instance, counted, monkeypatch):
    monkeypatch.setenv(PLAIN_VARIABLE, "1")
    tasks = celery_tasks(monkeypatch)
    before = ReconstructableJob.get_definition, compute_logs.tail_to_stream
    dagster_workers.keep_from_step_to_step()
    dagster_workers.alter_celery(lambda *_: None)
    assert (ReconstructableJob.get_definition, compute_logs.tail_to_stream) == before
    assert dagster_workers.keep_after_task({"execute_step_args_packed": {}}, lambda *_: None) is None
    assert tasks.DagsterInstance is dg.DagsterInstance
    packed, run = begin(instance)
    kept = dagster_workers.KeptRun(run.run_id, instance)
    counted.clear()
    for step in ("first", "second"):
        assert execute(packed, run, step, kept) == [step]
    assert counted["plan"] == 2


# Celery.


def celery_tasks(monkeypatch):
    """Stand in for the module of dagster-celery's tasks, which need not be installed."""
    tasks = ModuleType("dagster_celery.tasks")
    tasks.DagsterInstance, tasks.create_execution_plan = dg.DagsterInstance, create_execution_plan
    monkeypatch.setitem(sys.modules, "dagster_celery", ModuleType("dagster_celery"))
    monkeypatch.setitem(sys.modules, "dagster_celery.tasks", tasks)
    return tasks


@pytest.fixture
def arguments(instance):
    """What the task of a step is called with."""
    source = dg.reconstructable(chain)
    ref = instance.get_ref()
    args = ExecuteStepArgs(source.get_python_origin(), "1", ["first"], ref)
    return {"execute_step_args_packed": pack_value(args), "executable_dict": source.to_dict()}


def test_a_task_takes_the_instance_and_the_plan_from_what_is_kept(instance, arguments, monkeypatch, counted):
    tasks, kept = celery_tasks(monkeypatch), dagster_workers.KeptRun("1", instance)
    asked = []

    def find(run_id, packed):
        asked.append((run_id, packed))
        return kept

    for _ in range(2):
        dagster_workers.alter_celery(find)
    ref = instance.get_ref()
    counted.clear()
    for step in ("first", "second"):
        dagster_workers.begin_task(arguments)
        assert tasks.DagsterInstance.from_ref(ref) is instance
        job = dg.reconstructable(chain)
        plan = tasks.create_execution_plan(job, {}, step_keys_to_execute=[step], known_state=None)
        assert plan.step_keys_to_execute == [step]
        assert dagster_workers.end_task() is kept
    assert asked == [("1", ref)] * 2
    assert counted["plan"] == 1


def test_what_the_first_task_has_loaded_is_kept_for_the_next(instance, arguments, monkeypatch):
    tasks, kept = celery_tasks(monkeypatch), dagster_workers.KeptRun("1", instance)
    job = ReconstructableJob.from_dict(arguments["executable_dict"])
    repository = job.get_repository_definition()
    dagster_workers.begin_task(arguments)  # as it was before the project was loaded
    assert dagster_workers.end_task() is None
    asked = []
    assert dagster_workers.keep_after_task(arguments, lambda *args: asked.append(args) or kept) is kept
    assert asked == [("1", instance.get_ref())]
    assert tasks.DagsterInstance is not dg.DagsterInstance
    assert dagster_workers._is_ours(ReconstructableJob, "get_definition")
    assert job.get_repository_definition() is repository
    ReconstructableJob.get_repository_definition.cache_clear()
    assert job.get_repository_definition() is not repository


def test_nothing_is_kept_of_a_first_task_that_is_no_step(monkeypatch):
    tasks = celery_tasks(monkeypatch)
    no_run = lambda *_: pytest.fail("it is no step")  # noqa: E731
    assert dagster_workers.keep_after_task({"execute_job_args_packed": {}}, no_run) is None
    assert tasks.DagsterInstance is not dg.DagsterInstance


def test_a_task_that_is_no_step_has_an_instance_of_its_own(instance, monkeypatch):
    tasks = celery_tasks(monkeypatch)
    dagster_workers.alter_celery(lambda *_: pytest.fail("it is no step"))
    dagster_workers.begin_task({"execute_job_args_packed": {}})
    with tasks.DagsterInstance.from_ref(instance.get_ref()) as found:
        assert found is not instance
    plan = tasks.create_execution_plan(dg.reconstructable(chain), {}, step_keys_to_execute=["first"])
    assert plan.step_keys_to_execute == ["first"]
    assert tasks.DagsterInstance.get == dg.DagsterInstance.get
    assert dagster_workers.end_task() is None


def test_the_task_of_dagster_celery_has_the_names_that_are_replaced():
    tasks = pytest.importorskip("dagster_celery.tasks")
    source = inspect.getsource(tasks.create_task)
    assert "DagsterInstance.from_ref(execute_step_args.instance_ref)" in source
    assert "create_execution_plan(" in source
    assert "def _execute_plan(self, execute_step_args_packed, executable_dict)" in source
