"""One project through `kedro run` and through Dagster, and what each of them left behind, side by side.

`by_kedro` is the reference. `by_dagster` executes a job through its executor, in this process or in several;
`left_behind` looks at a run that something else has launched. `assert_same` compares all of it.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from helpers import KedroProject, execute
from kedro.framework.session import KedroServiceSession
from kedro.framework.startup import bootstrap_project

VERSION = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z")
PROCESS_HOOKS = ("after_context_created", "after_catalog_created")
OF_DASK = '("Sizeof calculation'  # what Dask's own loop logs when a message changes while it measures it
OF_OTHER_PROJECTS = "so that each hides what the other has made."  # the projects of a test file share an instance
PIPELINE_HOOKS = ("before_pipeline_run", "after_pipeline_run", "on_pipeline_error")
Calls = list[dict[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """What one run left behind.

    Attributes:
        success: Whether it succeeded.
        files: Every file under data/, with VERSION in place of the version in its path.
        calls: What the recorder of hooks wrote.
        logs: Level and message of what the project's own code and its libraries logged.
        framework_logs: The same of Kedro's own warnings and errors; only known for `kedro run`.
        error: Type and message of the error that ended it.
        run_id: Dagster's id of the run.
    """

    success: bool
    files: Mapping[str, bytes]
    calls: Calls
    logs: Counter[tuple[str, str]]
    framework_logs: Counter[tuple[str, str]] = field(default_factory=Counter)
    error: tuple[str, str] | None = None
    run_id: str = ""

    def of(self, *hooks: str) -> Calls:
        """The calls of some hooks."""
        return [call for call in self.calls if call["hook"] in hooks]

    def by_node(self) -> dict[str, Calls]:
        """What concerns each node, in order, without what differs from run to run."""
        found: dict[str, Calls] = {}
        for call in self.calls:
            if "node" in call:
                told = {key: value for key, value in call.items() if key not in ("pid", "run_id")}
                found.setdefault(call["node"], []).append(told)
        return found

    def identities(self) -> set[str]:
        """Every run id and save version that any hook of any process was told."""
        return {call[key] for call in self.calls for key in ("run_id", "save_version") if key in call}


def start_over(project: KedroProject, data: Mapping[str, str]) -> None:
    """Empty the project's data folder but for `data`, and the recorder's log."""
    shutil.rmtree(project.path / "data", ignore_errors=True)
    for name, text in data.items():
        project.write(f"data/{name}", text)
    project.forget()


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def said(self, *, framework: bool) -> Counter[tuple[str, str]]:
        mine = [record for record in self.records if (record.name.split(".")[0] in ("kedro", "py")) == framework]
        return Counter((record.levelname, record.getMessage()) for record in mine)


def by_kedro(project: KedroProject, **options: Any) -> Outcome:
    """Run the project as `kedro run` does, in this process.

    Args:
        project: The project.
        options: What `KedroServiceSession.run` takes, such as `pipeline_names` and `runtime_params`.
    """
    bootstrap_project(project.path)
    listener, error = _Listener(), None
    logging.getLogger().addHandler(listener)
    try:
        with KedroServiceSession.create(project_path=project.path) as session:
            session.run(**options)
    except Exception as raised:  # noqa: BLE001 - whatever it is, it is compared
        error = (type(raised).__name__, _unversioned(str(raised)))
    finally:
        logging.getLogger().removeHandler(listener)
    return Outcome(
        success=error is None,
        files=_files(project),
        calls=project.calls(),
        logs=listener.said(framework=False),
        framework_logs=listener.said(framework=True),
        error=error,
    )


def by_dagster(
    project: KedroProject, instance: dg.DagsterInstance, job: str = "__default__", **options: Any
) -> Outcome:
    """Execute a job of the project through its executor; `options` are those of `helpers.execute`."""
    return left_behind(project, instance, execute(project, instance, job, **options).run_id)


def left_behind(project: KedroProject, instance: dg.DagsterInstance, run_id: str) -> Outcome:
    """Look at what a Dagster run has left behind, however it was launched."""
    run = instance.get_run_by_id(run_id)
    assert run is not None
    entries = instance.all_logs(run_id)
    said = Counter(
        (logging.getLevelName(entry.level), entry.user_message)
        for entry in entries
        if entry.dagster_event is None
        and not entry.user_message.startswith(OF_DASK)
        and OF_OTHER_PROJECTS not in entry.user_message
    )
    return Outcome(
        success=run.status == dg.DagsterRunStatus.SUCCESS,
        files=_files(project),
        calls=project.calls(),
        logs=said,
        error=_error(entries),
        run_id=run_id,
    )


def _files(project: KedroProject) -> dict[str, bytes]:
    return {VERSION.sub("VERSION", name): content for name, content in project.data().items()}


def _unversioned(message: str) -> str:
    return VERSION.sub("VERSION", message.strip())


def _error(entries: Sequence[Any]) -> tuple[str, str] | None:
    """The error that a step or the run failed with, as Dagster has recorded the first one."""
    for entry in entries:
        event = entry.dagster_event
        error = getattr(event.event_specific_data, "error", None) if event is not None else None
        if event is None or error is None or not (event.is_step_failure or event.is_failure):
            continue
        if (error.cls_name or "").startswith(("Dagster", "FailureError")) and error.cause is not None:
            error = error.cause
        name, _, message = error.message.partition(": ")
        return (error.cls_name or name, _unversioned(message))
    return None


def assert_same(ours: Outcome, theirs: Outcome, *, one_process: bool = True) -> None:
    """Fail unless a run of Dagster has done what `kedro run` did.

    After an error, nodes that do not depend on the failed one still run in Dagster, so only the nodes that Kedro ran
    are compared then, and no files.

    Args:
        ours: The run of Dagster.
        theirs: The run of Kedro.
        one_process: Whether all of the run was in one process; an error of another process reaches the pipeline hooks
            as its text.
    """
    assert ours.success == theirs.success, f"ours: {ours.error}, theirs: {theirs.error}"
    assert ours.error == theirs.error
    mine, reference = ours.by_node(), theirs.by_node()
    if theirs.success:
        assert ours.files == theirs.files
        assert mine.keys() == reference.keys()
        assert theirs.logs - ours.logs == Counter(), "logged in kedro run, not in Dagster"
        more = ours.logs - theirs.logs
        assert more.keys() <= theirs.framework_logs.keys(), "logged in Dagster, not in kedro run"
        if one_process:  # else each process has warnings of its own
            assert more <= theirs.framework_logs
    for node, calls in reference.items():
        assert mine.get(node) == calls, f"the hooks of node {node}"
    for hook in PIPELINE_HOOKS:
        _assert_same_pipeline_hook(ours.of(hook), theirs.of(hook), one_process=one_process)
    assert len(ours.identities()) <= 1
    for hook in {call["hook"] for call in theirs.of(*PROCESS_HOOKS)}:
        processes = [call["pid"] for call in ours.of(hook)]
        assert sorted(processes) == sorted({call["pid"] for call in ours.calls}), f"{hook}: once per process"


def _assert_same_pipeline_hook(ours: Calls, theirs: Calls, *, one_process: bool) -> None:
    assert len(ours) == len(theirs)
    for mine, reference in zip(ours, theirs, strict=True):
        assert mine["nodes"] == reference["nodes"]
        assert mine["run_params"].keys() - {"session_id"} == reference["run_params"].keys() - {"session_id"}
        assert mine.get("results") == reference.get("results")
        if one_process:
            assert mine.get("error") == reference.get("error")
            assert _unversioned(mine.get("message", "")) == _unversioned(reference.get("message", ""))
        elif "message" in reference:
            assert _unversioned(reference["message"]) in _unversioned(mine["message"])


def clean(project: KedroProject) -> None:
    """Remove a project's folder."""
    with suppress(OSError):
        shutil.rmtree(project.path)
