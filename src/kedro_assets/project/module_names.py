"""Which modules are the project's own, where they are, and where their names come from."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from kedro_assets.project.source_files import SourceFiles

_MOST_STEPS = 10


class ModuleNames:
    """Knows the project's packages; looks for modules without importing them.

    Args:
        packages: The names of the packages.
        files: Their files.
    """

    def __init__(self, packages: Iterable[str], files: SourceFiles) -> None:
        self._packages = {*packages, "__main__"}
        self._files = files
        self._paths: dict[str, str | None] = {}

    def is_own(self, module: str | None) -> bool:
        """Whether a module is the project's; code without a module is nobody else's either."""
        return module is None or module.partition(".")[0] in self._packages

    def path(self, module: str) -> str | None:
        """Return the file of a module; None if it has none."""
        if module not in self._paths:
            self._paths[module] = _path(module)
        return self._paths[module]

    def package(self, module: str, path: str) -> str:
        """Return the package that relative imports of a module start from."""
        return module if Path(path).name == "__init__.py" else module.rpartition(".")[0]

    def imported(self, names: Mapping[str, Any], level: int, name: str) -> str | None:
        """Return the project's module that an import in a module names; None for one of a library.

        Args:
            names: The global names of the module.
            level: How many packages up the import starts.
            name: What is imported: a module, or something in one.
        """
        found = absolute(names, level, name)
        while found and self.is_own(found):
            if self.path(found):
                return found
            found = found.rpartition(".")[0]
        return None

    def home(self, module: ModuleType, name: str) -> tuple[ModuleType, str, str]:
        """Follow a global name through imports to the module that assigns it.

        Returns:
            The module, the name there, and the name in a library if it comes from one.
        """
        for _ in range(_MOST_STEPS):
            file = self._files.of_module(module)
            if file is None:
                break
            origins = file.imported(name) or [(level, found, name) for level, found, _ in file.imported("*")]
            known = [(absolute(vars(module), level, found), attribute) for level, found, attribute in origins]
            own = [(sys.modules.get(found), attribute) for found, attribute in known if self.is_own(found)]
            homes = [(found, attribute) for found, attribute in own if attribute in vars(found or module)]
            if file.assignments(name):  # in a branch, or after the import
                value = vars(module).get(name, self)
                homes = [(found, attribute) for found, attribute in homes if vars(found or module)[attribute] is value]
                if not homes:
                    break
            if not homes:
                return module, name, " ".join(f"{found}.{attribute}" for found, attribute in known)
            found, attribute = homes[0]
            if found is None or attribute is None:
                break
            module, name = found, attribute
        return module, name, ""


def own_packages(package: str, functions: Iterable[Any]) -> frozenset[str]:
    """Return the names of the packages that are a project's own.

    They are its package, what stands beside it in its source folder, and the packages of its nodes' functions, unless they
    are installed libraries.

    Args:
        package: The name of the project's package.
        functions: What its nodes call.
    """
    modules = {str(getattr(function, "__module__", None)).partition(".")[0] for function in functions}
    own = {name for name in modules if name in sys.modules and not _is_installed(_folder(name))}
    folder = _folder(package)
    beside = folder.iterdir() if folder and not _is_installed(folder) else ()
    return frozenset({package, *own, *(file.stem for file in beside if file.suffix in ("", ".py"))})


def code_folder(package: str) -> Path | None:
    """Return the folder of a package, or the file of a module without one; None for what is no code.

    A folder without `__init__.py` is a package if it has modules: the data of a project may be beside its code.
    """
    path = _path(package)
    if path is not None:
        return Path(path).parent if Path(path).name == "__init__.py" else Path(path)
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()] if spec else []
    return next((folder for folder in folders if any(folder.glob("*.py"))), None)


def _folder(package: str) -> Path | None:
    """Return the folder that a package is in."""
    path = _path(package)
    if path is None:
        return None
    return Path(path).parent.parent if Path(path).name == "__init__.py" else Path(path).parent


def _is_installed(folder: Path | None) -> bool:
    standard = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
    return (
        folder is None
        or not {"site-packages", "dist-packages"}.isdisjoint(folder.parts)
        or any(folder.is_relative_to(place) for place in standard)
    )


def absolute(names: Mapping[str, Any], level: int, name: str) -> str:
    """Return the full name of what a module imports.

    Examples:
        >>> absolute({"__package__": "shop.pipelines.sales"}, 2, "helpers")
        'shop.pipelines.helpers'
    """
    if not level:
        return name
    package = names.get("__package__") or str(names.get("__name__", "")).rpartition(".")[0]
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], *filter(None, [name])])


def _path(module: str) -> str | None:
    top, *others = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or not others:
        return spec.origin if spec and spec.origin and Path(spec.origin).is_file() else None
    for folder in spec.submodule_search_locations or ():
        place = Path(folder, *others)
        for file in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
            if file.is_file():
                return str(file)
    return None
