import threading
from types import SimpleNamespace

import pytest

from kedro_assets.errors import ProjectError, Scope
from kedro_assets.project import load_project, locate_project
from kedro_assets.runtime.handover import MemoryStore
from kedro_assets.runtime.identity import RunIdentity
from kedro_assets.runtime.kedro_run import KedroRun, OpenRuns, env_of
from unit.builders import make_graph, make_node
from unit.records import RUN_ID, json_entry, make_run, open_over, plan_of

# What a process has open.


class Opener:
    """Counts how often each run is opened; an open run is a new object each time."""

    def __init__(self):
        self.runs = OpenRuns()
        self.opened = []

    def get(self, run_id):
        def open_run():
            self.opened.append(run_id)
            return object()

        return self.runs.get(run_id, open_run)


def test_a_run_is_opened_once():
    opener = Opener()
    assert opener.get("a") is opener.get("a")
    assert opener.opened == ["a"]


def test_a_run_makes_way_for_the_next():
    opener = Opener()
    first = opener.get("a")
    opener.get("b")
    assert opener.get("a") is not first
    assert opener.opened == ["a", "b", "a"]


def test_a_run_that_is_held_stays_beside_the_next_until_it_is_let_go():
    opener = Opener()
    opener.runs.hold("a")
    first = opener.get("a")
    opener.get("b")
    assert opener.get("a") is first
    opener.runs.release("a")
    assert opener.get("a") is not first


def test_letting_go_of_a_run_keeps_the_others():
    opener = Opener()
    opener.runs.hold("a")
    opener.get("a")
    second = opener.get("b")
    opener.runs.release("a")
    assert opener.get("b") is second


def test_letting_go_of_a_run_that_was_never_opened_does_nothing():
    opener = Opener()
    opener.runs.release("a")
    assert opener.opened == []


def test_a_run_that_cannot_be_opened_is_tried_again():
    runs = OpenRuns()

    def fail():
        msg = "no database"
        raise OSError(msg)

    with pytest.raises(OSError, match="no database"):
        runs.get("a", fail)
    assert runs.get("a", lambda: "open") == "open"


def test_two_threads_open_a_run_once():
    opener, both = Opener(), threading.Barrier(2)
    found = []

    def work():
        both.wait()
        found.append(opener.get("a"))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] is found[1]
    assert opener.opened == ["a"]


# The run of one partition.


@pytest.fixture
def opened(monkeypatch):
    """Open runs without a project, and return those that are open."""
    return open_over(monkeypatch)


def run_of(params=None, **options):
    graph = make_graph([make_node("n", ["raw"], ["x"])])
    identity = RunIdentity("run", RUN_ID, params or {})
    return make_run(graph, plan_of(graph, s=["n"]), {}, identity=identity, **options)


def test_a_run_is_opened_for_a_partition_with_the_same_plan_and_version(opened):
    run = run_of({"depth": 3}, own_process=True, pipeline="etl")
    one = run.at_partition({"partition_key": "a"}, "a")
    assert [run.identity.runtime_params for run in opened] == [{"depth": 3, "partition_key": "a"}]
    assert (one.plan, one.pipeline, one.own_process) == (run.plan, "etl", True)
    assert one.identity.kedro_run_id == run.identity.kedro_run_id
    assert (one.store.partition, run.store.partition) == ("a", "")


def test_what_a_partition_finds_and_what_fails_in_it_is_the_runs(opened):
    run = run_of()
    one = run.at_partition({"partition_key": "a"}, "a")
    one.errors["step"] = ValueError()
    one.io.validations["x", "save"] = "found"
    assert set(run.errors) == {"step"}
    assert run.io.validations == {("x", "save"): "found"}


