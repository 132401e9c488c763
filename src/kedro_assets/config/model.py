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
    """Partitions that are time windows, with the options of Dagster's partitions definitions.

    Attributes:
        start_date: The start of the first window, written like a partition key: `2026-01-31`, for hours
            `2026-01-31-00:00`.
        end_date: The end of the last window. Without it, every window that is over has a partition.
        timezone: The time zone, such as `Europe/Berlin`. Without it, UTC.
        cron_schedule: The cron expression of the times at which a window ends and the next one begins; for `cron` only.
        minute_offset: The minute at which windows begin.
        hour_offset: The hour at which windows begin; not for `hourly`.
        day_offset: The day on which windows begin: for `weekly` 0 to 6 from Sunday, for `monthly` 1 to 31.
        end_offset: How many windows that are not over yet have a partition, too. A negative number leaves out the last windows.
        fmt: The format of the partition keys, as for `strftime`.
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
    """How datasets are partitioned: exactly one of the keys from `hourly` to `multi`, and options of backfills.

    Attributes:
        hourly: One partition for each hour.
        daily: One partition for each day.
        weekly: One partition for each week.
        monthly: One partition for each month.
        cron: One partition for each time window between two ticks of a cron schedule.
        static: A fixed list of partition keys.
        dynamic: Partition keys that are added while Dagster runs. The value is the name under which Dagster keeps them.
        multi: Partitions with two dimensions. The value has the partitions of each dimension by its name.
        backfill_policy: Whether a backfill starts a run for each partition key, or one run for all of them.
        max_partitions_per_run: With `multi_run`, how many successive partition keys share a run.
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
    """Which time windows are read, with the arguments of `dagster.TimeWindowPartitionMapping`.

    Attributes:
        start_offset: By how many windows the first one is moved: -1 is one window earlier.
        end_offset: By how many windows the last one is moved.
        allow_nonexistent_upstream_partitions: Whether windows before the first partition or after the last one are
            left out. Otherwise they are an error.
    """

    start_offset: int = 0
    end_offset: int = 0
    allow_nonexistent_upstream_partitions: bool = False


@frozen
class PartitionMappingConfig:
    """Which partitions of a dataset a node reads: one of these keys, or `identity`, `all` or `last`.

    Attributes:
        time_window: The partitions of the same time, moved by some windows.
        static: Which partition keys are made from each partition key that is read.
        specific: Always these partition keys.
        dimension: The partitions with the same key in this dimension, if one of the two datasets has several dimensions.
    """

    time_window: TimeWindowMappingConfig | None = None
    static: dict[str, str | list[str]] | None = None
    specific: list[str] | None = None
    dimension: str | None = None


