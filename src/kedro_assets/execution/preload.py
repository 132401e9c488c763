"""Imported by the multiprocess executor's forkserver, so that every step forks with everything loaded.

Nothing of the project is opened here: no Kedro hook fires, none of its datasets is built and no storage is connected.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from kedro.io import MemoryDataset
from kedro.io.core import parse_dataset_definition

from kedro_assets._internals import dagster_storage, dagster_tails, garbage
from kedro_assets.execution import forkserver

logger = logging.getLogger(__name__)

_SHOWN_BY_THE_RUN = r"register_new_resolver\(\) is deprecated"
"""What OmegaConf warns Kedro of whenever that makes a config loader; the run's own process has shown it, and steps need not."""


def preload() -> None:
    """Import what steps need, and resolve the definitions of their job once for all of them."""
    for module in dagster_storage.STEP_MODULES:
        _try(import_module, module)
    _try(dagster_storage.read_migrations_once)
    _try(dagster_tails.show_output_in_threads)
    warnings.filterwarnings("ignore", _SHOWN_BY_THE_RUN, UserWarning)
    MemoryDataset({})  # Kedro imports pandas for the first one of a process
    for plugin in entry_points(group="kedro.hooks"):
        _try(plugin.load)
    for dataset_type in forkserver.dataset_types():
        _try(parse_dataset_definition, {"type": dataset_type})
    _try(forkserver.job)


def _try(load: Callable[..., Any], *arguments: Any) -> None:
    """Load something ahead of the steps; what fails is loaded again in a step, where the error has a place to be shown."""
    try:
        load(*arguments)
    except Exception:
        logger.debug("%s cannot be loaded ahead of the steps.", arguments or load, exc_info=True)


with garbage.left():
    preload()
    garbage.look_again()  # and a fork shares its pages for longer
