"""Fails when Kedro's sessions, contexts, catalogs or command line change."""

import inspect

import pytest
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.session import KedroServiceSession, KedroSession
from kedro.io import DataCatalog
from kedro.pipeline import node, pipeline
from kedro.validation import DataValidationError
from pluggy import PluginManager

from kedro_assets._internals import kedro_project
from kedro_assets.assets import WatchedValidator
from kedro_assets.project import ProjectLocation

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


@pytest.mark.parametrize(
    "hook",
    [
        *("before_pipeline_run", "after_pipeline_run", "on_pipeline_error"),
        *("before_node_run", "after_node_run", "on_node_error"),
        *("before_dataset_loaded", "after_dataset_loaded", "before_dataset_saved", "after_dataset_saved"),
    ],
)
def test_the_hooks_of_a_session_have_the_names_that_are_fired(session, hook):
    assert hasattr(kedro_project.hook_manager(session).hook, hook)


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


def test_a_catalog_is_built_with_the_load_versions_given(write_project):
    entry = "text: {type: text.TextDataset, filepath: data/text.txt, versioned: true}"
    root = write_project(conf={"catalog.yml": entry, "parameters.yml": "a: 1"})
    ProjectLocation(root).open()
    context = KedroServiceSession.create(project_path=root).load_context()
    version = "2026-03-01T12.30.05.123Z"
    catalog = kedro_project.create_catalog(context, "2026-04-01T12.30.05.123Z", {"text": version})
    assert catalog["text"].resolve_load_version() == version


def test_the_parameters_of_one_pipeline_are_checked_if_the_context_is_told(session):
    context = session.load_context()
    kedro_project.limit_validation(context, "__default__")
    assert context._pipelines_to_validate == ["__default__"]
    assert "_pipelines_to_validate" in inspect.getsource(KedroContext)


def refuse(data):
    raise ValueError(data)


def _catalog(validator):
    return DataCatalog.from_config({"text": {"type": "MemoryDataset", "validator": validator}})


def test_a_watched_validator_is_asked_in_place_of_the_catalogs_own():
    catalog = _catalog(f"{__name__}.refuse")
    spec, watched = kedro_project.watch_validator(catalog, "text", WatchedValidator)
    assert spec.class_path == f"{__name__}.refuse"
    with pytest.raises(DataValidationError, match="a"):
        catalog.save("text", "a")
    assert (watched.called, str(watched.error)) == (True, "a")


def test_a_validator_is_watched_once():
    catalog = _catalog(f"{__name__}.refuse")
    _, first = kedro_project.watch_validator(catalog, "text", WatchedValidator)
    _, second = kedro_project.watch_validator(catalog, "text", WatchedValidator)
    assert first is second


@pytest.mark.parametrize(
    ("catalog", "dataset"),
    [(_catalog("no.such.module"), "text"), (_catalog(f"{__name__}.refuse"), "other"), (object(), "text")],
    ids=["cannot be made", "has none", "no catalog of Kedro's"],
)
def test_without_a_validator_there_is_nothing_to_watch(catalog, dataset):
    assert kedro_project.watch_validator(catalog, dataset, WatchedValidator) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, {}), ("", {}), ("a=1,b.c=x", {"a": 1, "b": {"c": "x"}})],
    ids=["none", "empty", "nested"],
)
def test_parameters_of_the_command_line_are_read_as_kedro_reads_them(text, expected):
    assert kedro_project.split_params(None, None, text) == expected


def test_load_versions_of_the_command_line_are_read_as_kedro_reads_them():
    assert kedro_project.split_load_versions(None, None, "a:1,b:2") == {"a": "1", "b": "2"}
    assert kedro_project.split_load_versions(None, None, None) == {}


def test_the_nodes_with_missing_outputs_are_those_that_a_runner_finds(tmp_path):
    entries = {name: {"type": "json.JSONDataset", "filepath": str(tmp_path / f"{name}.json")} for name in ("x", "y")}
    (tmp_path / "x.json").write_text("1")
    nodes = [node(len, "raw", "x", name="a"), node(len, "x", "y", name="b"), node(print, "x", None, name="c")]
    found = kedro_project.missing_outputs(pipeline(nodes), DataCatalog.from_config(entries))
    assert sorted(each.name for each in found.nodes) == ["b", "c"]


@pytest.mark.parametrize("given", [False, True], ids=["a session of the older kind", "a session of the newer kind"])
def test_the_id_of_a_session_is_one_that_hooks_get_from_kedro_run(session, monkeypatch, given):
    kind = KedroServiceSession if given else KedroSession
    monkeypatch.setattr(kedro_project.settings, "SESSION_CLASS", kind)
    assert kedro_project.session_id(session) == (session.session_id if given else None)
