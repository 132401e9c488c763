"""Datasets without data: kedro-dagster has a class for them, here they are what Kedro has for any object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kedro.pipeline import Pipeline

from kedro_assets.convert.catalog import is_nothing
from kedro_assets.convert.drafts import Draft
from kedro_assets.names import is_parameter
from kedro_assets.project import read_entry, resolve_catalog

_IN_MEMORY = "MemoryDataset"
_STORED = "pickle.PickleDataset"


def convert_nothing(drafts: Sequence[Draft], base: str, pipelines: Mapping[str, Pipeline] | None) -> None:
    """Let each dataset without data be one in memory, or a small file where it is between nodes with different partitions.

    What nodes hand to each other in memory is partitioned alike, so that a node which waits for all partitions would be made
    once for each of them.

    Args:
        drafts: The files of all catalogs, with partitions converted.
        base: The base environment.
        pipelines: The registered pipelines; None if they cannot be imported.
    """
    for draft in drafts:
        catalog: dict[str, Any] = {}
        for other in drafts:
            if other.file.env in {base, draft.file.env}:
                catalog.update(other.wanted)
        for name, entry in draft.file.data.items():
            if not is_nothing(entry):
                continue
            is_between = pipelines is not None and _is_between(name, catalog, pipelines)
            place = {"type": _STORED, "filepath": f"data/nothing/{name}.pkl"} if is_between else {"type": _IN_MEMORY}
            draft.wanted[name] = {**place, **{key: value for key, value in draft.wanted[name].items() if key != "type"}}
            hint = "A node that makes it returns any value but None for it."
            if pipelines is None:
                hint = (
                    "If the nodes around it have different partitions, write "
                    f"`type: {_STORED}` with a `filepath`, as in memory they would be partitioned alike."
                )
            draft.scope.at(name).add(f"this dataset without data is a `{place['type']}` now.", hint)


def _is_between(name: str, catalog: Mapping[str, Any], pipelines: Mapping[str, Pipeline]) -> bool:
    """Whether nodes that make and read what an entry stands for have different partitions."""
    resolver = resolve_catalog({key: value for key, value in catalog.items() if isinstance(value, dict)})
    nodes = {node for pipeline in pipelines.values() for node in pipeline.nodes}

    def belongs(dataset: str) -> bool:
        return name in {dataset, resolver.match_dataset_pattern(dataset)} and not is_parameter(dataset)

    def partitions(datasets: Sequence[str]) -> list[str]:
        metadata = (read_entry(resolver, dataset).config.get("metadata") or {} for dataset in datasets)
        found = ((each.get("dagster") or {}).get("partitions") for each in metadata if isinstance(each, dict))
        return [repr(each) for each in found if each]

    around = [node for node in nodes if any(map(belongs, [*node.inputs, *node.outputs]))]
    return len({next(iter(partitions(node.outputs)), "") for node in around}) > 1
