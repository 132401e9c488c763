"""Reading a Kedro project: its configuration and its pipelines, and nothing that opens data.

No hook fires, no dataset object is built and no credential is read, unless dagster.yml says `load_with_hooks: true`.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from attrs import Factory, field, frozen
from kedro.config import AbstractConfigLoader, MissingConfigException
from kedro.framework import project as kedro_project
from kedro.framework.project import configure_project, settings, validate_settings
from kedro.framework.project import pipelines as registered_pipelines
from kedro.framework.session import KedroServiceSession
from kedro.framework.startup import bootstrap_project
from kedro.io import CatalogConfigResolver
from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project

from kedro_assets.config import DagsterConfig, read_config
from kedro_assets.errors import Path as KeyPath
from kedro_assets.errors import Problems, ProjectError, suggest
from kedro_assets.names import PARTITION_PARAMETERS

DEFAULT_PIPELINE = "__default__"
CONF_SOURCE_VARIABLE = "KEDRO_ASSETS_CONF_SOURCE"
"""The environment variable for a configuration source, as Kedro's `KEDRO_ENV` is for the environment."""

_DAGSTER_PATTERNS = ["dagster*", "dagster*/**", "**/dagster*"]
_resolver_logger = logging.getLogger("kedro.io.catalog_config_resolver")
_MISSING_PARAMETER = re.compile(r"Runtime parameter '([^']+)' not found")
_OpenLoader = Callable[[Mapping[str, Any]], AbstractConfigLoader]
_WITH_HOOKS = (
    "If a hook provides what it needs (a resolver registered in `after_context_created`, say), write "
    "`load_with_hooks: true` in dagster.yml."
)
_WITHOUT_HOOKS = (
    "No hook fires when a sensor looks at files, or Dagster observes them. If a hook provides what it needs, write the sensor in "
    "Python, or leave the dataset to an asset of your own with `external: false`."
)
_MEMORY_TYPES = ("MemoryDataset", "SharedMemoryDataset")


@frozen
class ProjectLocation:
    """Where a project is and how it is opened: all that a process needs to find it again.

    Attributes:
        path: The project's root, absolute.
        env: Kedro's environment; None for the one that the project's settings name.
        conf_source: The configuration folder or archive; None for the one that the project's settings name.
        package: The installed package of a project without its source folder; None for a project that is a folder.
    """

    path: Path
    env: str | None = None
    conf_source: str | None = None
    package: str | None = None

    def open(self) -> str:
        """Make this the project of the process, as Kedro's command line does; give the name of its package.

        Raises:
            ProjectError: If the project or its settings cannot be imported.
        """
        try:
            if self.package:
                configure_project(self.package)
            name = self.package or bootstrap_project(self.path).package_name
            validate_settings()
        except Exception as error:
            place = f"package '{self.package}'" if self.package else f"project at {self.path}"
            msg = f"The Kedro {place} cannot be opened: {error}"
            raise ProjectError(msg) from error
        return name

    def reopen(self, package_name: str) -> None:
        """Make this the project of the process again, which is no work if no other was opened since."""
        if package_name != kedro_project.PACKAGE_NAME:
            self.open()


@frozen
class CatalogEntry:
    """A dataset as the catalog's configuration has it.

    Attributes:
        name: Its name in the catalog, with the part behind `@` if it is transcoded.
        type: Its class, as written in the configuration.
        config: Its configuration, without anything under a key `credentials` unless it was read with them.
        declared: Whether the catalog names it or has a pattern for it; otherwise Kedro keeps it in memory.
    """

    name: str
    type: str
    config: Mapping[str, Any] = field(factory=dict, repr=False)
    declared: bool = True

    @property
    def in_memory(self) -> bool:
        """Whether the data lives no longer than the process."""
        return self.type.rpartition(".")[2] in _MEMORY_TYPES

    @property
    def versioned(self) -> bool:
        """Whether every save makes a new version."""
        return bool(self.config.get("versioned"))

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The dataset's `metadata`, which Kedro leaves to plugins."""
        metadata = self.config.get("metadata")
        return metadata if isinstance(metadata, dict) else {}

    @property
    def viz(self) -> Mapping[str, Any]:
        """What of its metadata is for Kedro-Viz."""
        viz = self.metadata.get("kedro-viz")
        return viz if isinstance(viz, dict) else {}

    @property
    def location(self) -> str | None:
        """Where its file or folder is, as the configuration has it."""
        return _place(self.located)

    @property
    def located(self) -> Mapping[str, Any]:
        """The part of its configuration that says where its file or folder is; a cached dataset has it one level down."""
        inner = self.config.get("dataset")
        places = [self.config, inner] if isinstance(inner, dict) else [self.config]
        return next((place for place in places if _place(place)), {})


