"""Fails when Kedro or Dagster change one of the names that `kedro_assets._internals._all` needs."""

import importlib.util
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.execution.context.system import PlanOrchestrationContext
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.session import KedroServiceSession
from kedro.io import DataCatalog
from kedro.validation import DataValidationError
from pluggy import PluginManager

from kedro_assets._internals import dagster_config, dagster_execution, dagster_jobs, dagster_partitions, dagster_storage, kedro_project
from kedro_assets.project.load import ProjectLocation

RECORDER = """
from kedro.framework.hooks import hook_impl

class Recorder:
    def __init__(self):
        self.seen = []

    @hook_impl
    def after_catalog_created(self, catalog, save_version):
        self.seen.append((catalog, save_version))

recorder = Recorder()
HOOKS = (recorder,)
"""


@pytest.fixture
def session(write_project):
    root = write_project(settings=RECORDER, conf={"catalog.yml": "", "parameters.yml": "a: 1"})
    ProjectLocation(root).open()
    return KedroServiceSession.create(project_path=root)


def test_the_hooks_of_a_session_are_those_of_the_project(session):
    manager = kedro_project.hook_manager(session)
    assert isinstance(manager, PluginManager)
    assert "Recorder" in {type(plugin).__name__ for plugin in manager.get_plugins()}
    for hook in (
        "before_pipeline_run",
        "after_pipeline_run",
        "on_pipeline_error",
        "before_node_run",
        "after_node_run",
        "on_node_error",
        "before_dataset_loaded",
        "after_dataset_loaded",
        "before_dataset_saved",
        "after_dataset_saved",
    ):
        assert hasattr(manager.hook, hook), hook


def test_the_hooks_of_a_session_can_be_fired_from_outside(session):
    class Listener:
        heard = ()

        @hook_impl
        def before_pipeline_run(self, run_params, pipeline, catalog):
            self.heard = (run_params, pipeline, catalog)

    listener = Listener()
    manager = kedro_project.hook_manager(session)
    manager.register(listener)
    manager.hook.before_pipeline_run(run_params=1, pipeline=2, catalog=3)
    assert listener.heard == (1, 2, 3)


def test_a_catalog_is_built_with_the_save_version_given(session):
    context = session.load_context()
    catalog = kedro_project.create_catalog(context, "2026-03-01T12.30.05.123Z", {})
    [recorder] = [p for p in kedro_project.hook_manager(session).get_plugins() if type(p).__name__ == "Recorder"]
    assert recorder.seen == [(catalog, "2026-03-01T12.30.05.123Z")]
    assert catalog.load("params:a") == 1


def _two_steps():
    @dg.multi_asset(specs=[dg.AssetSpec("a"), dg.AssetSpec(["deep", "b"])])
    def first():
        pass

    @dg.asset(deps=["a"])
    def second():
        pass

    return dg.Definitions(assets=[second, first, dg.AssetSpec("external")], jobs=[dg.define_asset_job("job")])


def test_the_assets_of_a_job_are_known_by_step_in_order():
    found = dagster_jobs.assets_by_step(_two_steps().resolve_job_def("job"))
    assert list(found.items()) == [
        ("first", {dg.AssetKey("a"), dg.AssetKey(["deep", "b"])}),
        ("second", {dg.AssetKey("second")}),
    ]


def test_a_step_that_makes_no_asset_is_left_out():
    @dg.op
    def nothing():
        pass

    @dg.job
    def job():
        nothing()

    assert dagster_jobs.assets_by_step(job) == {}


def test_options_that_an_executor_takes_are_no_problem():
    options = {"max_concurrent": 2, "retries": {"enabled": {}}}
    assert list(dagster_config.executor_problems(dg.multiprocess_executor, options)) == []
    assert list(dagster_config.executor_problems(dg.in_process_executor, {})) == []


def test_every_option_that_an_executor_refuses_is_given_with_its_path():
    options = {"max_concurrent": "two", "nonsense": 1, "tag_concurrency_limits": [{"key": 5, "limit": 1}]}
    misfits = list(dagster_config.executor_problems(dg.multiprocess_executor, options))
    found = {tuple(path): message for path, message, _ in misfits}
    assert set(found) == {("nonsense",), ("max_concurrent",), ("tag_concurrency_limits", "0", "key")}
    assert "Int" in found["max_concurrent",]
    [allowed] = [allowed for path, _, allowed in misfits if path == ["nonsense"]]
    assert {"max_concurrent", "retries", "start_method"} <= set(allowed)


