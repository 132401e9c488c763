"""The Kedro side of one Dagster run in one process: context, catalog, hooks, run id."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from attrs import define, evolve, field
from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.io import CatalogProtocol, DataCatalog
from pluggy import PluginManager

from kedro_assets._internals import kedro_mlflow, kedro_project
from kedro_assets.errors import ProjectError
from kedro_assets.graph import RunPlan
from kedro_assets.metadata import LoadedTables
from kedro_assets.project import Project, ProjectLocation, read_credentials
from kedro_assets.redaction import Redactor
from kedro_assets.runtime import log_capture
from kedro_assets.runtime.dataset_io import DatasetIO
from kedro_assets.runtime.handover import Handover, MemoryStore
from kedro_assets.runtime.identity import RunIdentity
from kedro_assets.runtime.mlflow_run import join_run, left_as_found


@define(eq=False)
class KedroRun:
    """The open Kedro project of one Dagster run in this process.

    Attributes:
        project: What was read of the project.
        identity: What it shares with the run's other processes.
        context: Kedro's context; its hooks have fired.
        io: The way to the data of its catalog, which has the run's save version.
        plan: What the run does.
        store: Where in-memory datasets pass from step to step.
        pipeline: The registered pipeline whose parameters are checked against their types; None for all.
        redactor: Masks the project's secrets.
        session_id: The id of Kedro's session, if hooks get it from sessions of the project's class.
        own_process: Whether this is the run's own process, so that steps which run here run one after the other.
        done: The nodes that have run in this process.
        errors: What failed in this process, by Dagster's step key.
        tables: What its nodes have loaded in this process, as far as column lineage is read off it.
    """

    project: Project
    identity: RunIdentity
    context: KedroContext
    io: DatasetIO
    plan: RunPlan
    store: MemoryStore
    pipeline: str | None = None
    redactor: Redactor = field(factory=Redactor)
    session_id: str | None = None
    own_process: bool = False
    done: set[str] = field(factory=set)
    errors: dict[str, Exception] = field(factory=dict)
    tables: LoadedTables = field(factory=LoadedTables)
    _partitions: dict[str, KedroRun] = field(factory=dict)

    @classmethod
    def open(
        cls,
        project: Project,
        identity: RunIdentity,
        plan: RunPlan,
        store: MemoryStore,
        pipeline: str | None = None,
    ) -> KedroRun:
        """Open the project as Kedro's session does at the start of a run: `after_context_created`, then the catalog.

        Secrets are masked in the errors of its hooks and in what they log: those that can be read without hooks from the
        start, the others once the context is there.

        Args:
            project: What was read of the project; this process has it open.
            identity: What all processes of the run agree on.
            plan: What the run does.
            store: Where in-memory datasets pass from step to step.
            pipeline: The registered pipeline whose parameters are checked against their types; None for all.
        """
        location, params = project.location, identity.runtime_params
        session, given = kedro_project.create_session(location.place, params)
        known = read_credentials(location, params)
        redactor = project.redactor(known, params)
        log_capture.mask(redactor)
        with redactor.errors():
            context = session.load_context(**given)
        if identity.env is not None and identity.env != env_of(context):
            msg = (
                f"Kedro's environment is '{env_of(context)}' in the process of this step, but '{identity.env}' in that of the "
                "run. Set the variable KEDRO_ENV in the containers or workers that execute steps, too."
            )
            raise ProjectError(msg)
        if pipeline is not None:
            kedro_project.limit_validation(context, pipeline)
        found = _credentials(context)
        if found != known:
            redactor = project.redactor(found, params)
            log_capture.mask(redactor)
        with redactor.errors():
            catalog = kedro_project.create_catalog(context, identity.kedro_run_id, identity.load_versions)
        inline = [each for each in _in_catalog(catalog) if each not in found.values()]
        if inline:
            redactor = project.redactor({**found, "catalog": inline}, params)
            log_capture.mask(redactor)
        own = plan.versioned - identity.load_versions.keys()
        io = DatasetIO(catalog, kedro_project.hook_manager(session), dict.fromkeys(own, identity.kedro_run_id))
        return cls(project, identity, context, io, plan, store, pipeline, redactor, kedro_project.session_id(session))

    @property
    def location(self) -> ProjectLocation:
        """Where the project is."""
        return self.project.location

    @property
    def catalog(self) -> CatalogProtocol[Any, Any]:
        """The run's catalog."""
        return self.io.catalog

    @property
    def hooks(self) -> PluginManager:
        """The hooks of the project and of its plugins."""
        return self.io.hooks

    @property
    def without_hooks(self) -> bool:
        """Whether nothing fires the hooks of the pipeline around this run: what does so has written down the environment."""
        return not self.own_process and self.identity.env is None

    @property
    def handover(self) -> Handover:
        """What hands in-memory data from step to step."""
        return Handover(self.store, self.catalog, self.plan, own_process=self.own_process)

    def at_partition(self, params: Mapping[str, Any], key: str) -> KedroRun:
        """Return this run with its project opened for one partition, where a dataset has a place for each.

        Args:
            params: The runtime parameters of the partition.
            key: Its key.
        """
        if all(self.identity.runtime_params.get(name) == value for name, value in params.items()):
            return self
        if key not in self._partitions:
            identity, store = self.identity.with_partition(params), evolve(self.store, partition=key)
            opened = KedroRun.open(self.project, identity, self.plan, store, self.pipeline)
            opened.own_process, opened.errors = self.own_process, self.errors
            opened.io.validations = self.io.validations
            opened.set_up_hooks()
            self._partitions.clear()  # one after the other, so that no more than one catalog is in memory
            self._partitions[key] = opened
        return self._partitions[key]

    def set_up_hooks(self) -> None:
        """Leave the hook of kedro-mlflow as `before_pipeline_run` has left it, if that has fired in another process."""
        if self.identity.env is not None:
            kedro_mlflow.go_on(self.hooks.get_plugins(), self.catalog, self.identity.mlflow_run_id)

    def join(self) -> None:
        """Go on with what `before_pipeline_run` has begun in another process, if it has fired there."""
        if self.identity.env is not None:
            join_run(self.identity.mlflow_run_id)
            self.set_up_hooks()

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Go on inside with what `before_pipeline_run` has begun in another process, and leave it running."""
        if self.identity.env is None:
            yield
            return
        with left_as_found(self.identity.mlflow_run_id):
            self.join()
            yield

    def redacted(self) -> AbstractContextManager[None]:
        """Mask secrets in the errors raised inside, before Dagster records them."""
        return self.redactor.errors()


def env_of(context: KedroContext) -> str:
    """Return the name of Kedro's environment; without any it is the one that the configuration loader falls back to."""
    return context.env or getattr(context.config_loader, "default_run_env", "") or "base"


def _credentials(context: KedroContext) -> Mapping[str, Any]:
    try:
        found = context.config_loader["credentials"]
    except (MissingConfigException, KeyError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _in_catalog(catalog: CatalogProtocol[Any, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the credentials of the datasets in a catalog; a class of the project's own need not know them."""
    todo: list[Any] = [catalog.config_resolver.config] if isinstance(catalog, DataCatalog) else []
    while todo:
        config = todo.pop()
        if isinstance(config, Mapping):
            credentials = config.get("credentials")
            yield from [credentials] if isinstance(credentials, Mapping) else []
            todo += [each for key, each in config.items() if key != "credentials"]


class OpenRuns:
    """The runs that this process has open: one project opened once per run, a new run opened anew.

    A run that `hold` keeps stays open until it is let go; any other makes way for the next.
    """

    def __init__(self) -> None:
        self._runs: dict[str, KedroRun] = {}
        self._held: set[str] = set()
        self._lock = threading.RLock()

    def get(self, run_id: str, open_run: Callable[[], KedroRun]) -> KedroRun:
        """Return the run of this id, opened if this process has not done so yet."""
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
