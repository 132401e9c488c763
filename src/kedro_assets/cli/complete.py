"""What the shell completes after `kedro assets run` and `kedro assets explain`: names that are in the project."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kedro_assets.cli.explain import known_names
from kedro_assets.definitions import translate
from kedro_assets.errors import KedroAssetsError
from kedro_assets.project import locate_project


def job_names(root: Path) -> Iterable[str]:
    """Return the names that `kedro assets run` takes; none if the project's configuration does not fit."""
    try:
        return sorted(job.definition.name for job in translate(locate_project(root)).jobs.values())
    except KedroAssetsError:
        return []


def names(root: Path) -> Iterable[str]:
    """Return the names that `kedro assets explain` takes; none if the project's configuration does not fit."""
    try:
        return sorted(known_names(root))
    except KedroAssetsError:
        return []