@frozen
class AssetsConfig:
    """Which datasets become assets, which nodes share a step, and the asset keys and groups.

    Attributes:
        pipelines: The registered pipelines whose datasets become assets. Without it, `__default__` and all other
            pipelines that do not conflict with it.
        cluster_by: Which nodes share a step.
        group_by: What the asset groups are made from. With `pipeline`, a dataset is in the group of the first pipeline
            other than `__default__` that has its node. Where two datasets of a group would have the same label in the
            UI, such as `forest.model` and `linear.model`, its namespaces have groups of their own: `training_forest`.
        key_prefix: The prefix of every asset key.
        translator: The import path of a subclass of `KedroTranslator`, such as `my_project.translator.Translator`. A
            translator that is given to `build_definitions`, and a component, take precedence.
        memory_assets: Whether in-memory datasets become assets. With `cluster_by: node` they always do.
        partitions: The partitions of datasets, by the name of a dataset or a pattern as in Kedro's dataset factories:
            names from `partitions`, or partitions written out. Partitions in the catalog take precedence.
        data_version: When the data of datasets counts as new, by the name of a dataset or a pattern as in Kedro's dataset
            factories: after every `run`, or only when the `content` of its files is another one. What is in the catalog takes
            precedence.
        settings: What else is said of datasets, by the name of a dataset or a pattern as in Kedro's dataset factories: the keys
            that `metadata.dagster` has in the catalog, in which the placeholders of the pattern are filled in. A key in the
            catalog takes precedence.
        deps: What a node waits for though it does not read it: names of datasets, or of nodes without outputs. The key is
            the name of a dataset that the node makes, or the name of the node if it makes none.
        pools: Dagster's pools, by the name, the namespace or a tag of nodes: a step is in the pool of its nodes, and the pool
            limits how many steps run at once. The name takes precedence over a namespace, and that over a tag.
        step_tags: What the executor gives to a step, as tags of Dagster's by the name, the namespace or a tag of nodes:
            `dagster-k8s/config`, `dagster-celery/queue`, or any other. Each tag has the value of the most specific key, as
            for `pools`. Nodes with different tags run in different steps.
        merge_step_tags: Whether nodes with different `step_tags` may share a step, which then has the tags of all of them.
        retries: How often a failed step is retried, in every run. The `retries` of a job take precedence.
        node_retries: How often a step is retried when one of these nodes has failed, by the name, the namespace or a tag of
            nodes, as for `pools`. They take precedence over the `retries` of a job.
        resume: Whether a retry of a step, and a re-execution of a run from failure, skips the nodes whose outputs are
            already saved. Otherwise, all nodes of the step run again.
    """

    pipelines: list[str] | None = None
    cluster_by: ClusterBy = "memory"
    group_by: GroupBy = "pipeline"
    key_prefix: list[str] = Factory(list)
    translator: str | None = None
    memory_assets: bool = True
    partitions: dict[str, str | PartitionsConfig] = Factory(dict)
    data_version: dict[str, Literal["run", "content"]] = Factory(dict)
    settings: dict[str, DatasetSettings] = Factory(dict)
    deps: dict[str, list[str]] = Factory(dict)
    pools: dict[str, str] = Factory(dict)
    step_tags: dict[str, dict[str, Any]] = Factory(dict)
    merge_step_tags: bool = False
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
    """The parameters and versions that runs start with.

    Attributes:
        parameters: Values of parameters, by the names that nodes use, such as `params:model.depth`. Only the nodes get them:
            they do not change `${...}` in the configuration.
        runtime_params: Runtime parameters as for `kedro run --params`: values by name, nested as in `parameters.yml`.
        load_versions: Versions as for `kedro run --load-versions`: the version to load, by the name of the dataset.
    """

    parameters: dict[str, Any] = Factory(dict)
    runtime_params: dict[str, Any] = Factory(dict)
    load_versions: dict[str, str] = Factory(dict)


@frozen
class ScheduleConfig:
    """One schedule, with arguments of `dagster.ScheduleDefinition`.

    Attributes:
        cron_schedule: A cron expression such as `0 2 * * *` or `@daily`. Of a list, each expression starts runs.
        execution_timezone: The time zone, such as `Europe/Berlin`. Without it, UTC.
        default_status: With `RUNNING`, the schedule is on as soon as Dagster's daemon runs; with `STOPPED`, somebody turns it
            on in the UI.
        description: The description in the UI.
        tags: Tags of the runs.
        config: The parameters and versions of the runs. Its values take precedence over the `config` of the job.
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
        asset: The key of an asset, such as `forest/model`. Every materialization of it starts a run, unless a run of the
            sensor's own job has made it.
        dataset: In place of `asset`, the name of a dataset with a `filepath` or a `path` that no node writes. A change
            of its files starts a run. If its partitions are dynamic, each new file becomes a partition and starts a run.
        minimum_interval_seconds: The least number of seconds between two ticks. Without it, Dagster's default of 30.
        default_status: With `RUNNING`, the sensor is on as soon as Dagster's daemon runs; with `STOPPED`, somebody turns it
            on in the UI.
        description: The description in the UI.
        tags: Tags of the runs.
        config: The parameters and versions of the runs. Its values take precedence over the `config` of the job.
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
    """One logger for the log lines of the runs of the jobs that name it, configured as in Python's `logging.config`.

    Attributes:
        log_level: The lowest level that is logged.
        handlers: Where log lines are written: each handler is a mapping with a `class` and its options. Without any, to
            stderr.
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
        from_nodes: These nodes and all nodes after them.
        to_nodes: These nodes and all nodes before them.
        from_inputs: The nodes that read these datasets, and all nodes after them.
        to_outputs: The nodes that make these datasets, and all nodes before them.
        node_namespaces: The nodes of these namespaces. `node_namespace: name` is accepted, too.
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
    """How often a failed step is retried, and after what delay, with the arguments of `dagster.RetryPolicy`.

    Attributes:
        max_retries: How often a step is retried.
        delay: Seconds before each retry.
        backoff: How the delay grows from one retry to the next.
        jitter: How the delay varies at random.
    """

    max_retries: int = 1
    delay: float | None = None
    backoff: Literal["LINEAR", "EXPONENTIAL"] | None = None
    jitter: Literal["FULL", "PLUS_MINUS"] | None = None


