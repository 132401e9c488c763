"""Whether there is what `kedro assets run --load-versions` asks for: it is looked for before a run exists."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from kedro_assets.errors import KedroAssetsError, suggest
from kedro_assets.project import entry_with_credentials, kept_versions
from kedro_assets.runtime import KedroProject

_TOLD = 5
"""How many of the versions are told that there are."""

_log = logging.getLogger(__name__)


def check_load_versions(projects: Sequence[KedroProject], options: Mapping[str, Any]) -> None:
    """Look whether there are the versions that are to be loaded.

    Where the files of a dataset cannot be listed, the node that loads it says why.

    Args:
        projects: The projects that the run is of.
        options: What Kedro is given for the run: `load_versions` by dataset, and `runtime_params`.

    Raises:
        KedroAssetsError: If a dataset is in no catalog and no pattern of a catalog stands for it, or it has other versions only.
    """
    for name, version in (options.get("load_versions") or {}).items() if projects else ():
        found = [each for each in projects if _has(each, name)]
        if not found:
            known = {dataset for project in projects for dataset in project.project.resolver.config}
            msg = f"The catalog has no dataset '{name}' of which a version could be loaded. {suggest(name, known)}"
            raise KedroAssetsError(msg)
        listed = [_kept(project, name, options.get("runtime_params") or {}) for project in found]
        kept = sorted({*chain.from_iterable(listed)})
        if all(listed) and version not in kept:  # the same project is there once for each environment
            latest = ", ".join(reversed(kept[-_TOLD:])) + (", ..." if len(kept) > _TOLD else "")
            msg = f"The dataset '{name}' has no version '{version}'. The versions that it has, the latest first: {latest}."
            raise KedroAssetsError(msg)


def _has(project: KedroProject, name: str) -> bool:
    """Whether the catalog of a project has a dataset, or a pattern for it."""
    resolver = project.project.resolver
    return name in resolver.config or bool(resolver.match_dataset_pattern(name))


def _kept(project: KedroProject, name: str, params: Mapping[str, Any]) -> list[str]:
    """Return the versions of a dataset; none if that cannot be told."""
    try:
        with project.entered():
            return kept_versions(project.location, entry_with_credentials(project.location, name, params))
    except Exception:  # noqa: BLE001 - whatever a file system raises, which may hold secrets
        _log.debug("The versions of '%s' cannot be listed.", name)
        return []
