"""One Dagster run on Kedro's side: the open project, its nodes, its hooks, its log and the data that its steps hand over."""

from kedro_assets.runtime.files import DatasetFiles
from kedro_assets.runtime.history import CODE_METADATA, History
from kedro_assets.runtime.identity import (
    IF_CHANGED_TAG,
    ONLY_MISSING_TAG,
    STALE_TAG,
    RunTags,
    packages_of,
    run_config_of,
    stale_of,
)
from kedro_assets.runtime.io_manager import DatasetIOManager
from kedro_assets.runtime.kedro_project import KedroProject, is_needed
from kedro_assets.runtime.kedro_resource import KedroResource
from kedro_assets.runtime.kedro_run import KedroRun, env_of
from kedro_assets.runtime.log_capture import LogCapture, captured_logs
from kedro_assets.runtime.missing import assets_with_missing_outputs
from kedro_assets.runtime.mlflow_run import left_as_found, run_tags
from kedro_assets.runtime.parameters import FIELD, ConfigSchemas, changed_parameters
from kedro_assets.runtime.pipeline_hooks import PipelineHooks
from kedro_assets.runtime.resume import KEPT_FROM_RUN
from kedro_assets.runtime.retries import Retries, read_retries, retry_policy
from kedro_assets.runtime.session_run import filter_text
from kedro_assets.runtime.stale import StaleAsset, stale_assets
from kedro_assets.runtime.step_execution import Saved, StepExecution, check_inputs
from kedro_assets.runtime.step_process import end_with_run, mark_run_process
from kedro_assets.runtime.view import View

__all__ = [
    "CODE_METADATA",
    "FIELD",
    "IF_CHANGED_TAG",
    "KEPT_FROM_RUN",
    "ONLY_MISSING_TAG",
    "STALE_TAG",
    "ConfigSchemas",
    "DatasetFiles",
    "DatasetIOManager",
    "History",
    "KedroProject",
    "KedroResource",
    "KedroRun",
    "LogCapture",
    "PipelineHooks",
    "Retries",
    "RunTags",
    "Saved",
    "StaleAsset",
    "StepExecution",
    "View",
    "assets_with_missing_outputs",
    "captured_logs",
    "changed_parameters",
    "check_inputs",
    "end_with_run",
    "env_of",
    "filter_text",
    "is_needed",
    "left_as_found",
    "mark_run_process",
    "packages_of",
    "read_retries",
    "retry_policy",
    "run_config_of",
    "run_tags",
    "stale_assets",
    "stale_of",
]
