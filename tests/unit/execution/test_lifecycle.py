"""Pipeline hooks around what an executor executes; real runs of Dagster over a catalog, without a project."""

from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run_iterator
from kedro.framework.hooks import hook_impl
from kedro.pipeline import node

from kedro_assets._internals import dagster_instance
from kedro_assets.errors import StepError
from kedro_assets.execution import ended_hooks, forkserver
from kedro_assets.execution.lifecycle import LifecycleExecutor, with_lifecycle
from kedro_assets.runtime.handover import Handover
from kedro_assets.runtime.identity import RunIdentity
from unit.records import RUN_ID, OneRun, definitions_of, make_kedro, make_run


def add(number):
    return number + 1


def fail(number):
    msg = f"no {number}"
    raise ValueError(msg)


GOOD = (node(add, "raw", "x", name="a"), node(add, "x", "y", name="b"))
BAD = (node(add, "raw", "x", name="a"), node(fail, "x", "y", name="b"))


@pytest.fixture
def instance(monkeypatch):
    """Make an instance, and keep what is told to a forkserver out of the other tests."""
    for variable in (forkserver.JOB_VARIABLE, forkserver.DATASETS_VARIABLE):
        monkeypatch.setenv(variable, "")
    with dg.DagsterInstance.ephemeral() as found:
        yield found


class Told:
    """Keeps the pipeline hooks that were called; may fail in one of them."""

    def __init__(self, log, name="", breaks=""):
        self.log, self.name, self.breaks = log, name, breaks

    def tell(self, hook, about):
        self.log.append((self.name + hook, about))
        if hook == self.breaks:
            msg = f"{hook} is broken"
            raise OSError(msg)

    @hook_impl
    def before_pipeline_run(self, pipeline):
        self.tell("before", [each.name for each in pipeline.nodes])

    @hook_impl
    def after_pipeline_run(self, run_result):
        self.tell("after", sorted(run_result))

    @hook_impl
    def on_pipeline_error(self, error):
        self.tell("error", error)


class Opened(OneRun):
    """Keeps whether a project was opened, and is held."""

    def __init__(self, run=None):
        super().__init__(run)
        self.log = []

    def get(self, run_id, open_run):
        self.log.append("open")
        return super().get(run_id, open_run)

    def hold(self, run_id):
        self.log.append("hold")

    def release(self, run_id):
        self.log.append("release")


def project_of(nodes, log, *, name="", breaks="", **options):
    kedro = make_kedro(list(nodes), open_runs=Opened(), **options)
    return kedro, Told(log, name, breaks)


def job_of(*projects, native=(), keys=(), inner=dg.in_process_executor):
    """Make a job of everything, or of some assets, that an executor executes with hooks around it."""
    found = dg.Definitions.merge(*(definitions_of(kedro) for kedro, _ in projects), dg.Definitions(assets=list(native)))
    selection = dg.AssetSelection.assets(*keys) if keys else dg.AssetSelection.all()
    job = dg.define_asset_job("j", selection, executor_def=with_lifecycle(inner))
    return dg.Definitions.merge(found, dg.Definitions(jobs=[job])).resolve_job_def("j")


def run_all(instance, *projects, raw=1, resumed=False, tags=None, **options):
    """Run a job, and return its events and its record."""
    job = job_of(*projects, **options)
    status = dg.DagsterRunStatus.STARTED if resumed else dg.DagsterRunStatus.NOT_STARTED
    run = instance.create_run_for_job(job, tags=tags, status=status)
    for kedro, plugin in projects:
        opened = make_run(None, kedro.plan(run, job), {}, hooks=[plugin], identity=RunIdentity(run.run_id, RUN_ID))
        opened.context = SimpleNamespace(env="prod", project_path=Path("/project"))
        if raw is not None:
            opened.catalog["raw"] = raw
        kedro.open_runs.run = opened
    events = list(execute_run_iterator(InMemoryJob(job), run, instance, resume_from_failure=resumed))
    return events, instance.get_run_by_id(run.run_id)


def succeeded(events):
    return events[-1].event_type == dg.DagsterEventType.RUN_SUCCESS


# One project.


def test_hooks_fire_once_before_and_once_after_all_steps(instance):
    log = []
    kedro, plugin = project_of(GOOD, log)
    events, run = run_all(instance, (kedro, plugin))
    assert succeeded(events)
    assert log == [("before", ["a", "b"]), ("after", ["y"])]
    assert {key: value for key, value in run.tags.items() if key.startswith("kedro/")} == {
        "kedro/run_id": RUN_ID,
        "kedro/env": "prod",
        "kedro/project": "example",
        "kedro/pipeline_hooks": "fired",
    }


