"""The one home of names that Kedro and Dagster do not publish, each with the reason why it is needed.

`tests/unit/test_private.py` fails when one of them changes.
"""

from __future__ import annotations

import copy
import json
import sqlite3
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._check import CheckError
from dagster._config import process_config, resolve_to_config_type
from dagster._config.errors import FieldNotDefinedErrorData, FieldsNotDefinedErrorData
from dagster._core.definitions.assets.definition.asset_spec import AssetExecutionType
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
from dagster._core.definitions.dependency import NodeHandle
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.partitions.utils.mapping import infer_partition_mapping
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.execution.api import create_execution_plan, execute_plan_iterator, execute_run_iterator
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.retries import RetryMode
from dagster._core.workspace.autodiscovery import loadable_targets_from_python_file, loadable_targets_from_python_module
from dagster._serdes import deserialize_value, serialize_value
from dagster._utils.error import serializable_error_info_from_exc_info
from kedro.framework.cli.utils import _split_load_versions, _split_params
from kedro.framework.context import KedroContext
from kedro.framework.project import settings
from kedro.framework.session import KedroServiceSession
from kedro.io import CatalogProtocol, DataCatalog
from kedro.validation import ValidationConfigurationError, ValidatorSpec, resolve_validator
from pluggy import PluginManager

from kedro_assets.validation import WatchedValidator


def hook_manager(session: KedroServiceSession) -> PluginManager:
    """Give the hooks of a session: Kedro has no public way to fire the pipeline hooks outside `session.run`."""
    return session._hook_manager


def create_catalog(
    context: KedroContext, save_version: str, load_versions: Mapping[str, str]
) -> CatalogProtocol[Any, Any]:
    """Build the catalog with a save version and load versions: the public `context.catalog` takes none."""
    return context._get_catalog(
        catalog_class=settings.DATA_CATALOG_CLASS,
        save_version=save_version,
        load_versions=dict(load_versions) or None,
    )


def limit_partitions(dataset: Any, wanted: Callable[[str], bool]) -> None:
    """Let an IncrementalDataset load and confirm some partitions only, wherever its checkpoint is; it has no public way.

    Args:
        dataset: Of this class, or of one derived from it.
        wanted: Takes the id of a partition.
    """
    base: Any = next(kind for kind in type(dataset).__mro__ if kind.__name__ == "PartitionedDataset")
    dataset._invalidate_caches()
    paths = base._list_partitions(dataset)  # its own leaves out what is before the checkpoint
    dataset._cached_partitions = sorted(path for path in paths if wanted(dataset._path_to_partition(path)))


def closes_gap(dataset: Any) -> bool:
    """Say whether the partitions that an IncrementalDataset is limited to are the next ones after its checkpoint."""
    own = dataset._cached_partitions
    dataset._cached_partitions = None
    pending = dataset._list_partitions()
    dataset._cached_partitions = own
    return bool(own) and pending[: len(own)] == own


def limit_validation(context: KedroContext, pipeline: str) -> None:
    """Let a context check the parameters of one pipeline only, as Kedro's session does: it has no public way to say so."""
    context._pipelines_to_validate = [pipeline]


def watch_validator(catalog: CatalogProtocol[Any, Any], dataset: str) -> tuple[ValidatorSpec, WatchedValidator] | None:
    """Watch the validator that a catalog applies to a dataset: Kedro only logs what one with `severity: warn` refuses.

    A validator that cannot be made is left to Kedro, which says so when it needs it.
    """
    spec = catalog._validator_specs.get(dataset) if isinstance(catalog, DataCatalog) else None
    if spec is None or not isinstance(catalog, DataCatalog):
        return None
    validator = catalog._validators.get(dataset)
    if not isinstance(validator, WatchedValidator):
        try:
            validator = WatchedValidator(validator or resolve_validator(spec))
        except ValidationConfigurationError:
            return None
        catalog._validators[dataset] = validator
    return spec, validator


