"""What a dataset looks like in Dagster: the one place to override."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg
from attrs import Factory, frozen
from kedro.pipeline.node import Node

from kedro_assets.config import DatasetSettings
from kedro_assets.project import CatalogEntry, CodeVersion, code_location, table_name
from kedro_assets.redaction import redacted


@frozen
class DatasetRecord:
    """What is known of a dataset, or of a node without outputs, when it becomes an asset.

    Attributes:
        name: The dataset's name in Kedro, without transcoding, or the node's name.
        key: The path of its asset key by default: the parts of the name between dots and slashes, behind `assets.key_prefix`.
        namespace: The part of the name before its last dot, or the node's namespace; None without one.
        group_name: Its group in Dagster's UI by default; None for Dagster's own.
        entry: What the catalog says of it, without credentials; None for a node without outputs.
        settings: `metadata.dagster` of the catalog.
        producer: The node that makes it; None for an external dataset.
        consumers: The names of the nodes that read it.
        automation_condition: When Dagster makes it by itself.
        freshness_policy: How old it may be.
        pipelines: The registered pipelines that hold its producer, or else its consumers, in their order.
        code: Another version when the producer's function or its parameters are other ones, or those of a node that hands it
            data in memory; None for an external dataset.
    """

    name: str
    key: tuple[str, ...]
    namespace: str | None = None
    group_name: str | None = None
    entry: CatalogEntry | None = None
    settings: DatasetSettings = Factory(DatasetSettings)
    producer: Node | None = None
    consumers: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()
    automation_condition: dg.AutomationCondition[Any] | None = None
    freshness_policy: dg.FreshnessPolicy | None = None
    code: CodeVersion | None = None

    @property
    def code_version(self) -> str | None:
        """The version of the code that makes it; None for an external dataset."""
        return self.code.version if self.code else None


@frozen
class NodeRecord:
    """What is known of a node when its step gets tags.

    Attributes:
        node: The node, as Kedro has it: its name, namespace, tags, inputs and outputs.
        step_tags: The tags that `assets.step_tags` of dagster.yml gives to it.
    """

    node: Node
    step_tags: Mapping[str, Any] = Factory(dict)


class KedroTranslator:
    """Turns datasets into asset specs, and says what tags the steps of nodes have.

    Override `get_asset_spec`, call `super()`, and change what it gives with `replace_attributes` or `merge_attributes`.
    """

    def get_asset_spec(self, data: DatasetRecord) -> dg.AssetSpec:
        """Describe one asset; its dependencies and its IO manager are added afterwards.

        Args:
            data: The dataset.
        """
        settings = data.settings
        return dg.AssetSpec(
            key=list(data.key),
            description=settings.description or _docstring(data.producer),
            group_name=settings.group_name or data.group_name,
            owners=settings.owners,
            tags={**node_tags(data.producer), **settings.tags},
            kinds=set(settings.kinds) or default_kinds(data.entry),
            metadata={**_metadata(data), **_code_references(data.producer)},
            automation_condition=data.automation_condition,
            freshness_policy=data.freshness_policy,
            code_version=data.code_version,
        )

    def get_step_tags(self, data: NodeRecord) -> Mapping[str, Any]:
        """Return the tags of a node's step in Dagster, such as `dagster-k8s/config`; by default those of dagster.yml.

        Nodes with different tags run in different steps, as with `assets.step_tags`.

        Args:
            data: The node.
        """
        return data.step_tags


_WITH_ICONS = {
    "sqltable": ("sql", "table"),
    "sqlquery": ("sql",),
    "chunkedcsv": ("csv",),
    "deltatable": ("deltalake",),
    "gbqtable": ("bigquery", "table"),
    "gbqquery": ("bigquery",),
    "snowparktable": ("snowflake", "table"),
    "managedtable": ("databricks", "table"),
}
"""The words for which Dagster's UI has icons, of classes whose names are several words in one."""


def default_kinds(entry: CatalogEntry | None) -> set[str]:
    """Say in up to three words what a dataset is, from the name of its class.

    Examples:
        >>> sorted(default_kinds(CatalogEntry("a", "pandas.SQLTableDataset")))
        ['pandas', 'sql', 'table']
        >>> sorted(default_kinds(CatalogEntry("a", "pandas.CSVDataset")))
        ['csv', 'pandas']
        >>> default_kinds(CatalogEntry("a", "kedro_datasets.polars.lazy_polars_dataset.LazyPolarsDataset"))
        {'polars'}
        >>> default_kinds(CatalogEntry("a", "shop.datasets.TillDataset")), default_kinds(None)
        ({'till'}, {'side_effect'})
    """
    if entry is None:
        return {"side_effect"}
    if entry.in_memory:
        return {"memory"}
    path = entry.type.removeprefix("kedro_datasets.")
    kind = re.sub(r"Data[sS]et$", "", path.rpartition(".")[2]).lower()
    shipped = path.count(".") == 1 or path != entry.type
    library = path.partition(".")[0].lower() if shipped else ""
    words = {library} if library and library in kind else {library, *_WITH_ICONS.get(kind, (kind,))}
    return {word for word in words if word and word not in ("io", "kedro")}


def _docstring(node: Node | None) -> str | None:
    """Return the first paragraph of a node function's docstring."""
    function = getattr(node.func, "func", node.func) if node else None
    text = inspect.getdoc(function) if inspect.isroutine(function) else None
    return " ".join(text.split("\n\n")[0].split()) if text else None


def node_tags(node: Node | None) -> Mapping[str, str]:
    """Return a node's tags as keys without values, in the characters that Dagster allows."""
    names = sorted(node.tags) if node else ()
    return {re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:63]: "" for name in names}


def _metadata(data: DatasetRecord) -> dict[str, Any]:
    metadata: dict[str, Any] = {"kedro/dataset" if data.entry else "kedro/node": data.name}
    if data.entry:
        metadata["kedro/type"] = data.entry.type
        if data.producer:
            metadata["kedro/node"] = data.producer.name
        if data.entry.location:
            metadata["kedro/filepath"] = redacted(data.entry.location)
        table = table_name(data.entry)
        if table and "<" not in table:  # else it is another one in each run
            metadata["dagster/table_name"] = table
        if data.entry.viz.get("layer"):
            metadata["kedro/layer"] = str(data.entry.viz["layer"])
    return metadata


def _code_references(node: Node | None) -> dict[str, dg.CodeReferencesMetadataValue]:
    """Return where a node's function stands, for Dagster's link to it."""
    place = code_location(node.func) if node else None
    if node is None or place is None:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # nothing that the user could change
        reference = dg.LocalFileCodeReference(file_path=place[0], line_number=place[1], label=node.name)
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}
