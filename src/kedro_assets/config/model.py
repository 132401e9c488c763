"""The sections of dagster.yml as attrs classes; an attribute is a key, its default is the key's default.

What the docstrings say of the keys is also in the reference and in the JSON schema.
"""

from __future__ import annotations

from typing import Any, Literal

from attrs import Factory, frozen

ClusterBy = Literal["memory", "node", "namespace", "tag", "pipeline"]
GroupBy = Literal["pipeline", "namespace", "none"]


@frozen
class TimeWindowsConfig:
    """Partitions that are windows of time, in the words of Dagster's partitions definitions.

    Attributes:
        start_date: Where the first window begins, written as keys are: `2026-01-31`, for hours `2026-01-31-00:00`.
        end_date: Where the last window ends. Without it, today's last window that is over.
        timezone: Such as `Europe/Berlin`. Without it, UTC.
        cron_schedule: When a window ends and the next begins; for `cron` only.
        minute_offset: The minute at which windows begin.
        hour_offset: The hour at which windows begin; not for `hourly`.
        day_offset: The day on which windows begin: for `weekly` 0 to 6 from Sunday, for `monthly` 1 to 31.
        end_offset: Windows more that are there before they are over; fewer if below 0.
        fmt: How keys are written, in the words of `strftime`.
    """

    start_date: str
    end_date: str | None = None
    timezone: str | None = None
    cron_schedule: str | None = None
    minute_offset: int | None = None
    hour_offset: int | None = None
    day_offset: int | None = None
    end_offset: int = 0
    fmt: str | None = None


@frozen
class PartitionsConfig:
    """How datasets are partitioned: one of the first seven keys says by what.

    Attributes:
        hourly: By hours.
        daily: By days.
        weekly: By weeks.
        monthly: By months.
        cron: By windows of time that a cron schedule divides.
        static: By these keys.
        dynamic: By keys that are added while Dagster runs; the name under which it keeps them.
        multi: By two of these at once: partitions by the name of the dimension.
        backfill_policy: Whether a backfill makes a run for each key, or one run for all of them.
        max_partitions_per_run: With `multi_run`, how many keys that follow each other share a run.
    """

    hourly: TimeWindowsConfig | None = None
    daily: TimeWindowsConfig | None = None
    weekly: TimeWindowsConfig | None = None
    monthly: TimeWindowsConfig | None = None
    cron: TimeWindowsConfig | None = None
    static: list[str] | None = None
    dynamic: str | None = None
    multi: dict[str, str | PartitionsConfig] | None = None
    backfill_policy: Literal["multi_run", "single_run"] = "multi_run"
    max_partitions_per_run: int = 1


@frozen
class TimeWindowMappingConfig:
    """Which windows of time are read, in the words of `dagster.TimeWindowPartitionMapping`.

    Attributes:
        start_offset: Windows by which the first one is moved: -1 is one earlier.
        end_offset: Windows by which the last one is moved.
        allow_nonexistent_upstream_partitions: Whether windows before the first partition, or after the last, are left
            out. Otherwise they are an error.
    """

    start_offset: int = 0
    end_offset: int = 0
    allow_nonexistent_upstream_partitions: bool = False


@frozen
class PartitionMappingConfig:
    """Which partitions of a dataset a node reads: one of these keys, or `identity`, `all` or `last`.

    Attributes:
        time_window: Those in the same time, moved by some windows.
        static: The keys that are made from each key that is read.
        specific: Always these.
        dimension: Those of this dimension, where one of the two has several.
    """

    time_window: TimeWindowMappingConfig | None = None
    static: dict[str, str | list[str]] | None = None
    specific: list[str] | None = None
    dimension: str | None = None