@frozen
class JobConfig:
    """One job: a selection of assets, and how it is executed and scheduled.

    Attributes:
        view: `ops` makes a job with one op for each node. Otherwise, the job is a selection of assets.
        description: The description in the UI.
        pipeline: A registered pipeline and filters on it. Without `pipeline` and `selection`, the pipeline
            `__default__`.
        selection: In place of `pipeline`, assets in Dagster's selection syntax, such as `+key:"forest/model"` or
            `group:reporting`.
        only: With `stale`, a run makes only what is not up to date when it starts, as `kedro assets run --stale` does.
            Without it, all assets of the job. Not for `view: ops`.
        executor: A name from `executors`, a type without options, or an executor written out. Without it,
            `default_executor`.
        schedule: A name from `schedules`, a schedule written out, or a list of both.
        sensor: A name from `sensors`, a sensor written out, or a list of both.
        loggers: Names from `loggers`, or `console` for Dagster's own logger. Without it, `console`.
        tags: Tags of the runs. A value that is not a string, such as the mapping of `dagster-k8s/config`, is kept as JSON.
        config: The parameters and versions of the job's runs.
        retries: How often a failed step is retried. Without it, as `assets.retries` says.
        run_retries: How often Dagster retries a failed run, from the step that failed. It needs `run_retries` in the
            instance's dagster.yaml, and becomes the tag `dagster/max_retries`.
        priority: The priority of the runs in the queue; higher ones start first. It becomes the tag `dagster/priority`.
        owners: Email addresses, or teams as in `team:operations`.
        metadata: What the UI shows of the job: values by name.
        automation_condition: When Dagster's daemon starts the job by itself: a condition as in the catalog, inside
            `any_job_root_assets_match` or `all_job_root_assets_match`. Not for `view: ops`.
    """

    view: Literal["assets", "ops"] = "assets"
    description: str | None = None
    pipeline: PipelineFilter | None = None
    selection: str | None = None
    only: Literal["stale"] | None = None
    executor: str | ExecutorConfig | None = None
    schedule: str | ScheduleConfig | list[str | ScheduleConfig] | None = None
    sensor: str | SensorConfig | list[str | SensorConfig] | None = None
    loggers: list[str] = Factory(list)
    tags: dict[str, Any] = Factory(dict)
    config: RunConfig = Factory(RunConfig)
    retries: RetryConfig | None = None
    run_retries: int | None = None
    priority: int | None = None
    owners: list[str] = Factory(list)
    metadata: dict[str, Any] = Factory(dict)
    automation_condition: str | dict[str, Any] | None = None


