"""Workers that live on, and what they do about a project that has changed since they loaded it."""

import io
import logging
import sys
import threading
from types import SimpleNamespace

import dagster as dg
import pytest

from kedro_assets.definitions import build_definitions
from kedro_assets.errors import ProjectError
from kedro_assets.execution import workers
from kedro_assets.steps import projects_of


def no_worker():
    raise ValueError


class Signal:
    """A signal of Celery's."""

    def __init__(self):
        self.receivers = {}

    def connect(self, receiver, *, weak, dispatch_uid):
        assert not weak
        self.receivers[dispatch_uid] = receiver


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch):
    """Begin with a process that serves nobody and has loaded nothing."""
    monkeypatch.setattr(workers, "_loaded", {})
    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(get_worker=no_worker))
    monkeypatch.setitem(sys.modules, "celery", SimpleNamespace(current_task=None))


@pytest.fixture
def in_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(get_worker=object))


@pytest.fixture
def in_celery(monkeypatch):
    signals = SimpleNamespace(task_prerun=Signal(), task_postrun=Signal())
    monkeypatch.setitem(sys.modules, "celery", SimpleNamespace(current_task=object(), signals=signals))
    monkeypatch.setitem(sys.modules, "celery.utils.log", SimpleNamespace(LoggingProxy=Proxy))
    return signals


class Proxy(io.StringIO):
    """What Celery puts in the place of the output of a worker."""


def files_of(root):
    """Load a project and return what it says it was read from."""
    [kedro] = projects_of(build_definitions(root).resolve_job_def("__default__"))
    return kedro.files


def change(root, value):
    (root / "conf/base/parameters.yml").write_text(f"p: {value}")


@pytest.fixture
def write(write_project):
    def write_with(*, reload):
        return write_project(conf={"dagster.yml": f"reload_workers: {reload}", "parameters.yml": "p: 1"})

    return write_with


def test_a_process_that_serves_one_run_takes_nothing_down(write):
    assert files_of(write(reload="true")) is None
    workers.renew(None)
    workers.check()


@pytest.mark.usefixtures("in_dask")
def test_what_counts_is_what_the_modules_were_imported_from_however_often_definitions_are_built(write):
    root = write(reload="false")
    first = files_of(root)
    change(root, 2)
    assert files_of(root) is first
    workers.renew(None)
    assert files_of(root) is first
    with pytest.raises(ProjectError, match=r"has changed since this worker loaded it: conf/base/parameters\.yml\."):
        workers.check()


@pytest.mark.usefixtures("in_dask")
def test_a_project_that_is_to_be_loaded_again_is_taken_down_anew(write, caplog, monkeypatch):
    monkeypatch.setattr(workers.logger, "handlers", [caplog.handler])  # Kedro's logging need not pass it on
    root = write(reload="true")
    first = files_of(root)
    workers.renew(None)
    assert files_of(root) is first
    change(root, 2)
    workers.renew(None)
    assert "conf/base/parameters.yml. The worker loads it again." in caplog.text
    second = files_of(root)
    assert second is not first
    workers.check()


@pytest.mark.usefixtures("in_dask")
def test_a_project_that_could_not_be_loaded_again_is_unloaded_once_more_before_the_next_step(write):
    root = write(reload="true")
    files_of(root)
    [package] = [folder.name for folder in (root / "src").iterdir()]
    registry = root / "src" / package / "pipeline_registry.py"
    right = registry.read_text()
    registry.write_text("no code")
    workers.renew(None)
    with pytest.raises(ProjectError):
        files_of(root)
    registry.write_text(right)
    workers.renew(None)
    assert not [name for name in sys.modules if name.partition(".")[0] == package]
    assert files_of(root).changed() == []


def test_a_worker_of_celery_does_so_before_each_of_its_next_tasks(write, in_celery, monkeypatch):
    root = write(reload="true")
    files_of(root)
    files_of(root)
    [receiver] = in_celery.task_prerun.receivers.values()
    packed = []
    monkeypatch.setattr(workers, "renew", packed.append)
    monkeypatch.setattr(workers.dagster_workers, "begin_task", lambda arguments: None)
    receiver(sender=None, task_id="1", args=(), kwargs={"executable_dict": {"a": 1}})
    receiver(sender=None, task_id="2", args=(), kwargs={})
    assert packed == [{"a": 1}, None]


def test_a_step_on_a_worker_whose_project_has_changed_fails_when_its_run_is_opened(write, in_dask, monkeypatch):
    root = write(reload="false")
    definitions = build_definitions(root)
    job = definitions.resolve_job_def("__default__")
    change(root, 2)
    [kedro] = projects_of(job)
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(job)
        with pytest.raises(ProjectError, match="Restart the worker"):
            kedro.for_run(run, job, instance)


def test_a_task_of_celery_uses_its_run_until_it_has_ended(write, in_celery, monkeypatch):
    files_of(write(reload="true"))
    [before], [after] = in_celery.task_prerun.receivers.values(), in_celery.task_postrun.receivers.values()
    log, ended, kept = [], ["second", None, None], [None, "first"]
    monkeypatch.setattr(workers.dagster_workers, "begin_task", lambda arguments: log.append(arguments["number"]))
    monkeypatch.setattr(workers.dagster_workers, "end_task", ended.pop)
    monkeypatch.setattr(workers.dagster_workers, "keep_after_task", lambda arguments, find: kept.pop())
    monkeypatch.setattr(workers.KEPT_RUNS, "done", log.append)
    for number in (1, 2, 3):
        before(sender=None, task_id="1", args=(), kwargs={"number": number})
        after(sender=None, task_id="1", args=(), kwargs={"number": number})
    assert log == [1, "first", 2, 3, "second"]
    assert (ended, kept) == ([], [])


def test_what_is_kept_of_runs_is_let_go_with_the_project_that_has_changed(write, in_dask, monkeypatch):
    log = []
    monkeypatch.setattr(workers.KEPT_RUNS, "let_go", lambda: log.append("let go"))
    root = write(reload="true")
    files_of(root)
    workers.renew(None)
    assert log == []
    change(root, 2)
    workers.renew(None)
    assert log == ["let go"]


def test_a_worker_of_celery_writes_to_its_own_output_and_so_do_handlers(write, in_celery, monkeypatch):
    given = Proxy(), Proxy()
    monkeypatch.setattr(sys, "stdout", given[0])
    monkeypatch.setattr(sys, "stderr", given[1])
    handlers = [logging.StreamHandler(stream) for stream in given]
    log = logging.getLogger("somebody")
    monkeypatch.setattr(log, "handlers", handlers)
    files_of(write(reload="true"))
    assert (sys.stdout, sys.stderr) == (sys.__stdout__, sys.__stderr__)
    assert [handler.stream for handler in handlers] == [sys.__stdout__, sys.__stderr__]


def test_a_worker_of_celery_whose_steps_share_a_process_leaves_its_output_as_it_is(write, in_celery, monkeypatch):
    given = Proxy()
    monkeypatch.setattr(sys, "stdout", given)
    root = write(reload="true")
    thread = threading.Thread(target=files_of, args=(root,))
    thread.start()
    thread.join()
    assert sys.stdout is given


@pytest.mark.usefixtures("in_dask")
def test_a_worker_of_dask_leaves_its_output_as_it_is(write, monkeypatch):
    given = Proxy()
    monkeypatch.setattr(sys, "stdout", given)
    files_of(write(reload="true"))
    assert sys.stdout is given
