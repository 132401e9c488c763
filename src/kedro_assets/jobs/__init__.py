"""Jobs of dagster.yml, what starts them, and where their log goes."""

from kedro_assets.jobs.build import BuiltJob, build_jobs
from kedro_assets.jobs.conditions import FIRST_IN_JOB
from kedro_assets.jobs.factories import expand_jobs
from kedro_assets.jobs.loggers import build_loggers
from kedro_assets.jobs.lookup import build_asset_selection, filtered_keys, get_asset_key, get_io_manager_key
from kedro_assets.jobs.ops import build_op_views
from kedro_assets.jobs.plan import job_filters, nodes_left_out, plan_jobs, stale_jobs
from kedro_assets.jobs.run_config import merged
from kedro_assets.jobs.schedules import build_schedules
from kedro_assets.jobs.selection import FILTERED
from kedro_assets.jobs.sensors import LOOKED_AT, build_job_sensors
from kedro_assets.jobs.triggers import possible_names

__all__ = [
    "FILTERED",
    "FIRST_IN_JOB",
    "LOOKED_AT",
    "BuiltJob",
    "build_asset_selection",
    "build_job_sensors",
    "build_jobs",
    "build_loggers",
    "build_op_views",
    "build_schedules",
    "expand_jobs",
    "filtered_keys",
    "get_asset_key",
    "get_io_manager_key",
    "job_filters",
    "merged",
    "nodes_left_out",
    "plan_jobs",
    "possible_names",
    "stale_jobs",
]
