"""The Kedro side of one Dagster run in one process: context, catalog, hooks, run id."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from typing import Any, Literal

import dagster as dg
from attrs import define, field, frozen
from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.session import KedroServiceSession
from kedro.io import CatalogProtocol
from kedro.pipeline.node import Node
from kedro.validation import DataValidationError, ValidationConfigurationError, validate_dataset
from pluggy import PluginManager

from kedro_assets import _private
from kedro_assets.errors import InMemoryDataError, ProjectError
from kedro_assets.memory_store import MemoryStore
from kedro_assets.mlflow_run import RUN_TAG
from kedro_assets.partition_keys import PLACEHOLDER, check_saved, is_incremental, is_partitioned, of_keys, selected
from kedro_assets.plan import RunPlan
from kedro_assets.project import ProjectLocation
from kedro_assets.redaction import Redactor
from kedro_assets.validation import Validation

logger = logging.getLogger(__name__)

RESOURCE = "kedro"
"""The resource under which a run's configuration holds what `kedro run` takes as options."""

SAVE_VERSION = "kedro/save_version"
"""The metadata of a materialization that has the version saved."""

ENV_TAG = "kedro/env"
"""The tag of a run with Kedro's environment in the run's own process."""


@frozen
class RunIdentity:
    """What every process of one Dagster run has to agree on.

    Attributes:
        dagster_run_id: Dagster's id of the run.
        kedro_run_id: Kedro's run id and save version, in Kedro's timestamp format.
        runtime_params: The parameters given at launch, as `kedro run --params` takes them.
        load_versions: The versions to load, by dataset, as `kedro run --load-versions` takes them.
        mlflow_run_id: The MLflow run that a hook has started for this run, once it has.
        env: Kedro's environment in the run's own process, once `before_pipeline_run` has fired.
    """

    dagster_run_id: str
    kedro_run_id: str
    runtime_params: Mapping[str, Any] = field(factory=dict)
    load_versions: Mapping[str, str] = field(factory=dict)
    mlflow_run_id: str | None = None
    env: str | None = None

    @classmethod
    def of(
        cls,
        run: dg.DagsterRun,
        job: dg.JobDefinition,
        instance: dg.DagsterInstance,
        saved_earlier: Mapping[str, str] | None = None,
        partition: Mapping[str, Any] | None = None,
    ) -> RunIdentity:
        """Derive the identity from the run's record and its job, so that every process comes to the same one.

        Args:
            run: The run.
            job: Its job.
            instance: Where it is recorded.
            saved_earlier: The versions that the runs have saved which this one continues; what the run's configuration
                says goes before.
            partition: The runtime parameters of the partitions that the run makes; they go before those of its
                configuration.
        """
        record = instance.get_run_record_by_id(run.run_id)
        config = _private.resource_config(job, run, RESOURCE)
        return cls(
            dagster_run_id=run.run_id,
            kedro_run_id=kedro_timestamp(record.create_timestamp if record else datetime.now(tz=timezone.utc)),
            runtime_params={**config.get("runtime_params", {}), **(partition or {})},
            load_versions={**(saved_earlier or {}), **config.get("load_versions", {})},
            mlflow_run_id=record.dagster_run.tags.get(RUN_TAG) if record else None,
            env=record.dagster_run.tags.get(ENV_TAG) if record else None,
        )


def kedro_timestamp(moment: datetime) -> str:
    """Write a moment as Kedro writes versions, which sort as text.

    Examples:
        >>> kedro_timestamp(datetime(2026, 3, 1, 12, 30, 5, 123456, tzinfo=timezone.utc))
        '2026-03-01T12.30.05.123Z'
    """
    if moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc)
    return f"{moment:%Y-%m-%dT%H.%M.%S}.{moment.microsecond // 1000:03d}Z"


