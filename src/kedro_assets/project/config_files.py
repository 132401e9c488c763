"""The project's configuration as Kedro's config loader has it, and where in its files something stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from kedro.config import AbstractConfigLoader, MissingConfigException
from kedro.framework.project import settings
from kedro.framework.session import KedroServiceSession

from kedro_assets.errors import Path as KeyPath
from kedro_assets.errors import ProjectError, suggest
from kedro_assets.project.location import ProjectLocation

OpenLoader = Callable[[Mapping[str, Any]], AbstractConfigLoader]
"""Makes a config loader with runtime parameters."""

_DAGSTER_PATTERNS = ["dagster*", "dagster*/**", "**/dagster*"]
_MISSING_PARAMETER = re.compile(r"Runtime parameter '([^']+)' not found")
_WITH_HOOKS = (
    "If a hook provides what it needs (a resolver registered in `after_context_created`, say), write "
    "`load_with_hooks: true` in dagster.yml."
)


def config_loader(location: ProjectLocation, runtime_params: Mapping[str, Any] | None = None) -> AbstractConfigLoader:
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


def loader_of_context(
    location: ProjectLocation, runtime_params: Mapping[str, Any] | None = None
) -> AbstractConfigLoader:
    """Let Kedro's session build the project's config loader, with the hooks of its context."""
    session = KedroServiceSession.create(project_path=location.path, env=location.env, conf_source=location.conf_source)
    return session.load_context(runtime_params=dict(runtime_params or {})).config_loader


def check_environments(loader: AbstractConfigLoader) -> None:
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


def read_section(loader: AbstractConfigLoader, name: str, hint: str = _WITH_HOOKS) -> dict[str, Any]:
    """Read a section of the configuration, empty if there is none.

    Raises:
        ProjectError: If it cannot be read.
    """
    try:
        return dict(loader[name])
    except (MissingConfigException, KeyError):
        return {}
    except Exception as error:
        msg = f"The project's {name} configuration cannot be read: {error}\n{hint}"
        raise ProjectError(msg) from error


def read_with_placeholders(
    open_loader: OpenLoader,
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
    given: dict[str, Any] = deepcopy(dict(places or {}))
    while True:
        try:
            return read_section(open_loader(given), name, hint)
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


def leaves(params: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values of a nested mapping."""
    for value in params.values():
        yield from leaves(value) if isinstance(value, dict) else [str(value)]


def source_lines(location: ProjectLocation) -> SourceLines:
    """Find lines in the configuration of a project that is open."""
    return SourceLines(config_loader(location), location.path)


class SourceLines:
    """Finds the file and the line where something stands in a project's configuration, for error reports.

    Args:
        loader: The project's config loader; one that reads no folder (an archive, say) gives no lines.
        root: Paths are shown relative to it.
    """

    def __init__(self, loader: AbstractConfigLoader, root: Path) -> None:
        self._folders = [Path(loader.conf_source) / env for env in _environments(loader)]
        self._root = root
        self._read: dict[str, Sequence[tuple[str, yaml.Node]]] = {}

    def locate(self, path: KeyPath) -> str:
        """Return `conf/base/dagster.yml:12` for the deepest part of a path that a file has, or an empty text.

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

    def _documents(self, name: str) -> Sequence[tuple[str, yaml.Node]]:
        if name not in self._read:
            self._read[name] = list(self._parsed(name))
        return self._read[name]

    def _parsed(self, name: str) -> Iterator[tuple[str, yaml.Node]]:
        for folder in self._folders:
            files = {*folder.glob(f"**/{name}*.y*ml"), *folder.glob(f"{name}*/**/*.y*ml")}
            for file in sorted(files):
                try:
                    document = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
                except (OSError, UnicodeDecodeError, yaml.YAMLError):
                    continue
                if document is not None:
                    shown = file.relative_to(self._root) if file.is_relative_to(self._root) else file
                    yield str(shown), document


def _environments(loader: AbstractConfigLoader) -> list[str]:
    base = getattr(loader, "base_env", None)
    own = loader.env or getattr(loader, "default_run_env", None)
    return [env for env in (base, own) if env]


def _line_of(document: yaml.Node, path: KeyPath) -> tuple[int, int]:
    """Return the 1-based line of the deepest part of `path` in a YAML tree, and how deep that is."""
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