def assets_by_step(job: dg.JobDefinition) -> Mapping[str, frozenset[dg.AssetKey]]:
    """Give the assets that each step of a job makes, in order: an executor is shown steps, never their assets."""
    handles = [NodeHandle(node.name, parent=None) for node in job.nodes_in_topological_order]
    found = {str(handle): job.asset_layer.get_assets_def_for_node(handle) for handle in handles}
    return {key: frozenset(assets.keys) for key, assets in found.items() if assets}


def resource_config(job: dg.JobDefinition, run: dg.DagsterRun, resource: str) -> dict[str, Any]:
    """Give a resource's configuration in a run, with the defaults of its job: the run's record has only what was asked.

    Only this resource is looked at, as all of them take long in a job of many datasets, whose IO managers are resources too.
    """
    schema = job.run_config_schema
    mapping = schema.config_mapping
    asked: Any = mapping.resolve_from_unvalidated_config(run.run_config) if mapping else run.run_config
    known: Any = schema.run_config_schema_type
    fields = known.fields["resources"].config_type.fields
    if resource not in fields:
        return {}
    resolved = process_config(fields[resource].config_type, asked.get("resources", {}).get(resource, {})).value
    return dict((resolved or {}).get("config", {}))


def readers(job: dg.JobDefinition, key: dg.AssetKey) -> AbstractSet[dg.AssetKey]:
    """Give the assets that depend on one, of whatever origin: a step is told of its own only."""
    return job.asset_layer.get(key).child_keys if job.asset_layer.has(key) else set()


def is_made(job: dg.JobDefinition, key: dg.AssetKey) -> bool:
    """Say whether a step of this job makes an asset."""
    return job.asset_layer.has(key) and job.asset_layer.get(key).is_materializable


def is_run(job: dg.JobDefinition, key: dg.AssetKey) -> bool:
    """Say whether a step of this job makes or observes an asset."""
    return job.asset_layer.has(key) and job.asset_layer.get(key).is_executable


def executor_problems(
    executor: dg.ExecutorDefinition, options: Mapping[str, Any]
) -> Iterator[tuple[list[str], str, Collection[str]]]:
    """Check options against an executor's own schema, as Dagster does at launch.

    Yields:
        The path of a misfit, Dagster's message, and the names that are allowed there if the name is what does not fit.
    """
    schema = resolve_to_config_type(executor.config_schema.config_type)
    for error in process_config(schema, dict(options)).errors or []:
        path = [str(getattr(entry, "field_name", getattr(entry, "list_index", ""))) for entry in error.stack.entries]
        data = error.error_data
        if isinstance(data, FieldNotDefinedErrorData | FieldsNotDefinedErrorData):
            unknown = [data.field_name] if isinstance(data, FieldNotDefinedErrorData) else data.field_names
            for name in unknown:
                yield [*path, name], f"the executor has no option '{name}'.", _options_at(schema, path)
        else:
            yield path, f"Dagster refuses this: {error.message}", ()


def _options_at(schema: Any, path: Iterable[str]) -> Collection[str]:
    """Give the names of the options that a schema has at a path."""
    for part in path:
        fields = getattr(schema, "fields", {})
        schema = fields[part].config_type if part in fields else getattr(schema, "inner_type", None)
    return list(getattr(schema, "fields", {}))


def context_of(executor: dg.Executor, plan_context: Any) -> Any:
    """Give an executor the context of a run as its own: those of Dask and Celery look for their options there."""
    found = copy.copy(plan_context)
    found._executor = executor
    return found


OBSERVATION = AssetExecutionType.OBSERVATION
"""What the step of an asset does that nothing makes."""
RETRIES = RetryMode.ENABLED
"""How an executor says that it tries failed steps again."""


@contextmanager
def active_steps(execution_plan: Any, retries: Any, plan_context: Any) -> Iterator[Any]:
    """Start a plan: an executor has no public way to learn which steps are due, to be tried again or to be skipped."""
    with (
        InstanceConcurrencyContext(plan_context.instance, plan_context.dagster_run) as limits,
        execution_plan.start(retry_mode=retries, instance_concurrency_context=limits) as active,
    ):
        yield active


