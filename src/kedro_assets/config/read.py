"""From plain YAML values to the classes of `model`, with every problem at its path.

A value that does not fit is reported, cut out, and the rest is read again, so that one mistake hides no other.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from attrs import fields, frozen, has
from cattrs import Converter
from cattrs.cols import list_structure_factory
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)
from cattrs.gen import make_dict_structure_fn, mapping_structure_factory

from kedro_assets.config.model import (
    AssetsConfig,
    DagsterConfig,
    DatasetSettings,
    ExecutorConfig,
    JobConfig,
    PartitionMappingConfig,
    PartitionsConfig,
    PipelineFilter,
    SensorConfig,
)
from kedro_assets.errors import Path, Scope, suggest

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]

PARTITIONS = ("hourly", "daily", "weekly", "monthly", "cron", "static", "dynamic", "multi")
"""The keys of `PartitionsConfig` of which one says by what a dataset is partitioned."""
MAPPINGS = tuple(key.name for key in fields(PartitionMappingConfig))


class _InvalidValueError(ValueError):
    """A value does not fit its place; `found` and `hint` become the problem's sentences, `inside` leads deeper."""

    def __init__(self, found: str, hint: str = "", inside: Path = ()) -> None:
        self.found, self.hint, self.inside = found, hint, inside
        super().__init__(found)


def read_config(raw: Mapping[str, Any], problems: Scope) -> DagsterConfig:
    """Read the merged dagster.yml of a project.

    Args:
        raw: The file's content, as Kedro's config loader returns it.
        problems: Collects what does not fit; the rest of the file is read all the same.
    """
    return _structure(raw, DagsterConfig, problems) or DagsterConfig()


def read_dataset_settings(raw: object, problems: Scope) -> DatasetSettings:
    """Read `metadata.dagster` of one dataset of the catalog.

    Args:
        raw: What the catalog has.
        problems: Its place; collects what does not fit.
    """
    return _structure(raw, DatasetSettings, problems) or DatasetSettings()


def _structure(raw: object, cls: type[T], problems: Scope) -> T | None:
    raw = copy.deepcopy(raw)
    cut: dict[Path, Path | None] = {}  # what was cut out, in the file's own indices; and the list, if it was in one
    while True:
        try:
            return _converter().structure(raw, cls)
        except (BaseValidationError, _InvalidValueError) as error:
            leaves = list(_leaves(error))
        for leaf in leaves:
            path = _in_file(leaf.path, cut)
            if all(path not in (place, place[:-1]) for place in cut):  # else something is missing that was cut out
                problems.at(*path).add(leaf.found, leaf.hint)
        if not all(leaf.cut for leaf in leaves):
            return None
        places = [(leaf.cut, _in_file(leaf.cut, cut)) for leaf in leaves]
        for place, in_file in reversed(places):  # from the end, so that the indices of a list stay true
            holder = _cut(raw, place)
            cut[in_file] = in_file[:-1] if isinstance(holder, list) else None


def _in_file(path: Path, cut: Mapping[Path, Path | None]) -> Path:
    """Return a path with the indices that its lists have in the file, before anything was cut out of them."""
    found: Path = ()
    for key in path:
        in_file: Any = key
        if isinstance(key, int):
            for removed in sorted(place[-1] for place, holder in cut.items() if holder == found):
                in_file += removed <= in_file
        found = (*found, in_file)
    return found


@frozen
class _Leaf:
    """One value that does not fit: where it is reported, and what is cut out so that the rest can be read."""

    path: Path
    found: str
    hint: str
    cut: Path


def _leaves(error: BaseException, path: Path = ()) -> Iterator[_Leaf]:
    """Yield every single error inside a group of cattrs."""
    if isinstance(error, ClassValidationError | IterableValidationError):
        noted, plain = error.group_exceptions()
        for inner, note in noted:
            key = note.name if isinstance(note, AttributeValidationNote) else note.index
            yield from _leaves(inner, (*path, key))
        for inner in plain:
            yield from _leaves(inner, path)
    elif isinstance(error, ForbiddenExtraKeysError):
        allowed = [attribute.name for attribute in fields(error.cl)]
        for key in sorted(error.extra_fields):
            yield _Leaf((*path, key), f"unknown key '{key}'.", suggest(key, allowed), (*path, key))
    elif isinstance(error, KeyError):
        yield _Leaf(path, "this required key is missing.", "Add it.", path[:-1])
    elif isinstance(error, _InvalidValueError):
        path = (*path, *error.inside)
        yield _Leaf(path, error.found, error.hint, path)
    else:
        raise error


