"""The files of a project's datasets as they are now, and why some of them cannot be looked at."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from kedro_assets.errors import ProjectError, message
from kedro_assets.project import CatalogWithCredentials, fingerprint, masked_errors, partition_ids
from kedro_assets.runtime.kedro_project import KedroProject

logger = logging.getLogger(__name__)


@frozen
class SeenFiles:
    """What was seen of the files of a dataset.

    Attributes:
        fingerprint: What tells them from others; None if there are none, or if they cannot be looked at.
        unseen: Why they cannot be looked at, without secrets; empty if they can.
    """

    fingerprint: str | None = None
    unseen: str = ""


@define
class DatasetFiles:
    """Looks at the files of a project's datasets, at those of each once.

    Attributes:
        project: The project; this process has it open.
        runtime_params: What its configuration is read with, as their places may depend on it.
    """

    project: KedroProject
    runtime_params: Mapping[str, Any] = field(factory=dict)
    _catalog: CatalogWithCredentials | None = field(default=None, init=False)
    _unread: str = field(default="", init=False)
    _seen: dict[str, SeenFiles] = field(factory=dict, init=False)

    def look(self, name: str) -> SeenFiles:
        """Look at the files of a dataset.

        Args:
            name: Its name in the catalog.
        """
        if name not in self._seen:
            self._seen[name] = self._look(name)
        return self._seen[name]

    def partitions(self, name: str) -> list[str] | None:
        """Return the ids of the partitions that a PartitionedDataset has in its folder; None if that cannot be looked at.

        Args:
            name: Its name in the catalog.
        """
        try:
            with masked_errors(self.project.location, self.runtime_params):
                return partition_ids(self.project.location, self._read().entry(name))
        except Exception as error:  # noqa: BLE001 - whatever a file system raises
            logger.debug("The files of '%s' cannot be looked at: %s", name, error)
            return None

    def _look(self, name: str) -> SeenFiles:
        location = self.project.location
        if self._unread:
            return SeenFiles(unseen=self._unread)
        try:
            with masked_errors(location, self.runtime_params):
                catalog = self._read()
                return SeenFiles(fingerprint(location, catalog.entry(name)))
        except Exception as error:  # noqa: BLE001 - whatever a file system raises
            logger.debug("The files of '%s' cannot be looked at: %s", name, error)
            if self._catalog is None:
                self._unread = _cause(error)
            return SeenFiles(unseen=_cause(error))

    def _read(self) -> CatalogWithCredentials:
        """Read the catalog with the hooks with which the project is loaded, and without any if it is loaded so."""
        if self._catalog is None:
            with_hooks = self.project.project.config.load_with_hooks
            self._catalog = CatalogWithCredentials.read(
                self.project.location, self.runtime_params, with_hooks=with_hooks
            )
        return self._catalog


def _cause(error: Exception) -> str:
    r"""Return in one line what an error says; advice in the lines below is for what else looks at files.

    Examples:
        >>> _cause(ProjectError("The credentials 'a' are missing.\nWrite them."))
        "The credentials 'a' are missing"
        >>> _cause(OSError("no answer\nfrom the store"))
        'OSError: no answer from the store'
    """
    if isinstance(error, ProjectError):
        first, _, rest = message(error).partition("\n")
        text = f"{first} {rest.strip().partition(chr(10))[0]}" if first.endswith(":") else first
        return text.rstrip(".")
    return f"{type(error).__name__}: {' '.join(message(error).split())}"
