"""The sensor that completes the hooks of a run whose own process has died."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from kedro.framework.hooks import hook_impl
from kedro.pipeline import node

from kedro_assets._internals import dagster_instance
from kedro_assets.errors import KedroAssetsError
from kedro_assets.execution import build_failure_sensor, ended_hooks
from kedro_assets.execution.ended_hooks import EndedHooks
from kedro_assets.runtime import RunTags
from kedro_assets.runtime.identity import RunIdentity
from unit.builders import make_node
from unit.records import RUN_ID, OneRun, definitions_of, make_kedro, make_run, run_of

NODES = [make_node("a", ["raw"], ["x"])]
OPEN = {"kedro/run_id": RUN_ID}


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


class Errors:
    """Keeps the errors of pipelines."""

    def __init__(self):
        self.errors = []

    @hook_impl
    def on_pipeline_error(self, error, run_params):
        self.errors.append((type(error).__name__, str(error), run_params["run_id"]))


@dg.asset
def native():
    return 1


def evaluate(instance, *keys, tags, told=(), **options):
    """Fail a run, let the sensor look at it, and return the errors that hooks were told, and the run."""
    plugin, runs = Errors(), OneRun(None)
    kedro = make_kedro(NODES, open_runs=runs, **options)
    definitions = definitions_of(kedro, native)
    run, job = run_of(definitions, instance, *keys, tags=tags)
    identity = RunIdentity(run.run_id, RUN_ID, env=tags.get("kedro/env"), mlflow_run_id=tags.get("mlflow/run_id"))
    runs.run = make_run(None, kedro.plan(run, job), {}, hooks=[plugin], identity=identity)
    runs.run.context = SimpleNamespace(env=None, project_path=Path("/project"))
    for message in told:
        instance.report_engine_event(message, run)
    event = instance.report_run_failed(run, "The run died.")
    repository = definitions.get_repository_def()
    build_failure_sensor(kedro)(dg.RunFailureSensorContext("s", run, event, instance, repository_def=repository))
    return plugin.errors, instance.get_run_by_id(run.run_id)


def test_a_run_whose_hooks_are_open_is_completed_with_what_dagster_recorded(instance):
    errors, run = evaluate(instance, tags=OPEN, told=["Started.", "The process was killed by signal 9."])
    [(kind, message, run_id)] = errors
    assert (kind, run_id, run.tags["kedro/pipeline_hooks"]) == ("RunError", RUN_ID, "fired")
    assert "killed by signal 9" in message
    assert "Started." not in message


def test_the_mlflow_run_that_the_run_had_begun_is_active_while_the_hook_is_fired(instance, monkeypatch):
    active, seen = [], []
    fake = SimpleNamespace(
        active_run=lambda: active[-1] if active else None,
        start_run=lambda run_id: active.append(SimpleNamespace(info=SimpleNamespace(run_id=run_id))),
        end_run=lambda status: seen.append((active.pop().info.run_id, status)),
    )
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    monkeypatch.setattr(Errors, "on_pipeline_error", hook_impl(lambda self, error: fake.end_run("FAILED")))
    evaluate(instance, tags={**OPEN, "kedro/env": "base", "mlflow/run_id": "one"})
    assert (seen, active) == ([("one", "FAILED")], [])


def test_the_error_is_that_of_the_first_step_that_failed(instance):
    def fail(raw):
        msg = "the shelf is empty"
        raise ValueError(msg)

    plugin, runs = Errors(), OneRun(None)
    kedro = make_kedro([node(fail, "raw", "x", name="a")], open_runs=runs)
    definitions = definitions_of(kedro)
    recorded, job = run_of(definitions, instance)
    runs.run = make_run(None, kedro.plan(recorded, job), {}, hooks=[plugin])
    runs.run.context = SimpleNamespace(env=None, project_path=Path("/project"))
    runs.run.catalog["raw"] = 1
    result = job.execute_in_process(instance=instance, tags=OPEN, raise_on_error=False)
    run, event = instance.get_run_by_id(result.run_id), result.all_events[-1]
    repository = definitions.get_repository_def()
    build_failure_sensor(kedro)(dg.RunFailureSensorContext("s", run, event, instance, repository_def=repository))
    [(kind, message, _)] = plugin.errors
    assert kind == "StepError"
    assert message.startswith("Node 'a' failed: ValueError: the shelf is empty")


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {**OPEN, "kedro/pipeline_hooks": "fired"},
        {**OPEN, "kedro/pipeline_hooks": "given up", "kedro/pipeline_hooks_tries": "5"},
        {"kedro_east/run_id": RUN_ID},
    ],
    ids=["never begun", "all fired", "given up", "another project's"],
)
def test_any_other_run_is_left_alone(instance, tags):
    errors, run = evaluate(instance, tags=tags)
    assert (errors, {key: value for key, value in run.tags.items() if key.startswith("kedro")}) == ([], tags)


def test_a_run_of_which_the_project_has_no_nodes_is_left_alone(instance):
    errors, run = evaluate(instance, "native", tags=OPEN)
    assert (errors, "kedro/pipeline_hooks" in run.tags) == ([], False)


def test_a_run_of_some_assets_is_completed(instance):
    errors, _ = evaluate(instance, "x", tags=OPEN)
    assert [kind for kind, *_ in errors] == ["RunError"]


def test_each_project_of_a_code_location_has_a_sensor_of_its_own():
    names = [build_failure_sensor(make_kedro(NODES, key_prefix=prefix)).name for prefix in ([], ["east"], ["a-b", "c"])]
    assert names == ["shop_on_pipeline_error", "east__shop_on_pipeline_error", "a_b__c__shop_on_pipeline_error"]


def test_the_sensor_runs_unless_it_is_stopped():
    assert build_failure_sensor(make_kedro(NODES)).default_status == dg.DefaultSensorStatus.RUNNING


# Runs whose hook cannot be fired.


class Bench:
    """A code location with the sensor of a project that may refuse to be opened, or whose hook may fail."""

    def __init__(self, instance):
        self.instance, self.plugin, self.closed, self.broken = instance, Errors(), 0, 0
        self.kedro = make_kedro(NODES, open_runs=self)
        self.definitions = dg.Definitions.merge(
            definitions_of(self.kedro), dg.Definitions(sensors=[build_failure_sensor(self.kedro)])
        )
        self.repository = self.definitions.get_repository_def()
        self.cursor = self.tick().cursor

    def get(self, run_id, open_run):
        """Open the project, unless the test says that it cannot be opened, or that its hook fails."""
        if self.closed:
            self.closed -= 1
            msg = "the variable STORE_KEY is not set"
            raise ValueError(msg)
        run = self.instance.get_run_by_id(run_id)
        job = self.definitions.resolve_job_def(run.job_name)
        opened = make_run(None, self.kedro.plan(run, job), {}, hooks=[self.plugin, self])
        opened.context = SimpleNamespace(env=None, project_path=Path("/project"))
        return opened

    def release(self, run_id):
        """Keep nothing open."""

    @hook_impl(trylast=True)
    def on_pipeline_error(self):
        if self.broken:
            self.broken -= 1
            msg = "the mail server is away"
            raise OSError(msg)

    def fail(self, **tags):
        run, _ = run_of(self.definitions, self.instance, tags={**OPEN, **tags})
        self.instance.report_run_failed(run, "The run died.")
        return run.run_id

    def tick(self):
        """Evaluate the sensor as the daemon does, and keep its cursor."""
        name = "shop_on_pipeline_error"
        cursor = getattr(self, "cursor", None)
        with dg.build_sensor_context(
            self.instance, cursor, repository_def=self.repository, sensor_name=name
        ) as context:
            found = self.repository.get_sensor_def(name).evaluate_tick(context)
        self.cursor = found.cursor
        return found

    def errors(self):
        """What the next tick says."""
        return [str(each.error.message) for each in self.tick().dagster_run_reactions if each.error]

    def tags(self, run_id):
        found = self.instance.get_run_by_id(run_id).tags.items()
        return {key.removeprefix("kedro/"): value for key, value in found if key.startswith("kedro/pipeline_hooks")}


@pytest.fixture
def bench(instance):
    return Bench(instance)


@pytest.mark.parametrize(
    ("what", "cause"),
    [
        ("closed", "ValueError: the variable STORE_KEY is not set"),
        ("broken", "OSError: the mail server is away"),
    ],
    ids=["the project cannot be opened", "a hook fails"],
)
def test_a_hook_that_cannot_be_fired_stays_open_until_a_later_tick_fires_it(bench, what, cause):
    setattr(bench, what, 2)
    run_id = bench.fail()
    for tries in ("1", "2"):
        [message] = bench.errors()
        assert f"could not be fired in try {tries} of 5: {cause}" in message
        assert "The hook stays open, and the next tick tries again." in message
        assert bench.tags(run_id) == {"pipeline_hooks_tries": tries}
    bench.plugin.errors.clear()
    assert bench.errors() == []
    [(kind, message, _)] = bench.plugin.errors
    assert (kind, message) == ("RunError", f"Run '{run_id}' failed: The run died.")
    assert bench.tags(run_id) == {"pipeline_hooks": "fired", "pipeline_hooks_tries": "fired"}
    assert (bench.tick().dagster_run_reactions, len(bench.plugin.errors)) == ([], 1)


def test_the_sensor_gives_up_after_some_tries_and_says_so(bench):
    bench.closed = 100
    run_id = bench.fail()
    messages = [bench.errors() for _ in range(7)]
    assert [len(each) for each in messages] == [1, 1, 1, 1, 1, 0, 0]
    assert "The sensor gives up" in messages[4][0]
    assert not any("gives up" in each for [each] in messages[:4])
    assert bench.tags(run_id) == {"pipeline_hooks": "given up", "pipeline_hooks_tries": "5"}
    assert bench.plugin.errors == []


def test_a_hook_that_cannot_be_fired_holds_up_no_other_run(bench):
    bench.closed = 1
    first, second = bench.fail(), bench.fail()
    assert len(bench.errors()) == 1
    assert [bench.tags(run_id) for run_id in (first, second)] == [
        {"pipeline_hooks_tries": "1"},
        {"pipeline_hooks": "fired"},
    ]


def test_a_run_of_a_job_that_is_gone_is_given_up_as_well(bench, instance):
    @dg.job
    def gone():
        """Do nothing."""

    run = instance.create_run_for_job(gone, tags=OPEN)
    instance.report_run_failed(run, "The run died.")
    messages = [message for _ in range(6) for message in bench.errors()]
    assert ("gone" in messages[0], len(messages)) == (True, 5)
    assert bench.tags(run.run_id)["pipeline_hooks"] == "given up"


def test_a_run_whose_own_process_could_not_write_the_tag_is_left_alone(bench, instance, monkeypatch):
    def refuse(*_):
        msg = "database is locked"
        raise OSError(msg)

    run_id = bench.fail()
    with monkeypatch.context() as patched:
        patched.setattr(dagster_instance, "add_run_tags", refuse)
        patched.setattr(ended_hooks, "_WAITS", (0.0,))
        EndedHooks(RunTags("kedro"), run_id, instance).record()
    assert (bench.errors(), bench.plugin.errors) == ([], [])
    assert bench.tags(run_id) == {"pipeline_hooks": "fired"}


def test_a_try_that_cannot_be_counted_fails_the_tick_so_that_the_next_one_looks_again(bench, monkeypatch):
    def refuse(*_):
        msg = "database is locked"
        raise OSError(msg)

    bench.closed = 1
    run_id = bench.fail()
    with monkeypatch.context() as patched:
        patched.setattr(dagster_instance, "add_run_tags", refuse)
        with pytest.raises(dg.DagsterInvariantViolationError, match="is locked"):
            bench.tick()
    assert bench.errors() == []
    assert (len(bench.plugin.errors), bench.tags(run_id)) == (1, {"pipeline_hooks": "fired"})


def test_a_run_that_needs_nothing_gets_no_line_in_its_log(bench):
    bench.fail(**{"kedro/pipeline_hooks": "fired"})
    assert bench.tick().dagster_run_reactions == []
    run_id = bench.fail()
    [reaction] = bench.tick().dagster_run_reactions
    assert (reaction.dagster_run.run_id, reaction.error) == (run_id, None)


def test_a_sensor_that_is_called_by_itself_raises_what_the_tick_says(bench, instance):
    bench.closed = 1
    run_id = bench.fail()
    run = instance.get_run_by_id(run_id)
    event = dg.DagsterEvent(dg.DagsterEventType.RUN_FAILURE.value, run.job_name, message="The run died.")
    context = dg.RunFailureSensorContext("s", run, event, instance, repository_def=bench.repository)
    with pytest.raises(KedroAssetsError, match="try 1 of 5"):
        build_failure_sensor(bench.kedro)(context)


def test_two_ticks_at_once_fire_a_hook_once(bench, instance):
    run_id = bench.fail()
    run = instance.get_run_by_id(run_id)
    event = dg.DagsterEvent(dg.DagsterEventType.RUN_FAILURE.value, run.job_name, message="The run died.")
    opened, go_on, sensor = threading.Event(), threading.Event(), build_failure_sensor(bench.kedro)
    real = bench.get

    def get(*arguments):
        opened.set()
        assert go_on.wait(20)
        return real(*arguments)

    bench.get = get
    contexts = [dg.RunFailureSensorContext("s", run, event, instance, repository_def=bench.repository) for _ in "ab"]
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(sensor, contexts[0])
        assert opened.wait(20)
        second = pool.submit(sensor, contexts[1])
        go_on.set()
        assert (first.result(), second.result()) == (None, None)
    assert len(bench.plugin.errors) == 1