def test_the_run_is_open_from_before_the_first_step_to_after_the_last_in_its_own_process(instance):
    kedro, plugin = project_of(GOOD, [])
    run_all(instance, (kedro, plugin))
    log = kedro.open_runs.log
    assert (log[0], log[-1], set(log[1:-1])) == ("hold", "release", {"open"})
    assert kedro.open_runs.run.own_process


def test_results_are_the_data_that_the_run_leaves(instance):
    kept = {}

    class Results:
        @hook_impl
        def after_pipeline_run(self, run_result):
            kept.update({name: dataset.load() for name, dataset in run_result.items()})

    kedro, _ = project_of(GOOD, [])
    run_all(instance, (kedro, Results()))
    assert kept == {"y": 3}


def test_a_step_that_fails_is_an_error_of_the_pipeline_with_its_own_exception(instance):
    log = []
    kedro, plugin = project_of(BAD, log)
    events, run = run_all(instance, (kedro, plugin))
    assert not succeeded(events)
    [(_, nodes), (hook, error)] = log
    assert (nodes, hook, type(error), str(error)) == (["a", "b"], "error", ValueError, "no 2")
    assert run.tags["kedro/pipeline_hooks"] == "fired"
    assert kedro.open_runs.log[-1] == "release"


def test_the_error_of_a_step_of_another_process_is_what_dagster_recorded(instance):
    log = []
    kedro, plugin = project_of(BAD, log)

    class Forgetful(dict):
        def __setitem__(self, key, value):
            """Forget it, as what happens in another process."""

    real = kedro.open_runs.get

    def get(run_id, open_run):
        found = real(run_id, open_run)
        found.errors = Forgetful()
        return found

    kedro.open_runs.get = get
    run_all(instance, (kedro, plugin))
    _, (hook, error) = log
    assert (hook, type(error)) == ("error", StepError)
    assert "no 2" in str(error)


def test_input_that_the_catalog_does_not_have_is_an_error_of_the_pipeline(instance):
    log = []
    events, _ = run_all(instance, project_of(GOOD, log), raw=None)
    assert not succeeded(events)
    assert not [event for event in events if event.is_step_start]
    assert "Pipeline input(s) {'raw'} not found" in str(log[1][1])


@pytest.mark.parametrize(
    ("breaks", "hooks"), [("before", ["before"]), ("after", ["before", "after"])], ids=["before", "after"]
)
def test_a_hook_that_fails_fails_the_run_and_is_no_error_of_the_pipeline(instance, breaks, hooks):
    log = []
    kedro, plugin = project_of(GOOD, log, breaks=breaks)
    events, run = run_all(instance, (kedro, plugin))
    assert (succeeded(events), [hook for hook, _ in log]) == (False, hooks)
    assert ("kedro/pipeline_hooks" in run.tags) is (breaks == "after")
    assert kedro.open_runs.log[-1] == "release"


def test_an_executor_that_breaks_is_an_error_of_the_pipeline(instance):
    class Breaking(dg.Executor):
        retries = None

        def execute(self, plan_context, execution_plan):
            msg = "the cluster is gone"
            raise OSError(msg)
            yield

    inner = dg.ExecutorDefinition(name="breaking", executor_creation_fn=lambda _: Breaking())
    log = []
    events, _ = run_all(instance, project_of(GOOD, log), inner=inner)
    assert not succeeded(events)
    assert [(hook, str(about)) for hook, about in log[1:]] == [("error", "the cluster is gone")]


def test_a_run_that_another_process_has_begun_fires_the_first_hook_no_more(instance):
    log = []
    events, _ = run_all(instance, project_of(GOOD, log), resumed=True, tags={"kedro/run_id": RUN_ID})
    assert succeeded(events)
    assert [hook for hook, _ in log] == ["after"]


def test_a_run_that_has_begun_without_its_first_hook_fires_it(instance):
    log = []
    run_all(instance, project_of(GOOD, log), resumed=True)
    assert [hook for hook, _ in log] == ["before", "after"]


def test_the_forkserver_is_told_the_types_of_the_datasets_of_the_run(instance):
    run_all(
        instance,
        project_of(GOOD, [], catalog={"y": {"type": "shop.Y"}, "other": {"type": "shop.Other"}}, cluster_by="node"),
        keys=["x"],
    )
    assert forkserver.dataset_types() == ["kedro.io.MemoryDataset"]


def test_a_run_whose_last_hook_has_fired_fires_none_more(instance):
    log = []
    tags = {"kedro/run_id": RUN_ID, "kedro/pipeline_hooks": "fired"}
    events, _ = run_all(instance, project_of(BAD, log), resumed=True, tags=tags)
    assert (succeeded(events), log) == (False, [])