@define(eq=False)
class KedroRun:
    """The open Kedro project of one Dagster run in this process.

    Attributes:
        identity: What it shares with the run's other processes.
        context: Kedro's context; its hooks have fired.
        catalog: The catalog, with the run's save version.
        hooks: The hooks of the project and of its plugins.
        plan: What the run does.
        memory_store: Where in-memory datasets pass from step to step.
        redactor: Masks the project's credentials.
        own_process: Whether this is the run's own process, so that steps which run here run one after the other.
        done: The nodes that have run in this process.
        errors: What failed in this process, by Dagster's step key.
        validations: What validators have found in this process and no step has told yet, by dataset and mode.
    """

    identity: RunIdentity
    context: KedroContext
    catalog: CatalogProtocol[Any, Any]
    hooks: PluginManager
    plan: RunPlan
    memory_store: MemoryStore
    redactor: Redactor = field(factory=Redactor)
    own_process: bool = False
    done: set[str] = field(factory=set)
    errors: dict[str, Exception] = field(factory=dict)
    validations: dict[tuple[str, str], Validation] = field(factory=dict)

    @classmethod
    def open(
        cls,
        location: ProjectLocation,
        identity: RunIdentity,
        plan: RunPlan,
        memory_store: MemoryStore,
        pipeline: str | None = None,
        mask: Callable[[Redactor], None] | None = None,
    ) -> KedroRun:
        """Open the project as Kedro's session does at the start of a run: `after_context_created`, then the catalog.

        Credentials are masked in the errors of its hooks too.

        Args:
            location: The project; this process has it open.
            identity: What all processes of the run agree on.
            plan: What the run does.
            memory_store: Where in-memory datasets pass from step to step.
            pipeline: The registered pipeline whose parameters are checked against their types; None for all.
            mask: Is told of the credentials before the hooks around the catalog fire, which may log them.
        """
        session = KedroServiceSession.create(
            project_path=location.path, env=location.env, conf_source=location.conf_source
        )
        with Redactor().errors():
            context = session.load_context(runtime_params=dict(identity.runtime_params))
        if identity.env is not None and identity.env != env_of(context):
            msg = (
                f"Kedro's environment is '{env_of(context)}' in the process of this step and '{identity.env}' in that of "
                "the run: give KEDRO_ENV to the containers or workers that execute steps, too."
            )
            raise ProjectError(msg)
        if pipeline is not None:
            _private.limit_validation(context, pipeline)
        redactor = Redactor.of(_credentials(context))
        if mask:
            mask(redactor)
        with redactor.errors():
            catalog = _private.create_catalog(context, identity.kedro_run_id, identity.load_versions)
        hooks = _private.hook_manager(session)
        return cls(identity, context, catalog, hooks, plan, memory_store, redactor=redactor)

    @property
    def makes_partition(self) -> bool:
        """Whether the run makes a partition, so that the catalog has its key in every path."""
        return not str(self.identity.runtime_params.get("partition_key", PLACEHOLDER)).startswith(PLACEHOLDER)

    def load(self, name: str, node: Node | None = None, keys: Collection[str] | None = None) -> Any:
        """Load a dataset or parameter; with a node, its dataset hooks fire.

        A versioned dataset that this run has written is loaded at this run's version, unless the run was given another.

        Args:
            name: The dataset's name in the catalog.
            node: The node that reads it.
            keys: The partitions to load, where the dataset holds several by their ids; without any, all.
        """
        own = name in self.plan.versioned and name not in self.identity.load_versions
        version = self.identity.kedro_run_id if own else None
        if node is not None:
            self.hooks.hook.before_dataset_loaded(dataset_name=name, node=node)
        dataset = self.catalog.get(name) if keys is not None else None
        if keys is not None and is_incremental(dataset):
            _private.limit_partitions(dataset, of_keys(keys))
        with self._watched(name, "load"):
            data = self.catalog.load(name, version=version)
        if keys is not None and is_partitioned(dataset):
            data = selected(data, keys)
        if node is not None:
            self.hooks.hook.after_dataset_loaded(dataset_name=name, data=data, node=node)
        return data

    def save(self, name: str, data: Any, node: Node | None = None, keys: Collection[str] | None = None) -> None:
        """Save a dataset; with a node, its dataset hooks fire.

        Args:
            name: The dataset's name in the catalog.
            data: What is saved.
            node: The node that has made it.
            keys: The partitions that may be saved, where the dataset holds several by their ids.

        Raises:
            PartitionError: If the data has any other partition.
        """
        if keys is not None and is_partitioned(self.catalog.get(name)):
            check_saved(name, data, keys)
        if node is None:
            with self._watched(name, "save"):
                self.catalog.save(name, data)
            return
        self.hooks.hook.before_dataset_saved(dataset_name=name, data=data, node=node)
        with self._watched(name, "save"):
            self.catalog.save(name, data)
        self.hooks.hook.after_dataset_saved(dataset_name=name, data=data, node=node)

    def confirm(self, name: str, keys: Collection[str] | None = None) -> None:
        """Confirm what a node has loaded of a dataset.

        In a run of some partitions, the checkpoint moves if these are the next ones: it never passes a partition that
        another run has still to process, and never goes back.

        Args:
            name: The dataset's name in the catalog.
            keys: The partitions that were loaded, where the dataset is partitioned.
        """
        dataset = self.catalog.get(name)
        if keys is not None and is_incremental(dataset) and not _private.closes_gap(dataset):
            logger.info("The checkpoint of '%s' stays: others come before the partitions of this run.", name)
            return
        self.catalog.confirm(name)

    def validate(self, name: str, *, in_memory: bool) -> Validation:
        """Load what is stored of a dataset and have its validator look at it, as `kedro.validation` does.

        Raises:
            ValidationConfigurationError: If the run's catalog has no validator for it.
            DataValidationError: If the data cannot be loaded, or the validator cannot be made.
            InMemoryDataError: If the dataset is in memory and no run has left it.
        """
        self.catalog.get(name, fallback_to_runtime_pattern=True)
        spec = getattr(self.catalog, "validator_specs", {}).get(name)
        if spec is None:
            msg = f"The catalog of this run has no validator for '{name}'."
            raise ValidationConfigurationError(msg)
        on = "load" if "load" in spec.on else "save"
        if in_memory or on == "save":  # what is only validated on its way out is loaded as it is
            data = self.memory_store.load(name) if in_memory else self.catalog.load(name)
            result = validate_dataset(self.catalog, name, data, on=on)
        else:
            result = validate_dataset(self.catalog, name)
        if result.status == "errored":
            result.raise_if_failed()
        error = None
        if not result:
            message = result.message or "the validator refuses it"
            error = DataValidationError(message, validator=result.validator, failures=result.failures)
        return Validation(name, spec, "stored", error)

    @contextmanager
    def _watched(self, name: str, mode: Literal["load", "save"]) -> Iterator[None]:
        """Note what the catalog's validator finds in a dataset; of several chunks, the first that it refuses."""
        watched = _private.watch_validator(self.catalog, name)
        if watched is None:
            yield
            return
        spec, validator = watched
        validator.forget()
        try:
            yield
        finally:
            earlier = self.validations.get((name, mode))
            if validator.called and (earlier is None or earlier.error is None):
                self.validations[name, mode] = Validation(name, spec, mode, validator.error)
            validator.forget()

    def redacted(self) -> AbstractContextManager[None]:
        """Mask credentials in the errors raised inside, before Dagster records them."""
        return self.redactor.errors()

    def results(self) -> dict[str, Any]:
        """Give the datasets that the run writes and does not read, with the data that other processes handed back."""
        found: dict[str, Any] = {
            name: self.catalog.get(name, fallback_to_runtime_pattern=True) for name in self.plan.outputs
        }
        for name in self.plan.memory_outputs:
            if not found[name].exists() and self.memory_store.has(name):
                found[name].save(self.memory_store.load(name))
        return found

    def hand_on(self, name: str) -> None:
        """Leave an in-memory dataset, as the catalog's validator has left it, for the steps that read it.

        Raises:
            InMemoryDataError: If it cannot be pickled and a step of another process may need it.
        """
        try:
            self.memory_store.save(name, self.catalog[name].load())
        except InMemoryDataError as error:
            if not self.own_process:
                raise
            logger.info("%s Here it is at hand all the same, but no later run can go on from it.", error)

    def hand_back(self, name: str) -> None:
        """Leave an in-memory output for `results` in the run's own process; what cannot be pickled is not there then."""
        if name not in self.plan.memory_outputs or not self.hooks.hook.after_pipeline_run.get_hookimpls():
            return
        try:
            self.memory_store.save(name, self.catalog[name].load())
        except InMemoryDataError:
            logger.warning("The in-memory dataset '%s' cannot be pickled: `after_pipeline_run` gets it empty.", name)


