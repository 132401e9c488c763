"""Executors of dagster.yml: any that Dagster ships or that can be imported, checked against its own schema."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

import dagster as dg

from kedro_assets import _private
from kedro_assets.config import DagsterConfig, ExecutorConfig, imported
from kedro_assets.errors import Path, Problems, suggest
from kedro_assets.lifecycle import with_lifecycle
from kedro_assets.opener import RunOpener
from kedro_assets.pipeline_hooks import JobFilter

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

PRELOAD = "kedro_assets.preload"
"""What the forkserver imports before the first step, so that a step starts with everything loaded."""


class Executors:
    """The executors of one project, each made once and with Kedro's pipeline hooks around it.

    Args:
        config: The project's dagster.yml.
        opener: Opens the project for a run.
        filters: Kedro filters by job name.
        problems: Collects what is wrong with an executor.
    """

    def __init__(
        self, config: DagsterConfig, opener: RunOpener, filters: Mapping[str, JobFilter], problems: Problems
    ) -> None:
        self._config = config
        self._opener = opener
        self._filters = filters
        self._problems = problems
        self._made = {name: self._make(executor, ("executors", name)) for name, executor in config.executors.items()}

    def get(self, wanted: str | ExecutorConfig | None, where: Path) -> dg.ExecutorDefinition | None:
        """Give the executor that dagster.yml names or writes out at `where`; None if it is wrong, which is reported.

        A name is one of `executors`, or else a type, which then has no options.
        """
        if wanted is None:
            return None
        if isinstance(wanted, str):
            if wanted in self._made or self._problems.at("executors", wanted):
                return self._made.get(wanted)
            if ALIASES.get(wanted, wanted) not in KNOWN:
                known = [*self._made, *KNOWN]
                self._problems.add(where, f"no executor '{wanted}' is defined.", suggest(wanted, known))
                return None
            wanted = ExecutorConfig(wanted)
        return self._make(wanted, where)

    def default(self) -> dg.ExecutorDefinition | None:
        """Give the executor for "Materialize" in the UI and for jobs that name none."""
        wanted = self._config.default_executor or ExecutorConfig("in_process")
        return self.get(wanted, ("default_executor",))

    def _make(self, config: ExecutorConfig, where: Path) -> dg.ExecutorDefinition | None:
        inner = self._import(config.type, where)
        if inner is None:
            return None
        options = _OPTIONS.get(ALIASES.get(config.type, config.type), dict)(config.options)
        misfits = list(_private.executor_problems(inner, options))
        for path, message, allowed in misfits:
            self._problems.add((*where, config.type, *path), message, suggest(path[-1], allowed) if allowed else "")
        if misfits:
            return None
        executor = with_lifecycle(inner, self._opener, self._filters)
        return executor.configured(options, name=inner.name) if options else executor

    def _import(self, kind: str, where: Path) -> dg.ExecutorDefinition | None:
        path, package = KNOWN.get(ALIASES.get(kind, kind), (kind, ""))
        if not path.rpartition(".")[0]:
            hint = f"{suggest(kind, KNOWN)} Any other is given by its import path, such as `package.module.executor`."
            self._problems.add((*where, kind), f"no executor is called '{kind}'.", hint)
            return None
        try:
            found = imported(path)
        except (ImportError, AttributeError, TypeError, ValueError) as error:  # the last two for a path like `..a`
            hint = f"Install it: pip install {package}" if package else "Give the import path of an ExecutorDefinition."
            self._problems.add((*where, kind), f"the executor '{kind}' cannot be imported: {error}.", hint)
            return None
        if not isinstance(found, dg.ExecutorDefinition):
            hint = "Give the import path of an ExecutorDefinition."
            self._problems.add((*where, kind), f"'{path}' is a {type(found).__name__} and no executor.", hint)
            return None
        if path == KNOWN["dask"][0]:
            return cast("dg.ExecutorDefinition", import_module("kedro_assets.dask_steps").dask_executor(found))
        return found


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
    if "network" in found and "networks" in found:
        found["networks"] = [found.pop("network"), *found["networks"]]
    inside = found.get("container_kwargs")
    if isinstance(inside, Mapping) and "environment" in inside:
        environment = inside["environment"] or {}
        if isinstance(environment, Mapping):
            environment = [name if value is None else f"{name}={value}" for name, value in environment.items()]
        found["container_kwargs"] = {name: value for name, value in inside.items() if name != "environment"}
        found["env_vars"] = [*found.get("env_vars", []), *environment]
    return found


_OPTIONS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "multiprocess": _with_fast_start,
    "docker": _in_words_of_dagster_docker,
}
