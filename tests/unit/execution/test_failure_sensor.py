"""The sensor that completes the hooks of a run whose own process has died."""

from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from kedro.framework.hooks import hook_impl
from kedro.pipeline import node

from kedro_assets.execution import build_failure_sensor
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
    identity = RunIdentity(run.run_id, RUN_ID)
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
    assert message.startswith("Step 'a' failed: ValueError: the shelf is empty")


@pytest.mark.parametrize(
    "tags",
    [{}, {**OPEN, "kedro/pipeline_hooks": "fired"}, {"kedro_east/run_id": RUN_ID}],
    ids=["never begun", "all fired", "another project's"],
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
