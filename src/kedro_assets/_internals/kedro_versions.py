"""What a versioned dataset of Kedro's has saved."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kedro.io import AbstractVersionedDataset, CachedDataset


def earlier_save(dataset: Any) -> Callable[[], None] | None:
    """Return what removes the version that a dataset is about to save, if it is there already.

    Reason: Kedro saves no version twice, and a step that is tried again may have to.
    Risk: medium; where it changes, another try fails, with Kedro's message that the version must not exist.

    Returns:
        What removes it; None if nothing is there, if the dataset has no versions, or if its files cannot be reached.
    """
    if isinstance(dataset, CachedDataset):
        dataset = dataset._dataset
    files = getattr(dataset, "_fs", None)
    version = dataset.resolve_save_version() if isinstance(dataset, AbstractVersionedDataset) else None
    if files is None or version is None:
        return None
    path = dataset._get_versioned_path(version)
    return partial(files.rm, str(path.parent), recursive=True) if dataset._exists_function(str(path)) else None
