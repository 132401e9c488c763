"""What the run's own process tells the process from which its steps are forked.

The multiprocess executor hands its forkserver the names of modules and nothing else, so the rest goes through environment
variables.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import dagster as dg

from kedro_assets._internals import dagster_jobs

JOB_VARIABLE = "KEDRO_ASSETS_JOB"
"""Which job is run."""
DATASETS_VARIABLE = "KEDRO_ASSETS_DATASETS"
"""The types of its datasets, as the catalog has them."""


def tell(source: Any, types: Iterable[str]) -> None:
    """Take down where the job is defined that is run, and with what types of datasets."""
    os.environ[JOB_VARIABLE] = dagster_jobs.pack_job(source)
    os.environ[DATASETS_VARIABLE] = " ".join(sorted(set(types)))


def job() -> dg.JobDefinition | None:
    """Resolve the job that is run; None if nothing was said, or if it exists in the run's own process only."""
    packed = os.environ.get(JOB_VARIABLE)
    return dagster_jobs.resolve_packed_job(packed) if packed else None


def dataset_types() -> list[str]:
    """Return the types of the job's datasets."""
    return os.environ.get(DATASETS_VARIABLE, "").split()
