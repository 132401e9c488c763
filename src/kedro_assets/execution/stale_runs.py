"""Runs of jobs with `only: stale`: what is up to date when such a run starts is left out of it.

The run's own process decides, by what the instance knows then, and writes it down for the others. A step that makes nothing is
taken out of the plan that the executor gets, so that no process starts for it, and nothing is reported of its assets.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from kedro_assets._internals import dagster_executors, dagster_instance, dagster_jobs
from kedro_assets.names import counted
from kedro_assets.partitions import first_key, has_partition, has_several
from kedro_assets.project import masked_errors, read_credentials
from kedro_assets.runtime import (
    IF_CHANGED_TAG,
    STALE_TAG,
    KedroProject,
    StaleAsset,
    run_config_of,
    stale_assets,
    stale_of,
)

_SEVERAL = (
    "This run makes several partitions, each of which has a history of its own: all of the run's assets are made, whether they are "
    "up to date or not."
)


def assets_to_make(
    projects: Sequence[KedroProject], executed: dagster_executors.ExecutedRun
) -> frozenset[dg.AssetKey] | None:
    """Return the assets that a run makes, if its job leaves out what is up to date; None if it makes all that are selected.

    Args:
        projects: The projects of the run's job.
        executed: The run. It gets the tags by which its other processes know what it makes.
    """
    run = executed.run
    if executed.is_resumed and STALE_TAG in run.tags:
        return stale_of(run.tags)
    found = _to_make(projects, executed) if any(project.leaves_out(executed.job) for project in projects) else None
    if found is not None:
        following = [key.to_user_string() for key, stale in found.items() if stale.follows]
        tags = {STALE_TAG: json.dumps([key.to_user_string() for key in found])}
        tags |= {IF_CHANGED_TAG: json.dumps(following)} if following or IF_CHANGED_TAG in run.tags else {}
        dagster_instance.add_run_tags(executed.instance, run.run_id, tags)
    elif STALE_TAG in run.tags:  # a run that Dagster retries has the tags of the one before
        dagster_instance.add_run_tags(executed.instance, run.run_id, {STALE_TAG: ""})
    return frozenset(found) if found is not None else None


def _to_make(
    projects: Sequence[KedroProject], executed: dagster_executors.ExecutedRun
) -> Mapping[dg.AssetKey, StaleAsset] | None:
    """Return the assets that are not up to date, and write the reasons into the run's log; None if all are to be made."""
    run, by_step = executed.run, dagster_jobs.assets_by_step(executed.job)
    steps = by_step if run.step_keys_to_execute is None else by_step.keys() & run.step_keys_to_execute
    keys = frozenset[dg.AssetKey]().union(*(by_step[step] for step in steps))
    if has_several(run.tags):
        executed.log.warning(_SEVERAL)
        return None
    if not has_partition(run.tags) and any(each.partitioning for own in projects for each in own.table.of_keys(keys)):
        return None  # it fails, as it does not say which partition it makes
    found = dict[dg.AssetKey, StaleAsset]()
    for project in projects:
        found |= _decided(project, keys, executed)
    if not found:
        executed.log.info("Everything is up to date: there is nothing to make.")
    return found


def _decided(
    project: KedroProject, keys: Collection[dg.AssetKey], executed: dagster_executors.ExecutedRun
) -> Mapping[dg.AssetKey, StaleAsset]:
    """Return those of a project's assets that are not up to date, and write why."""
    run, job = executed.run, executed.job
    params = dagster_jobs.resource_config(job, run_config_of(run, job), project.resource_key).get("runtime_params", {})
    with project.entered(), masked_errors(project.location, params):
        redactor = project.project.redactor(read_credentials(project.location, params), params)
        found = stale_assets(project, keys, executed.instance, first_key(run.tags), run.run_id, params)
    if found:
        lines = [f"{key.to_user_string()}: {', '.join(stale.reasons)}" for key, stale in found.items()]
        text = "\n".join([f"{counted(len(found), 'asset')} to make:", *lines])
        executed.log.info(redactor.text(text))
    return found


def leave_out(
    plan_context: Any,
    execution_plan: Any,
    projects: Sequence[KedroProject],
    made: Collection[dg.AssetKey],
) -> tuple[Any, Iterator[dg.DagsterEvent]]:
    """Take out of a run's plan the steps that make nothing.

    What no Kedro node makes is left out, too: of that it is not known whether it is up to date.

    Args:
        plan_context: What the executor is given of the run.
        execution_plan: The plan of the run.
        projects: The projects of the run's job.
        made: The assets that the run makes.

    Returns:
        The plan; None if no step is left. And the events that say which steps are skipped.
    """
    executed = dagster_executors.executed_run(plan_context)
    run, job = executed.run, executed.job
    by_step, done = dagster_jobs.assets_by_step(job), dict[str, frozenset[dg.AssetKey]]()
    for project in projects:
        for step, plan in project.plan(run, job, made).steps.items():
            done[step] = frozenset(asset.key for asset in project.table.made_by(plan.nodes))
    idle, unmade = list[str](), set[dg.AssetKey]()
    for key in dagster_executors.step_keys(execution_plan):
        step = key.partition(".")[0]  # a graph of assets has a step for each of its ops
        assets = by_step.get(step, frozenset())
        if not any(dagster_jobs.is_made(job, asset) for asset in assets):
            continue
        unmade |= assets - done.get(step, frozenset())
        idle += [] if done.get(step) else [key]
    left = dagster_executors.without_steps(plan_context, execution_plan, idle, unmade)
    return left, dagster_executors.skipped(plan_context, execution_plan, idle)
