"""The project's configuration as Kedro's config loader has it, and where in its files something stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import fsspec
import yaml
from attrs import frozen
from kedro.config import AbstractConfigLoader, MissingConfigException
from kedro.framework.project import settings
from kedro.io import CatalogConfigResolver, DatasetError

from kedro_assets._internals.kedro_project import create_session
from kedro_assets.errors import Path as KeyPath
from kedro_assets.errors import ProjectError, suggest
from kedro_assets.project.location import ProjectLocation
from kedro_assets.project.yaml_trees import errors_in, keys_of, line_of, lines_of, parse, scalars

OpenLoader = Callable[[Mapping[str, Any]], AbstractConfigLoader]
"""Makes a config loader with runtime parameters."""

_DAGSTER_PATTERNS = ["dagster*", "dagster*/**", "**/dagster*"]
_PATTERNS = {"catalog": ["catalog*", "catalog*/**", "**/catalog*"], "dagster": _DAGSTER_PATTERNS}
"""What is read by a config loader that does not say so."""
_SUFFIXES = (".yml", ".yaml", ".json")
_MISSING_PARAMETER = re.compile(r"Runtime parameter '([^']+)' not found")
_TOO_LARGE = "YAML node expansion"
_REPEATED = "Duplicate keys found in "
_ASKED_PARAMETER = re.compile(r"(?<!\\)\$\{runtime_params:\s*([^\s,:{}$\[\]]+)\s*\}")
"""A runtime parameter without a default."""
WITH_HOOKS = (
    "If a hook provides what it needs (such as a resolver registered in `after_context_created`), write "
    "`load_with_hooks: true` in dagster.yml."
)
BEFORE_HOOKS = "dagster.yml is read before any hook fires, so it cannot use what a hook provides."


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
    session, given = create_session(location.place, runtime_params or {})
    loader: AbstractConfigLoader = session.load_context(**given).config_loader
    return loader


def check_environments(loader: AbstractConfigLoader) -> None:
    """Refuse an environment without a folder; the config loader would take it for one without files.

    Raises:
        ProjectError: If the configuration is a folder and has no folder of that name.
    """
    source = Path(loader.conf_source)
    for env in _environments(loader) if source.is_dir() else ():
        if not (source / env).is_dir():
            known = [path.name for path in source.iterdir() if path.is_dir()]
            is_default = env == getattr(loader, "default_run_env", None)
            how = "It is the project's default: make its folder, which may be empty. " if is_default else ""
            msg = f"The environment '{env}' has no folder in {source}. {how}{suggest(env, known)}"
            raise ProjectError(msg)


def read_section(loader: AbstractConfigLoader, name: str, root: Path, hint: str = "") -> dict[str, Any]:
    """Read a section of the configuration, empty if there is none.

    Args:
        loader: The project's config loader.
        name: The section.
        root: Paths are shown relative to it.
        hint: What to do if the section cannot be read, unless its files are no configuration at all.

    Raises:
        ProjectError: If it cannot be read; with file and line where a file is at fault.
    """
    try:
        return dict(loader[name])
    except (MissingConfigException, KeyError):
        return {}
    except Exception as error:
        files = SectionFiles(loader, name, root)
        msg = f"The project's {name} configuration cannot be read: "
        found = files.faults(is_too_large=_TOO_LARGE in str(error))
        faults = [str(fault) for fault in (*found, *(files.repeated() if _REPEATED in str(error) else ()))]
        if faults:
            raise ProjectError("\n  ".join([msg.strip(), *faults])) from error
        place = files.place_of(error)
        advice = f"\n{hint}" if hint and _may_be_provided(error) else ""
        raise ProjectError(f"{msg}{f'{place}  ' if place else ''}{error}{advice}") from error


def _may_be_provided(error: Exception) -> bool:
    """Whether a hook could provide what is missing: a resolver or its value, but no key or value of the files."""
    if isinstance(error, OSError | RecursionError | yaml.YAMLError) or _REPEATED in str(error):
        return False
    kind = type(error)
    of_resolvers = ("UnsupportedInterpolationType", "InterpolationResolutionError")
    return kind.__module__ != "omegaconf.errors" or kind.__name__ in of_resolvers


@frozen
class ConfigReader:
    """Reads sections of a project's configuration without the runtime parameters that a run has to give.

    Attributes:
        open_loader: Makes a config loader with runtime parameters.
        root: Paths are shown relative to it.
        hint: What to do if a section cannot be read.
    """

    open_loader: OpenLoader
    root: Path
    hint: str = ""

    def read(self, name: str, asked: dict[str, Any], places: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Read a section with `<name>` in place of every runtime parameter that a run has to give.

        Kedro names one of them, in the message of the error; the others are looked up in the files, so that the section
        is read twice. Those that the files compose of other values are named by Kedro one at a time.

        Args:
            name: The section.
            asked: Takes the parameters.
            places: Placeholders, or values, that are there from the start.

        Raises:
            ProjectError: If it cannot be read.
        """
        given: dict[str, Any] = deepcopy(dict(places or {}))
        looked_up = False
        while True:
            loader = self.open_loader(given)
            try:
                return read_section(loader, name, self.root, self.hint)
            except ProjectError as error:
                missing = _MISSING_PARAMETER.search(str(error))
                if missing is None or not _ask(missing[1], given, asked):
                    raise
            for parameter in () if looked_up else SectionFiles(loader, name, self.root).asked_parameters():
                _ask(parameter, given, asked)
            looked_up = True


