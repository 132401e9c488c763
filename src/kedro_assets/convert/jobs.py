"""dagster.yml of kedro-dagster: its executors, loggers, schedules and jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kedro_assets.convert.executors import celery_retries, converted_executor
from kedro_assets.convert.loggers import converted_logger
from kedro_assets.errors import Scope

_OF_SCHEDULES = {"cron_schedule", "execution_timezone", "description"}
"""What kedro-dagster and kedro-assets both have; more is ours."""
_OURS = {"default_status", "tags", "config"}


def converted_dagster(
    content: Mapping[str, Any],
    executors: Mapping[str, Any],
    scope: Scope,
    inherited: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the content of a dagster.yml as kedro-assets reads it.

    Args:
        content: The file's content.
        executors: All executors that its jobs can name, as they were.
        scope: Collects what is left out.
        inherited: The loggers of the base environment, which the file's own section would replace.
    """
    found = dict(content)
    own = dict(found.get("loggers") or {}) if isinstance(found.get("loggers"), dict | None) else None
    if own is not None:
        own = {name: converted_logger(value, scope.at("loggers", str(name))) for name, value in own.items()}
    for key, convert in (("executors", converted_executor), ("schedules", _schedule)):
        if isinstance(found.get(key), dict):
            items = found[key].items()
            found[key] = {name: convert(value, scope.at(key, str(name))) for name, value in items}
    if isinstance(found.get("jobs"), dict):
        items = found["jobs"].items()
        found["jobs"] = {name: _job(str(name), value, executors, own, scope) for name, value in items}
    if own and "loggers" not in found:
        base = {name: converted_logger(value, Scope()) for name, value in (inherited or {}).items()}
        found["loggers"] = {**base, **own}
    elif own:
        found["loggers"] = own
    if isinstance(found.get("dev"), dict):
        known = ("host", "port", "log_level", "log_format", "live_data_poll_rate")
        given = [f"--{key.replace('_', '-')} {found['dev'][key]}" for key in known if key in found["dev"]]
        hint = f"Give them to the command: `{' '.join(['kedro assets dev', *given])}`."
        scope.at("dev").add("options of `dev` are those of the command; they are left out.", hint)
        del found["dev"]
    return found


def _job(name: str, job: object, executors: Mapping[str, Any], loggers: dict[str, Any] | None, scope: Scope) -> object:
    if not isinstance(job, dict):
        return job
    found, place = dict(job), scope.at("jobs", name)
    executor = found.get("executor")
    if isinstance(executor, dict):
        found["executor"] = converted_executor(executor, place.at("executor"))
    retries = celery_retries(executors.get(executor) if isinstance(executor, str) else executor)
    if retries is not None and "retries" not in found:
        found["retries"] = {"max_retries": retries}
    if isinstance(found.get("schedule"), dict):
        found["schedule"] = _schedule(found["schedule"], place.at("schedule"))
    if isinstance(found.get("loggers"), list) and loggers is not None:
        found["loggers"] = [
            _named(name, wanted, loggers, place.at("loggers", position))
            for position, wanted in enumerate(found["loggers"])
        ]
    return {key: value for key, value in found.items() if value is not None or key not in {"loggers", "schedule"}}


def _named(job: str, logger: object, loggers: dict[str, Any], scope: Scope) -> object:
    """Return the name of a logger that a job writes out, which is put among the others."""
    if not isinstance(logger, dict):
        return logger
    first = f"{re.sub(r'[^A-Za-z0-9_]+', '_', job).strip('_')}_logger"
    wanted = converted_logger(logger, scope)
    names = [first, *(f"{first}_{number}" for number in range(2, len(loggers) + 2))]
    name = next(name for name in names if loggers.get(name, wanted) == wanted)
    loggers[name] = wanted
    return name


def _schedule(schedule: object, scope: Scope) -> object:
    if not isinstance(schedule, dict):
        return schedule
    for key in sorted(map(str, schedule.keys() - _OF_SCHEDULES - _OURS)):
        shown = f"{schedule.get(key)!r} is left out."
        if key == "metadata":
            scope.at(key).add(
                f"a schedule has no metadata; {shown}", "Write it into the `description`, or as `tags` of the runs."
            )
        else:
            scope.at(key).add(f"kedro-dagster has ignored `{key}`; {shown}")
    return {key: value for key, value in schedule.items() if key in _OF_SCHEDULES | _OURS}