@frozen
class AssetsConfig:
    """`assets`: which datasets become assets, in which steps, under which keys and groups.

    Attributes:
        pipelines: The registered pipelines that become assets. Without it, `__default__` and all others that fit
            together with it.
        cluster_by: Which nodes share a step.
        group_by: What the groups of the UI are. A dataset belongs to the first pipeline other than `__default__` that
            holds its node.
        key_prefix: Put before every asset key.
        translator: Where to import the class from that says what an asset looks like, such as
            `my_project.translator.Translator`: a `KedroTranslator`. One that is given to `build_definitions`, and a
            component, go before it.
        memory_assets: Whether in-memory datasets are assets. With `cluster_by: node` they always are.
        partitions: How datasets are partitioned, by their name or a pattern as in Kedro's dataset factories; what the
            catalog says of a dataset goes before. A name from `partitions`, or partitions written out.
        deps: What is to be there before a node runs, though it does not read it: names of datasets, or of nodes without
            outputs, by the name of what the node makes, or its own if it makes nothing.
        pools: Dagster's pools by the tags of Kedro nodes: a step is in the pool of its nodes' tag, and the pool limits
            how many run at once.
        retries: How often a failed step is tried again, in whatever run; the `retries` of a job go before.
        node_retries: The same for single nodes, by their name or one of their tags. They go before the `retries` of a job.
        resume: Whether a further try of a step, and a re-execution of a run from its failure, goes on behind the nodes whose
            data is saved. Otherwise all nodes of the step run again.
    """

    pipelines: list[str] | None = None
    cluster_by: ClusterBy = "memory"
    group_by: GroupBy = "pipeline"
    key_prefix: list[str] = Factory(list)
    translator: str | None = None
    memory_assets: bool = True
    partitions: dict[str, str | PartitionsConfig] = Factory(dict)
    deps: dict[str, list[str]] = Factory(dict)
    pools: dict[str, str] = Factory(dict)
    retries: RetryConfig | None = None
    node_retries: dict[str, RetryConfig] = Factory(dict)
    resume: bool = True

    def prefixed(self, name: str) -> str:
        """Return a name that a code location has once, with the key prefix before it."""
        return "__".join([*self.key_prefix, name])


@frozen
class ExecutorConfig:
    """One executor: `{multiprocess: {max_concurrent: 2}}` is type `multiprocess` with its options."""

    type: str
    options: dict[str, Any] = Factory(dict)


@frozen
class RunConfig:
    """What runs are given.

    Attributes:
        parameters: Values for the job's steps, by the names that nodes use, such as `params:model.depth`. They reach
            the nodes, and no `${...}` in the configuration.
        runtime_params: What `kedro run --params` takes: values by parameter name, nested as in `parameters.yml`.
        load_versions: What `kedro run --load-versions` takes: the version to load, by dataset.
    """

    parameters: dict[str, Any] = Factory(dict)
    runtime_params: dict[str, Any] = Factory(dict)
    load_versions: dict[str, str] = Factory(dict)


@frozen
class ScheduleConfig:
    """One schedule, in the words of `dagster.ScheduleDefinition`.

    Attributes:
        cron_schedule: Five fields as in `0 2 * * *`, or `@daily`. A list starts a run whenever one of them does.
        execution_timezone: Such as `Europe/Berlin`. Without it, UTC.
        default_status: `RUNNING` starts the schedule with the daemon. A schedule that is `STOPPED` is started in the
            UI.
        description: Shown in the UI.
        tags: Tags of the runs.
        config: What the runs are given, laid over the `config` of the job.
    """

    cron_schedule: str | list[str]
    execution_timezone: str | None = None
    default_status: Literal["RUNNING", "STOPPED"] = "STOPPED"
    description: str | None = None
    tags: dict[str, str] = Factory(dict)
    config: RunConfig = Factory(RunConfig)


@frozen
class SensorConfig:
    """One sensor: it starts a run when an asset is materialized, or when the files of an external dataset have changed.

    Attributes:
        asset: The key of an asset, such as `forest/model`. Every materialization of it starts a run.
        dataset: In place of `asset`, the name of a dataset with a `filepath` or a `path` that no node writes. A change
            of its files starts a run. If its files are dynamic partitions, each new file becomes a partition and a run.
        minimum_interval_seconds: Seconds between two looks. Without it, Dagster's 30.
        default_status: `RUNNING` starts the sensor with the daemon. A sensor that is `STOPPED` is started in the UI.
        description: Shown in the UI.
        tags: Tags of the runs.
        config: What the runs are given, laid over the `config` of the job.
    """

    asset: str | None = None
    dataset: str | None = None
    minimum_interval_seconds: int | None = None
    default_status: Literal["RUNNING", "STOPPED"] = "STOPPED"
    description: str | None = None
    tags: dict[str, str] = Factory(dict)
    config: RunConfig = Factory(RunConfig)


