"""Run a Kedro project on Dagster, assets first."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kedro_assets.errors import ConfigError, KedroAssetsError, ProjectError, RunError, StepError

if TYPE_CHECKING:
    from kedro_assets.assets import DatasetRecord, KedroTranslator
    from kedro_assets.component import KedroProjectComponent
    from kedro_assets.definitions import build_definitions

__all__ = [
    "ConfigError",
    "DatasetRecord",
    "KedroAssetsError",
    "KedroProjectComponent",
    "KedroTranslator",
    "ProjectError",
    "RunError",
    "StepError",
    "build_definitions",
]

# Kedro imports this package for its command line; Dagster is imported with the first name that needs it.
_LAZY = {
    "DatasetRecord": "kedro_assets.assets",
    "KedroProjectComponent": "kedro_assets.component",
    "KedroTranslator": "kedro_assets.assets",
    "build_definitions": "kedro_assets.definitions",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    msg = f"module 'kedro_assets' has no attribute '{name}'"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return [*globals(), "KedroProjectComponent"]  # `dg` gets every name that is here: the others import Kedro
