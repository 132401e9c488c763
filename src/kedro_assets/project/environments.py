"""The configuration files of every environment of a project, for a command that writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from attrs import evolve, frozen
from kedro.config import AbstractConfigLoader

from kedro_assets.errors import Path as KeyPath
from kedro_assets.errors import ProjectError
from kedro_assets.project.config_files import SectionFiles, config_loader
from kedro_assets.project.location import ProjectLocation
from kedro_assets.project.yaml_trees import line_of, parse


@frozen
class ConfigFile:
    """One file of the configuration, as it is written: nothing in it is resolved.

    Attributes:
        path: The file.
        shown: Its path relative to the project.
        env: The environment in whose folder it is.
        section: `catalog` or `dagster`.
        text: What it holds.
        data: The same as values; empty for an empty file.
    """

    path: Path
    shown: str
    env: str
    section: str
    text: str
    data: Mapping[str, Any]

    def locate(self, path: KeyPath) -> str:
        """Return `conf/base/dagster.yml:12` for the deepest part of a path that the file has."""
        document = parse(self.text)
        line = line_of(document, path)[0] if document is not None else 0
        return f"{self.shown}:{line or 1}"


@frozen
class Environments:
    """The environments of a project.

    Attributes:
        base: The name of the base environment, whose files the others build on; empty if there is none.
        source: The folder of the configuration.
        files: The files of all environments, those of the base environment first.
    """

    base: str
    source: Path
    files: Sequence[ConfigFile]

    def in_env(self, env: str, section: str) -> list[ConfigFile]:
        """Return the files of a section in an environment's own folder."""
        return [file for file in self.files if file.env == env and file.section == section]

    @property
    def names(self) -> list[str]:
        """The environments that have files, the base environment first."""
        return list(dict.fromkeys(file.env for file in self.files))


def read_environments(location: ProjectLocation, sections: Sequence[str]) -> Environments:
    """Read the files of some sections in every environment.

    Args:
        location: The project; this process has it open.
        sections: `catalog` and `dagster`, or one of them.

    Raises:
        ProjectError: If the configuration is no folder, or if files are no configuration; with every file and line.
    """
    loader = config_loader(location)
    source = Path(loader.conf_source)
    if not source.is_dir():
        msg = f"The configuration at {loader.conf_source} is not a folder, so its files cannot be written."
        raise ProjectError(msg)
    base = getattr(loader, "base_env", None) or ""
    folders = sorted(path.name for path in source.iterdir() if path.is_dir() and not path.name.startswith("."))
    others = [name for name in folders if name != base] if base else []
    files: dict[Path, ConfigFile] = {}
    faults: dict[str, None] = {}
    for env in [base, *others]:
        of_env = config_loader(evolve(location, env=env or None))
        for section in sections:
            found = SectionFiles(of_env, section, location.path)
            faults.update(dict.fromkeys(map(str, found.faults())))
            if not faults:
                files.update((file.path, file) for file in _read(of_env, section, env, location.path))
    if faults:
        raise ProjectError("\n  ".join(["The project's configuration cannot be read:", *faults]))
    return Environments(base, source, list(files.values()))


def _read(loader: AbstractConfigLoader, section: str, env: str, root: Path) -> Iterator[ConfigFile]:
    folder = Path(loader.conf_source) / env
    for path in SectionFiles(loader, section, root).files():
        if path.is_relative_to(folder):
            shown = str(path.relative_to(root) if path.is_relative_to(root) else path)
            text = path.read_bytes().decode("utf-8")  # as bytes: the ends of lines stay what they are
            yield ConfigFile(path, shown, env, section, text, yaml.safe_load(text) or {})
