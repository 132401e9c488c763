"""`conf/<env>/dagster.yml`: what it may hold, and how it is read."""

from kedro_assets.config.docs import key_notes, summary
from kedro_assets.config.model import (
    AssetsConfig,
    DagsterConfig,
    DatasetSettings,
    ExecutorConfig,
    JobConfig,
    LoggerConfig,
    PartitionMappingConfig,
    PartitionsConfig,
    PipelineFilter,
    RetryConfig,
    RunConfig,
    ScheduleConfig,
    SensorConfig,
    TimeWindowMappingConfig,
    TimeWindowsConfig,
)
from kedro_assets.config.read import PARTITIONS, imported, read_config, read_dataset_settings

__all__ = [
    "PARTITIONS",
    "AssetsConfig",
    "DagsterConfig",
    "DatasetSettings",
    "ExecutorConfig",
    "JobConfig",
    "LoggerConfig",
    "PartitionMappingConfig",
    "PartitionsConfig",
    "PipelineFilter",
    "RetryConfig",
    "RunConfig",
    "ScheduleConfig",
    "SensorConfig",
    "TimeWindowMappingConfig",
    "TimeWindowsConfig",
    "imported",
    "key_notes",
    "read_config",
    "read_dataset_settings",
    "summary",
]
