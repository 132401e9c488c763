"""Executors of kedro-dagster: their types, which it guesses from the options, and the options that are written otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kedro_assets.errors import Scope

_IN_PROCESS = {"retries"}
_MULTIPROCESS = _IN_PROCESS | {"max_concurrent"}
_K8S = _MULTIPROCESS | {
    *("job_namespace", "load_incluster_config", "kubeconfig_file", "step_k8s_config", "per_step_k8s_config"),
    *("image_pull_policy", "image_pull_secrets", "service_account_name", "env_config_maps", "env_secrets", "env_vars"),
    *("volume_mounts", "volumes", "labels", "resources", "scheduler_name", "security_context"),
}
_OF_DOCKER = {"image", "network", "networks", "registry", "env_vars", "container_kwargs"}
_CELERY = {"broker", "backend", "include", "config_source", "retries"}
OPTIONS: Mapping[str, set[str]] = {
    "in_process": _IN_PROCESS,
    "multiprocess": _MULTIPROCESS,
    "dask_executor": {"cluster"},
    "k8s_job_executor": _K8S,
    "docker_executor": _MULTIPROCESS | _OF_DOCKER,
    "celery_executor": _CELERY,
    "celery_docker_executor": _CELERY | _MULTIPROCESS | _OF_DOCKER,
    "celery_k8s_job_executor": _CELERY | _K8S | {"job_wait_timeout"},
}
"""The types of kedro-dagster with their options, in the order in which it tries them for an executor without a type."""

_ONE_AT_A_TIME = {"multiprocess", "docker_executor", "k8s_job_executor"}
"""Those for which kedro-dagster has a `max_concurrent` of 1, where Dagster takes the number of CPUs."""
_NOT_THERE = {
    "celery_docker_executor": {"max_concurrent"},
    "celery_k8s_job_executor": {"max_concurrent", "step_k8s_config"},
}
_INSTEAD = {
    "max_concurrent": "The number of Celery workers decides how many steps run at once.",
    "step_k8s_config": "Write the configuration of each step under `per_step_k8s_config`.",
}


def type_of(options: Mapping[str, Any]) -> str | None:
    """Return the type that kedro-dagster guesses for an executor which is written without one.

    Examples:
        >>> type_of({"max_concurrent": 4}), type_of({"broker": "redis://", "image": "shop"}), type_of({"multiprocess": {}})
        ('multiprocess', 'celery_docker_executor', None)
    """
    retries = options.get("retries")
    kinds = [kind for kind, known in OPTIONS.items() if options.keys() <= known]
    if retries is not None:  # a number for Celery, and a mapping for the others
        kinds = [kind for kind in kinds if kind.startswith("celery") == isinstance(retries, int)]
    return next(iter(kinds), None)


def celery_retries(executor: object) -> int | None:
    """Return how often an executor lets Celery retry a task; None if it does not say so.

    Args:
        executor: As dagster.yml has it, with or without its type.
    """
    if not isinstance(executor, dict):
        return None
    for options in [executor, *executor.values()]:
        retries = options.get("retries") if isinstance(options, dict) else None
        if isinstance(retries, int) and not isinstance(retries, bool):
            return retries
    return None


def converted_executor(executor: object, scope: Scope) -> object:
    """Return an executor as kedro-assets reads it: one type with its options.

    Args:
        executor: As dagster.yml has it.
        scope: Its place; collects what is left out.
    """
    if not isinstance(executor, dict) or not all(isinstance(key, str) for key in executor):
        return executor
    if len(executor) != 1 or next(iter(executor)) not in OPTIONS:
        guessed = type_of(executor)
        if guessed is None:
            return executor
        return {guessed: _converted_options(guessed, executor, scope)}
    [(kind, options)] = executor.items()
    if options is not None and not isinstance(options, dict):
        return executor
    return {kind: _converted_options(kind, options, scope.at(kind))}


def _converted_options(kind: str, options: dict[str, Any] | None, scope: Scope) -> dict[str, Any] | None:
    found = dict(options or {})
    if kind in _ONE_AT_A_TIME:
        found.setdefault("max_concurrent", 1)
    if isinstance(found.get("retries"), int) and kind.startswith("celery"):
        del found["retries"]  # which the jobs get
    for key in sorted(found.keys() & _NOT_THERE.get(kind, set())):
        value = found.pop(key)
        scope.at(key).add(f"'{kind}' has no `{key}`; {value!r} is left out.", _INSTEAD[key])
    if kind == "celery_docker_executor":
        inside = {key: found.pop(key) for key in list(found) if key in _OF_DOCKER}
        if inside:
            found["docker"] = {**inside, **(found.get("docker") or {})}
    return found if found or options is not None else None
