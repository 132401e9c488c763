"""Jobs and schedules that have other names than with kedro-dagster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from kedro_assets.names import identifier


def renamed_jobs(content: Mapping[str, Any], env: str) -> Iterator[tuple[str, str]]:
    """Yield the names that the jobs of a dagster.yml have had, and those that they have now, where they differ.

    Args:
        content: The converted content.
        env: The environment, which is the first part of their names in kedro-dagster.
    """
    for name in _jobs(content):
        before, after = f"{env}__{name}", _prefixed(content, name)
        if before != after:
            yield before, after


def renamed_schedules(content: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the job, the old and the new name of each schedule of a dagster.yml, where the names differ."""
    wanted = {name: job.get("schedule") for name, job in _jobs(content).items() if job.get("schedule") is not None}
    used = Counter(schedule for schedule in wanted.values() if isinstance(schedule, str))
    for job, schedule in wanted.items():
        if isinstance(schedule, str):
            before = f"{job}_{schedule}_schedule"
            after = schedule if used[schedule] == 1 and "{" not in job else f"{job}__{schedule}"
        else:
            before, after = f"{job}__schedule", f"{job}_schedule"
        if before != _prefixed(content, after):
            yield job, before, _prefixed(content, after)


def _jobs(content: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    jobs = content.get("jobs")
    return {str(name): job for name, job in jobs.items() if isinstance(job, dict)} if isinstance(jobs, dict) else {}


def _prefixed(content: Mapping[str, Any], name: str) -> str:
    assets = content.get("assets")
    prefix = assets.get("key_prefix") if isinstance(assets, dict) else None
    title = "__".join([*map(str, prefix or []), name])
    return title if "{" in title else identifier(title)
