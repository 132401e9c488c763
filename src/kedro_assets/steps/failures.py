"""The failure of a step or a run: what has failed, with what error, at which place in the project."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from attrs import frozen
from kedro.pipeline.node import Node

from kedro_assets._internals.dagster_errors import FailureError
from kedro_assets.project import Project
from kedro_assets.redaction import Redactor

_THIS_PACKAGE = __name__.partition(".")[0]
_CALLERS = ("kedro", "pluggy")
"""The packages that call nodes and hooks."""


@frozen
class Failed:
    """What has failed.

    Attributes:
        step: Dagster's key of the step.
        node: The node; None if none was running.
        partition: The partition, of several that the step makes one after the other; None if it makes no more than one.
    """

    step: str
    node: Node | None = None
    partition: str | None = None

    def __str__(self) -> str:
        found = f"Node '{self.node.name}' failed" if self.node is not None else f"Step '{self.step}' failed"
        return found + (f" for partition '{self.partition}'" if self.partition is not None else "")


def step_failure(error: Exception, what: Failed, project: Project, redactor: Redactor) -> FailureError:
    """Return what Dagster is told of an error: a headline, then the project's own frames, and those around them at last.

    Args:
        error: The error, in which secrets are masked already.
        what: What has failed.
        project: The project.
        redactor: Masks what else may be in the headline.
    """
    headline = redactor.text(f"{what}: {_text(error, _place(error, project))}")
    return FailureError(headline, error, _around(error, project))


def run_failure(error: Exception, projects: Iterable[Project]) -> Exception:
    """Return what Dagster is told of an error outside of all steps, such as a hook's or an executor's.

    That is the error itself where no headline can say more: no code of a project has raised it, and Dagster hides no other.

    Args:
        error: The error, in which secrets are masked already.
        projects: The projects of the run.
    """
    inner = behind(error)
    found = ((_place(inner, project), project) for project in projects)
    place, project = next(((place, project) for place, project in found if place), ("", None))
    if inner is error and project is None:
        return error
    return FailureError(_text(inner, place), inner, _around(inner, project) if project is not None else 0)


def behind(error: Exception) -> Exception:
    """Return the error that Dagster's own code has wrapped, such as the answer of a cluster that refuses a step."""
    while type(error).__module__.startswith("dagster"):
        inside = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if not isinstance(inside, Exception):
            break
        error = inside
    return error


def _text(error: BaseException, place: str) -> str:
    """Return an error as Python prints it, with the place below it where there is one."""
    text = "".join(traceback.format_exception_only(type(error), error)).strip()
    return text + (f"\n  in {place}" if place else "")


def _around(error: BaseException, project: Project) -> int:
    """Return how many frames of an error are around the project's code, or else around what Kedro calls, or this package."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    own = next((at for at, frame in enumerate(frames) if _is_own(frame, project)), None)
    if own is not None:
        return own
    start = max((at + 1 for at, frame in enumerate(frames) if _package(frame) == _THIS_PACKAGE), default=0)
    called = next((at for at in range(start, len(frames)) if _package(frames[at]) not in _CALLERS), start)
    return called if called < len(frames) else 0


def _place(error: BaseException, project: Project) -> str:
    """Return where the project's own code raised an error, or one that caused it; empty if it raised none."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        own = [(frame, line) for frame, line in traceback.walk_tb(found.__traceback__) if _is_own(frame, project)]
        if own:
            frame, line = own[-1]
            return f"{_shown(frame, project)}:{line}, {frame.f_code.co_name}"
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return ""


def _shown(frame: FrameType, project: Project) -> str:
    """Return the file of a frame from the root of the project, or where that is installed, from its package."""
    file, root = Path(frame.f_code.co_filename), project.location.path
    if file.is_relative_to(root):
        return file.relative_to(root).as_posix()
    return "/".join([*frame.f_globals.get("__name__", "").split(".")[:-1], file.name])


def _is_own(frame: FrameType, project: Project) -> bool:
    """Whether a frame is of the project's code, and not of an environment inside of its folder."""
    if _package(frame) == project.package_name:
        return True
    file = Path(frame.f_code.co_filename)
    return file.is_relative_to(project.location.path) and "site-packages" not in file.parts


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