def step_arguments(plan_context: Any, step: Any, active: Any, retries: Any) -> tuple[Any, ...]:
    """Give what `run_one_step` needs in another process."""
    return (
        plan_context.reconstructable_job.to_dict(),  # pickled, it would keep a hash that is none in another process
        plan_context.dagster_run,
        step.key,
        plan_context.instance.get_ref(),
        retries.for_inner_plan(),
        active.get_known_state(),
    )


_one_step = threading.Lock()
"""Steps of one process take turns: Dagster configures logging for each, and with two at once it waits for itself."""


def run_one_step(
    packed: Mapping[str, Any], run: dg.DagsterRun, step: str, instance: Any, retries: Any, known_state: Any
) -> list[dg.DagsterEvent]:
    """Run a step of a run and give its events."""
    job = ReconstructableJob.from_dict(packed)
    with _one_step, dg.DagsterInstance.from_ref(instance) as here:
        plan = create_execution_plan(job, run.run_config, step_keys_to_execute=[step], known_state=known_state)
        return list(execute_plan_iterator(plan, job, run, here, retry_mode=retries, run_config=run.run_config))


def step_failure(executor: dg.Executor, step_context: Any, active: Any) -> dg.DagsterEvent:
    """Record that a step has failed with the exception that is being handled, or is to be tried again after it."""
    error = serializable_error_info_from_exc_info(sys.exc_info())
    return executor.log_failure_or_retry_event_after_error(step_context, error, active.get_known_state())


def dask_resources(step: Any) -> dict[str, Any]:
    """Give what a step needs of a Dask worker, by the tag that dagster-dask reads."""
    return dict(json.loads(step.tags.get("dagster-dask/resource_requirements", "{}")))


STEP_MODULES = (
    "alembic.command",
    "sqlalchemy.dialects.sqlite",
    "upath.implementations.local",
    "upath.registry",
    "dagster._core.instance.factory",
    "dagster._core.secrets",
    "dagster._core.storage.event_log.sqlite",
    "dagster._core.storage.runs.sqlite",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.storage.migration.utils",
    "dagster._core.storage.root",
    "dagster._core.system_config.composite_descent",
    "kedro.framework.context",
    "kedro.framework.session",
    "kedro.io",
)
"""What a step imports late: the storages of the instance, and Kedro's side of a run. The forkserver does so before."""


def read_migrations_once() -> None:
    """Read the migrations of Dagster's databases for this process and those that are forked from it.

    Each of its SQLite storages reads all of them, some ninety Python files, whenever it is opened, and a step opens four.
    """
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from dagster._core.storage import sql
    from dagster._core.storage.event_log.sqlite import sqlite_event_log

    read: dict[str | None, ScriptDirectory] = {}

    class Migrations(ScriptDirectory):
        @classmethod
        def from_config(cls, config: Config) -> ScriptDirectory:
            place = config.get_main_option("script_location")
            if place not in read:
                read[place] = super().from_config(config)
            return read[place]

    sql.ScriptDirectory = Migrations  # type: ignore[attr-defined]
    Migrations.from_config(sql.get_alembic_config(sqlite_event_log.__file__)).as_revision_number("head")


STORAGES = ("dagster._core.storage.event_log.", "dagster._core.storage.runs.", "dagster_postgres.", "dagster_mysql.")
"""Where Dagster's storages are: what they log while they hold a lock cannot be written to them."""


def pack_job(job: Any) -> str:
    """Write down where a job is defined, for another process; one that exists in this process only gives an empty text."""
    return serialize_value(job) if isinstance(job, ReconstructableJob) else ""


def unpack_job(text: str) -> Any:
    """Find a job that `pack_job` wrote down."""
    return deserialize_value(text, ReconstructableJob)


CHECK_ERROR: type[Exception] = CheckError
"""What Dagster's constructors raise for a value that does not fit."""


ASSET_JOB = IMPLICIT_ASSET_JOB_NAME
"""The job in which Dagster runs assets that are materialized without a job of their own."""