@frozen
class DagsterConfig:
    """The whole of dagster.yml.

    Attributes:
        assets: Which datasets become assets, which nodes share a step, and the asset keys and groups.
        default_executor: For "Materialize" in the UI and for jobs that name no executor: a name from `executors`, a
            type without options such as `multiprocess`, or an executor written out. Without it, `in_process`. With `none`,
            the project has no executor: other definitions of the code location give one, wrapped with
            `kedro_assets.with_hooks`.
        partitions: Partitions by the names that datasets use for them.
        executors: Executors by the names that jobs use for them.
        schedules: Schedules by the names that jobs use for them.
        sensors: Sensors by the names that jobs use for them.
        loggers: Loggers by the names that jobs use for them.
        jobs: Jobs by name. Without any, every registered pipeline becomes a job.
        secrets: Keys of parameters and credentials whose values are secret, besides keys such as `password`, which are always
            secret. A key applies wherever it appears; `model.licence` is that one parameter.
        mask_output: Whether secrets are masked in the captured output of steps, too: in what Python prints and logs there.
        load_with_hooks: Whether the hook `after_context_created` fires before the configuration is read. A project needs
            it if a hook registers a resolver that the configuration uses.
        reload_workers: Whether a Dask or Celery worker loads the project again when its code or its configuration has
            changed since the worker loaded it. With `false`, the steps of later runs fail there until the worker is
            restarted.
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
    reload_workers: bool = True


@frozen
class DatasetSettings:
    """`metadata.dagster` of a dataset in the catalog, or an entry of `assets.settings` in dagster.yml.

    Attributes:
        key: The asset key, as the list of its parts or with slashes, such as `shared/prices`. It has no prefix. Without it, the
            name of the dataset with `assets.key_prefix` before it. A dataset that no node writes is then taken to be made in
            another code location under this key, and is not observed.
        description: The description in the UI. Without it, the first paragraph of the node function's docstring.
        group_name: The asset group. Without it, the group that `assets.group_by` gives.
        owners: Email addresses, or teams as in `team:operations`.
        tags: Tags of the asset, in addition to those of the node.
        kinds: Up to three kinds, which the UI shows as icons. Without it, kinds from the name of the dataset's class.
        partitions: How the dataset is partitioned: a name from `partitions` of dagster.yml, or partitions written out.
        partition_mappings: Which partitions of other datasets the node reads, by the names of the datasets. Without it,
            Dagster's rules apply: the same key, the same time, or all partitions if this dataset has none.
        deps: What the node of this dataset waits for though it does not read it: names of datasets, or of nodes without
            outputs.
        automation_condition: When Dagster's daemon materializes the asset by itself: a name from Dagster's
            `AutomationCondition`, such as `eager`, or one with arguments, such as `on_cron: "0 6 * * *"`. Further keys are
            methods of the condition, such as `ignore: 'key:"rates"'`.
        check_automation_condition: When Dagster's daemon executes the check of the dataset's `validator` by itself: a
            condition as for the asset.
        data_version: With `run`, the data counts as new after every run; with `content`, only if the bytes of its files are
            other ones. Then the files are read once more after they are saved. Without it, as `assets.data_version` says, or
            `run`.
        freshness_policy: How old the asset may be: `time_window` or `cron` of Dagster's `FreshnessPolicy`, with its
            arguments.
        external: Whether a dataset that no node writes becomes an asset. Write `false` if an asset of your own makes
            it.
    """

    key: str | list[str] | None = None
    description: str | None = None
    group_name: str | None = None
    owners: list[str] = Factory(list)
    tags: dict[str, str] = Factory(dict)
    kinds: list[str] = Factory(list)
    partitions: str | PartitionsConfig | None = None
    partition_mappings: dict[str, Literal["identity", "all", "last"] | PartitionMappingConfig] = Factory(dict)
    deps: list[str] = Factory(list)
    automation_condition: str | dict[str, Any] | None = None
    check_automation_condition: str | dict[str, Any] | None = None
    data_version: Literal["run", "content"] | None = None
    freshness_policy: dict[str, Any] | None = None
    external: bool = True
