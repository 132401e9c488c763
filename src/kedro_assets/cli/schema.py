"""`kedro assets schema`: dagster.yml as a JSON schema, for the completion and the checks of editors.

It is made from the classes that read the file and from the configuration of the installed executors. It is draft 7, which
editors know best, and as they see a file before Kedro's config loader does, `${...}` may stand in place of any value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from attrs import NOTHING, Attribute, fields, has

from kedro_assets._internals import dagster_config
from kedro_assets._internals.dagster_config import Option, OptionType
from kedro_assets.assets import condition_words
from kedro_assets.config import (
    AssetsConfig,
    DagsterConfig,
    DatasetSettings,
    ExecutorConfig,
    JobConfig,
    LoggerConfig,
    PartitionMappingConfig,
    PartitionsConfig,
    PipelineFilter,
    RetryConfig,
    RunConfig,
    ScheduleConfig,
    SensorConfig,
    TimeWindowMappingConfig,
    TimeWindowsConfig,
    imported,
    key_notes,
    summary,
)
from kedro_assets.execution import ALIASES, ALSO_STRINGS, KNOWN

Schema = dict[str, Any]
Options = Mapping[str, Option]

_SECTIONS = (
    *(AssetsConfig, ScheduleConfig, SensorConfig, LoggerConfig, JobConfig, PipelineFilter, RunConfig, RetryConfig),
    *(DatasetSettings, PartitionsConfig, TimeWindowsConfig, PartitionMappingConfig, TimeWindowMappingConfig),
)
_PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number"}
_SCALARS = {"String": "string", "Bool": "boolean", "Int": "integer", "Float": "number"}
_IMPORT_PATH = r"^[^\s.]+(\.[^\s.]+)+$"
_INTERPOLATION = r"\$\{.+\}"
_NO_SPACE = r"^\S+$"  # as the reader wants the names of pools


def schema_text() -> str:
    """Write the schema as JSON."""
    return json.dumps(dagster_schema(), indent=2, ensure_ascii=False, default=str) + "\n"


def dagster_schema() -> Schema:
    """Describe dagster.yml."""
    definitions = {section.__name__: _section(section) for section in _SECTIONS}
    older = "Kedro's older spelling of `node_namespaces` with one namespace."
    definitions["PipelineFilter"]["properties"]["node_namespace"] = {"description": older, "type": "string"}
    pools = definitions["AssetsConfig"]["properties"]["pools"]
    pools["additionalProperties"] = {"type": "string", "pattern": rf"{_NO_SPACE}|{_INTERPOLATION}"}
    definitions["JobConfig"]["not"] = {"type": "object", "required": ["pipeline", "selection"]}
    sources: list[Schema] = [{"required": ["asset"]}, {"required": ["dataset"]}]
    definitions["SensorConfig"] |= {"type": "object", "oneOf": sources}
    definitions["ExecutorConfig"] = _executor()
    definitions["AutomationCondition"] = condition_schema()
    for section, key in (
        ("JobConfig", "automation_condition"),
        ("DatasetSettings", "automation_condition"),
        ("DatasetSettings", "check_automation_condition"),
    ):
        condition = {"anyOf": [_reference("AutomationCondition"), {"type": "null"}]}
        definitions[section]["properties"][key] |= condition
    definitions |= {name: executor_schema(name) for name in KNOWN}
    whole = _section(DagsterConfig)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "dagster.yml of kedro-assets",
        **_with_interpolation(whole),
        "definitions": {name: _with_interpolation(schema) for name, schema in definitions.items()},
    }


def executor_schema(name: str) -> Schema:
    """Describe the options of an executor in the words of its installed library.

    Args:
        name: Its name or its import path in dagster.yml; if its library is not installed, any options may stand there.
    """
    path, package = KNOWN.get(name, (name, name.partition(".")[0].replace("_", "-")))
    try:
        found = option_schema(dagster_config.executor_options(imported(path)))
    except (ImportError, AttributeError):
        return {
            "description": f"This executor is not installed. Install it: pip install {package}",
            "type": ["object", "null"],
        }
    properties = found.setdefault("properties", {})
    for option in ALSO_STRINGS.get(name, ()):
        own = properties[option]
        properties[option] = {"description": own.pop("description", ""), "anyOf": [own, {"type": "string"}]}
    return found if "required" in found else _or_null(found)


def condition_schema() -> Schema:
    """Describe an automation condition, with what the installed Dagster has.

    What is in it is described as far as it is a condition again: Dagster says nothing of other arguments but their names.
    """
    words = condition_words()
    inside = [_reference("AutomationCondition"), {"type": "array", "items": _reference("AutomationCondition")}]
    known = {"anyOf": [*inside, {"type": ["object", "array", "string", "boolean", "null"]}]}
    return {
        "description": "An automation condition: a name of Dagster's, alone or with its arguments, and methods of it.",
        "anyOf": [
            {"enum": [name for name, (_, alone) in words.items() if alone]},
            {
                "type": "object",
                "minProperties": 1,
                "properties": {name: {"description": text, **known} for name, (text, _) in words.items()},
                "additionalProperties": False,
            },
        ],
    }


def option_schema(option_type: OptionType) -> Schema:
    """Describe a type of Dagster's configuration, as Dagster checks it.

    Examples:
        >>> import dagster as dg
        >>> option_schema(dagster_config.read_type(dg.Noneable(int)))
        {'type': ['integer', 'null']}
    """
    inner, options = option_type.inner, option_type.options
    of_kind: dict[str, Callable[[], Schema]] = {
        "NONEABLE": lambda: _or_null(option_schema(inner[0])),
        "ARRAY": lambda: {"type": "array", "items": option_schema(inner[0])},
        "MAP": lambda: {"type": "object", "additionalProperties": option_schema(inner[0])},
        "SCALAR": lambda: {"type": _SCALARS[option_type.name]} if option_type.name in _SCALARS else {},
        "SCALAR_UNION": lambda: {"anyOf": list(map(option_schema, inner))},
        "ENUM": lambda: {"enum": list(option_type.values)},
        "SELECTOR": lambda: _selector(options),
        "STRICT_SHAPE": lambda: _shape(options, more=False),
        "PERMISSIVE_SHAPE": lambda: _shape(options, more=True),
    }
    return of_kind.get(option_type.kind, dict)()


def _shape(options: Options, *, more: bool) -> Schema:
    found: Schema = {
        "type": "object",
        "properties": {name: _option(option) for name, option in options.items()},
        "additionalProperties": more,
    }
    required = [name for name, option in options.items() if option.is_required]
    return {**found, "required": required} if required else found


def _selector(options: Options) -> Schema:
    """Describe a mapping with one key out of several; its value may be left out where it is a mapping."""
    properties = {name: _option(option) for name, option in options.items()}
    for name, option in properties.items():
        if option.get("type") == "object" and "required" not in option:
            properties[name] = _or_null(option)
    found = {"type": "object", "properties": properties, "additionalProperties": False, "maxProperties": 1}
    return {**found, "minProperties": 1} if len(options) > 1 else found  # the only key goes without saying


def _option(option: Option) -> Schema:
    first_paragraph = " ".join(option.description.strip().split("\n\n")[0].split())
    text = {"description": first_paragraph} if first_paragraph else {}
    default = {"default": option.default} if option.default is not None else {}
    return {**text, **option_schema(option.type), **default}


def _executor() -> Schema:
    """Describe an executor that is written out: one key, which is a type or an import path, with the options below it."""
    return {
        "description": "An executor: one type with its options.",
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {name: _reference(name) for name in KNOWN},
        "patternProperties": {
            **{f"^{alias}$": _reference(name) for alias, name in ALIASES.items()},
            _IMPORT_PATH: {"description": "Any other executor, by its import path.", "type": ["object", "null"]},
        },
        "additionalProperties": False,
    }


def _section(section: type) -> Schema:
    """Describe a class of dagster.yml; without required keys it may be left empty."""
    types, notes = get_type_hints(section), key_notes(section)
    found = {
        "description": summary(section),
        "type": "object",
        "properties": {
            key.name: {"description": notes.get(key.name, ""), **_value(types[key.name]), **_default(key)}
            for key in fields(section)
        },
        "additionalProperties": False,
    }
    required = [key.name for key in fields(section) if key.default is NOTHING]
    return {**found, "required": required} if required else _or_null(found)


def _value(kind: Any) -> Schema:
    """Describe what may stand for a key; the reader takes nothing for an empty list or mapping."""
    found = _of_type(kind)
    if "$ref" in found:
        return {"allOf": [found]}  # beside a `$ref`, draft 7 reads nothing else
    return _or_null(found) if get_origin(kind) in (list, dict) else found


def _of_type(kind: Any) -> Schema:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _of_type(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of_type(arguments[1])}
    if arguments:  # of a union
        members = [_of_type(member) for member in arguments if member is not NoneType]
        if ExecutorConfig in arguments:
            members[0]["examples"] = list(KNOWN)
        found = members[0] if len(members) == 1 else {"anyOf": members}
        return _or_null(found) if NoneType in arguments else found
    if has(kind):
        return _reference(kind.__name__)
    return {"type": _PLAIN[kind]} if kind in _PLAIN else {}


def _default(key: Attribute[Any]) -> Schema:
    value: Any = key.default
    value = value.factory() if hasattr(value, "factory") else value
    return {} if value is NOTHING or value is None or has(type(value)) else {"default": value}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _or_null(schema: Schema) -> Schema:
    """Let nothing stand where a schema applies."""
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    return {"anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]} if schema else {}


def _with_interpolation(schema: Schema) -> Schema:
    """Let `${...}` stand in place of every value in a schema."""
    found = dict(schema)
    for keyword in ("properties", "patternProperties"):
        if keyword in found:
            found[keyword] = {name: _with_interpolation(inner) for name, inner in found[keyword].items()}
    for keyword in ("items", "additionalProperties"):
        if isinstance(found.get(keyword), dict):
            found[keyword] = _with_interpolation(found[keyword])
    if "anyOf" in found:
        found["anyOf"] = [_with_interpolation(inner) for inner in found["anyOf"]]
    if "enum" in found:
        found["anyOf"] = [{"enum": found.pop("enum")}, {"type": "string", "pattern": _INTERPOLATION}]
    types = [found["type"]] if isinstance(found.get("type"), str) else found.get("type", [])
    if not types or types == ["null"] or "string" in types:
        return found
    message = f"Allowed: {' or '.join(kind for kind in types if kind != 'null')}."
    return {**found, "type": [*types, "string"], "pattern": _INTERPOLATION, "patternErrorMessage": message}
