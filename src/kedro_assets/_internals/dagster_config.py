"""Dagster's configuration schemas, and what its constructors raise."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
from dagster._check import CheckError
from dagster._config import process_config, resolve_to_config_type
from dagster._config.errors import FieldNotDefinedErrorData, FieldsNotDefinedErrorData
from dagster._core.definitions.definition_config_schema import DefinitionConfigSchema

CHECK_ERROR: type[Exception] = CheckError
"""What Dagster's constructors raise for a value that does not fit."""


def executor_problems(
    executor: dg.ExecutorDefinition, options: Mapping[str, Any]
) -> Iterator[tuple[list[str], str, Collection[str]]]:
    """Check options against an executor's own schema, as Dagster does at launch.

    Yields:
        The path of a misfit, Dagster's message, and the names that are allowed there if the name is what does not fit.
    """
    schema = resolve_to_config_type(executor.config_schema.config_type)
    try:
        errors = process_config(schema, dict(options)).errors or []
    except Exception as raised:  # noqa: BLE001 - of many classes, for a value that no schema foresees
        yield [], f"Dagster cannot read these options: {type(raised).__name__}: {raised}", ()
        return
    for error in errors:
        path = [str(getattr(entry, "field_name", getattr(entry, "list_index", ""))) for entry in error.stack.entries]
        data = error.error_data
        if isinstance(data, FieldNotDefinedErrorData | FieldsNotDefinedErrorData):
            unknown = [data.field_name] if isinstance(data, FieldNotDefinedErrorData) else data.field_names
            for name in unknown:
                yield [*path, name], f"the executor has no option '{name}'.", _options_at(schema, path)
        else:
            yield path, f"Dagster refuses this: {error.message}", ()


def _options_at(schema: Any, path: Iterable[str]) -> Collection[str]:
    """Give the names of the options that a schema has at a path."""
    for part in path:
        fields = getattr(schema, "fields", {})
        schema = fields[part].config_type if part in fields else getattr(schema, "inner_type", None)
    return list(getattr(schema, "fields", {}))


class HiddenSchema(DefinitionConfigSchema):
    """The schema of a resource that takes no configuration, and that run configuration does not list.

    Reason: Dagster gives every resource without a schema one of any value, so a launchpad lists all IO managers.
    Risk: low; where Dagster stops asking whether a schema is there, they are listed again.
    """

    def __init__(self) -> None:
        super().__init__(dg.Field(dict, is_required=False))

    def __bool__(self) -> bool:
        return False
