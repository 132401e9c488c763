"""The code location of the Kedro project around the working directory: its own definitions.py, or else all of it.

`dg` looks for modules in the project's `src` only; by this name it finds the definitions.py beside it.
"""

import importlib.util
import sys
from types import ModuleType
from typing import Any

import dagster as dg

from kedro_assets.definitions import build_definitions
from kedro_assets.errors import ProjectError
from kedro_assets.project import locate_project


def _load() -> Any:
    root = locate_project().path
    spec = importlib.util.spec_from_file_location("definitions", root / "definitions.py")
    if spec is None or spec.loader is None or not (root / "definitions.py").exists():
        return build_definitions(root)
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(spec.name)
    sys.modules[spec.name] = module  # as for any import: dataclasses and annotations look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        if before is not None:
            sys.modules[spec.name] = before
        raise
    return _only_definitions(module)


def _only_definitions(module: ModuleType) -> Any:
    """Return what Dagster's own loader takes from a module: a function with `dagster.definitions`, else `Definitions`.

    Raises:
        ProjectError: If there are none, or several, which Dagster refuses.
    """
    lazy = type(dg.definitions(_load))  # the class of what the decorator makes has no public name
    for kind in (lazy, dg.Definitions):
        found = {name: value for name, value in vars(module).items() if isinstance(value, kind)}
        if len(found) > 1:
            msg = (
                f"{module.__file__} defines several `Definitions`: {', '.join(found)}. Dagster takes one from a module: make "
                "the others where they are merged, or inside a function."
            )
            raise ProjectError(msg)
        if found:
            return next(iter(found.values()))
    msg = f"{module.__file__} defines no `Definitions`. Write `defs = build_definitions()` there."
    raise ProjectError(msg)


defs = _load()
