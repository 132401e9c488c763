"""Dagster's assets, their steps and their graph."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import dagster as dg
from attrs import frozen
from dagster._core.definitions.assets.definition.asset_spec import AssetExecutionType


class StepAssets(dg.AssetsDefinition):
    """The assets of one step, as the constructor of `AssetsDefinition` takes them: `from_op` cannot take their checks.

    Each is shown its own resources only: every dataset has an IO manager, and Dagster goes through all resources of the code
    location for each step, so that the work would grow with the square of the datasets.

    Reason: Dagster has no public way to bind some of the resources, and `dagster.multi_asset` makes up the names of inputs.
    Risk: low; where Dagster no longer calls `with_resources`, definitions load more slowly. The constructor is what
    `dagster.multi_asset` calls.
    """

    def with_resources(self, resource_defs: Mapping[str, dg.ResourceDefinition]) -> dg.AssetsDefinition:
        """Bind the resources that these assets need."""
        own = {key: resource_defs[key] for key in self.required_resource_keys if key in resource_defs}
        return super().with_resources(own)


def observable_asset(op: dg.OpDefinition, spec: dg.AssetSpec) -> dg.AssetsDefinition:
    """Return an asset that Dagster does not make and that an op observes; its step is that op.

    Reason: `dagster.multi_observable_source_asset` takes keys for names of outputs, and not every key can be one.
    Risk: low; that decorator makes the same call.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # nothing that the user could change
        return dg.AssetsDefinition(
            node_def=op,
            keys_by_output_name=dict.fromkeys(op.outs, spec.key),
            specs=[spec],
            execution_type=AssetExecutionType.OBSERVATION,
        )


def is_executable(assets: dg.AssetsDefinition) -> bool:
    """Whether assets have a step, which makes, observes or checks them.

    Reason: `AssetsDefinition.op` raises for assets without one, and nothing public says whether there is one.
    Risk: low.
    """
    return assets.is_executable


def pool_of(assets: dg.AssetsDefinition) -> str | None:
    """Return the pool of assets' step.

    Reason: pools are public where a step is defined, not where they are read.
    Risk: low.
    """
    return assets.op.pool


@frozen
class AssetGraph:
    """Which assets there are, and what each is made from.

    Reason: the public `Definitions.resolve_all_asset_specs` has specs without backfill policies, and what depends on an asset
    would have to be searched for.
    Risk: low; the graph is what Dagster's own command line uses.

    Attributes:
        theirs: Dagster's own graph.
    """

    theirs: Any

    @classmethod
    def of(cls, definitions: dg.Definitions | dg.RepositoryDefinition) -> AssetGraph:
        """Return the graph of all assets in definitions."""
        if isinstance(definitions, dg.RepositoryDefinition):
            return cls(definitions.asset_graph)
        return cls(definitions.resolve_asset_graph())

    @property
    def made(self) -> AbstractSet[dg.AssetKey]:
        """The assets that a step makes."""
        return frozenset(self.theirs.materializable_asset_keys)

    def parents(self, key: dg.AssetKey) -> AbstractSet[dg.AssetKey]:
        """Return what an asset is made from."""
        return frozenset(self.theirs.get(key).parent_keys)

    def children(self, key: dg.AssetKey) -> AbstractSet[dg.AssetKey]:
        """Return what is made from an asset."""
        return frozenset(self.theirs.get(key).child_keys)

    def partitions(self, key: dg.AssetKey) -> dg.PartitionsDefinition[Any] | None:
        """Return how an asset is partitioned."""
        found: dg.PartitionsDefinition[Any] | None = self.theirs.get(key).partitions_def
        return found

    def partitions_per_run(self, key: dg.AssetKey) -> int | None:
        """Return how many partitions of an asset a run of a backfill makes; None for all."""
        policy = self.theirs.get(key).backfill_policy
        return policy.max_partitions_per_run if policy else 1

    def selected(self, selection: dg.AssetSelection) -> AbstractSet[dg.AssetKey]:
        """Return the assets of a selection."""
        return frozenset(selection.resolve(self.theirs))


def read_selection(text: str) -> dg.AssetSelection:
    """Read a selection of assets in Dagster's syntax.

    Reason: `dagster.define_asset_job` takes the text too, and cannot be asked what it selects.
    Risk: low; Dagster documents the syntax.

    Raises:
        DagsterError: If it cannot be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # of an argument that Dagster's own code passes
        return dg.AssetSelection.from_string(text)


def select(selection: dg.AssetSelection, assets: Any) -> AbstractSet[dg.AssetKey]:
    """Return the keys of the assets of a selection.

    Reason: as for `read_selection`.
    Risk: low.

    Args:
        selection: The selection.
        assets: A sequence of `AssetsDefinition`.
    """
    return frozenset(selection.resolve(assets))


def select_known(selection: dg.AssetSelection, assets: Any) -> AbstractSet[dg.AssetKey]:
    """Return the keys of the assets of a selection, which may name others that are not there.

    Reason: as for `read_selection`; automation conditions look for assets in this way.
    Risk: low.

    Args:
        selection: The selection.
        assets: A sequence of `AssetsDefinition`, or Dagster's own graph.
    """
    return frozenset(selection.resolve(assets, allow_missing=True))