# Storages that fail.


@pytest.fixture
def storage(monkeypatch):
    """Keep the tags that are written, by their names, and refuse those that the test names."""
    log, refused, real = [], set(), dagster_instance.add_run_tags

    def add_run_tags(instance, run_id, tags):
        log.append(("tags", sorted(tags)))
        if refused.intersection(tags):
            msg = "database is locked"
            raise OSError(msg)
        real(instance, run_id, tags)

    monkeypatch.setattr(dagster_instance, "add_run_tags", add_run_tags)
    monkeypatch.setattr(ended_hooks, "_WAITS", (0.0,))
    return SimpleNamespace(log=log, refused=refused)


def ended_in_file(instance, run):
    return (dagster_instance.storage_folder(instance) / f"kedro_assets/pipeline_hooks/kedro-{run.run_id}").exists()


@pytest.mark.parametrize(("nodes", "last"), [(GOOD, "after"), (BAD, "error")], ids=["succeeds", "fails"])
def test_the_storage_is_told_of_a_hook_after_it_has_fired(instance, storage, nodes, last):
    run_all(instance, project_of(nodes, storage.log))
    assert [(kind, about) if kind == "tags" else kind for kind, about in storage.log] == [
        "before",
        ("tags", ["kedro/env", "kedro/project", "kedro/run_id"]),
        last,
        ("tags", ["kedro/pipeline_hooks"]),
    ]


def test_an_error_of_the_pipeline_fires_though_the_storage_fails(instance, storage):
    storage.refused.add("kedro/pipeline_hooks")
    log = []
    events, run = run_all(instance, project_of(BAD, log))
    assert not succeeded(events)
    assert [(hook, str(about)) for hook, about in log[1:]] == [("error", "no 2")]
    assert ("kedro/pipeline_hooks" in run.tags, ended_in_file(instance, run)) == (False, True)


def test_a_run_that_has_succeeded_stays_so_though_the_storage_fails(instance, storage):
    storage.refused.add("kedro/pipeline_hooks")
    log = []
    events, run = run_all(instance, project_of(GOOD, log))
    assert (succeeded(events), [hook for hook, _ in log]) == (True, ["before", "after"])
    assert ("kedro/pipeline_hooks" in run.tags, ended_in_file(instance, run)) == (False, True)


def test_a_run_that_cannot_tell_its_other_processes_that_it_has_begun_is_an_error_of_the_pipeline(instance, storage):
    storage.refused.add("kedro/run_id")
    log = []
    events, _ = run_all(instance, project_of(GOOD, log))
    assert (succeeded(events), [event for event in events if event.is_step_start]) == (False, [])
    assert [(hook, str(about)) for hook, about in log[1:]] == [("error", "database is locked")]


def test_the_error_is_that_of_the_step_whose_failure_the_storage_could_not_record(instance):
    log = []
    kedro, plugin = project_of(GOOD, log)

    class Breaking(dg.Executor):
        retries = None

        def execute(self, plan_context, execution_plan):
            try:
                kedro.open_runs.run.errors["a"] = ValueError("of the node")
                raise RuntimeError("of Dagster") from kedro.open_runs.run.errors["a"]  # noqa: TRY301
            except RuntimeError:
                msg = "database is locked"
                raise OSError(msg)  # noqa: B904 - as a storage does that fails meanwhile
            yield

    inner = dg.ExecutorDefinition(name="breaking", executor_creation_fn=lambda _: Breaking())
    run_all(instance, (kedro, plugin), inner=inner)
    assert [(hook, str(about)) for hook, about in log[1:]] == [("error", "of the node")]


def test_an_error_of_a_step_that_was_tried_again_is_not_that_of_the_storage(instance):
    log = []
    kedro, plugin = project_of(GOOD, log)

    class Breaking(dg.Executor):
        retries = None

        def execute(self, plan_context, execution_plan):
            kedro.open_runs.run.errors["a"] = ValueError("of the first try")
            msg = "database is locked"
            raise OSError(msg)
            yield

    inner = dg.ExecutorDefinition(name="breaking", executor_creation_fn=lambda _: Breaking())
    run_all(instance, (kedro, plugin), inner=inner)
    assert [(hook, str(about)) for hook, about in log[1:]] == [("error", "database is locked")]


def test_a_hook_that_is_broken_off_is_left_to_the_sensor(instance, storage):
    class Interrupted(Told):
        @hook_impl
        def on_pipeline_error(self, error):
            raise KeyboardInterrupt

    kedro, _ = project_of(BAD, [])
    events, run = run_all(instance, (kedro, Interrupted([])))
    assert (succeeded(events), "kedro/pipeline_hooks" in run.tags) == (False, False)