def _cut(raw: object, path: Path) -> object:
    """Remove the value at `path`, unless it went with an entry around it, and return what held it."""
    *parents, last = path
    holder: Any = raw
    for key in parents:
        holder = holder[key] if _holds(holder, key) else None
    if _holds(holder, last):
        del holder[last]
    return holder


def _holds(holder: object, key: str | int) -> bool:
    if isinstance(holder, dict):
        return key in holder
    return isinstance(holder, list) and isinstance(key, int) and key < len(holder)


@lru_cache(maxsize=1)
def _converter() -> Converter:
    """Build the one converter: strict types, no unknown keys, and what the classes cannot say by their types."""
    converter = Converter(forbid_extra_keys=True)
    for kind in (str, bool, int, float):
        converter.register_structure_hook(kind, _exactly(kind))
    converter.register_structure_hook_factory(_has_origin(Literal), lambda _: _literal)
    converter.register_structure_hook_factory(_has_origin(Union, UnionType), lambda cls: _union(cls, converter))
    converter.register_structure_hook_factory(
        _has_origin(list), lambda cls: _checked(list, list_structure_factory(cls, converter))
    )
    converter.register_structure_hook_factory(
        _has_origin(dict), lambda cls: _checked(dict, mapping_structure_factory(cls, converter))
    )
    converter.register_structure_hook_factory(
        has, lambda cls: _checked(dict, make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True))
    )
    read_assets = converter.get_structure_hook(AssetsConfig)
    converter.register_structure_hook(AssetsConfig, lambda value, cls: read_assets(_valid_pools(value), cls))
    read_filter = converter.get_structure_hook(PipelineFilter)
    converter.register_structure_hook(PipelineFilter, lambda value, cls: read_filter(_one_spelling(value), cls))
    read_sensor = converter.get_structure_hook(SensorConfig)
    converter.register_structure_hook(SensorConfig, lambda value, cls: read_sensor(_one_source(value), cls))
    read_job = converter.get_structure_hook(JobConfig)
    converter.register_structure_hook(JobConfig, lambda value, cls: read_job(_one_choice(value), cls))
    for section, kinds in ((PartitionsConfig, PARTITIONS), (PartitionMappingConfig, MAPPINGS)):
        converter.register_structure_hook(section, _one_of(kinds, converter.get_structure_hook(section)))
    converter.register_structure_hook(ExecutorConfig, _executor)
    return converter


_NOUNS: Mapping[Any, str] = {
    str: "a string",
    Literal: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a mapping",
    NoneType: "nothing",
}


_QUOTES = "Put it in quotes, as keys are strings."


def _noun(value: object) -> str:
    return _NOUNS.get(type(value), f"a {type(value).__name__}")


def _wrong_type(value: object, *allowed: Any) -> _InvalidValueError:
    nouns = " or ".join(_NOUNS.get(kind, "a mapping") for kind in allowed if kind is not NoneType)
    found = _noun(value)
    shown = f" ({value!r})" if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""
    return _InvalidValueError(f"expected {nouns}, found {found}{shown}.")


def _has_origin(*origins: object) -> Callable[[Any], bool]:
    return lambda cls: get_origin(cls) in origins


def _exactly(kind: type) -> Hook:
    """Make a hook that takes values of one type as they are, and converts nothing."""
    accepted = (int, float) if kind is float else (kind,)

    def structure(value: object, _: Any) -> object:
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            raise _wrong_type(value, kind)
        return value

    return structure


def _checked(kind: type, structure_content: Hook) -> Hook:
    """Make a hook that first looks whether the value is a list or a mapping at all; an empty one may be left out."""

    def structure(value: object, cls: Any) -> object:
        value = kind() if value is None else value
        if not isinstance(value, kind):
            raise _wrong_type(value, kind)
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    raise _InvalidValueError(f"the key {key!r} is not a string.", _QUOTES, inside=(key,))
        return structure_content(value, cls)

    return structure


def _literal(value: object, literal: Any) -> object:
    allowed = get_args(literal)
    if value not in allowed:
        raise _InvalidValueError(f"{value!r} is not allowed here.", suggest(str(value), allowed))
    return value


