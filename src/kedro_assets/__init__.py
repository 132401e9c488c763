"""Run a Kedro project on Dagster, assets first."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kedro_assets.errors import (
    ConfigError,
    InMemoryDataError,
    KedroAssetsError,
    PartitionError,
    ProjectError,
    RunError,
    SelectionError,
    StepError,
)

if TYPE_CHECKING:
    from kedro_assets.assets import DatasetRecord, KedroTranslator, NodeRecord
    from kedro_assets.component import KedroProjectComponent
    from kedro_assets.definitions import build_asset_specs, build_definitions
    from kedro_assets.execution import with_hooks
    from kedro_assets.jobs import build_asset_selection, get_asset_key, get_io_manager_key
    from kedro_assets.runtime import KedroResource

__all__ = [
    "ConfigError",
    "DatasetRecord",
    "InMemoryDataError",
    "KedroAssetsError",
    "KedroProjectComponent",
    "KedroResource",
    "KedroTranslator",
    "NodeRecord",
    "PartitionError",
    "ProjectError",
    "RunError",
    "SelectionError",
    "StepError",
    "build_asset_selection",
    "build_asset_specs",
    "build_definitions",
    "get_asset_key",
    "get_io_manager_key",
    "with_hooks",
]

# Kedro imports this package for its command line; Dagster is imported with the first name that needs it.
_LAZY = {
    "DatasetRecord": "kedro_assets.assets",
    "KedroProjectComponent": "kedro_assets.component",
    "KedroResource": "kedro_assets.runtime",
    "KedroTranslator": "kedro_assets.assets",
    "NodeRecord": "kedro_assets.assets",
    "build_asset_selection": "kedro_assets.jobs",
    "build_asset_specs": "kedro_assets.definitions",
    "build_definitions": "kedro_assets.definitions",
    "get_asset_key": "kedro_assets.jobs",
    "get_io_manager_key": "kedro_assets.jobs",
    "with_hooks": "kedro_assets.execution",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    msg = f"module 'kedro_assets' has no attribute '{name}'"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return [*globals(), "KedroProjectComponent"]  # `dg` gets every name that is here: the others import Kedro