def test_a_partition_is_opened_once_and_makes_way_for_the_next(opened):
    run = run_of()
    first = run.at_partition({"partition_key": "a"}, "a")
    assert run.at_partition({"partition_key": "a"}, "a") is first
    run.at_partition({"partition_key": "b"}, "b")
    assert run.at_partition({"partition_key": "a"}, "a") is not first
    assert [one.identity.runtime_params["partition_key"] for one in opened] == ["a", "b", "a"]


def test_a_run_of_one_partition_is_that_run(opened):
    run = run_of({"partition_key": "a", "partition_keys": {"day": "a"}})
    assert run.at_partition({"partition_key": "a"}, "a") is run
    assert opened == []


@pytest.mark.parametrize(
    ("env", "default", "shown"), [("prod", "local", "prod"), (None, "local", "local"), (None, "", "base")], ids=str
)
def test_the_environment_is_that_of_the_context_or_what_the_loader_falls_back_to(env, default, shown):
    context = SimpleNamespace(env=env, config_loader=SimpleNamespace(default_run_env=default))
    assert env_of(context) == shown


# A project that is opened.


HOOKS = """
from kedro.framework.hooks import hook_impl


class Hooks:
    seen = []

    @hook_impl
    def after_context_created(self, context):
        self.seen.append("context")

    @hook_impl
    def after_catalog_created(self, catalog, save_version, load_versions):
        self.seen.append((save_version, load_versions))
        assert "hunter2" not in catalog, "hunter2 is in the catalog"


HOOKS = (Hooks(),)
"""
MADE = "return {'__default__': Pipeline([n('make', ['raw'], ['made'])])}"


@pytest.fixture
def open_project(write_project, tmp_path):
    """Write a project, and open it for a run that makes `made`."""

    def open_run(catalog="made: {type: json.JSONDataset, filepath: made.json, versioned: true}", **identity):
        conf = {
            "catalog.yml": catalog,
            "parameters.yml": "depth: 1",
            "local/credentials.yml": "db: {password: hunter2}",
        }
        location = locate_project(write_project(MADE, settings=HOOKS, conf=conf))
        location.open()
        graph = make_graph([make_node("make", ["raw"], ["made"])], catalog={"made": json_entry("made", versioned=True)})
        plan = plan_of(graph, s=["make"])
        project = load_project(location, Scope())
        return KedroRun.open(project, RunIdentity("run", RUN_ID, **identity), plan, MemoryStore(tmp_path, "run"))

    return open_run


def test_a_project_is_opened_as_kedros_session_does(open_project):
    run = open_project(runtime_params={"depth": 5})
    [plugin] = [each for each in run.hooks.get_plugins() if type(each).__name__ == "Hooks"]
    assert plugin.seen == ["context", (RUN_ID, None)]
    assert run.catalog.load("params:depth") == 5
    assert run.io.versions == {"made": RUN_ID}


def test_a_version_that_is_asked_for_goes_before_that_of_the_run(open_project):
    assert open_project(load_versions={"made": "2025-01-01T00.00.00.000Z"}).io.versions == {}


def test_credentials_are_masked_in_the_errors_of_hooks_and_of_the_run(open_project):
    with pytest.raises(AssertionError, match=r"\*\*\* is in the catalog"):
        open_project("hunter2: {type: MemoryDataset}")
    run = open_project()
    with pytest.raises(ValueError, match=r"no \*\*\* here"), run.redacted():
        raise ValueError("no hunter2 here")


def test_credentials_that_stand_in_the_catalog_are_masked(open_project):
    run = open_project(
        "x: {type: json.JSONDataset, filepath: memory://x.json, credentials: {account: t0ken-a, key: t0ken-b}}"
    )
    assert run.redactor.text("t0ken-a has t0ken-b") == "t0ken-a has ***"


def test_another_environment_than_that_of_the_runs_own_process_is_an_error(open_project):
    with pytest.raises(ProjectError, match="Kedro's environment is 'local' in the process of this step, but 'prod' in"):
        open_project(env="prod")
    assert open_project(env="local").identity.env == "local"
