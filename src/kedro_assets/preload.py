"""Imported by the multiprocess executor's forkserver, so that every step forks with everything loaded.

The run's own process says in an environment variable which job it runs; the forkserver resolves its definitions once.
Nothing is opened here: no Kedro hook fires, no dataset is built and no storage is connected.
"""

from __future__ import annotations

import importlib
import logging
import os

from kedro_assets import _private

logger = logging.getLogger(__name__)


def preload() -> None:
    """Import what steps need, and resolve the job that is named in the environment."""
    for module in _private.STEP_MODULES:
        importlib.import_module(module)
    packed = os.environ.get(_private.JOB_VARIABLE)
    if packed:
        try:
            _private.unpack_job(packed).get_definition()
        except Exception:
            # The step loads its definitions again, and there the error has a place to be shown.
            logger.debug("The job could not be loaded ahead of its steps.", exc_info=True)


preload()
