"""What a run has not of a partition: nothing in which its placeholder stands is loaded, saved or handed to a node.

The configuration is read with placeholders, so that a run can do what does not ask for a partition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kedro.pipeline.node import Node

from kedro_assets.errors import PartitionError
from kedro_assets.names import PARTITION_PARAMETERS, is_parameter
from kedro_assets.project import parameter_values, parts_asked, read_entry
from kedro_assets.runtime.kedro_run import KedroRun

_NONE = object()
"""Stands for a value that is not there, as None may be one."""


def check_filled(run: KedroRun, nodes: Iterable[Node], given: Mapping[str, Any]) -> None:
    """Look whether a run has all that the datasets and parameters of some nodes ask for of a partition.

    Args:
        run: The run.
        nodes: The nodes.
        given: Values that replace parameters of the project.

    Raises:
        PartitionError: If it has not.
    """
    missing = run.identity.unfilled
    if not missing:
        return
    given = with_partition(run, given)
    for node in nodes:
        for name in dict.fromkeys((*node.inputs, *node.outputs)):
            if is_parameter(name):
                value = given[name] if name in given else own_parameter(run, name)
                found, what = parts_asked(value) & missing, _parameter(name, value, missing)
            else:
                found, what = _of_dataset(run, name) & missing, f"'{name}'"
            if found:
                part, verb = min(found), "reads" if name in node.inputs else "writes"
                msg = (
                    f"{what}, which node '{node.name}' {verb}, depends on the runtime parameter `{part}`, which this run does not "
                    "have. Make a partition of what the node writes, if it has `partitions` in the catalog or in dagster.yml. "
                    f"Otherwise give it a value: `--params {part}=...`, or `config.runtime_params` of a job."
                )
                raise PartitionError(msg)


def holds_placeholder(run: KedroRun, name: str) -> bool:
    """Whether a parameter of the project has a placeholder in a run."""
    missing = run.identity.unfilled
    return bool(missing and parts_asked(_value(run, name)) & missing)


def own_parameter(run: KedroRun, name: str) -> Any:
    """Return a parameter as the project has it where the run has placeholders only because something else asks for them.

    Kedro lays runtime parameters over those of the project, and a default stands where none is given.
    """
    value, missing, own = _value(run, name), run.identity.unfilled, run.project.parameter_values.get(name, _NONE)
    if not missing or not parts_asked(value) & missing:
        return value
    found = _with_own(value, own, missing)
    if name != "parameters" or not isinstance(found, dict):
        return found
    laid_over = [key for key in PARTITION_PARAMETERS if key in found and key not in run.project.parameters]
    kept = {key: _pruned(found[key], missing) for key in laid_over}
    return {key: kept.get(key, item) for key, item in found.items() if key not in kept or kept[key]}


def with_partition(run: KedroRun, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return values that replace parameters, with the run's own where they have still the placeholder of a partition."""
    values = run.project.parameter_values
    return {
        name: _filled(value, values.get(name), own_parameter(run, name)) if parts_asked(value) else value
        for name, value in given.items()
    }


def _filled(value: Any, default: Any, own: Any) -> Any:
    """Lay the run's values over those that are as the project shows them without a run."""
    if isinstance(value, dict) and isinstance(default, dict) and isinstance(own, dict):
        return {key: _filled(item, default.get(key), own.get(key)) for key, item in value.items()}
    return own if value == default and parts_asked(value) else value


def _value(run: KedroRun, name: str) -> Any:
    dataset = run.catalog.get(name)
    return dataset.load() if dataset is not None else None


def _with_own(value: Any, own: Any, missing: frozenset[str]) -> Any:
    """Lay the project's own values over those that have a placeholder in the run."""
    if isinstance(value, dict) and isinstance(own, dict):
        return {key: _with_own(item, own.get(key, _NONE), missing) for key, item in value.items()}
    has_own = own is not _NONE and isinstance(value, str | list) and not parts_asked(own) & missing
    return own if has_own and parts_asked(value) & missing else value


def _pruned(value: Any, missing: frozenset[str]) -> Any:
    """Return what is no placeholder of a runtime parameter; None if that is nothing."""
    items = value if isinstance(value, dict) else {"": value}
    kept = {key: item for key, item in items.items() if not parts_asked(item) & missing}
    return (kept if isinstance(value, dict) else value) if kept else None


def _of_dataset(run: KedroRun, name: str) -> frozenset[str]:
    """Return the parts of a partition whose placeholders stand in the configuration of a dataset."""
    resolver = getattr(run.catalog, "config_resolver", None)
    entry = run.project.entry(name) if resolver is None else read_entry(resolver, name)
    return entry.partition_parts


def _parameter(name: str, value: Any, missing: frozenset[str]) -> str:
    """Name a parameter in which a placeholder stands; of the whole, the innermost."""
    if name != "parameters" or not isinstance(value, Mapping):
        return f"The parameter '{name}'"
    values = parameter_values(value).items()
    found = [key.removeprefix("params:") for key, item in values if parts_asked(item) & missing]
    written = [key for key in found if key.split(".")[0] not in PARTITION_PARAMETERS] or found
    return f"The parameter '{written[-1]}' in 'parameters'" if found else f"The parameter '{name}'"
