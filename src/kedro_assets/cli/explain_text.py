"""How `kedro assets explain` writes what is known of a thing: a title, a line for each fact, and a drawing of what is around it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import click

from kedro_assets.cli.explain_code import code_line

Facts = dict[str, Any]
"""What is known of one thing, in the order in which it is said; `before` and `after` are the names around it."""

_WIDTH = 100
_MOST = 12  # names on one side of a drawing


def lines_of(facts: Facts) -> Iterator[str]:
    """Write facts as lines: a title, a line or more for each, and the names around it."""
    yield f"{facts['is']} {click.style(facts['name'], bold=True)}"
    told = {key: value for key, value in facts.items() if key not in ("is", "name", "before", "after")}
    indent = max(map(len, told), default=0) + 4
    for label, value in told.items():
        for position, line in enumerate(_text(value, _WIDTH - indent)):
            yield f"  {'' if position else label:<{indent - 2}}{line}"
    drawing = list(_drawing(facts.get("before", []), facts["name"], facts.get("after", [])))
    yield from ["", *(f"  {line}" for line in drawing)] if drawing else []


def _text(value: Any, width: int) -> list[str]:
    """Write a fact: sentences and parameters one a line, names side by side."""
    if isinstance(value, dict):
        lines = (f"{key} = {json.dumps(item, ensure_ascii=False, default=str)}" for key, item in value.items())
        return [line if len(line) <= width else f"{line[: width - 3]}..." for line in lines]
    if not isinstance(value, list):
        return [str(value)]
    if isinstance(value[0], dict):
        return list(map(code_line, value))
    if any(" " in item for item in value):
        return value
    return textwrap.wrap(", ".join(value), width, break_long_words=False, break_on_hyphens=False)


def _drawing(before: Sequence[str], name: str, after: Sequence[str]) -> Iterator[str]:
    """Draw a name between those before and after it; nothing if it is alone.

    Examples:
        >>> lines = map(click.unstyle, _drawing(["a", "bc"], "d", ["e", "f", "g"]))
        >>> tuple(lines)
        ('a  ─┬─ d ─┬─ e', 'bc ─┘     ├─ f', '          └─ g')
    """
    before, after = _few(before), _few(after)
    width = max(map(len, before), default=0)
    left = [f"{text:<{width}} {joint}" for text, joint in zip(before, _joints(len(before), "─┤ ", "─┘ "), strict=True)]
    right = [f"{joint} {text}" for text, joint in zip(after, _joints(len(after), " ├─", " └─"), strict=True)]
    margin = " " * (width + 4) if before else ""
    middle = f" {click.style(name, bold=True)} " if before else f"{click.style(name, bold=True)} "
    below = " " * len(click.unstyle(middle))
    for position, (start, end) in enumerate(zip_longest(left, right, fillvalue="")):
        yield ((start or margin) + (below if position else middle) + end).rstrip()


def _joints(count: int, between: str, last: str) -> list[str]:
    """Return the lines from some names to the one beside the first of them."""
    return ["───"] if count == 1 else ["─┬─", *[between] * (count - 2), last][:count]


def _few(names: Sequence[str]) -> list[str]:
    return [*names] if len(names) <= _MOST else [*names[: _MOST - 1], f"and {len(names) - _MOST + 1} more"]
