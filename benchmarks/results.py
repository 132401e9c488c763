"""What is read from result files, for the plots and for the documentation: medians over all runs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Row = dict[str, Any]
"""A line of a table and of the result file."""

NUMBERS = ("medians", "ratios", "samples")
"""What was measured, in a row; all else in it says of what."""


def read_rows(files: Iterable[Path]) -> list[Row]:
    """Give what was measured in several runs, as one row for each thing that was measured.

    Its medians and ratios are the medians of those of the runs. Runs that were only tried are left out.
    """
    found: dict[tuple[tuple[str, Any], ...], list[Row]] = {}
    for file in files:
        result = json.loads(file.read_text(encoding="utf-8"))
        for row in () if result["quick"] else result["rows"]:
            facts = tuple((key, value) for key, value in row.items() if key not in NUMBERS)
            found.setdefault(facts, []).append(row)
    return [_of_all(dict(facts), rows) for facts, rows in found.items()]


def _of_all(facts: Row, rows: list[Row]) -> Row:
    bases = dict.fromkeys(base for row in rows for base in row["ratios"])
    return {
        **facts,
        "medians": _medians([row["medians"] for row in rows]),
        "ratios": {base: _medians([row["ratios"].get(base, {}) for row in rows]) for base in bases},
    }


def _medians(values: list[dict[str, float]]) -> dict[str, float]:
    metrics = dict.fromkeys(metric for some in values for metric in some)
    return {metric: statistics.median(some[metric] for some in values if metric in some) for metric in metrics}


def number(value: float | None) -> str:
    """Write a number short.

    Examples:
        >>> number(0.1234), number(12.34), number(None)
        ('0.12', '12.3', '')
    """
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
