"""Settings of datasets that dagster.yml gives to many at once, and to those whose class takes no `metadata`."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, fields

from kedro_assets.config import DatasetSettings
from kedro_assets.errors import Scope
from kedro_assets.graph.project_graph import ProjectGraph
from kedro_assets.project import NamePatterns, filled


def with_pattern_settings(graph: ProjectGraph, written: Mapping[str, DatasetSettings], problems: Scope) -> ProjectGraph:
    """Apply `assets.settings` of dagster.yml to the settings of the datasets, as far as the catalog says nothing.

    A pattern leaves out what a dataset cannot have: content to compare and nodes to wait for where no node makes it, say, or
    conditions where it only passes from node to node in memory.

    Args:
        graph: The graph.
        written: What is written, by names and patterns.
        problems: Collects patterns that Kedro refuses, and names and patterns of no dataset.
    """
    patterns = NamePatterns(written, problems.at("assets", "settings"))
    settings, origins = dict(graph.settings), {}
    for name in graph.datasets:
        pattern = patterns.match(name)
        if pattern is None:
            continue
        given = filled(written[pattern], patterns.values(pattern, name))
        raw = graph.entry(name).metadata.get("dagster")
        said = raw.keys() if isinstance(raw, dict) else ()
        keys = [key.name for key in fields(DatasetSettings) if key.name not in said]
        values = {key: getattr(given, key) for key in keys if getattr(given, key) != getattr(_NOTHING, key)}
        if pattern != name:
            values = {key: value for key, value in values.items() if _applies(graph, name, key)}
        settings[name] = evolve(graph.settings_of(name), **values)
        origins[name] = pattern, frozenset(values)
    patterns.report_unused(graph.datasets)
    return evolve(graph, settings=settings, origins=origins)


def _applies(graph: ProjectGraph, dataset: str, key: str) -> bool:
    """Whether a dataset can have a setting that a pattern gives to many."""
    is_made = graph.producer(dataset) is not None
    if key in {"automation_condition", "check_automation_condition", "freshness_policy"} and (
        ("dataset", dataset) in graph.passing
    ):
        return False
    if key == "data_version":
        return is_made and bool(graph.entry(dataset).location)
    if key == "check_automation_condition":
        return any(entry.config.get("validator") is not None for entry in graph.entries[dataset])
    if key == "automation_condition":
        return is_made or bool(graph.entry(dataset).location)
    return is_made if key in {"deps", "partition_mappings"} else True


_NOTHING = DatasetSettings()