def _union(union: Any, converter: Converter) -> Hook:
    """Make a hook that chooses the member of a union by the kind of YAML value: scalar, list or mapping."""
    members = {dict if has(member) else get_origin(member) or member: member for member in get_args(union)}

    def structure(value: object, _: Any) -> object:
        if value is None and NoneType in members:
            return None
        if Literal in members and not isinstance(value, (list, dict)):
            return converter.structure(value, members[Literal])
        for kind, member in members.items():
            if isinstance(kind, type) and isinstance(value, kind) and not isinstance(value, bool):
                return converter.structure(value, member)
            if kind is float and isinstance(value, int) and not isinstance(value, bool):
                return value
        raise _wrong_type(value, *members)

    return structure


def _executor(value: object, _: Any) -> ExecutorConfig:
    if not isinstance(value, dict):
        raise _wrong_type(value, dict)
    if len(value) != 1:
        found = f"expected one executor type with its options, found {len(value)} keys."
        raise _InvalidValueError(found, "Write it as in `multiprocess: {max_concurrent: 2}`.")
    [(kind, options)] = value.items()
    if options is not None and not isinstance(options, dict):
        raise _InvalidValueError(
            f"expected a mapping of options for '{kind}', found {_noun(options)}.", "Write `{}` for the defaults."
        )
    if not isinstance(kind, str):
        raise _InvalidValueError(f"the key {kind!r} is not a string.", _QUOTES, inside=(kind,))
    for path in _odd_keys(options or {}):
        raise _InvalidValueError(f"the key {path[-1]!r} is not a string.", _QUOTES, inside=(kind, *path))
    return ExecutorConfig(kind, dict(options or {}))


def _odd_keys(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each key that is not a string, at any depth."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        if isinstance(value, dict) and not isinstance(key, str):
            yield (*path, key)
        yield from _odd_keys(item, (*path, key))


def _valid_pools(value: object) -> object:
    """Look whether Dagster takes the names of pools."""
    pools = value.get("pools") if isinstance(value, dict) else None
    for tag, pool in pools.items() if isinstance(pools, dict) else ():
        if isinstance(pool, str) and not re.fullmatch(r"\S+", pool):
            hint = "Write a name without spaces and line breaks."
            raise _InvalidValueError(
                f"Dagster does not allow {pool!r} as the name of a pool.", hint, inside=("pools", tag)
            )
    return value


def _one_spelling(value: object) -> object:
    """Take Kedro's older `node_namespace: a` for `node_namespaces: [a]`, and one of `pipeline_name` and `pipeline_names`."""
    if isinstance(value, dict) and {"pipeline_name", "pipeline_names"} <= value.keys():
        raise _InvalidValueError(
            "found both `pipeline_name` and `pipeline_names`, but a filter takes only one of them.", "Keep one of them."
        )
    if isinstance(value, dict) and isinstance(value.get("node_namespace"), str):
        rest = {key: item for key, item in value.items() if key != "node_namespace"}
        return {**rest, "node_namespaces": [*(rest.get("node_namespaces") or []), value["node_namespace"]]}
    return value


def _one_of(kinds: Sequence[str], structure: Hook) -> Hook:
    """Make a hook that takes a mapping with one of some keys at most."""

    def structure_one(value: object, cls: Any) -> object:
        found = [key for key in kinds if isinstance(value, dict) and key in value]
        if len(found) > 1:
            shown = " and ".join(f"`{key}`" for key in found)
            raise _InvalidValueError(f"expected one of these keys, found {shown}.", "Keep one of them.")
        return structure(value, cls)

    return structure_one


def _one_choice(value: object) -> object:
    if isinstance(value, dict) and "pipeline" in value and "selection" in value:
        raise _InvalidValueError(
            "found both `pipeline` and `selection`, but a job takes only one of them.",
            "Keep the one that names the assets.",
        )
    return value


def _one_source(value: object) -> object:
    value = {} if value is None else value
    if isinstance(value, dict) and ("asset" in value) == ("dataset" in value):
        found = (
            "found both `asset` and `dataset`, but a sensor takes only one of them."
            if "asset" in value
            else "this sensor has neither `asset` nor `dataset`."
        )
        raise _InvalidValueError(found, "Write one of the two.")
    return value


def imported(path: str) -> Any:
    """Return what an import path such as `package.module.attribute` names.

    Raises:
        ImportError: If there is no such module.
        AttributeError: If the module has no such attribute.
        TypeError, ValueError: If it is no such path.
    """
    module, _, attribute = path.rpartition(".")
    return getattr(import_module(module), attribute)
