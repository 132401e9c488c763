"""Automation conditions of jobs, fitted to what the assets of a job are made from."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import dagster as dg

from kedro_assets._internals import dagster_conditions, dagster_jobs
from kedro_assets.assets import AssetTable, KedroAsset, build_condition, names_method, placed_condition
from kedro_assets.errors import Scope

FIRST_IN_JOB = "first_in_job"
"""The label of the part of a condition that is true of assets before which no other asset of the job stands."""


def build_job_condition(
    raw: object, keys: Collection[dg.AssetKey], table: AssetTable, scope: Scope
) -> dg.AutomationCondition[Any] | None:
    """Build the automation condition of a job of assets; None if there is none, or if it does not fit, which is reported.

    What it asks of the root assets is fitted to them as the condition of an asset is. For Dagster, in-memory data stands
    between the assets of a job, so that those behind it are roots too: the condition passes over them.

    Args:
        raw: What is written.
        keys: The assets of the job.
        table: The assets of the project.
        scope: The place of the condition.
    """
    condition = build_condition(raw, scope, "job")
    if condition is None:
        return None
    assets = [asset for asset in table.of_keys(sorted(keys)) if asset.cluster]
    own = frozenset(asset.key for asset in assets)
    roots = [asset for asset in assets if table.made_from(asset).isdisjoint(own)]
    made = frozenset[dg.AssetKey]().union(*map(table.made_with, assets))
    passed_over = any(own.isdisjoint(_parents(asset)) for asset in assets if asset not in roots)
    chosen = names_method(raw, "resolve_through_virtual")
    for part in list(dagster_conditions.parts(condition)):
        if not dagster_conditions.is_of_roots(part):
            continue
        [operand] = dagster_conditions.operands(part)
        placed = _placed(operand, roots, made, table, chosen=chosen)
        if passed_over and not chosen:
            placed = _of_first(placed, own, every=dagster_conditions.is_of_roots(part, "all"))
        if placed != operand:
            with dagster_jobs.known_previews():
                condition = condition.replace(part, dagster_conditions.of_roots(part, placed))
    return condition


def _placed(
    operand: dg.AutomationCondition[Any],
    roots: Collection[KedroAsset],
    made: Collection[dg.AssetKey],
    table: AssetTable,
    *,
    chosen: bool,
) -> dg.AutomationCondition[Any]:
    """Fit what a condition asks of the roots of a job to what these are made from, other than what the job makes itself."""
    behind = frozenset[dg.AssetKey]().union(*map(table.made_from, roots))
    external = [asset.spec for asset in table.of_keys(sorted(behind)) if asset.is_external]
    made_with = sorted(behind.intersection(made))
    parents = {key for asset in roots for key in _parents(asset)}
    virtual = any(asset.is_virtual for asset in table.of_keys(parents)) and not chosen
    return placed_condition(operand, external, made_with, virtual=virtual)


def _of_first(
    operand: dg.AutomationCondition[Any], own: Collection[dg.AssetKey], *, every: bool
) -> dg.AutomationCondition[Any]:
    """Ask something only of those assets of a job before which no other stands; of the others it is true if `every` is to be so."""
    missing = dg.AutomationCondition.missing()
    never = missing & ~missing  # so that no dependency of the job is to be there
    first = dg.AutomationCondition.all_deps_match(never).allow(dg.AssetSelection.assets(*own)).resolve_through_virtual()
    labelled = first.with_label(FIRST_IN_JOB)
    asked = operand | ~labelled if every else operand & labelled
    return asked.with_label(dagster_conditions.label(operand) or operand.name)


def _parents(asset: KedroAsset) -> frozenset[dg.AssetKey]:
    return frozenset(dep.asset_key for dep in asset.spec.deps)
