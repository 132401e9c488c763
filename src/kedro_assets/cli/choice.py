"""Which of the assets of a run `kedro assets run` makes: all, those that are not up to date, or those that are not there."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import click
import dagster as dg
from attrs import field, frozen

from kedro_assets.cli.partition_runs import PartitionRun
from kedro_assets.cli.progress import Echo
from kedro_assets.errors import PartitionError
from kedro_assets.names import counted
from kedro_assets.partitions import first_key, has_several
from kedro_assets.runtime import (
    IF_CHANGED_TAG,
    ONLY_MISSING_TAG,
    KedroProject,
    StaleAsset,
    assets_with_missing_outputs,
    stale_assets,
)


@frozen
class Choice:
    """What a run makes.

    Attributes:
        keys: The assets.
        tags: Tags of the run that say so.
    """

    keys: Collection[dg.AssetKey]
    tags: Mapping[str, str] = field(factory=dict)


def choose_stale(
    projects: Sequence[KedroProject],
    run: PartitionRun,
    instance: dg.DagsterInstance,
    run_config: Mapping[str, Any],
    echo: Echo,
) -> Choice:
    """Choose those of a run's assets that are not up to date, and say why.

    Args:
        projects: The projects.
        run: The run.
        instance: Where the history of the assets is recorded.
        run_config: Its configuration, which has the runtime parameters.
        echo: Writes a line.

    Raises:
        PartitionError: If the run makes several partitions, as each of them has a history of its own.
    """
    _refuse_several(run, "--stale")
    found: dict[dg.AssetKey, StaleAsset] = {}
    for project in projects:
        params = _given(project, run_config).get("runtime_params", {})
        found |= stale_assets(project, run.keys, instance, first_key(run.tags), runtime_params=params)
    _say_left_out(projects, run, echo)
    for key, stale in found.items():
        _say_made(key, echo, f": {', '.join(stale.reasons)}")
    echo(f"{counted(len(found), 'asset')} to make." if found else "Everything is up to date.")
    following = [key.to_user_string() for key, stale in found.items() if stale.follows]
    return Choice(found.keys(), {IF_CHANGED_TAG: json.dumps(following)} if following else {})


def choose_missing(
    projects: Sequence[KedroProject], run: PartitionRun, run_config: Mapping[str, Any], echo: Echo
) -> Choice:
    """Choose the assets of those nodes that `kedro run --only-missing-outputs` runs.

    Args:
        projects: The projects.
        run: The run.
        run_config: Its configuration, which has the runtime parameters and the versions to load.
        echo: Writes a line.

    Raises:
        PartitionError: If the run makes several partitions, as each of them has outputs of its own.
    """
    _refuse_several(run, "--only-missing-outputs")
    found: list[dg.AssetKey] = []
    for project in projects:
        found += assets_with_missing_outputs(project, run.keys, _given(project, run_config), run.tags)
    _say_left_out(projects, run, echo)
    for key in found:
        _say_made(key, echo)
    echo(f"{counted(len(found), 'asset')} to make." if found else "All outputs are there.")
    return Choice(found, {ONLY_MISSING_TAG: "true"})


def _given(project: KedroProject, run_config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the configuration of a project's resource in that of a run."""
    found: Mapping[str, Any] = run_config.get("resources", {}).get(project.resource_key, {}).get("config", {})
    return found


def _refuse_several(run: PartitionRun, option: str) -> None:
    if has_several(run.tags):
        msg = (
            f"The partitions {run.title} share a run, and {option} decides for each by itself. Name one with --partition, or run "
            f"them without {option}."
        )
        raise PartitionError(msg)


def _say_left_out(projects: Sequence[KedroProject], run: PartitionRun, echo: Echo) -> None:
    others = run.keys.difference(*(project.table.by_key.keys() for project in projects))
    if others:
        echo(f"Left out, as no Kedro node makes them: {', '.join(sorted(key.to_user_string() for key in others))}")


def _say_made(key: dg.AssetKey, echo: Echo, reasons: str = "") -> None:
    echo(f"{click.style('*', 'yellow')} {key.to_user_string()}{reasons}")