def _ask(parameter: str, given: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Put the placeholder of a runtime parameter where it is read, unless something is there already."""
    path, placeholder = parameter.split("."), f"<{parameter}>"
    return _put(given, path, placeholder) and (_put(asked, path, placeholder) or True)


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


@frozen
class Fault:
    """What makes a file no configuration, and where.

    Attributes:
        file: The file, as it is shown.
        line: The line, from 1.
        found: What is wrong.
    """

    file: str
    line: int
    found: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.found}"


class SectionFiles:
    """The files from which a config loader reads one section.

    Args:
        loader: The project's config loader; for one that reads no folder (an archive, say) there are no files.
        name: The section.
        root: Paths are shown relative to it.
    """

    def __init__(self, loader: AbstractConfigLoader, name: str, root: Path) -> None:
        self._loader, self._name, self._root = loader, name, root
        self._documents: Sequence[tuple[str, yaml.Node]] | None = None

    @property
    def documents(self) -> Sequence[tuple[str, yaml.Node]]:
        """The YAML tree of each file that has one, base environment first."""
        if self._documents is None:
            self._documents = [found for file in self.files() if (found := self._parsed(file)) is not None]
        return self._documents

    def files(self) -> Iterator[Path]:
        """Yield the files that the loader reads, base environment first: by its patterns, hidden ones left out."""
        patterns = {**_PATTERNS, **(getattr(self._loader, "config_patterns", None) or {})}
        source = Path(self._loader.conf_source)
        seen: set[Path] = set()
        for folder in config_folders(self._loader):
            found = {
                Path(file)
                for pattern in patterns.get(self._name, ())
                for file in fsspec.filesystem("file").glob(f"{folder.as_posix()}/{pattern}")
            }
            for file in sorted(found - seen):
                hidden = file.is_relative_to(source) and any(p.startswith(".") for p in file.relative_to(source).parts)
                if file.suffix in _SUFFIXES and file.is_file() and not (hidden and self._ignores_hidden):
                    yield file
            seen |= found

    def place_of(self, error: Exception) -> str:
        """Return file and line of the key that an error of OmegaConf names, or of what is around it, or an empty text."""
        named = getattr(error, "full_key", None)
        key = "" if named is None else str(named)
        while key or named is not None:
            found = (f"{file}:{line}" for file, document in self.documents for line in lines_of(document, key))
            place = next(found, "")
            if place or not key:
                return place
            key = key[: max(key.rfind("."), key.rfind("["), 0)]
        return ""

    def locate(self, keys: KeyPath) -> str:
        """Return file and line of the deepest part of a path that a file has, or an empty text."""
        best, depth = "", 0
        for file, document in self.documents:
            line, found = line_of(document, keys)
            if found > depth or (found == depth == len(keys)):
                best, depth = f"{file}:{line}", found
        return best

    def asked_parameters(self) -> list[str]:
        """Return the runtime parameters that the files ask for without a default."""
        values = (value for _, document in self.documents for value in scalars(document))
        return list(dict.fromkeys(name for value in values for name in _ASKED_PARAMETER.findall(value)))

    def faults(self, *, is_too_large: bool = False) -> Iterator[Fault]:
        """Yield what makes a file no configuration: bytes, YAML, keys that come twice, no mapping.

        Args:
            is_too_large: Whether OmegaConf has found too many values.
        """
        for file in self.files():
            shown = self._shown(file)
            try:
                content = file.read_bytes()
            except OSError as error:
                yield Fault(shown, 1, f"the file cannot be read: {error}")
                continue
            try:
                document = parse(content.decode("utf-8"))
            except UnicodeDecodeError as error:
                line = content.count(b"\n", 0, error.start) + 1
                yield Fault(shown, line, f"the file is not UTF-8 (byte {content[error.start]:#04x}).")
            except yaml.MarkedYAMLError as error:
                mark = error.problem_mark or error.context_mark
                said = " ".join(filter(None, (error.context, error.problem)))
                yield Fault(shown, mark.line + 1 if mark else 1, f"this is not valid YAML: {said}.")
            except yaml.YAMLError as error:
                yield Fault(shown, 1, f"this is not valid YAML: {error}")
            else:
                yield from (Fault(shown, line, found) for line, found in errors_in(document, is_too_large=is_too_large))

    def repeated(self) -> Iterator[Fault]:
        """Yield the keys that two files of one environment have, at the second of them."""
        for folder in config_folders(self._loader):
            seen: dict[str, str] = {}
            for file in self.files():
                parsed = self._parsed(file) if file.is_relative_to(folder) else None
                for key in keys_of(parsed[1]) if parsed else ():
                    shown, line = self._shown(file), line_of(parsed[1], (key,))[0] if parsed else 1
                    before = seen.setdefault(key, f"{shown}:{line}")
                    if not key.startswith("_") and not before.startswith(f"{shown}:"):
                        yield Fault(shown, line, f"the key '{key}' is in {before} too.")

    @property
    def _ignores_hidden(self) -> bool:
        return bool(getattr(self._loader, "ignore_hidden", True))

    def _parsed(self, file: Path) -> tuple[str, yaml.Node] | None:
        try:
            document = parse(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            return None
        return None if document is None else (self._shown(file), document)

    def _shown(self, file: Path) -> str:
        return str(file.relative_to(self._root) if file.is_relative_to(self._root) else file)


def source_lines(location: ProjectLocation) -> SourceLines:
    """Find lines in the configuration of a project that is open."""
    return SourceLines(config_loader(location), location.path)


class SourceLines:
    """Finds the file and the line where something stands in a project's configuration, for error reports.

    Each file is read once, however many places are asked for.

    Args:
        loader: The project's config loader; one that reads no folder (an archive, say) gives no lines.
        root: Paths are shown relative to it.
    """

    def __init__(self, loader: AbstractConfigLoader, root: Path) -> None:
        self._sections = {name: SectionFiles(loader, name, root) for name in ("catalog", "dagster")}

    def locate(self, path: KeyPath) -> str:
        """Return `conf/base/dagster.yml:12` for the deepest part of a path that a file has, or an empty text.

        A path that begins with `catalog` is looked for in the catalog's files, any other in those of dagster.yml. Of a dataset
        that a dataset factory makes, it is the place in the factory.
        """
        if path[:1] != ("catalog",):
            return self._sections["dagster"].locate(path)
        catalog, inside = self._sections["catalog"], path[1:]
        return catalog.locate(inside) or (
            catalog.locate((self._factory(str(inside[0])), *inside[1:])) if inside else ""
        )

    def _factory(self, dataset: str) -> str:
        """Return the pattern in the catalog's files that makes a dataset; empty if there is none."""
        keys = (key for _, document in self._sections["catalog"].documents for key in keys_of(document))
        try:
            patterns = CatalogConfigResolver(
                {key: {} for key in keys if "{" in key}, default_runtime_patterns={"-": {}}
            )
            return patterns.match_dataset_pattern(dataset) or patterns.match_user_catch_all_pattern(dataset) or ""
        except (DatasetError, ValueError):  # patterns that Kedro rejects, which is reported at their own places
            return ""


def written_folder(location: ProjectLocation) -> tuple[Path, Path, list[Path]]:
    """Return the configuration source of a project, the folder in it that a new file belongs to, and those that are read.

    A new file belongs to the location's environment, or else to the base environment. Where the config loader has none, it
    reads the whole of the source; a folder `base` that has files, as in Kedro's template, is then taken.

    Args:
        location: The project; this process has it open.
    """
    loader = config_loader(location)
    source = Path(loader.conf_source)
    base = getattr(loader, "base_env", None)
    if not base:
        base = "base" if any((source / "base").glob("*")) else ""
    return source, source / (location.env or base), config_folders(loader)


def config_folders(loader: AbstractConfigLoader) -> list[Path]:
    """Return the folders that a config loader reads, base environment first.

    Without a base environment, Kedro's own loader reads the whole of the configuration source.
    """
    source = Path(loader.conf_source)
    if not hasattr(loader, "base_env"):
        return [source / env for env in _environments(loader)]
    run_env = loader.env or getattr(loader, "default_run_env", None)
    return [source / env for env in dict.fromkeys([loader.base_env or "", run_env or ""])]


def _environments(loader: AbstractConfigLoader) -> list[str]:
    base = getattr(loader, "base_env", None)
    own = loader.env or getattr(loader, "default_run_env", None)
    return [env for env in (base, own) if env]
