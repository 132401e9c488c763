"""The registered pipelines, and what the registry leaves out of them."""

from __future__ import annotations

import re
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen
from kedro.framework.project import pipelines as registered_pipelines
from kedro.pipeline import Pipeline

from kedro_assets._internals import kedro_project
from kedro_assets.errors import ProjectError
from kedro_assets.project.location import ProjectLocation

_FRAME = re.compile(r'^ *File "(.+)", line (\d+)', re.MULTILINE)
_HANDLING = "\nDuring handling of the above exception, another exception occurred:\n"
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n"


@frozen
class LeftOutModule:
    """A module of pipelines that Kedro leaves out with a warning.

    Attributes:
        module: Its import path.
        reason: Why.
        source: File and line in the project, such as `src/shop/pipelines/sales/nodes.py:3`; empty if it is elsewhere.
        failed: Whether it was to hold a pipeline and cannot; otherwise it holds none.
    """

    module: str
    reason: str
    source: str = ""
    failed: bool = True

    def __str__(self) -> str:
        return f"{self.source}  {self.module}: {self.reason}" if self.source else f"{self.module}: {self.reason}"


def read_registry(location: ProjectLocation) -> dict[str, Pipeline]:
    """Return the registered pipelines of the project that is open, by name.

    Raises:
        ProjectError: If the registry raises, or what it registers is no pipeline.
    """
    try:
        found = dict(registered_pipelines.items())
    except Exception as error:
        source, reason = _failure("".join(traceback.format_exception(error)), location.path)
        msg = f"The pipelines of the project at {location.path} cannot be imported: {reason}"
        raise ProjectError(f"{msg} ({source})" if source else msg) from error
    _check_registered(found, location)
    return {name: pipeline for name, pipeline in found.items() if pipeline is not None}


def _check_registered(found: Mapping[Any, Any], location: ProjectLocation) -> None:
    for name, pipeline in found.items():
        if not isinstance(name, str) or not isinstance(pipeline, Pipeline | None):
            shown = (
                f"'{name}' is of type {type(pipeline).__name__}"
                if isinstance(name, str)
                else f"the name {name!r} is not a string"
            )
            msg = f"The project at {location.path} registers something that is not a pipeline: {shown}."
            raise ProjectError(msg)


@contextmanager
def watch_registry(root: Path) -> Iterator[Sequence[LeftOutModule]]:
    """Collect the modules that Kedro only warns of while pipelines are read; the warnings are shown all the same.

    Args:
        root: The project's root.
    """
    left_out: dict[LeftOutModule, None] = {}
    show = warnings.showwarning

    def collect(message: Warning | str, *arguments: Any, **options: Any) -> None:
        said = kedro_project.left_out_module(str(message))
        if said is not None:
            module, reason, trace = said
            source, reason = _failure(trace, root) if trace else ("", reason)
            left_out[LeftOutModule(module, reason, source, failed=reason != kedro_project.NO_PIPELINE)] = None
        show(message, *arguments, **options)

    found: list[LeftOutModule] = []
    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=UserWarning, module=kedro_project.REGISTRY_MODULE)
        warnings.showwarning = collect
        yield found
    found += left_out


def _failure(trace: str, root: Path) -> tuple[str, str]:
    r"""Return where in a project a traceback comes from, innermost first, and the error there.

    Of exceptions that are the causes of each other, the first one that passed through the project tells most.

    Examples:
        >>> text = 'Traceback ...\n  File "/shop/src/a.py", line 3, in <module>\n    import b\nImportError: no b\n'
        >>> _failure(text, Path("/shop"))
        ('src/a.py:3', 'ImportError: no b')
    """
    sections = trace.rpartition(_HANDLING)[2].split(_CAUSE)
    for section in sections:
        frames = _FRAME.findall(section)
        inside = [(Path(file), line) for file, line in frames if _is_inside(Path(file), root)]
        if inside:
            file, line = inside[-1]
            return f"{file.relative_to(root)}:{line}", _reason(section)
    return "", _reason(sections[0])


def _is_inside(file: Path, root: Path) -> bool:
    """Whether a file is the project's own: an environment with libraries may be in its folder."""
    return file.is_relative_to(root) and "site-packages" not in file.parts


def _reason(section: str) -> str:
    """Return the line of a traceback that has the error, and its message."""
    last = max((match.end() for match in _FRAME.finditer(section)), default=0)
    lines = section[last:].splitlines()[1 if last else 0 :]
    return next((line for line in lines if line and not line.startswith(" ")), "").strip() or section.strip()
