"""Partitions of small projects: catalogs that hold them, and runs that make them."""

from __future__ import annotations

from typing import Any, NamedTuple

import dagster as dg
from helpers import KedroProject
from kedro.framework.startup import bootstrap_project

from kedro_assets._internals import dagster_jobs

DAILY = '{daily: {start_date: "2026-01-01", end_date: "2026-01-15"}}'
WEEKLY = '{weekly: {start_date: "2026-01-04", end_date: "2026-01-18"}}'


class Made(NamedTuple):
    """What Dagster recorded of a run."""

    events: list[dg.DagsterEvent]

    @property
    def success(self) -> bool:
        return self.events[-1].event_type == dg.DagsterEventType.RUN_SUCCESS

    @property
    def recorded(self) -> list[tuple[str, str | None]]:
        """The materializations: asset and partition."""
        events = [event for event in self.events if event.is_step_materialization]
        return [(event.asset_key.to_user_string(), event.partition) for event in events]

    @property
    def error(self) -> str:
        """The message of the error that a node raised, or kedro-assets before any ran."""
        failures = [event for event in self.events if event.is_failure]
        error = failures[0].event_specific_data.error if failures else None
        while error is not None and error.cause is not None:
            error = error.cause
        return error.message if error is not None else ""


def make(
    project: KedroProject, instance: dg.DagsterInstance, *assets: str, tags: dict[str, str] | None = None, **config: Any
) -> Made:
    """Materialize assets as the UI does, for a partition if the tags name one."""
    return run_job(project, instance, dagster_jobs.ASSET_JOB, *assets, tags=tags, **config)


def run_job(
    project: KedroProject,
    instance: dg.DagsterInstance,
    job: str,
    *assets: str,
    tags: dict[str, str] | None = None,
    module: str = "definitions",
    **config: Any,
) -> Made:
    """Run a job, or some of its assets."""
    bootstrap_project(project.path)
    repository = dagster_jobs.load_repository(f"{project.package}.{module}", project.path)
    keys = [dg.AssetKey.from_user_string(asset) for asset in assets] or None
    return Made(list(dagster_jobs.start_run(repository, job, keys, config, tags or {}, instance).events))


def partition(key: str) -> dict[str, str]:
    return {"dagster/partition": key}


def between(first: str, last: str) -> dict[str, str]:
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


def one(name: str, metadata: str = "", place: str = "${runtime_params:partition_key}", folder: str = "") -> str:
    """A catalog entry for one file per partition."""
    base = folder or name.partition("@")[0]
    entry = f'"{name}":\n  type: json.JSONDataset\n  filepath: data/{base}/{place}.json\n'
    return entry + (f"  metadata: {{dagster: {{{metadata}}}}}\n" if metadata else "")


def every(name: str, metadata: str = "", folder: str = "") -> str:
    """A catalog entry for a folder of partitions."""
    base = folder or name.partition("@")[0]
    entry = f'"{name}":\n  type: partitions.PartitionedDataset\n  path: data/{base}\n  dataset: json.JSONDataset\n'
    entry += "  filename_suffix: .json\n"
    return entry + (f"  metadata: {{dagster: {{{metadata}}}}}\n" if metadata else "")