@frozen
class LoggerConfig:
    """One logger: it gets every line of the runs that name it, in the words of Python's `logging.config`.

    Attributes:
        log_level: Lines below are left out.
        handlers: Where the lines go, each a mapping with a `class` and its options. Without any, to stderr.
        formatters: Formatters by the names that handlers use for them.
        filters: Filters by the names that handlers use for them.
    """

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    handlers: list[dict[str, Any]] = Factory(list)
    formatters: dict[str, dict[str, Any]] = Factory(dict)
    filters: dict[str, dict[str, Any]] = Factory(dict)


@frozen
class PipelineFilter:
    """A registered pipeline and Kedro's own filters on it, as `kedro run` takes them.

    Attributes:
        pipeline_name: The registered pipeline.
        pipeline_names: Several registered pipelines, whose nodes are joined as `kedro run --pipelines` does.
        node_names: These nodes only.
        from_nodes: These nodes and all after them.
        to_nodes: These nodes and all before them.
        from_inputs: What is made from these datasets.
        to_outputs: What these datasets are made from.
        node_namespaces: The nodes of these namespaces. `node_namespace: name` is taken too.
        tags: The nodes with one of these tags.
    """

    pipeline_name: str = "__default__"
    pipeline_names: list[str] | None = None
    node_names: list[str] | None = None
    from_nodes: list[str] | None = None
    to_nodes: list[str] | None = None
    from_inputs: list[str] | None = None
    to_outputs: list[str] | None = None
    node_namespaces: list[str] | None = None
    tags: list[str] | None = None

    @property
    def pipelines(self) -> list[str]:
        """The registered pipelines that are filtered, one or several."""
        return list(dict.fromkeys(self.pipeline_names or [self.pipeline_name]))


@frozen
class RetryConfig:
    """How often a failed step is tried again, and after how many seconds, in the words of `dagster.RetryPolicy`.

    Attributes:
        max_retries: The number of further tries.
        delay: Seconds before each of them.
        backoff: How the delay grows from one try to the next.
        jitter: How the delay is varied by chance.
    """

    max_retries: int = 1
    delay: float | None = None
    backoff: Literal["LINEAR", "EXPONENTIAL"] | None = None
    jitter: Literal["FULL", "PLUS_MINUS"] | None = None


@frozen
class JobConfig:
    """One job: a selection of assets, and how it is executed and scheduled.

    Attributes:
        view: `ops` makes one op per node in place of a selection of assets.
        description: Shown in the UI.
        pipeline: A registered pipeline and filters on it. Without `pipeline` and `selection`, the pipeline
            `__default__`.
        selection: Assets in Dagster's selection syntax, in place of `pipeline`. Such as `+key:"forest/model"` or
            `group:reporting`.
        executor: A name from `executors`, a type without options, or an executor written out. Without it,
            `default_executor`.
        schedule: A name from `schedules`, a schedule written out, or a list of both.
        sensor: A name from `sensors`, a sensor written out, or a list of both.
        loggers: Names from `loggers`, or `console` for Dagster's own. Without it, `console`.
        tags: Tags of the runs.
        config: What the job's runs are given.
        retries: How often a failed step is tried again. Without it, never.
        run_retries: How often Dagster starts a failed run again, from its failure; needs `run_retries` in the
            instance's dagster.yaml. It becomes the tag `dagster/max_retries`.
        priority: The place of the runs in the queue, higher first. It becomes the tag `dagster/priority`.
    """

    view: Literal["assets", "ops"] = "assets"
    description: str | None = None
    pipeline: PipelineFilter | None = None
    selection: str | None = None
    executor: str | ExecutorConfig | None = None
    schedule: str | ScheduleConfig | list[str | ScheduleConfig] | None = None
    sensor: str | SensorConfig | list[str | SensorConfig] | None = None
    loggers: list[str] = Factory(list)
    tags: dict[str, str] = Factory(dict)
    config: RunConfig = Factory(RunConfig)
    retries: RetryConfig | None = None
    run_retries: int | None = None
    priority: int | None = None