def test_an_error_hook_that_fails_is_not_fired_again(instance):
    log = []
    events, run = run_all(instance, project_of(BAD, log, breaks="error"))
    assert (succeeded(events), [hook for hook, _ in log]) == (False, ["before", "error"])
    assert run.tags["kedro/pipeline_hooks"] == "fired"


def test_results_that_cannot_be_collected_are_an_error_of_the_pipeline(instance, monkeypatch):
    def results(_):
        msg = "the disk is gone"
        raise OSError(msg)

    monkeypatch.setattr(Handover, "results", results)
    log = []
    events, _ = run_all(instance, project_of(GOOD, log))
    assert not succeeded(events)
    assert [(hook, str(about)) for hook, about in log[1:]] == [("error", "the disk is gone")]


def test_a_run_does_not_fail_because_nothing_can_be_tidied_up_after_its_last_hook(instance, monkeypatch, caplog):
    def tidy_up(*_):
        msg = "database is locked"
        raise OSError(msg)

    monkeypatch.setattr(Handover, "tidy_up", tidy_up)
    events, _ = run_all(instance, project_of(GOOD, []))
    assert succeeded(events)
    assert "In-memory data of earlier runs is left where it is" in caplog.text


# None, and several.


@dg.asset
def native():
    return 1


def test_a_project_of_which_the_run_has_no_nodes_is_not_opened(instance):
    log = []
    kedro, plugin = project_of(GOOD, log)
    events, run = run_all(instance, (kedro, plugin), native=[native], keys=["native"])
    assert succeeded(events)
    assert (log, kedro.open_runs.log) == ([], [])
    assert not [key for key in run.tags if key.startswith("kedro")]


def test_hooks_of_two_projects_fire_around_one_run_each_with_its_own_nodes(instance):
    log = []
    projects = [project_of(GOOD, log, name=f"{prefix} ", key_prefix=[prefix]) for prefix in ("east", "west")]
    events, run = run_all(instance, *projects)
    assert succeeded(events)
    assert sorted(log) == [
        ("east after", ["y"]),
        ("east before", ["a", "b"]),
        ("west after", ["y"]),
        ("west before", ["a", "b"]),
    ]
    assert [name.partition(" ")[2] for name, _ in log] == ["before", "before", "after", "after"]
    assert {"kedro_east/run_id", "kedro_west/run_id"} <= run.tags.keys()


def test_a_project_whose_hook_has_fired_leaves_nothing_open_where_that_of_another_fails(instance):
    log = []
    east = project_of(GOOD, log, name="east ", key_prefix=["east"], breaks="after")
    west = project_of(GOOD, log, name="west ", key_prefix=["west"])
    events, run = run_all(instance, east, west)
    assert not succeeded(events)
    assert [name for name, _ in log].count("west error") + [name for name, _ in log].count("west after") == 1
    assert [run.tags[f"kedro_{name}/pipeline_hooks"] for name in ("east", "west")] == ["fired", "fired"]


def test_of_two_projects_only_the_one_with_nodes_in_the_run_is_opened(instance):
    log = []
    east, west = (project_of(GOOD, log, name=f"{prefix} ", key_prefix=[prefix]) for prefix in ("east", "west"))
    run_all(instance, east, west, keys=[["east", "x"]])
    assert [name for name, _ in log] == ["east before", "east after"]
    assert west[0].open_runs.log == []


# What stays of an executor.


def test_an_executor_keeps_its_name_its_options_and_what_it_requires():
    wrapped = with_lifecycle(dg.multiprocess_executor)
    assert wrapped.name == "multiprocess"
    assert wrapped.config_schema.config_type.key == dg.multiprocess_executor.config_schema.config_type.key
    assert wrapped.get_requirements({}) == dg.multiprocess_executor.get_requirements({})
    assert wrapped.description == dg.multiprocess_executor.description


def test_an_executor_says_of_retries_and_dependencies_what_the_inner_one_says():
    inner = SimpleNamespace(retries="retries", step_dependency_config="dependencies")
    executor = LifecycleExecutor(inner, "inner")
    assert (executor.retries, executor.step_dependency_config) == ("retries", "dependencies")


def test_an_executor_that_cannot_be_created_is_named():
    inner = dg.ExecutorDefinition(name="nothing", executor_creation_fn=None)
    with pytest.raises(dg.DagsterInvariantViolationError, match="Dagster cannot create the executor 'nothing'"):
        with_lifecycle(inner).executor_creation_fn(None)
