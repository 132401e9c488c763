"""The files that a process has read a project from, so that it can tell when they have changed since."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from kedro_assets.errors import ProjectError
from kedro_assets.project.config_files import config_folders, config_loader
from kedro_assets.project.load import Project
from kedro_assets.project.module_names import code_folder

_MOST_SHOWN = 3


@frozen
class _Stamp:
    """A file at one time: `modified` and `size` tell quickly that it is the same, `digest` that only its date is another."""

    modified: int
    size: int
    digest: bytes

    @classmethod
    def of(cls, file: Path) -> _Stamp:
        found = file.stat()
        return cls(found.st_mtime_ns, found.st_size, hashlib.sha256(file.read_bytes()).digest())

    def still_fits(self, file: Path) -> bool:
        found = file.stat()
        if (found.st_mtime_ns, found.st_size) == (self.modified, self.size):
            return True
        return found.st_size == self.size and hashlib.sha256(file.read_bytes()).digest() == self.digest


@frozen
class ReadFiles:
    """The code and the configuration of a project as a process has read them.

    All modules of the project's own packages belong to it, also those that nothing has imported yet: a process that imports
    one later would mix two states of the project.

    Attributes:
        root: The project, which paths are shown relative to.
        code: The folders of its packages, and its modules that are single files.
        configuration: The folders and archives of its configuration.
    """

    root: Path
    code: Sequence[Path]
    configuration: Sequence[Path]
    _stamps: Mapping[Path, _Stamp]

    @classmethod
    def of(cls, project: Project) -> ReadFiles:
        """Take down the state of a project that this process has just read."""
        root = project.location.path
        loader = config_loader(project.location)
        source = Path(loader.conf_source)
        places = [code_folder(name) for name in sorted(project.own_packages)]
        code = [*(place for place in places if place), *sorted(root.glob("*.py"))]
        configuration = [source] if source.is_file() else [*config_folders(loader), root / "pyproject.toml"]
        stamps = {file: _Stamp.of(file) for file in _files(code, configuration)}
        return cls(root, code, configuration, stamps)

    def changed(self) -> list[str]:
        """Return the files that have changed since, or have come or gone."""
        now = set(_files(self.code, self.configuration))
        changed = now ^ self._stamps.keys()
        for file in now - changed:
            try:
                same = self._stamps[file].still_fits(file)
            except OSError:
                same = False
            if not same:
                changed.add(file)
        return sorted(self._shown(file) for file in changed)

    def check(self) -> None:
        """Refuse to go on with a project that has changed since.

        Raises:
            ProjectError: If it has.
        """
        changed = self.changed()
        if changed:
            msg = (
                f"{self.report(changed)} Restart the worker, or leave `reload_workers: false` out of dagster.yml: workers then "
                "load what has changed by themselves."
            )
            raise ProjectError(msg)

    def report(self, changed: Sequence[str]) -> str:
        """Return a sentence that names files which have changed."""
        rest = len(changed) - _MOST_SHOWN
        names = ", ".join(changed[:_MOST_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
        return f"The Kedro project at {self.root} has changed since this worker loaded it: {names}."

    def unload(self) -> None:
        """Forget the project's modules, so that the next import reads them again."""
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
            if name != "__main__" and file and any(Path(file).is_relative_to(place) for place in self.code):
                del sys.modules[name]
        importlib.invalidate_caches()

    def _shown(self, file: Path) -> str:
        return (file.relative_to(self.root) if file.is_relative_to(self.root) else file).as_posix()


def _files(code: Sequence[Path], configuration: Sequence[Path]) -> Iterator[Path]:
    """Yield the modules and the configuration files that are there now; hidden ones are nobody's."""
    for place in code:
        yield from [place] if place.is_file() else _below(place, ".py")
    for place in configuration:
        yield from [place] if place.is_file() else _below(place)


def _below(folder: Path, suffix: str = "") -> Iterator[Path]:
    for file in folder.rglob(f"*{suffix}"):
        inside = file.relative_to(folder).parts
        if file.is_file() and not any(part.startswith(".") for part in inside) and not file.name.endswith("~"):
            yield file
