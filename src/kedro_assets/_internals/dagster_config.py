"""Dagster's configuration schemas, and what its constructors raise."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import dagster as dg
from attrs import field, frozen
from dagster._check import CheckError
from dagster._config import process_config, resolve_to_config_type
from dagster._config.errors import FieldNotDefinedErrorData, FieldsNotDefinedErrorData
from dagster._core.definitions.definition_config_schema import DefinitionConfigSchema

CHECK_ERROR: type[Exception] = CheckError
"""What Dagster's constructors raise for a value that does not fit.

Reason: it is raised for what users write in the catalog, and is no `DagsterError`.
Risk: low; where it changes, such a mistake is a traceback.
"""


@frozen
class OptionType:
    """A type of Dagster's configuration.

    Attributes:
        kind: What kind of type: NONEABLE, ARRAY, MAP, SCALAR, SCALAR_UNION, ENUM, SELECTOR, STRICT_SHAPE, PERMISSIVE_SHAPE, ANY.
        name: The name of a scalar.
        inner: The types in it: of items or values, or the two of a union.
        options: The options of a shape or a selector.
        values: The values of an enumeration.
    """

    kind: str
    name: str = ""
    inner: Sequence[OptionType] = ()
    options: Mapping[str, Option] = field(factory=dict)
    values: Sequence[str] = ()


@frozen
class Option:
    """An option in a configuration.

    Attributes:
        type: Its type.
        description: What it is for.
        is_required: Whether it has to be there.
        default: Its default; None if it has none.
    """

    type: OptionType
    description: str
    is_required: bool
    default: Any


def executor_options(executor: dg.ExecutorDefinition) -> OptionType:
    """Return the options of an executor.

    Reason: its schema is public where an executor is defined, and not where it is read.
    Risk: low; where it changes, editors are told less of dagster.yml.
    """
    return read_type(executor.config_schema.config_type)


def read_type(kind: Any) -> OptionType:
    """Return what a type of Dagster's configuration is: a class of its, a Python type, or one of its wrappers.

    Reason: as for `executor_options`.
    Risk: low.
    """
    kind = resolve_to_config_type(kind)
    union = (kind.scalar_type, kind.non_scalar_type) if kind.kind.name == "SCALAR_UNION" else ()
    inner = (kind.inner_type,) if kind.kind.name in ("NONEABLE", "ARRAY", "MAP") else union
    return OptionType(
        kind=kind.kind.name,
        name=kind.given_name or "",
        inner=tuple(map(read_type, inner)),
        options={name: _option(option) for name, option in getattr(kind, "fields", {}).items()},
        values=tuple(kind.config_values) if kind.kind.name == "ENUM" else (),
    )


def _option(option: dg.Field) -> Option:
    default = option.default_value if option.default_provided else None
    return Option(read_type(option.config_type), option.description or "", option.is_required, default)


def refused_options(
    executor: dg.ExecutorDefinition, options: Mapping[str, Any]
) -> Iterator[tuple[list[str], str, Collection[str]]]:
    """Check options against an executor's own schema, as Dagster does at launch.

    Reason: `dagster.validate_run_config` needs a job for every executor, which takes 12 ms instead of 0.1, and what it raises
    holds the same unpublished records of errors. Its text has neither their paths nor what is allowed there.
    Risk: medium; where it changes, no project with executors in dagster.yml can be loaded.

    Yields:
        The path of an option that is refused, Dagster's message, and the names that are allowed there if it is the name that
        is refused.
    """
    yield from _refused(resolve_to_config_type(executor.config_schema.config_type), options)


def refused_by_kubernetes(key: str, value: Mapping[str, Any]) -> Iterator[tuple[list[str], str, Collection[str]]]:
    """Check a tag with which dagster-k8s describes pods, as it does at launch; nothing is refused if it is not installed.

    Reason: its schemas are in no published module, and it reads a tag only when a pod is started.
    Risk: low; where they move, a tag is not checked before that.

    Yields:
        As `refused_options`.
    """
    try:
        theirs = import_module("dagster_k8s.job")
        name = "USER_DEFINED_K8S_JOB_CONFIG_SCHEMA" if key == theirs.USER_DEFINED_K8S_CONFIG_KEY else ""
        schema = resolve_to_config_type(getattr(theirs, name or "K8S_RESOURCE_REQUIREMENTS_SCHEMA"))
        check = theirs.UserDefinedDagsterK8sConfig
    except (ImportError, AttributeError):
        return
    refused = list(_refused(schema, value))
    yield from refused
    sections = {} if refused or not name else value
    for section, content in sections.items():
        if isinstance(content, Mapping):
            try:
                check(**{section: content})
            except Exception as error:  # noqa: BLE001 - that is what it raises
                yield [section], f"Kubernetes does not know this: {error}.", ()


def refused_by_ray(value: Mapping[str, Any], *, of_run: bool) -> Iterator[tuple[list[str], str, Collection[str]]]:
    """Check the tag that dagster-ray reads, of a step or of a run; nothing is refused if it is not installed.

    Reason: its schemas are in no published module, and it passes over names that it does not know.
    Risk: low; where they move, a tag is not checked.

    Yields:
        As `refused_options`.
    """
    module, name = ("core.run_launcher", "RayLauncherConfig") if of_run else ("configs", "RayExecutionConfig")
    try:
        schema = getattr(import_module(f"dagster_ray.{module}"), name).to_config_schema().config_type
    except (ImportError, AttributeError):
        return
    yield from _refused(resolve_to_config_type(schema), value)


def _refused(schema: Any, value: Mapping[str, Any]) -> Iterator[tuple[list[str], str, Collection[str]]]:
    try:
        errors = process_config(schema, dict(value)).errors or []
    except Exception as raised:  # noqa: BLE001 - of many classes, for a value that no schema foresees
        yield [], f"Dagster cannot read these options: {type(raised).__name__}: {raised}", ()
        return
    for error in errors:
        path = [_part(entry) for entry in error.stack.entries]
        data = error.error_data
        if isinstance(data, FieldNotDefinedErrorData | FieldsNotDefinedErrorData):
            unknown = [data.field_name] if isinstance(data, FieldNotDefinedErrorData) else data.field_names
            for name in unknown:
                yield [*path, name], f"the executor has no option '{name}'.", _options_at(schema, path)
        else:
            yield path, f"Dagster rejects this option: {error.message}", ()


def _part(entry: Any) -> str:
    """Return the name of an option, the place in a list or the key of a mapping that a step of a path leads through."""
    found = (getattr(entry, name, None) for name in ("field_name", "list_index", "map_key"))
    return str(next((part for part in found if part is not None), ""))


def _options_at(schema: Any, path: Iterable[str]) -> Collection[str]:
    """Return the names of the options that a schema has at a path."""
    for part in path:
        fields = getattr(schema, "fields", {})
        schema = fields[part].config_type if part in fields else getattr(schema, "inner_type", None)
    return list(getattr(schema, "fields", {}))


class UnlistedIOManager(dg.IOManagerDefinition):
    """An IO manager that takes no configuration, and that run configuration does not list.

    Reason: Dagster gives every resource without a schema one of any value, so a launchpad would list all IO managers.
    Risk: low; where Dagster stops asking whether a schema is there, they are listed again.
    """

    @property
    def config_schema(self) -> Any:
        """A schema that run configuration does not list."""
        return _UNLISTED

    @property
    def has_config_field(self) -> bool:
        """It has none."""
        return False


class _UnlistedSchema(DefinitionConfigSchema):
    """A schema that is none."""

    def __init__(self) -> None:
        super().__init__(dg.Field(dict, is_required=False))

    def __bool__(self) -> bool:
        return False


_UNLISTED = _UnlistedSchema()
