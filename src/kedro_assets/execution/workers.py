"""Workers that live on: those of Dask and Celery load a project for their first step, and serve many runs with it.

Python imports a module once, and Dagster keeps the definitions of a job. So such a worker takes down what it has read, and
loads the project again once it has changed; or it refuses to serve another run with it, where dagster.yml says so.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from kedro_assets._internals import dagster_jobs, dagster_workers
from kedro_assets.execution.kept_runs import KEPT_RUNS
from kedro_assets.project import Project, ProjectLocation, ReadFiles

logger = logging.getLogger(__name__)


@frozen
class _Loaded:
    """A project that this worker has loaded.

    Attributes:
        files: What its modules and its configuration were read from.
        reload: Whether it is loaded again once they have changed.
        unloaded: Whether its modules have been forgotten since, and nothing has loaded it again yet.
    """

    files: ReadFiles
    reload: bool
    unloaded: bool = False


_loaded: dict[ProjectLocation, _Loaded] = {}


def files_read(project: Project) -> ReadFiles | None:
    """Take down what this process has just read a project from; None if it is no worker of Dask's or Celery's.

    A process may build the definitions several times, and imports modules only the first time: that is what counts.
    """
    if not _in_dask_task() and not _in_celery_task():
        return None
    before = _loaded.get(project.location)
    if before is None or before.unloaded:
        _loaded[project.location] = _Loaded(ReadFiles.of(project), project.config.reload_workers)
    return _loaded[project.location].files


def renew(packed: Mapping[str, Any] | None) -> None:
    """Before a step, forget the projects that have changed since this worker loaded them, unless dagster.yml forbids it.

    Args:
        packed: The job of the step, as Dagster's executors hand it to their workers; None for a whole run.
    """
    for location, found in list(_loaded.items()):
        changed = found.files.changed() if found.reload else []
        if changed:
            logger.warning("%s The worker loads it again.", found.files.report(changed))
        if changed or found.unloaded:
            found.files.unload()
            _loaded[location] = evolve(found, unloaded=True)
            dagster_jobs.forget_definitions(packed)
            KEPT_RUNS.let_go()


def check() -> None:
    """Refuse to go on if a project has changed since this worker loaded it.

    Raises:
        ProjectError: If one has.
    """
    for found in _loaded.values():
        found.files.check()


def _in_dask_task() -> bool:
    """Whether this process is a worker of Dask's."""
    distributed = sys.modules.get("distributed")
    try:
        return distributed is not None and bool(distributed.get_worker())
    except ValueError:
        return False


def _in_celery_task() -> bool:
    """Whether this process is a worker of Celery's; then its next tasks begin with `renew`, as those of Dask do."""
    celery = sys.modules.get("celery")
    if celery is None or not celery.current_task:
        return False
    celery.signals.task_prerun.connect(_before_task, weak=False, dispatch_uid=__name__)
    celery.signals.task_postrun.connect(_after_task, weak=False, dispatch_uid=__name__)
    _write_to_terminal()
    return True


def _write_to_terminal() -> None:
    """Let this process write to its own output, where Celery has put loggers in its place, and its steps run one by one.

    Dagster can capture the output of a step only if it is a file. And Kedro, which configures logging anew, writes its lines to
    what Celery gives to the loggers: they would be drawn twice, and come to nobody.
    """
    logs = sys.modules.get("celery.utils.log")
    if logs is None or threading.current_thread() is not threading.main_thread():
        return
    own = {"stdout": sys.__stdout__, "stderr": sys.__stderr__}
    given = {name: getattr(sys, name) for name in own}
    for name, stream in own.items():
        if isinstance(given[name], logs.LoggingProxy) and stream is not None:
            setattr(sys, name, stream)
    known = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    for handler in {handler for each in known for handler in each.handlers}:
        if isinstance(handler, logging.StreamHandler) and isinstance(handler.stream, logs.LoggingProxy):
            handler.setStream(sys.stdout if handler.stream is given["stdout"] else sys.stderr)


def _before_task(kwargs: Mapping[str, Any], **_: Any) -> None:
    renew(kwargs.get("executable_dict"))
    dagster_workers.begin_task(kwargs)


def _after_task(kwargs: Mapping[str, Any], **_: Any) -> None:
    run = dagster_workers.end_task() or dagster_workers.keep_after_task(kwargs, KEPT_RUNS.use)
    if run is not None:
        KEPT_RUNS.done(run)
