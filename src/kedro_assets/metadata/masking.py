"""Secrets masked in metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

from kedro_assets.redaction import MASK

Mask = Callable[[str], str]


def masked_metadata(metadata: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    """Return metadata in which secrets are masked, whatever kind it is of.

    Args:
        metadata: Plain values or Dagster's.
        mask: Masks a text.
    """
    return {mask(key): _masked(value, mask) for key, value in metadata.items()}


def _masked(value: Any, mask: Mask) -> Any:
    if isinstance(value, str):
        return mask(value)
    try:
        text = dg.serialize_value(value)
        masked = mask(text)
        return value if masked == text else dg.deserialize_value(masked)
    except Exception:  # noqa: BLE001 - what is masked need not be what its kind takes: a number, say
        return dg.MetadataValue.text(MASK)
