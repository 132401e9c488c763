"""Where a project is, and how a process opens it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen
from kedro.framework import project as kedro_project
from kedro.framework.project import configure_project, validate_settings
from kedro.framework.startup import bootstrap_project
from kedro.utils import find_kedro_project

from kedro_assets._internals import dynaconf_stack
from kedro_assets.errors import ProjectError
from kedro_assets.project.tracebacks import where_it_failed

CONF_SOURCE_VARIABLE = "KEDRO_ASSETS_CONF_SOURCE"
"""The environment variable for a configuration source, as Kedro's `KEDRO_ENV` is for the environment."""

_alone = threading.RLock()
_roots: dict[str, Path] = {}
"""Where the projects are that this process has opened, by the names of their packages."""


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

    @property
    def place(self) -> dict[str, Any]:
        """What a session of Kedro's is created with."""
        return {"project_path": self.path, "env": self.env, "conf_source": self.conf_source}

    def open(self) -> str:
        """Make this the project of the process, as Kedro's command line does, and return the name of its package.

        Raises:
            ProjectError: If the project or its settings cannot be imported.
        """
        try:
            with dynaconf_stack.without_sources():
                if self.package:
                    configure_project(self.package)
                name = self.package or bootstrap_project(self.path).package_name
            validate_settings()
        except (Exception, SystemExit) as error:
            place = f"package '{self.package}'" if self.package else f"project at {self.path}"
            source, reason = where_it_failed(error, self.path)
            msg = f"The Kedro {place} cannot be opened: {reason}"
            raise ProjectError(f"{msg} ({source})" if source else msg) from error
        self._check_code(name)
        return name

    def _check_code(self, package_name: str) -> None:
        """Look whether the code of this project is that of another one: Python keeps the first package of a name.

        Raises:
            ProjectError: If it is.
        """
        other = _roots.setdefault(package_name, self.path)
        module = sys.modules.get(package_name)
        file = getattr(module, "__file__", None)
        if self.package is None and other != self.path and file and Path(file).is_relative_to(other):
            msg = (
                f"The projects at {other} and {self.path} have packages of the same name, '{package_name}', but a process "
                "can import only one of them. Rename one, or give each project a code location of its own."
            )
            raise ProjectError(msg)
        _roots[package_name] = self.path

    def reopen(self, package_name: str) -> None:
        """Make this the project of the process again, which is no work if no other was opened since."""
        if package_name != kedro_project.PACKAGE_NAME:
            self.open()

    @contextmanager
    def opened(self, package_name: str) -> Iterator[None]:
        """Keep this the project of the process: a code server evaluates sensors of several projects in threads."""
        with _alone:
            self.reopen(package_name)
            yield


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
            f"There is no Kedro project at {start} or in a folder around it. A project has a pyproject.toml with a section "
            "[tool.kedro]: give its path with `project_path`, or change into its folder. For a package that `kedro package` "
            "has made, give its name with `package`."
        )
        raise ProjectError(msg)
    conf_source = conf_source or os.environ.get(CONF_SOURCE_VARIABLE)
    is_path = conf_source and "://" not in conf_source  # else an address, which Kedro's config loader reads from
    source = str(Path(conf_source).expanduser().resolve()) if conf_source and is_path else conf_source or None
    return ProjectLocation(Path(root), env or os.environ.get("KEDRO_ENV") or None, source, package)