def test_a_job_that_is_defined_in_a_module_is_found_again():
    job = dg.reconstructable(module_level_job)
    assert isinstance(job, ReconstructableJob)
    again = dagster_jobs.unpack_job(dagster_jobs.pack_job(job))
    assert isinstance(again, ReconstructableJob)
    assert again.get_definition().name == "module_level_job"


def test_a_job_that_exists_in_this_process_only_is_not_written_down():
    assert dagster_jobs.pack_job(module_level_job()) == ""


def module_level_job():
    return dg.GraphDefinition(name="module_level_job").to_job()


def test_the_readers_of_an_asset_are_known():
    job = _two_steps().resolve_job_def("job")
    assert dagster_jobs.readers(job, dg.AssetKey("a")) == {dg.AssetKey("second")}
    assert dagster_jobs.readers(job, dg.AssetKey("second")) == set()
    assert dagster_jobs.readers(job, dg.AssetKey("nope")) == set()


def test_an_asset_that_is_made_is_told_from_one_that_is_only_known():
    job = _two_steps().resolve_job_def("job")
    found = {name: dagster_jobs.is_made(job, dg.AssetKey(name)) for name in ("a", "external", "nope")}
    assert found == {"a": True, "external": False, "nope": False}


def test_the_job_without_a_name_is_called_as_dagster_calls_it():
    assert _two_steps().resolve_implicit_global_asset_job_def().name == dagster_jobs.ASSET_JOB


DEFINITIONS = """
import dagster as dg

@dg.asset
def first(): ...

@dg.asset(deps=[first])
def second(): ...

defs = dg.Definitions(assets=[first, second], executor=dg.in_process_executor)
"""


@pytest.mark.parametrize("target", ["unit_private_definitions.py", "unit_private_definitions"], ids=["file", "module"])
def test_definitions_are_found_and_their_run_gives_its_events_as_they_happen(tmp_path, monkeypatch, target):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "unit_private_definitions.py").write_text(DEFINITIONS, encoding="utf-8")
    repository = dagster_jobs.load_repository(target, tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        events = dagster_jobs.run_events(repository, dagster_jobs.ASSET_JOB, [dg.AssetKey("second")], {}, {}, instance)
        assert iter(events) is events
        made = [event.asset_key for event in events if event.is_step_materialization]
        [run] = instance.get_runs()
    assert made == [dg.AssetKey("second")]
    assert run.asset_selection == {dg.AssetKey("second")}
    assert run.is_success


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, {}), ("", {}), ("a=1,b.c=x", {"a": 1, "b": {"c": "x"}})],
    ids=["none", "empty", "nested"],
)
def test_parameters_of_the_command_line_are_read_as_kedro_reads_them(text, expected):
    assert kedro_project.split_params(None, None, text) == expected


@pytest.mark.parametrize("module", dagster_storage.STEP_MODULES)
def test_what_a_step_imports_late_is_there(module):
    assert import_module(module)


@pytest.mark.parametrize("place", [place for place in dagster_storage.STORAGES if place.startswith("dagster.")])
def test_the_storages_of_dagster_are_where_they_were(place):
    assert importlib.util.find_spec(place.rstrip("."))


def test_an_executor_finds_itself_in_the_context_that_is_its_own():
    class Context:
        _executor = "outer"

        @property
        def executor(self):
            return self._executor

    outer = Context()
    assert (dagster_execution.context_of("inner", outer).executor, outer.executor) == ("inner", "outer")
    assert "self._executor" in inspect.getsource(PlanOrchestrationContext)


def test_parameters_of_one_pipeline_are_checked_if_that_is_said(session):
    context = session.load_context()
    kedro_project.limit_validation(context, "__default__")
    assert context._pipelines_to_validate == ["__default__"]
    assert "_pipelines_to_validate" in inspect.getsource(KedroContext)


def test_load_versions_of_the_command_line_are_read_as_kedro_reads_them():
    assert kedro_project.split_load_versions(None, None, "a:1,b:2") == {"a": "1", "b": "2"}
    assert kedro_project.split_load_versions(None, None, None) == {}


def refuse(data):
    raise ValueError(data)


def test_a_watched_validator_is_asked_in_place_of_the_catalogs_own():
    validator = f"{__name__}.refuse"
    catalog = DataCatalog.from_config({"text": {"type": "MemoryDataset", "validator": validator}})
    spec, watched = kedro_project.watch_validator(catalog, "text")
    assert spec.class_path == validator
    with pytest.raises(DataValidationError, match="a"):
        catalog.save("text", "a")
    assert (watched.called, str(watched.error)) == (True, "a")
    assert kedro_project.watch_validator(catalog, "text")[1] is watched
    assert kedro_project.watch_validator(catalog, "other") is None


