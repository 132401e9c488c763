"""Workers that live on, and what they do about a project that has changed since they loaded it."""

import sys
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
    signal = Signal()
    celery = SimpleNamespace(current_task=object(), signals=SimpleNamespace(task_prerun=signal))
    monkeypatch.setitem(sys.modules, "celery", celery)
    return signal


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
    [receiver] = in_celery.receivers.values()
    packed = []
    monkeypatch.setattr(workers, "renew", packed.append)
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