def _place(config: Mapping[str, Any]) -> str | None:
    found = (config.get(key) for key in ("filepath", "path"))
    return next((str(place) for place in found if isinstance(place, str | Path) and place), None)


@frozen
class Project:
    """What is known of a project without running it.

    Attributes:
        location: Where it is.
        package_name: The name of its Python package.
        pipelines: The registered pipelines by name.
        parameters: Its parameters, before any are given at run time.
        config: Its dagster.yml.
        runtime_params: The runtime parameters that its configuration asks for without a default, as `<name>`.
        resolver: Kedro's own reading of the catalog, factory patterns included, without credentials.
    """

    location: ProjectLocation
    package_name: str
    pipelines: Mapping[str, Pipeline]
    parameters: Mapping[str, Any] = Factory(dict)
    config: DagsterConfig = Factory(DagsterConfig)
    runtime_params: Mapping[str, Any] = Factory(dict)
    resolver: CatalogConfigResolver = field(factory=lambda: resolve_catalog({}), repr=False)

    def entry(self, name: str) -> CatalogEntry:
        """Look a dataset up in the catalog, patterns included, without building it."""
        return read_entry(self.resolver, name)


def read_entry(resolver: CatalogConfigResolver, name: str) -> CatalogEntry:
    """Look a dataset up in a catalog's configuration, patterns included."""
    with _without_warnings(_resolver_logger):  # one for every dataset of a catch-all pattern; the run gives them
        config = resolver.resolve_pattern(name)
    declared = name in resolver.config or bool(
        resolver.match_dataset_pattern(name) or resolver.match_user_catch_all_pattern(name)
    )
    return CatalogEntry(name, str(config.get("type", "")), config, declared)


def locate_project(
    project_path: str | Path | None = None,
    env: str | None = None,
    conf_source: str | None = None,
    package: str | None = None,
) -> ProjectLocation:
    """Find a project's root and the environment to open it with.

    Args:
        project_path: The project, or a file or folder inside it; by default the working directory. For an installed
            package, the folder that relative paths of its catalog start from.
        env: Kedro's environment; by default the variable `KEDRO_ENV`, then what the project's settings say.
        conf_source: The configuration folder or archive; by default the variable `KEDRO_ASSETS_CONF_SOURCE`, then what
            the project's settings say.
        package: The name of an installed package that `kedro package` has made.

    Raises:
        ProjectError: If there is no Kedro project at `project_path` or around it.
    """
    start = Path(project_path or Path.cwd()).expanduser().resolve()
    root = start if package else find_kedro_project(start)
    if root is None:
        msg = (
            f"No Kedro project at {start} or in a folder around it: a project has a pyproject.toml with a section "
            "[tool.kedro]. Give its path with `project_path`, or change into it; for a package that `kedro package` has "
            "made, give its name with `package`."
        )
        raise ProjectError(msg)
    conf_source = conf_source or os.environ.get(CONF_SOURCE_VARIABLE)
    is_path = conf_source and "://" not in conf_source  # else an address, which Kedro's config loader reads from
    source = str(Path(conf_source).expanduser().resolve()) if conf_source and is_path else conf_source or None
    return ProjectLocation(Path(root), env or os.environ.get("KEDRO_ENV") or None, source, package)


def load_project(location: ProjectLocation, problems: Problems) -> Project:
    """Read a project; mistakes in its dagster.yml are added to `problems`.

    Raises:
        ProjectError: If its settings, its pipelines or its configuration cannot be read.
    """
    package_name = location.open()
    loader = _config_loader(location)
    _check_environments(loader)
    problems.locate = SourceLines(loader, location.path).locate
    config = read_config(_section(loader, "dagster"), problems)
    asked: dict[str, Any] = {}
    open_loader = partial(_loader_of_context if config.load_with_hooks else _config_loader, location)
    return Project(
        location=location,
        package_name=package_name,
        pipelines=_read_pipelines(location),
        parameters=_with_placeholders(open_loader, "parameters", asked),
        config=config,
        resolver=resolve_catalog(_read_catalog(open_loader, config, asked)),
        runtime_params=asked,
    )


@contextmanager
def _without_warnings(logger: logging.Logger) -> Iterator[None]:
    def is_severe(record: logging.LogRecord) -> bool:
        return record.levelno > logging.WARNING

    logger.addFilter(is_severe)
    try:
        yield
    finally:
        logger.removeFilter(is_severe)


