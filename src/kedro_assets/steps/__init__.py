"""What Dagster executes: a step for every cluster, for external datasets and for checks, and an IO manager for every dataset."""

from kedro_assets.steps.external import is_observed, observation, observe_files, observe_inputs
from kedro_assets.steps.failures import behind, run_failure
from kedro_assets.steps.multi_assets import build_assets
from kedro_assets.steps.resources import build_resources, projects_among, projects_of, resource_key
from kedro_assets.steps.step import KedroStep

__all__ = [
    "KedroStep",
    "behind",
    "build_assets",
    "build_resources",
    "is_observed",
    "observation",
    "observe_files",
    "observe_inputs",
    "projects_among",
    "projects_of",
    "resource_key",
    "run_failure",
]
