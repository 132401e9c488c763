"""The code location of the Kedro project around the working directory: its own definitions.py, or else all of it.

`dg` looks for modules in the project's `src` only; by this name it finds the definitions.py beside it.
"""

import importlib.util
import sys

import dagster as dg

from kedro_assets.definitions import build_definitions
from kedro_assets.errors import ProjectError
from kedro_assets.project import locate_project


def _load() -> dg.Definitions:
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
    found = [value for value in vars(module).values() if isinstance(value, dg.Definitions)]
    if not found:
        msg = f"{root / 'definitions.py'} defines no `Definitions`. Write `defs = build_definitions()` there."
        raise ProjectError(msg)
    return found[-1]


defs = _load()