def resolve_catalog(config: Mapping[str, Any]) -> CatalogConfigResolver:
    """Let Kedro resolve a catalog's names and patterns; credentials are taken out before."""
    patterns = getattr(settings.DATA_CATALOG_CLASS, "default_runtime_patterns", None)
    return CatalogConfigResolver(
        config={name: _without_credentials(entry) for name, entry in config.items()},
        default_runtime_patterns=patterns or {"{default}": {"type": "kedro.io.MemoryDataset"}},
    )


def entry_with_credentials(
    location: ProjectLocation, dataset: str, runtime_params: Mapping[str, Any] | None = None
) -> CatalogEntry:
    """Read what the catalog has of a dataset with its credentials: for use at run time, never while definitions load.

    Args:
        location: The project; this process has it open.
        dataset: The dataset's name in the catalog.
        runtime_params: What the configuration is read with.

    Raises:
        ProjectError: If it cannot be read, or if the dataset's place depends on a parameter that is not given.
    """
    asked: dict[str, Any] = {}
    open_loader = partial(_config_loader, location)
    catalog, credentials = (
        _with_placeholders(open_loader, name, asked, deepcopy(dict(runtime_params or {})), _WITHOUT_HOOKS)
        for name in ("catalog", "credentials")
    )
    entry = read_entry(CatalogConfigResolver(catalog, credentials), dataset)
    used = str([entry.location, entry.located.get("credentials"), entry.located.get("fs_args")])
    missing = sorted(value for value in _leaves(asked) if value in used)
    if missing:
        msg = (
            f"Where '{dataset}' is depends on the runtime parameter {missing[0]}. Give it in `config.runtime_params`, or "
            "give it a default in the catalog."
        )
        raise ProjectError(msg)
    return entry


def _without_credentials(config: Any) -> Any:
    if isinstance(config, dict):
        return {key: _without_credentials(value) for key, value in config.items() if key != "credentials"}
    if isinstance(config, list):
        return [_without_credentials(item) for item in config]
    return config


def _config_loader(location: ProjectLocation, runtime_params: Mapping[str, Any] | None = None) -> AbstractConfigLoader:
    """Build the project's own config loader, as Kedro's session does."""
    loader: AbstractConfigLoader = settings.CONFIG_LOADER_CLASS(
        conf_source=location.conf_source or str(location.path / settings.CONF_SOURCE),
        env=location.env,
        runtime_params=runtime_params,
        **settings.CONFIG_LOADER_ARGS,
    )
    patterns = getattr(loader, "config_patterns", None)
    if isinstance(patterns, dict):
        patterns.setdefault("dagster", _DAGSTER_PATTERNS)
    return loader


def _loader_of_context(
    location: ProjectLocation, runtime_params: Mapping[str, Any] | None = None
) -> AbstractConfigLoader:
    """Let Kedro's session build the project's config loader, with the hooks of its context."""
    session = KedroServiceSession.create(project_path=location.path, env=location.env, conf_source=location.conf_source)
    return session.load_context(runtime_params=dict(runtime_params or {})).config_loader


def _check_environments(loader: AbstractConfigLoader) -> None:
    """Refuse an environment without a folder; the config loader would take it for one without files.

    Raises:
        ProjectError: If the configuration is a folder and has no folder of that name.
    """
    source = Path(loader.conf_source)
    for env in _environments(loader) if source.is_dir() else ():
        if not (source / env).is_dir():
            known = [path.name for path in source.iterdir() if path.is_dir()]
            msg = f"The environment '{env}' has no folder in {source}. {suggest(env, known)}"
            raise ProjectError(msg)


def _section(loader: AbstractConfigLoader, name: str, hint: str = _WITH_HOOKS) -> dict[str, Any]:
    try:
        return dict(loader[name])
    except (MissingConfigException, KeyError):
        return {}
    except Exception as error:
        msg = f"The project's {name} configuration cannot be read: {error}\n{hint}"
        raise ProjectError(msg) from error


def _read_catalog(open_loader: _OpenLoader, config: DagsterConfig, asked: dict[str, Any]) -> dict[str, Any]:
    """Read the catalog; where datasets are partitioned, a placeholder shows the place of the key, default or not."""
    catalog = _with_placeholders(open_loader, "catalog", asked)
    metadata = (entry.get("metadata") for entry in catalog.values() if isinstance(entry, dict))
    settings_of = (found.get("dagster") for found in metadata if isinstance(found, dict))
    is_said = any("partitions" in found for found in settings_of if isinstance(found, dict))
    if not config.assets.partitions and not is_said:
        return catalog
    places = {name: f"<{name}>" for name in PARTITION_PARAMETERS if name != "partition_keys"}
    return _with_placeholders(open_loader, "catalog", {}, places)