@frozen
class DagsterConfig:
    """The whole of dagster.yml.

    Attributes:
        assets: Which datasets become assets, and how.
        default_executor: For "Materialize" in the UI and for jobs that name no executor: a name from `executors`, a
            type without options such as `multiprocess`, or an executor written out. Without it, `in_process`. `none`
            leaves it to other definitions of the code location, which wrap theirs with `kedro_assets.with_hooks`.
        partitions: Partitions by the names that datasets use for them.
        executors: Executors by the names that jobs use for them.
        schedules: Schedules by the names that jobs use for them.
        sensors: Sensors by the names that jobs use for them.
        loggers: Loggers by the names that jobs use for them.
        jobs: Jobs by name. Without any, every registered pipeline becomes a job.
        secrets: Keys of parameters and credentials whose values are secret, beside those that say so themselves. A key is
            meant wherever it stands; `model.licence` means one place among the parameters.
        mask_output: Whether secrets are masked in the captured output of steps, too: in what Python prints and logs there.
        load_with_hooks: Whether `after_context_created` fires before the configuration is read. A project needs it if a
            hook registers a resolver that the configuration uses.
    """

    assets: AssetsConfig = Factory(AssetsConfig)
    partitions: dict[str, PartitionsConfig] = Factory(dict)
    default_executor: str | ExecutorConfig | None = None
    executors: dict[str, ExecutorConfig] = Factory(dict)
    schedules: dict[str, ScheduleConfig] = Factory(dict)
    sensors: dict[str, SensorConfig] = Factory(dict)
    loggers: dict[str, LoggerConfig] = Factory(dict)
    jobs: dict[str, JobConfig] = Factory(dict)
    secrets: list[str] = Factory(list)
    mask_output: bool = False
    load_with_hooks: bool = False


@frozen
class DatasetSettings:
    """`metadata.dagster` of a dataset in the catalog.

    Attributes:
        description: Shown in the UI. Without it, the first paragraph of the node function's docstring.
        group_name: The group, in place of the one that `group_by` gives.
        owners: Email addresses, or teams as in `team:operations`.
        tags: Added to the tags of the node.
        kinds: Up to three words that the UI shows as icons. Without it, words from the name of the dataset's class.
        partitions: How the dataset is partitioned: a name from `partitions` of dagster.yml, or partitions written out.
        partition_mappings: Which partitions the node reads of other datasets, by their names. Without it, those that
            fit by Dagster's rules: the same key, the same time, all of them if this one is not partitioned.
        deps: What is to be there before the node of this dataset runs, though it does not read it: names of datasets,
            or of nodes without outputs.
        automation_condition: When Dagster's daemon makes the asset by itself: a name from Dagster's
            `AutomationCondition`, such as `eager`, or one with arguments, such as `on_cron: "0 6 * * *"`.
        freshness_policy: How old the asset may be: `time_window` or `cron` of Dagster's `FreshnessPolicy`, with arguments.
        external: Whether a dataset that no node writes becomes an asset. Write `false` if an asset of your own makes
            it.
    """

    description: str | None = None
    group_name: str | None = None
    owners: list[str] = Factory(list)
    tags: dict[str, str] = Factory(dict)
    kinds: list[str] = Factory(list)
    partitions: str | PartitionsConfig | None = None
    partition_mappings: dict[str, Literal["identity", "all", "last"] | PartitionMappingConfig] = Factory(dict)
    deps: list[str] = Factory(list)
    automation_condition: str | dict[str, Any] | None = None
    freshness_policy: dict[str, Any] | None = None
    external: bool = True
