"""What the runs of a job are given: dagster.yml in the words of Dagster's run configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import asdict

from kedro_assets.config import RunConfig
from kedro_assets.errors import Scope, suggest
from kedro_assets.runtime import FIELD, RunTags

Reads = Mapping[str, frozenset[str]]
"""The parameters that each step of a job reads, under the names that nodes use."""


def check_parameters(config: RunConfig, reads: Reads, scope: Scope) -> None:
    """Report parameters in the configuration of a job or a schedule that no node of the job reads.

    Args:
        config: The configuration.
        reads: What the job reads.
        scope: The place of the configuration.
    """
    known = frozenset[str]().union(*reads.values())
    for name in config.parameters:
        if name not in known:
            scope.at("parameters", name).add(f"no node of this job reads the parameter '{name}'.", suggest(name, known))


def check_tags(tags: Collection[str], resource_key: str, scope: Scope) -> None:
    """Report tags of runs that the processes of a run write themselves.

    Args:
        tags: The keys of the tags.
        resource_key: That of the project.
        scope: The place of the tags.
    """
    for key in RunTags(resource_key).all:
        if key in tags:
            found = "the processes of a run write this tag themselves, to tell each other how far it is."
            scope.at(key).add(found, "Give the tag another name.")


def combined(config: RunConfig, more: RunConfig) -> RunConfig:
    """Lay what a schedule or a sensor gives to a run over what its job gives."""
    return RunConfig(
        parameters={**config.parameters, **more.parameters},
        runtime_params=merged(config.runtime_params, more.runtime_params),
        load_versions={**config.load_versions, **more.load_versions},
    )


def dagster_run_config(config: RunConfig, reads: Reads, loggers: Sequence[str], resource_key: str) -> dict[str, Any]:
    """Return what the launchpad would: values of parameters for the steps that read them, and what Kedro is given."""
    given = asdict(config, recurse=False)
    values = given.pop("parameters")
    by_step = {step: {name: values[name] for name in values if name in names} for step, names in reads.items()}
    options = {key: value for key, value in given.items() if value}
    found = {
        "ops": {step: {"config": {FIELD: own}} for step, own in by_step.items() if own},
        "resources": {resource_key: {"config": options}} if options else {},
        "loggers": {name: {} for name in loggers},
    }
    return {key: value for key, value in found.items() if value}


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one nested mapping over another.

    Examples:
        >>> merged({"model": {"depth": 3, "seed": 1}}, {"model": {"depth": 5}})
        {'model': {'depth': 5, 'seed': 1}}
    """
    result = dict(first)
    for key, value in second.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result
