"""Datasets and parameters that ask for a part of a partition, and nodes of no partition that use them: their runs need a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import asdict

from kedro_assets.definitions import Translation
from kedro_assets.names import base_name
from kedro_assets.partitions import part_of, unfilled, with_placeholders
from kedro_assets.project import Project, parts_asked
from kedro_assets.runtime import View
from kedro_assets.steps import projects_among


def place_notes(found: Translation) -> Iterator[str]:
    """Yield what a run is refused for unless it is given a value, where nothing in dagster.yml gives it one."""
    project = found.project
    given = list(_given(asdict(project.config)))
    asked = unfilled(with_placeholders({}, project.runtime_params))
    asked -= {part for part in asked if any(part_of(params, part) is not None for params in given)}
    views = [
        view for each in projects_among(found.definitions.resources or {}) for view in (each.assets, *each.ops.values())
    ]
    notes = (note for view in views for note in _of_view(view, project, asked))
    yield from dict.fromkeys(notes) if asked else ()


def _of_view(view: View, project: Project, asked: frozenset[str]) -> Iterator[str]:
    graph = view.graph
    for title, node in graph.nodes.items():
        for name in () if title in view.table.partitions.nodes else dict.fromkeys((*node.inputs, *node.outputs)):
            parts = parts_asked(project.parameter_values.get(name))
            for entry in graph.entries.get(base_name(name), ()):
                parts |= entry.partition_parts if entry.name == name else frozenset()
            for part in sorted(parts & asked):
                verb = "reads" if name in node.inputs else "writes"
                yield (
                    f"'{name}', which node '{node.name}' {verb}, depends on the runtime parameter `{part}`, and the node makes no "
                    f"partition. Its runs are refused without a value: give `--params {part}=...`, or `config.runtime_params` of a "
                    "job, or say `partitions` of what the node writes."
                )


def _given(config: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the runtime parameters that jobs, schedules and sensors of dagster.yml give."""
    for key, value in config.items() if isinstance(config, dict) else enumerate(config):
        if key == "runtime_params" and isinstance(value, dict):
            yield value
        elif isinstance(value, dict | list | tuple):
            yield from _given(value)
