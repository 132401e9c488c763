"""Executors of dagster.yml: any that Dagster ships or that can be imported, checked against its own schema."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any, cast

import dagster as dg

from kedro_assets._internals import dagster_config
from kedro_assets.config import DagsterConfig, ExecutorConfig, imported
from kedro_assets.errors import Scope, message, suggest
from kedro_assets.execution.lifecycle import with_lifecycle

KNOWN = {
    "in_process": ("dagster.in_process_executor", "dagster"),
    "multiprocess": ("dagster.multiprocess_executor", "dagster"),
    "dask": ("dagster_dask.dask_executor", "dagster-dask"),
    "docker": ("dagster_docker.docker_executor", "dagster-docker"),
    "celery": ("dagster_celery.celery_executor", "dagster-celery"),
    "celery_docker": ("dagster_celery_docker.celery_docker_executor", "dagster-celery-docker"),
    "celery_k8s": ("dagster_celery_k8s.celery_k8s_job_executor", "dagster-celery-k8s"),
    "k8s": ("dagster_k8s.k8s_job_executor", "dagster-k8s"),
}
"""The executors that Dagster ships, by their names in dagster.yml: where each is, and the package that brings it."""

ALIASES = {path.rpartition(".")[2]: name for name, (path, _) in KNOWN.items()}
"""Other names that dagster.yml may use for them: those of their functions."""

ALSO_STRINGS = {"docker": ["registry"]}
"""Options that may be a string here, by executor, though Dagster takes none."""

NO_EXECUTOR = "none"
"""What `default_executor` may be in place of an executor, where other definitions of the code location bring theirs."""

PRELOAD = "kedro_assets.execution.preload"
"""What the forkserver imports before the first step, so that a step starts with everything loaded."""


class Executors:
    """The executors of a project's dagster.yml, with Kedro's pipeline hooks around them.

    Args:
        config: The project's dagster.yml.
        problems: Collects what is wrong with an executor.
    """

    def __init__(self, config: DagsterConfig, problems: Scope) -> None:
        self._config = config
        self._problems = problems
        self._made = {
            name: _make(executor, problems.at("executors", name)) for name, executor in config.executors.items()
        }

    def get(self, wanted: str | ExecutorConfig | None, scope: Scope) -> dg.ExecutorDefinition | None:
        """Return the executor that dagster.yml names or writes out at a place; None if it is wrong, which is reported.

        A name is one of `executors`, or else a type, which then has no options.
        """
        if wanted is None:
            return None
        if isinstance(wanted, str):
            if wanted in self._made or self._problems.at("executors", wanted).failed:
                return self._made.get(wanted)
            if ALIASES.get(wanted, wanted) not in KNOWN:
                scope.add(f"no executor '{wanted}' is defined.", suggest(wanted, [*self._made, *KNOWN]))
                return None
            wanted = ExecutorConfig(wanted)
        return _make(wanted, scope)

    def default(self) -> dg.ExecutorDefinition | None:
        """Return the executor for "Materialize" in the UI and for jobs that name none; None to leave it to other definitions."""
        wanted = self._config.default_executor or ExecutorConfig("in_process")
        if wanted == NO_EXECUTOR and NO_EXECUTOR not in self._config.executors:
            return None
        return self.get(wanted, self._problems.at("default_executor"))


def check_step_names(config: DagsterConfig, steps: Collection[str], problems: Scope) -> None:
    """Report names in `per_step_k8s_config` that are no step: Dagster would give their configuration to none, and say nothing.

    Args:
        config: dagster.yml.
        steps: The names of the steps of all assets and jobs.
        problems: Collects what does not fit.
    """
    written: dict[tuple[str, ...], str | ExecutorConfig | None] = {
        **{("executors", name): executor for name, executor in config.executors.items()},
        ("default_executor",): config.default_executor,
        **{("jobs", name, "executor"): job.executor for name, job in config.jobs.items()},
    }
    for place, executor in written.items():
        if not isinstance(executor, ExecutorConfig) or not isinstance(executor.options.get(_PER_STEP), dict):
            continue
        for name in executor.options[_PER_STEP].keys() - set(steps):
            scope = problems.at(*place, executor.type, _PER_STEP, name)
            scope.add(f"no step is called '{name}', so nothing gets this configuration.", suggest(name, steps))


def _make(config: ExecutorConfig, scope: Scope) -> dg.ExecutorDefinition | None:
    place = scope.at(config.type)
    inner = _import(config.type, place)
    if inner is None:
        return None
    options = _OPTIONS.get(ALIASES.get(config.type, config.type), dict)(config.options)
    refused = list(dagster_config.refused_options(inner, options))
    for path, found, allowed in refused:
        place.at(*path).add(found, suggest(path[-1], allowed) if allowed else "")
    return None if refused else with_hooks(inner, options)


def _import(kind: str, scope: Scope) -> dg.ExecutorDefinition | None:
    path, package = KNOWN.get(ALIASES.get(kind, kind), (kind, ""))
    if not path.rpartition(".")[0]:
        hint = f"{suggest(kind, KNOWN)} Give any other executor by its import path, such as `package.module.executor`."
        scope.add(f"there is no executor type '{kind}'.", hint)
        return None
    try:
        found = imported(path)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - of the module that it names
        hint = f"Install it: pip install {package}" if package else "Give the import path of an `ExecutorDefinition`."
        scope.add(f"the executor '{kind}' cannot be imported: {message(error)}.", hint)
        return None
    if not isinstance(found, dg.ExecutorDefinition):
        hint = "Give the import path of an `ExecutorDefinition`."
        scope.add(f"'{path}' is of type {type(found).__name__}, not an `ExecutorDefinition`.", hint)
        return None
    if path == KNOWN["dask"][0]:
        return cast("dg.ExecutorDefinition", import_module("kedro_assets.execution.dask_steps").dask_executor(found))
    return found


def with_hooks(executor: dg.ExecutorDefinition, options: Mapping[str, Any] | None = None) -> dg.ExecutorDefinition:
    """Return an executor with Kedro's pipeline hooks around what it executes, one and the same for the same options.

    It knows no project: it finds those of a run among the run's resources. So several projects share it in a code
    location, and `Definitions.merge` takes the definitions of all of them.

    Args:
        executor: Any executor of Dagster's; its name, its options and what it requires stay.
        options: Its options; None to leave them to run configuration.
    """
    text = json.dumps(options or {}, sort_keys=True, default=repr)
    if (executor, text) not in _WITH_HOOKS:
        wrapped = with_lifecycle(executor)
        _WITH_HOOKS[executor, text] = wrapped.configured(dict(options), name=executor.name) if options else wrapped
    return _WITH_HOOKS[executor, text]


_PER_STEP = "per_step_k8s_config"
_WITH_HOOKS: dict[tuple[dg.ExecutorDefinition, str], dg.ExecutorDefinition] = {}
"""The executors that were made, as `Definitions.merge` compares them by identity."""


def _with_fast_start(options: Mapping[str, Any]) -> dict[str, Any]:
    """Let the multiprocess executor fork its steps from a process that has everything loaded, unless it is told how."""
    if "start_method" in options or "forkserver" not in multiprocessing.get_all_start_methods():
        return dict(options)
    return {**options, "start_method": {"forkserver": {"preload_modules": [PRELOAD]}}}


def _in_words_of_dagster_docker(options: Mapping[str, Any]) -> dict[str, Any]:
    """Take a registry without a login for the first part of the image's name, and a network for one of the networks.

    What `container_kwargs` has under `environment` becomes `env_vars`: there dagster-docker refuses it when a step starts.
    """
    found = dict(options)
    if isinstance(found.get("registry"), str) and "image" in found:
        found["image"] = f"{found.pop('registry')}/{found['image']}"
    if "network" in found and isinstance(found.get("networks"), list):
        found["networks"] = [found.pop("network"), *found["networks"]]
    inside = found.get("container_kwargs")
    if (
        isinstance(inside, Mapping)
        and isinstance(inside.get("environment"), Mapping | list | None)
        and "environment" in inside
    ):
        environment = inside["environment"] or {}
        if isinstance(environment, Mapping):
            environment = [name if value is None else f"{name}={value}" for name, value in environment.items()]
        found["container_kwargs"] = {name: value for name, value in inside.items() if name != "environment"}
        if isinstance(found.setdefault("env_vars", []), list):
            found["env_vars"] = [*found["env_vars"], *environment]
    return found


_OPTIONS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "multiprocess": _with_fast_start,
    "docker": _in_words_of_dagster_docker,
}