def test_a_validator_that_cannot_be_made_is_left_to_the_catalog():
    catalog = DataCatalog.from_config({"text": {"type": "MemoryDataset", "validator": "no.such.module"}})
    assert kedro_project.watch_validator(catalog, "text") is None
    assert kedro_project.watch_validator(object(), "text") is None


def test_partitions_that_do_not_fit_are_told():
    daily, static = dg.DailyPartitionsDefinition("2026-01-01"), dg.StaticPartitionsDefinition(["a"])
    assert dagster_partitions.misfit(None, daily, daily) == ""
    assert "must match" in dagster_partitions.misfit(None, daily, static)
    assert dagster_partitions.misfit(dg.AllPartitionMapping(), daily, static) == ""


def test_the_partitions_that_are_read_are_those_of_the_mapping():
    days, regions = dg.DailyPartitionsDefinition("2026-01-01"), dg.StaticPartitionsDefinition(["north", "south"])
    yesterday = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
    with dg.DagsterInstance.ephemeral() as instance:
        assert dagster_partitions.partitions_read(yesterday, days, ["2026-01-05"], days, instance) == (["2026-01-04"], [])
        assert dagster_partitions.partitions_read(None, None, [], regions, instance) == (["north", "south"], [])
        missing = dagster_partitions.partitions_read(
            None, regions, ["north"], dg.StaticPartitionsDefinition(["south"]), instance
        )
        assert missing == ([], ["north"])


def test_the_files_of_an_event_log_stay_open_while_a_run_writes_to_it(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run = instance.create_run_for_job(dg.GraphDefinition("empty").to_job())
        logs = [Path(instance.event_log_storage.path_for_shard(shard) + "-wal") for shard in (run.run_id, "index")]

        def written():
            instance.report_run_canceled(run)  # goes to both files
            return [log.exists() for log in logs]

        assert written() == [False, False]  # SQLite moves everything into the file when the last one closes it
        with dagster_storage.open_event_log(instance, run.run_id):
            assert written() == [True, True]
        assert written() == [False, False]


def test_an_event_log_without_files_needs_nothing():
    with dg.DagsterInstance.ephemeral() as instance, dagster_storage.open_event_log(instance, "a run"):
        assert not list(Path.cwd().glob("*.db"))


MIGRATIONS = """
import sys
import tempfile
import alembic.script.base as base
import dagster as dg
from kedro_assets._internals import dagster_config, dagster_execution, dagster_jobs, dagster_partitions, dagster_storage, kedro_project

if sys.argv[1] == "once":
    dagster_storage.read_migrations_once()
with tempfile.TemporaryDirectory() as folder:
    with dg.DagsterInstance.local_temp(folder):
        read, load = [], base.util.load_python_file
        base.util.load_python_file = lambda *args: read.append(args) or load(*args)
    with dg.DagsterInstance.local_temp(folder) as instance:
        assert instance.create_run_for_job(dg.GraphDefinition("empty").to_job())
print(len(read))
"""


def test_migrations_are_read_once_for_all_storages():
    def files_read(way):
        done = subprocess.run([sys.executable, "-c", MIGRATIONS, way], capture_output=True, text=True, check=True)
        return int(done.stdout.splitlines()[-1])

    assert files_read("each") > 0
    assert files_read("once") == 0


def test_the_configuration_of_a_resource_is_that_of_the_run_laid_over_its_jobs():
    @dg.asset(required_resource_keys={"kedro"})
    def made():
        return None

    schema = {
        "a": dg.Field(int, default_value=1),
        "b": dg.Field(dict, default_value={}),
        "c": dg.Field(str, default_value=""),
    }
    kedro = dg.ResourceDefinition.hardcoded_resource("x")
    defaults = {"resources": {"kedro": {"config": {"a": 2, "b": {"x": 1}}}}}
    jobs = [dg.define_asset_job("plain"), dg.define_asset_job("own", config=defaults)]
    resources = {"kedro": dg.ResourceDefinition(lambda _: kedro, schema), "other": kedro}
    defs = dg.Definitions([made], jobs=jobs, resources=resources)

    def config(job, run_config, resource="kedro"):
        found = defs.resolve_job_def(job)
        return dagster_jobs.resource_config(found, dg.DagsterRun(job_name=job, run_config=run_config), resource)

    assert config("plain", {}) == {"a": 1, "b": {}, "c": ""}
    assert config("plain", {"resources": {"kedro": {"config": {"a": 3}}}}) == {"a": 3, "b": {}, "c": ""}
    assert config("own", {}) == {"a": 2, "b": {"x": 1}, "c": ""}
    assert config("plain", {}, "nothing") == {}
