"""Names of datasets and patterns, as in Kedro's dataset factories, under which dagster.yml says something of many at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from attrs import define, field
from kedro.io import CatalogConfigResolver, DatasetError
from parse import parse

from kedro_assets.errors import Scope, suggest
from kedro_assets.project.catalog import pattern_refused, resolve_catalog


@define
class NamePatterns:
    """Names and patterns. Of several that fit a name, the one counts that Kedro would take in a catalog.

    Attributes:
        written: The names and patterns.
        scope: The place under which they are written; collects those that Kedro refuses, and those that fit no name.

    Examples:
        >>> patterns = NamePatterns(["{any}", "{name}_json", "raw_json"], Scope())
        >>> [patterns.match(name) for name in ("raw_json", "clean_json", "model")]
        ['raw_json', '{name}_json', '{any}']
    """

    written: Collection[str]
    scope: Scope
    _resolver: CatalogConfigResolver = field(init=False)
    _used: set[str] = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        readable = dict[str, Any]()
        for pattern in self.written:
            refused = pattern_refused(pattern)
            if refused:
                self.scope.at(pattern).add(refused, "Write placeholders as in `{name}_by_day`.")
            else:
                readable[pattern] = {"type": pattern}
        try:
            self._resolver = resolve_catalog(readable)
        except DatasetError as error:  # several that match any name
            self.scope.add(f"Kedro rejects these patterns: {error}")
            self._resolver = resolve_catalog({})

    def match(self, name: str) -> str | None:
        """Return the name or the pattern that fits a name; None if none does."""
        resolver = self._resolver
        found = resolver.match_dataset_pattern(name) or resolver.match_user_catch_all_pattern(name)
        found = name if name in self.written else found
        self._used.update([found] if found else [])
        return found

    @staticmethod
    def values(pattern: str, name: str) -> dict[str, str]:
        """Return what the placeholders of a pattern stand for in a name that it fits."""
        found = parse(pattern, name)
        return {place: str(value) for place, value in found.named.items()} if found else {}

    def report_unused(self, names: Iterable[str]) -> None:
        """Report what has fitted no name until now.

        Args:
            names: The names that there are.
        """
        known = list(names)
        for pattern in self.written:
            scope = self.scope.at(pattern)
            if pattern not in self._used and not scope.failed:
                scope.add("no dataset has this name or matches this pattern.", suggest(pattern, known))
