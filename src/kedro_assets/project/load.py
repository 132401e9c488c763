"""Reading a project: no hook fires, no dataset object is built and no credential is read, unless dagster.yml says `load_with_hooks: true`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from typing import Any

from attrs import Factory, asdict, field, frozen
from kedro.io import CatalogConfigResolver
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from kedro_assets._internals import garbage
from kedro_assets.config import DagsterConfig, read_config
from kedro_assets.errors import ProjectError, Scope
from kedro_assets.names import PARTITION_PARAMETERS, base_name
from kedro_assets.project.catalog import CatalogEntry, parts_asked, read_entry, resolve_catalog, valid_entries
from kedro_assets.project.code_objects import innermost
from kedro_assets.project.config_files import (
    BEFORE_HOOKS,
    WITH_HOOKS,
    ConfigReader,
    SourceLines,
    check_environments,
    config_loader,
    loader_of_context,
    read_section,
)
from kedro_assets.project.location import ProjectLocation
from kedro_assets.project.module_names import own_packages
from kedro_assets.project.registry import LeftOutModule, read_registry, watch_registry
from kedro_assets.project.secrets import masked_errors
from kedro_assets.redaction import Redactor, masked

DEFAULT_PIPELINE = "__default__"


@frozen(slots=False)
class Project:
    """What is known of a project without running it.

    Attributes:
        location: Where it is.
        package_name: The name of its Python package.
        pipelines: The registered pipelines by name.
        parameters: Its parameters, before any are given at run time.
        config: Its dagster.yml.
        runtime_params: The runtime parameters that its configuration asks for without a default, as `<name>`.
        partition_parts: What parameters ask for of a partition, with a default or without, by the names that nodes use.
        resolver: Kedro's own reading of the catalog, factory patterns included, without credentials.
        left_out: The modules of pipelines that Kedro has left out with a warning.
    """

    location: ProjectLocation
    package_name: str
    pipelines: Mapping[str, Pipeline]
    parameters: Mapping[str, Any] = Factory(dict)
    config: DagsterConfig = Factory(DagsterConfig)
    runtime_params: Mapping[str, Any] = Factory(dict)
    partition_parts: Mapping[str, frozenset[str]] = Factory(dict)
    resolver: CatalogConfigResolver = field(factory=lambda: resolve_catalog({}), repr=False)
    left_out: Sequence[LeftOutModule] = ()

    @property
    def nodes(self) -> list[Node]:
        """The nodes of all registered pipelines."""
        return list(dict.fromkeys(node for pipeline in self.pipelines.values() for node in pipeline.nodes))

    @cached_property
    def parameter_values(self) -> Mapping[str, Any]:
        """Every name under which a node can read one of the parameters, with its value."""
        return parameter_values(self.parameters)

    @cached_property
    def own_packages(self) -> frozenset[str]:
        """The names of the packages whose code is the project's own, rather than that of a library."""
        functions = (node.func for pipeline in self.pipelines.values() for node in pipeline.nodes)
        return own_packages(self.package_name, map(innermost, functions))

    @cached_property
    def shown_parameters(self) -> Mapping[str, Any]:
        """The same as they may be shown: what is secret is masked."""
        return parameter_values(masked(self.parameters, Redactor.of({}).text, self.config.secrets))

    @cached_property
    def secret_parameters(self) -> frozenset[str]:
        """The names under which a node can read something that is masked."""
        shown = self.shown_parameters
        return frozenset(name for name, value in self.parameter_values.items() if shown.get(name) != value)

    def redactor(self, credentials: Mapping[str, Any], runtime_params: Mapping[str, Any]) -> Redactor:
        """Return what masks the project's secrets in a run.

        Args:
            credentials: The project's credentials.
            runtime_params: The parameters that the run is given.
        """
        return Redactor.of(credentials, [self.parameters, self.resolver.config, runtime_params], self.config.secrets)

    @cached_property
    def own_redactor(self) -> Redactor:
        """What masks the secrets that are known while the project is only read, without its credentials."""
        return self.redactor({}, self.runtime_params)

    @cached_property
    def catalog_names(self) -> Mapping[str, str]:
        """The datasets that the catalog names, each with the name of its first entry: a transcoded one has several.

        Patterns are left out.
        """
        found: dict[str, str] = {}
        for name in self.resolver.config:
            found.setdefault(base_name(name), name)
        return found

    def first_entry(self, dataset: str) -> CatalogEntry:
        """Return the first of the entries that the catalog names for a dataset."""
        return self.entry(self.catalog_names[dataset])

    def entry(self, name: str) -> CatalogEntry:
        """Look a dataset up in the catalog, patterns included, without building it."""
        return read_entry(self.resolver, name)