def _with_placeholders(
    open_loader: _OpenLoader,
    name: str,
    asked: dict[str, Any],
    places: Mapping[str, Any] | None = None,
    hint: str = _WITH_HOOKS,
) -> dict[str, Any]:
    """Read a section with `<name>` in place of every runtime parameter that a run has to give.

    Kedro names them one at a time, in the message of the error.

    Args:
        open_loader: Makes a config loader with runtime parameters.
        name: The section.
        asked: Takes the parameters.
        places: Placeholders, or values, that are there from the start.
        hint: What to do if the section cannot be read.
    """
    given: dict[str, Any] = dict(places or {})
    while True:
        try:
            return _section(open_loader(given), name, hint)
        except ProjectError as error:
            missing = _MISSING_PARAMETER.search(str(error))
            if missing is None or not _put(given, missing[1].split("."), f"<{missing[1]}>"):
                raise
            _put(asked, missing[1].split("."), f"<{missing[1]}>")


def _put(params: dict[str, Any], path: list[str], value: str) -> bool:
    """Put a value into a nested mapping, unless something is there already."""
    *parents, last = path
    holder: Any = params
    for key in parents:
        holder = holder.setdefault(key, {})
        if not isinstance(holder, dict):
            return False
    return bool(holder.setdefault(last, value) is value)


def _leaves(params: Mapping[str, Any]) -> Iterator[str]:
    """Give the values of a nested mapping."""
    for value in params.values():
        yield from _leaves(value) if isinstance(value, dict) else [str(value)]


def _read_pipelines(location: ProjectLocation) -> dict[str, Pipeline]:
    try:
        return {name: pipeline for name, pipeline in registered_pipelines.items() if pipeline is not None}
    except Exception as error:
        msg = f"The pipelines of the project at {location.path} cannot be imported: {type(error).__name__}: {error}"
        raise ProjectError(msg) from error


def source_lines(location: ProjectLocation) -> SourceLines:
    """Find lines in the configuration of a project that is open."""
    return SourceLines(_config_loader(location), location.path)


class SourceLines:
    """Finds the file and the line where something stands in a project's configuration, for error reports.

    Args:
        loader: The project's config loader; one that reads no folder (an archive, say) gives no lines.
        root: Paths are shown relative to it.
    """

    def __init__(self, loader: AbstractConfigLoader, root: Path) -> None:
        self._folders = [Path(loader.conf_source) / env for env in _environments(loader)]
        self._root = root

    def locate(self, path: KeyPath) -> str:
        """Give `conf/base/dagster.yml:12` for the deepest part of a path that a file has, or an empty text.

        A path that begins with `catalog` is looked for in the catalog's files, any other in those of dagster.yml.
        """
        in_catalog = path[:1] == ("catalog",)
        keys = path[1:] if in_catalog else path
        best, depth = "", 0
        for file, document in self._documents("catalog" if in_catalog else "dagster"):
            line, found = _line_of(document, keys)
            if found > depth or (found == depth == len(keys)):
                best, depth = f"{file}:{line}", found
        return best

    def _documents(self, name: str) -> Iterator[tuple[str, yaml.Node]]:
        for folder in self._folders:
            files = {*folder.glob(f"**/{name}*.y*ml"), *folder.glob(f"{name}*/**/*.y*ml")}
            for file in sorted(files):
                try:
                    document = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
                except (OSError, yaml.YAMLError):
                    continue
                if document is not None:
                    shown = file.relative_to(self._root) if file.is_relative_to(self._root) else file
                    yield str(shown), document


def _environments(loader: AbstractConfigLoader) -> list[str]:
    base = getattr(loader, "base_env", None)
    own = loader.env or getattr(loader, "default_run_env", None)
    return [env for env in (base, own) if env]


def _line_of(document: yaml.Node, path: KeyPath) -> tuple[int, int]:
    """Give the 1-based line of the deepest part of `path` in a YAML tree, and how deep that is."""
    node, line, depth = document, 0, 0
    for key in path:
        if isinstance(node, yaml.MappingNode):
            entries = [(k, v) for k, v in node.value if k.value == str(key)]
            if not entries:
                break
            start, node = entries[-1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            start = node = node.value[key]
        else:
            break
        line, depth = start.start_mark.line + 1, depth + 1
    return line, depth
