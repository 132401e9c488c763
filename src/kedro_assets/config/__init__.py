"""`conf/<env>/dagster.yml`: what it may hold, and how it is read."""

from kedro_assets.config.model import (
    AssetsConfig,
    DagsterConfig,
    DatasetSettings,
    ExecutorConfig,
    JobConfig,
    LoggerConfig,
    PipelineFilter,
    RetryConfig,
    RunConfig,
    ScheduleConfig,
    SensorConfig,
)
from kedro_assets.config.read import read_config, read_dataset_settings

__all__ = [
    "AssetsConfig",
    "DagsterConfig",
    "DatasetSettings",
    "ExecutorConfig",
    "JobConfig",
    "LoggerConfig",
    "PipelineFilter",
    "RetryConfig",
    "RunConfig",
    "ScheduleConfig",
    "SensorConfig",
    "read_config",
    "read_dataset_settings",
]