def env_of(context: KedroContext) -> str:
    """Name Kedro's environment; without any it is the one that the configuration loader falls back to."""
    return context.env or getattr(context.config_loader, "default_run_env", "") or "base"


def _credentials(context: KedroContext) -> Mapping[str, Any]:
    try:
        found = context.config_loader["credentials"]
    except (MissingConfigException, KeyError):
        return {}
    return found if isinstance(found, Mapping) else {}


class OpenRuns:
    """The runs that this process has open: one project opened once per run, a new run opened anew.

    A run that `hold` keeps stays open until it is let go; any other makes way for the next.
    """

    def __init__(self) -> None:
        self._runs: dict[str, KedroRun] = {}
        self._held: set[str] = set()
        self._lock = threading.RLock()

    def get(self, run_id: str, open_run: Callable[[], KedroRun]) -> KedroRun:
        """Give the run of this id, opened if this process has not done so yet."""
        with self._lock:
            if run_id not in self._runs:
                self._runs = {key: run for key, run in self._runs.items() if key in self._held}
                self._runs[run_id] = open_run()
            return self._runs[run_id]

    def hold(self, run_id: str) -> None:
        """Keep a run open until `release`."""
        self._held.add(run_id)

    def release(self, run_id: str) -> None:
        """Let a run go."""
        with self._lock:
            self._held.discard(run_id)
            self._runs.pop(run_id, None)