def load_repository(target: str, root: Path) -> ReconstructableRepository:
    """Find definitions in a way that a run's other processes can repeat: Dagster's command line does it like this.

    Args:
        target: A Python file in `root`, or the name of a module.
        root: The working directory.

    Raises:
        DagsterError: If it cannot be loaded, or holds no definitions or more than one.
    """
    if target.endswith(".py"):
        [found] = loadable_targets_from_python_file(str(root / target), str(root))
        return ReconstructableRepository.for_file(str(root / target), found.attribute, str(root))
    [found] = loadable_targets_from_python_module(target, str(root))
    return ReconstructableRepository.for_module(target, found.attribute, str(root))


def run_events(
    repository: ReconstructableRepository,
    job_name: str,
    keys: Collection[dg.AssetKey] | None,
    run_config: Mapping[str, Any],
    tags: Mapping[str, str],
    instance: dg.DagsterInstance,
) -> Iterator[dg.DagsterEvent]:
    """Run a job and give its events as they happen: `dagster.execute_job` gives them when all is over.

    Args:
        repository: The definitions.
        job_name: The job.
        keys: The assets to materialize; None for all of the job's.
        run_config: The run's configuration.
        tags: Tags of the run, beside those of the job.
        instance: Where the run is recorded.
    """
    job = repository.get_reconstructable_job(job_name)
    if keys is not None:
        job = job.get_subset(asset_selection=frozenset(keys))
    run = instance.create_run_for_job(
        job_def=job.get_definition(),
        run_config=run_config,
        tags={**job.get_definition().run_tags, **tags},
        job_code_origin=job.get_python_origin(),
        asset_selection=frozenset(keys) if keys is not None else None,
    )
    return execute_run_iterator(job, run, instance)


@contextmanager
def open_event_log(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Keep the SQLite files open that the events of a run go to, if that is where the instance stores them.

    Dagster opens and closes them for each event, and whenever nobody else has one open, SQLite moves what was written from
    its log into the file, which takes longer than to write it.
    """
    from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage, sqlite_event_log

    storage = instance.event_log_storage
    with ExitStack() as stack:
        if isinstance(storage, SqliteEventLogStorage):
            for shard in (run_id, sqlite_event_log.INDEX_SHARD_NAME):
                kept = stack.enter_context(closing(sqlite3.connect(storage.path_for_shard(shard))))
                kept.execute("SELECT 1 FROM sqlite_master").fetchall()  # it is opened when it is first read
        yield


def misfit(mapping: dg.PartitionMapping | None, own: Any, read: Any) -> str:
    """Say why a mapping cannot be between two partitions definitions; empty if it can.

    Dagster looks at that when it has all definitions, and then names neither file nor line.
    """
    try:
        infer_partition_mapping(mapping, own, read).validate_partition_mapping(read, own)
    except Exception as error:  # noqa: BLE001 - of many classes
        return str(error)
    return ""


def partitions_read(
    mapping: dg.PartitionMapping | None, own: Any, made: Sequence[str], read: Any, instance: dg.DagsterInstance
) -> tuple[list[str], list[str]]:
    """Give the partitions of an asset that are read to make some of another, and those of them that do not exist.

    Dagster tells a step only of what the selected assets depend on, and its nodes read more: what makes the in-memory data
    that the selected ones need.

    Args:
        mapping: How they fit, None for Dagster's own choice.
        own: The partitions definition of what is made, None if it has no partitions.
        made: The partitions that are made.
        read: The partitions definition of what is read.
        instance: Knows dynamic partitions.
    """
    with partition_loading_context(dynamic_partitions_store=instance):
        subset = own.subset_with_partition_keys(made) if own is not None else None
        found = infer_partition_mapping(mapping, own, read).get_upstream_mapped_partitions_result_for_partitions(
            subset, own, read
        )
        missing = list(found.required_but_nonexistent_partition_keys)
        return list(found.partitions_subset.get_partition_keys()), missing


def split_params(ctx: Any, param: Any, value: str | None) -> dict[str, Any]:
    """Read `--params` exactly as `kedro run` does."""
    return dict(_split_params(ctx, param, value or ""))


def split_load_versions(ctx: Any, param: Any, value: str | None) -> dict[str, str]:
    """Read `--load-versions` exactly as `kedro run` does."""
    return dict(_split_load_versions(ctx, param, value or ""))
