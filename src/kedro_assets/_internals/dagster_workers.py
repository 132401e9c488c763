"""What a worker that lives on keeps of Dagster's from one step to the next.

For each step Dagster opens the instance, works out the configuration and the plan of the whole run, and starts four
processes. What is changed here can be switched off: with `KEDRO_ASSETS_PLAIN_DAGSTER=1` in the environment of the worker,
Dagster does as it does without this package.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache
from importlib import import_module
from typing import Any

import dagster as dg
from attrs import define, field, frozen
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.execution import context_creation_job
from dagster._core.execution.api import create_execution_plan, execute_plan_iterator
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.system_config.objects import ResolvedRunConfig
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import unpack_value

from kedro_assets._internals import dagster_executors, dagster_storage, dagster_tails

_MOST_DEFINITIONS = 4  # code locations, and jobs, whose definitions a worker keeps


@define(eq=False)
class KeptRun:
    """What is the same for all steps of a run in one worker.

    Reason: for each step Dagster works it out anew.
    Risk: high, as its parts say.

    Attributes:
        run_id: The run.
        instance: Where it is recorded; it stays open.
        users: How many steps of the run are executed now.
        at_end: What is to be done when the worker lets the run go.
    """

    run_id: str
    instance: dg.DagsterInstance
    users: int = 0
    at_end: ExitStack = field(factory=ExitStack)
    _loaded: Callable[[KeptRun, dg.JobDefinition], None] | None = None
    _job: dg.JobDefinition | None = None
    _config: _Built | None = None
    _plan: _Built | None = None

    @classmethod
    def open(
        cls, run_id: str, packed: Any, loaded: Callable[[KeptRun, dg.JobDefinition], None] | None = None
    ) -> KeptRun:
        """Open the instance in which a run is recorded, in another process than that of the run, and keep its files open.

        Reason: an instance has no public way to be found from what an executor hands on.
        Risk: high, as for `dagster_executors.StartedPlan`.

        Args:
            run_id: The run.
            packed: The instance, as an executor hands it on.
            loaded: Called with the run and with its job, before the first step and when its definitions are loaded again.
        """
        stack = ExitStack()
        instance = stack.enter_context(dg.DagsterInstance.from_ref(packed))
        stack.enter_context(dagster_storage.kept_open(instance, run_id))
        return cls(run_id, instance, at_end=stack, loaded=loaded)

    def close(self) -> None:
        """Let the run go."""
        self._job = self._config = self._plan = None
        self.at_end.close()

    def load(self, job: dg.JobDefinition) -> None:
        """Take down the job of the run; another one has the same name, and was loaded again.

        Reason: as for the class.
        Risk: low.
        """
        if job is not self._job:
            self._job = job
            if self._loaded is not None:
                self._loaded(self, job)

    def config(self, job: dg.JobDefinition, run_config: Mapping[str, Any] | None) -> Any:
        """Return the configuration of the run with all defaults.

        Reason: Dagster works it out anew for each step, for all steps of the job, and has no way to be given it.
        Risk: medium; where it changes, a step takes longer, and the more so the more steps a job has.
        """
        if self._config is None or not self._config.is_of(job, run_config):
            self._config = _Built(job, run_config, ResolvedRunConfig.build(job, run_config))
        return self._config.result

    def plan(
        self,
        job: Any,
        run_config: Mapping[str, Any] | None = None,
        step_keys_to_execute: Sequence[str] | None = None,
        known_state: Any = None,
    ) -> Any:
        """Return the plan of some steps as a part of the plan of the run, which is worked out once.

        Reason: Dagster works it out anew for each step, and has no public way to take a part of it.
        Risk: high; where it changes, steps on Dask and Celery fail when they start.

        Args:
            job: The job, as `ReconstructableJob`.
            run_config: The run's configuration.
            step_keys_to_execute: The keys of the steps.
            known_state: What is known of other steps.
        """
        definition = job.get_definition()
        self.load(definition)
        known = known_state or KnownExecutionState()
        if self._plan is None or not self._plan.is_of(definition, run_config):
            self._plan = _Built(definition, run_config, create_execution_plan(job, run_config))
        whole = self._plan.result
        if step_keys_to_execute is None or whole.resolvable_map or known.dynamic_mappings:  # which change a plan
            return create_execution_plan(job, run_config, step_keys_to_execute, known_state)
        config = self.config(definition, run_config)
        return whole._replace(known_state=known).build_subset_plan(step_keys_to_execute, definition, config)


@frozen(eq=False)
class _Built:
    """What was worked out from a job and the configuration of a run."""

    job: dg.JobDefinition
    run_config: Mapping[str, Any] | None
    result: Any

    def is_of(self, job: dg.JobDefinition, run_config: Mapping[str, Any] | None) -> bool:
        return self.job is job and self.run_config == run_config


class _InThread(threading.local):
    """What a thread of this worker does now."""

    task: str | None = None
    """The run of the task that it executes."""
    run: KeptRun | None = None
    """The same, once what is kept of it was found."""


_now = _InThread()


def run_one_step(
    packed: Mapping[str, Any], run: dg.DagsterRun, step: str, kept: KeptRun, retries: Any, known_state: Any
) -> list[dg.DagsterEvent] | None:
    """Run a step of a run in another process than that of the run, and return its events; None if the run is cancelled.

    Reason: Dagster has no public way to do so beside its command line, which costs a process for each step.
    Risk: high, as for `dagster_executors.StartedPlan`.
    """
    if dagster_executors.is_cancelled(run, kept.instance):
        return None
    job, config = ReconstructableJob.from_dict(packed), run.run_config
    _now.run = None if dagster_storage.is_plain() else kept
    try:
        plan = (create_execution_plan if _now.run is None else kept.plan)(job, config, [step], known_state)
        return list(execute_plan_iterator(plan, job, run, kept.instance, retry_mode=retries, run_config=config))
    finally:
        _now.run = None


def keep_from_step_to_step(packed: Mapping[str, Any] | None = None) -> None:
    """Let this process, which is a worker that lives on, keep what Dagster would work out or start anew for each step.

    Reason: Dagster has no settings for it.
    Risk: medium, as it replaces methods of Dagster's for the whole process; `KEDRO_ASSETS_PLAIN_DAGSTER` switches it off. Where
    one has another name, nothing is replaced.

    Args:
        packed: The job that this process has loaded before, as an executor hands it to a worker.
    """
    if not dagster_storage.is_plain():
        _keep_definitions(ReconstructableJob.from_dict(packed) if packed else None)
        _keep_configuration()
        dagster_tails.show_output_in_threads()


def _keep_definitions(loaded: ReconstructableJob | None) -> None:
    """Keep the definitions of several jobs, so that each project is loaded once though several runs take turns.

    Reason: Dagster keeps those of the last job, and loads its code location again where another job comes between.
    Risk: medium; where one of its two methods has another name, it does so here too.
    """
    ours = {"get_definition": _definition, "get_repository_definition": _repository_of}
    if all(hasattr(ReconstructableJob, name) and not _is_ours(ReconstructableJob, name) for name in ours):
        if loaded is not None:
            _loaded_before[loaded.repository] = loaded.get_repository_definition()
        for name, method in ours.items():
            setattr(ReconstructableJob, name, method)


_loaded_before: dict[ReconstructableRepository, Any] = {}  # what Dagster has kept of it until now


@lru_cache(maxsize=_MOST_DEFINITIONS)
def _repository(source: ReconstructableRepository) -> dg.RepositoryDefinition:
    return _loaded_before.pop(source, None) or source.get_definition()


def _repository_of(job: ReconstructableJob) -> dg.RepositoryDefinition:
    return _repository(job.repository)


_repository_of.cache_clear = _repository.cache_clear  # type: ignore[attr-defined]  # as that of Dagster's own method


@lru_cache(maxsize=_MOST_DEFINITIONS)
def _definition(job: ReconstructableJob) -> dg.JobDefinition:
    selected = (job.op_selection, job.asset_selection, job.asset_check_selection)
    found: dg.JobDefinition = _repository(job.repository).get_maybe_subset_job_def(job.job_name, *selected)
    return found


def _keep_configuration() -> None:
    """Let Dagster ask the run for its configuration when it starts a step.

    Reason: as for `KeptRun.config`.
    Risk: medium, as there.
    """
    if not _is_ours(context_creation_job, "ResolvedRunConfig"):
        _set(context_creation_job, "ResolvedRunConfig", _Configurations)


class _Configurations:
    @staticmethod
    def build(job_def: dg.JobDefinition, run_config: Mapping[str, Any] | None = None) -> Any:
        run = _now.run
        return ResolvedRunConfig.build(job_def, run_config) if run is None else run.config(job_def, run_config)


# Celery


def alter_celery(find: Callable[[str, Any], KeptRun]) -> None:
    """Let the task of dagster-celery in this process take the instance and the plan of a run from what is kept of it.

    Reason: the task belongs to dagster-celery and can be given neither.
    Risk: high, as it replaces two names in the module of the task; where it has one of them no more, the task is as before.

    Args:
        find: Finds what is kept of a run, by its id and the packed instance, and counts one more user.
    """
    tasks = import_module("dagster_celery.tasks")
    names = ("DagsterInstance", "create_execution_plan")
    if all(hasattr(tasks, name) and not _is_ours(tasks, name) for name in names) and not dagster_storage.is_plain():
        tasks.DagsterInstance = _Instances(find)  # type: ignore[attr-defined]
        tasks.create_execution_plan = _planned  # type: ignore[attr-defined]


class _Instances:
    """Stands for `DagsterInstance`.

    Args:
        find: As for `alter_celery`.
    """

    def __init__(self, find: Callable[[str, Any], KeptRun]) -> None:
        self._find = find

    def __getattr__(self, name: str) -> Any:
        return getattr(dg.DagsterInstance, name)

    def from_ref(self, packed: Any) -> dg.DagsterInstance:
        if _now.task is None or _now.run is not None:
            return dg.DagsterInstance.from_ref(packed)
        _now.run = self._find(_now.task, packed)
        return _now.run.instance


def _planned(job: Any, *arguments: Any, **options: Any) -> Any:
    plan = create_execution_plan if _now.run is None else _now.run.plan
    return plan(job, *arguments, **options)


def begin_task(arguments: Mapping[str, Any]) -> None:
    """Take down which run the task of dagster-celery is of that begins now, if it is a step.

    Reason: the task is told so in a form that is not public.
    Risk: medium; where it changes, what is kept is opened for each step.
    """
    step = _step_of(arguments)
    _now.task = step.run_id if step else None


def keep_after_task(arguments: Mapping[str, Any], find: Callable[[str, Any], KeptRun]) -> KeptRun | None:
    """Begin to keep what the next tasks need, after the first of this process, and return what is kept of its run.

    Reason: as for `alter_celery`.
    Risk: high, as there.

    Args:
        arguments: Those of the task.
        find: As for `alter_celery`.
    """
    if dagster_storage.is_plain():
        return None
    packed, step = arguments.get("executable_dict"), _step_of(arguments)
    keep_from_step_to_step(packed)
    alter_celery(find)
    if packed is None or step is None:
        return None
    job = ReconstructableJob.from_dict(packed).get_definition()
    run = find(step.run_id, step.instance_ref)
    run.load(job)
    return run


def _step_of(arguments: Mapping[str, Any]) -> ExecuteStepArgs | None:
    packed = arguments.get("execute_step_args_packed")
    return unpack_value(packed, as_type=ExecuteStepArgs) if packed else None


def end_task() -> KeptRun | None:
    """Take down that the task has ended, and return what was kept of its run, which it does not use any more.

    Reason: as for `begin_task`.
    Risk: low.
    """
    run, _now.task, _now.run = _now.run, None, None
    return run


def _is_ours(owner: Any, name: str) -> bool:
    found = getattr(owner, name)
    return getattr(getattr(found, "func", found), "__module__", "") == __name__


def _set(owner: Any, name: str, value: Any) -> None:
    setattr(owner, name, value)
