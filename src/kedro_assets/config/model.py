"""The sections of dagster.yml as attrs classes; an attribute is a key, its default is the key's default."""

from __future__ import annotations

from typing import Any, Literal

from attrs import Factory, frozen

ClusterBy = Literal["memory", "node", "namespace", "tag", "pipeline"]
GroupBy = Literal["pipeline", "namespace", "none"]


@frozen
class AssetsConfig:
    """`assets`: which datasets become assets, in which steps, under which keys and groups."""

    pipelines: list[str] | None = None
    cluster_by: ClusterBy = "memory"
    group_by: GroupBy = "pipeline"
    key_prefix: list[str] = Factory(list)
    memory_assets: bool = True
    pools: dict[str, str] = Factory(dict)


@frozen
class ExecutorConfig:
    """One executor: `{multiprocess: {max_concurrent: 2}}` is type `multiprocess` with its options."""

    type: str
    options: dict[str, Any] = Factory(dict)


@frozen
class RunConfig:
    """What runs are given."""

    parameters: dict[str, Any] = Factory(dict)
    runtime_params: dict[str, Any] = Factory(dict)
    load_versions: dict[str, str] = Factory(dict)


@frozen
class ScheduleConfig:
    """One schedule, in the words of `dagster.ScheduleDefinition`."""

    cron_schedule: str | list[str]
    execution_timezone: str | None = None
    default_status: Literal["RUNNING", "STOPPED"] = "STOPPED"
    description: str | None = None
    tags: dict[str, str] = Factory(dict)
    config: RunConfig = Factory(RunConfig)


@frozen
class LoggerConfig:
    """One logger: it gets every line of the runs that name it, in the words of Python's `logging.config`."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    handlers: list[dict[str, Any]] = Factory(list)
    formatters: dict[str, dict[str, Any]] = Factory(dict)
    filters: dict[str, dict[str, Any]] = Factory(dict)


@frozen
class PipelineFilter:
    """A registered pipeline and Kedro's own filters on it, as `kedro run` takes them."""

    pipeline_name: str = "__default__"
    node_names: list[str] | None = None
    from_nodes: list[str] | None = None
    to_nodes: list[str] | None = None
    from_inputs: list[str] | None = None
    to_outputs: list[str] | None = None
    node_namespaces: list[str] | None = None
    tags: list[str] | None = None


@frozen
class RetryConfig:
    """How often a failed step of a job is tried again, and after how many seconds, in the words of `dagster.RetryPolicy`."""

    max_retries: int = 1
    delay: float | None = None
    backoff: Literal["LINEAR", "EXPONENTIAL"] | None = None
    jitter: Literal["FULL", "PLUS_MINUS"] | None = None


@frozen
class JobConfig:
    """One job: a selection of assets, and how it is executed and scheduled."""

    view: Literal["assets", "ops"] = "assets"
    description: str | None = None
    pipeline: PipelineFilter | None = None
    selection: str | None = None
    executor: str | ExecutorConfig | None = None
    schedule: str | ScheduleConfig | list[str | ScheduleConfig] | None = None
    loggers: list[str] = Factory(list)
    tags: dict[str, str] = Factory(dict)
    config: RunConfig = Factory(RunConfig)
    retries: RetryConfig | None = None
    run_retries: int | None = None
    priority: int | None = None


@frozen
class DagsterConfig:
    """The whole of dagster.yml."""

    assets: AssetsConfig = Factory(AssetsConfig)
    default_executor: str | ExecutorConfig | None = None
    executors: dict[str, ExecutorConfig] = Factory(dict)
    schedules: dict[str, ScheduleConfig] = Factory(dict)
    loggers: dict[str, LoggerConfig] = Factory(dict)
    jobs: dict[str, JobConfig] = Factory(dict)
    load_with_hooks: bool = False


@frozen
class DatasetSettings:
    """`metadata.dagster` of a dataset in the catalog.

    `external` is for a dataset that no node writes: false leaves it to an asset of your own, which has its key.
    """

    description: str | None = None
    group_name: str | None = None
    owners: list[str] = Factory(list)
    tags: dict[str, str] = Factory(dict)
    kinds: list[str] = Factory(list)
    external: bool = True
