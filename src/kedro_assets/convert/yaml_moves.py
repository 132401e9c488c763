"""Entries that a mapping of a YAML file loses, and those that it gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen


@frozen
class Removed:
    """An entry that a mapping loses.

    Attributes:
        name: Its key.
        value: Its value.
        lines: The lines that it was, with the comments right above it.
        source: The text of its value alone.
        column: How far it was indented.
    """

    name: Any
    value: Any
    lines: str
    source: str
    column: int


@frozen(eq=False)
class Insertion:
    """Entries that a mapping gets.

    Attributes:
        values: The entries.
        indent: How far they are indented.
        removed: What the same mapping loses.
        is_behind: Whether they come behind an entry, rather than in place of the only ones.
    """

    values: Mapping[Any, Any]
    indent: int
    removed: Sequence[Removed]
    is_behind: bool

    def same(self, name: Any, value: Any) -> Removed | None:
        """Return what was removed with the same key and value."""
        return next((found for found in self.removed if found.name == name and found.value == value), None)

    def moved(self) -> Iterator[Removed]:
        """Yield what was removed and comes back further inside."""
        todo = [self.values]
        while todo:
            for name, value in todo.pop().items():
                found = self.same(name, value)
                if found:
                    yield found
                elif isinstance(value, dict):
                    todo.append(value)
