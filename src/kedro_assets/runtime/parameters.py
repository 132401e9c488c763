"""A node's parameters as run configuration of its step, with the project's values as defaults."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.validation.parameter_validator import ParameterValidator

from kedro_assets.names import is_parameter
from kedro_assets.redaction import unmasked

FIELD = "parameters"


class ConfigSchemas:
    """The configuration schemas of a project's steps: one field per parameter that their nodes read.

    Dagster's schemas are dear to make, so steps that read the same parameters share one.

    Args:
        values: The project's values as they may be shown, by the name that a node uses.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._made: dict[tuple[str, ...], dg.Field] = {}

    def of(self, nodes: Iterable[Node]) -> dg.Field:
        """Return the schema of a step with these nodes; an empty one, which takes nothing, if they read no parameters."""
        names = tuple(dict.fromkeys(name for node in nodes for name in node.inputs if is_parameter(name)))
        if names not in self._made:
            defaults = {name: _shown(self._values.get(name)) for name in names}
            fields = {name: dg.Field(dg.Any, is_required=False, default_value=defaults[name]) for name in names}
            self._made[names] = dg.Field({FIELD: fields} if fields else {})
        return self._made[names]


def changed_parameters(
    config: Mapping[str, Any] | None, values: Mapping[str, Any], shown: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the parameters that a run's configuration changes.

    A value that is still the default is left out, so that what JSON cannot carry, a date for instance, reaches the node
    as the project has it. So does a secret that is still masked.

    Args:
        config: The configuration of the step.
        values: The project's values, by the name that a node uses.
        shown: The same as they may be shown, where any is masked.
    """
    given = (config or {}).get(FIELD) or {}
    defaults = {name: _shown((values if shown is None else shown).get(name)) for name in given}
    return {
        name: unmasked(value, defaults[name], values.get(name))
        for name, value in given.items()
        if not _same(value, defaults[name])
    }


def typed_parameters(node: Node, changed: Mapping[str, Any]) -> dict[str, Any]:
    """Let Kedro turn changed values into the models that a node's annotations ask for.

    Args:
        node: The node that reads them.
        changed: Values by the name of a node's input; those that this node does not read are left out.

    Raises:
        ParameterValidationError: If a value does not fit its model.
    """
    typed = {}
    for name in (name for name in node.inputs if name in changed):
        validator = ParameterValidator({"": Pipeline([node])})
        if name == "parameters":
            typed[name] = validator.validate_raw_params(changed[name])
        else:
            key = name.removeprefix("params:")
            typed[name] = validator.validate_raw_params({key: changed[name]})[key]
    return typed


def _same(first: Any, second: Any) -> bool:
    """Compare JSON values; `true` is not `1`, and `1.0` is, as JavaScript writes it so."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_same(value, second[key]) for key, value in first.items())
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_same, first, second))
    both_nan = first != first and second != second  # noqa: PLR0124 - only nan differs from itself
    return isinstance(first, bool) == isinstance(second, bool) and bool(first == second or both_nan)


def _shown(value: Any) -> Any:
    """Write a parameter's value as the launchpad can show it: JSON, with text for what JSON does not have."""
    return json.loads(json.dumps(_with_text_keys(value), default=str))


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_text_keys(item) for item in value]
    return value
