"""The registered pipelines, and what the registry leaves out of them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen
from kedro.framework import project as framework
from kedro.framework.project import pipelines as registered_pipelines
from kedro.pipeline import Pipeline

from kedro_assets._internals import kedro_project
from kedro_assets.errors import ProjectError
from kedro_assets.project.location import ProjectLocation
from kedro_assets.project.tracebacks import where_in_project, where_it_failed


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
    except (Exception, SystemExit) as error:
        source, reason = where_it_failed(error, location.path)
        msg = f"The pipelines of the project at {location.path} cannot be imported: {reason}"
        raise ProjectError(f"{msg}{_in_brackets(source or _function_place(location))}") from error
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
            raise ProjectError(f"{msg}{_in_brackets(_function_place(location))}")


def _function_place(location: ProjectLocation) -> str:
    """Return file and line of `register_pipelines` of the project that is open, or an empty text."""
    module = sys.modules.get(f"{framework.PACKAGE_NAME}.pipeline_registry")
    code = getattr(getattr(module, "register_pipelines", None), "__code__", None)
    if code is None or not Path(code.co_filename).is_relative_to(location.path):
        return ""
    return f"{Path(code.co_filename).relative_to(location.path)}:{code.co_firstlineno}"


def _in_brackets(source: str) -> str:
    return f" ({source})" if source else ""


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
            source, reason = where_in_project(trace, root) if trace else ("", reason)
            left_out[LeftOutModule(module, reason, source, failed=reason != kedro_project.NO_PIPELINE)] = None
        show(message, *arguments, **options)

    found: list[LeftOutModule] = []
    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=UserWarning, module=kedro_project.REGISTRY_MODULE)
        warnings.showwarning = collect
        yield found
    found += left_out