def parameter_values(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return every name under which a node can read the project's parameters, with its value.

    Examples:
        >>> parameter_values({"model": {"depth": 3}})
        {'parameters': {'model': {'depth': 3}}, 'params:model': {'depth': 3}, 'params:model.depth': 3}
    """
    values: dict[str, Any] = {"parameters": dict(parameters)}
    todo = [(str(name), value) for name, value in parameters.items()]
    while todo:
        name, value = todo.pop(0)
        values[f"params:{name}"] = value
        if isinstance(value, dict):
            todo.extend((f"{name}.{key}", item) for key, item in value.items())
    return values


@contextmanager
def reading(location: ProjectLocation) -> Iterator[None]:
    """Read a project and describe it: its errors hold no secret, and no garbage is looked for, as what is made stays.

    Args:
        location: The project.
    """
    with masked_errors(location), garbage.left():
        yield


def load_project(location: ProjectLocation, problems: Scope) -> Project:
    """Read a project; mistakes in its dagster.yml are added to `problems`.

    Raises:
        ProjectError: If its settings, its pipelines or its configuration cannot be read.
    """
    package_name = location.open()
    loader = config_loader(location)
    check_environments(loader)
    problems.locate_with(SourceLines(loader, location.path).locate)
    config = read_config(read_section(loader, "dagster", location.path, BEFORE_HOOKS), problems)
    asked: dict[str, Any] = {}
    open_loader = partial(loader_of_context if config.load_with_hooks else config_loader, location)
    reader = ConfigReader(open_loader, location.path, "" if config.load_with_hooks else WITH_HOOKS)
    with ExitStack() as stack:
        if config.load_with_hooks:  # they may register pipelines, and read those that are registered
            left_out = stack.enter_context(watch_registry(location.path))
        parameters = reader.read("parameters", asked)
        catalog, parts = _with_places(reader, config, parameters, asked)
        if not config.load_with_hooks:
            left_out = stack.enter_context(watch_registry(location.path))
        pipelines = read_registry(location)
    return Project(
        location=location,
        package_name=package_name,
        pipelines=pipelines,
        parameters=parameters,
        config=config,
        resolver=resolve_catalog(valid_entries(catalog, problems.at("catalog"))),
        runtime_params=asked,
        partition_parts=parts,
        left_out=left_out,
    )


def _with_places(
    reader: ConfigReader, config: DagsterConfig, parameters: Mapping[str, Any], asked: dict[str, Any]
) -> tuple[dict[str, Any], Mapping[str, frozenset[str]]]:
    """Read the catalog, and what parameters ask for of a partition.

    Where datasets are partitioned, placeholders show the places of a partition's parts, whether they have a default or not.
    """
    catalog = reader.read("catalog", asked)
    parts = list(_parts(config, catalog))
    if not parts:
        return catalog, _parts_by_name(parameters, parameters, parts)
    catalog = reader.read("catalog", {}, _places(parts, "<{}>"))
    try:
        # not what a run has as placeholders, so that a value which a resolver makes of them is another than before
        placed = reader.read("parameters", {}, _places(parts, "<<{}>>"))
    except ProjectError:  # a resolver that takes no placeholder in place of the default: any value may be made from it
        return catalog, dict.fromkeys(parameter_values(parameters), frozenset(parts))
    return catalog, _parts_by_name(parameters, placed, parts)


def _parts(config: DagsterConfig, catalog: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts that partitions may have, as dotted names of runtime parameters; none where nothing is partitioned."""
    metadata = (entry.get("metadata") for entry in catalog.values() if isinstance(entry, dict))
    written = [found.get("dagster") for found in metadata if isinstance(found, dict)]
    in_catalog = [found["partitions"] for found in written if isinstance(found, dict) and "partitions" in found]
    by_pattern = [found.partitions for found in config.assets.settings.values() if found.partitions is not None]
    if not config.assets.partitions and not in_catalog and not by_pattern:
        return
    assets = asdict(config)["assets"]
    everywhere = [asdict(config)["partitions"], assets["partitions"], assets["settings"], in_catalog]
    yield from (name for name in PARTITION_PARAMETERS if name != "partition_keys")
    yield from (f"partition_keys.{name}" for name in _dimensions(everywhere))


def _places(parts: Sequence[str], form: str) -> dict[str, Any]:
    """Return runtime parameters with a placeholder of some form for each part."""
    places: dict[str, Any] = {}
    for part in parts:
        name, _, dimension = part.partition(".")
        if dimension:
            places.setdefault(name, {})[dimension] = form.format(part)
        else:
            places[name] = form.format(part)
    return places


def _parts_by_name(
    parameters: Mapping[str, Any], placed: Mapping[str, Any], parts: Sequence[str]
) -> dict[str, frozenset[str]]:
    """Return what parameters ask for of a partition, by the names that nodes use.

    Args:
        parameters: The parameters as they are without a partition.
        placed: The same with placeholders for its parts.
        parts: What a value asks for that is another and shows no placeholder: any of them.
    """
    before = parameter_values(parameters)
    found = {}
    for name, value in parameter_values(placed).items():
        same = name in before and str(before[name]) == str(value)
        found[name] = parts_asked(value) or frozenset(() if same else parts)
    return {name: asked for name, asked in found.items() if asked}


def _dimensions(written: Any) -> Iterator[str]:
    """Yield the names of the dimensions in partitions as they are written."""
    for key, value in written.items() if isinstance(written, dict) else enumerate(written):
        if key == "multi" and isinstance(value, dict):
            yield from map(str, value)
        if isinstance(value, dict | list):
            yield from _dimensions(value)
