"""Placeholders of patterns, filled in as Kedro fills in those of dataset factories, and in keys too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, fields, has


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """Return a value with the placeholders filled in every text of it.

    Args:
        value: Texts, lists, mappings and records of them.
        values: What the placeholders stand for.

    Examples:
        >>> filled({"{space}.raw": ["all of {space}", 1]}, {"space": "shop"})
        {'shop.raw': ['all of shop', 1]}
    """
    if isinstance(value, str):
        for place, text in values.items():
            value = value.replace("{" + place + "}", text)
        return value
    if isinstance(value, list):
        return [filled(item, values) for item in value]
    if isinstance(value, dict):
        return {filled(key, values): filled(item, values) for key, item in value.items()}
    if has(type(value)):
        return evolve(value, **{key.name: filled(getattr(value, key.name), values) for key in fields(type(value))})
    return value
