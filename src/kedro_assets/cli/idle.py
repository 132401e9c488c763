"""Conditions that nothing lets fire, and those that wait for what nothing makes by itself: what to write instead.

Only what follows from the definitions is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_conditions
from kedro_assets.assets import KedroAsset
from kedro_assets.cli.automation import Automation


def idle_notes(automation: Automation) -> Iterator[str]:
    """Yield what is to be said of the conditions of a project that start nothing, or wait in vain."""
    never = never_true(automation)
    for key, condition in automation.automated.items():
        asset = automation.found.table.by_key[key]
        if never[key]:
            yield f"The automation condition of '{asset.name}' starts nothing: {never[key]}"
        else:
            yield from _waiting(asset, condition, automation)
    for asset in automation.found.table.assets:
        for check in asset.checks.values():
            condition = check.automation_condition
            reason = _Reasons(asset, check.key, automation).of(condition) if condition is not None else ""
            if reason:
                yield f"The automation condition of the check '{check.name}' of '{asset.name}' starts nothing: {reason}"


def never_true(automation: Automation) -> Mapping[dg.AssetKey, str]:
    """Return why the condition of an asset is never true; an empty text where it may be, or where that cannot be told."""
    assets = automation.found.table.by_key
    return {
        key: _Reasons(assets[key], key, automation).of(condition) for key, condition in automation.automated.items()
    }


def label(condition: Any) -> str:
    """Return the label of a condition without its arguments."""
    return dagster_conditions.label(condition).partition("(")[0]


def _waiting(asset: KedroAsset, condition: Any, automation: Automation) -> Iterator[str]:
    """Yield what a condition waits for on each tick of a cron schedule though nothing makes it by itself."""
    waiting = [part for part in _required(condition) if label(part) == "all_deps_updated_since_cron"]
    followed = (dagster_conditions.followed(part, asset.key, automation.graph) for part in waiting)
    idle = [key for key in sorted(frozenset[dg.AssetKey]().union(*followed)) if _is_idle(key, automation)]
    if idle:
        has, it = ("has", "it") if len(idle) == 1 else ("have", "them")
        yield (
            f"The automation condition of '{asset.name}' waits on every tick until {automation.named(idle)} {has} been made, and "
            f"no condition, schedule or sensor of the project makes {it}. Give {it} an `automation_condition`, or write "
            f"`{_ignoring(idle)}` beside the condition that waits."
        )


def _is_idle(key: dg.AssetKey, automation: Automation) -> bool:
    """Whether a node makes an asset, and nothing of the project starts that."""
    asset = automation.found.table.by_key.get(key)
    return (
        asset is not None
        and not asset.is_external
        and key not in automation.automated
        and key not in automation.started
    )


@frozen
class _Reasons:
    """Finds out why a condition of an asset cannot be true.

    Attributes:
        asset: The asset.
        key: Its key, or that of one of its checks.
        automation: What starts runs in the project.
    """

    asset: KedroAsset
    key: dg.AssetKey | dg.AssetCheckKey
    automation: Automation

    def of(self, condition: Any) -> str:
        """Return why a condition cannot be true, with what to write; nothing if it can, or if that cannot be told."""
        kind, inner = dagster_conditions.kind(condition), dagster_conditions.operands(condition)
        if kind == "Not":
            return self._waits_for_good(inner[0])
        if kind == "AnyDeps":
            return self._nothing_new(condition)
        if kind == "NewlyTrue" and dagster_conditions.kind(inner[0]) == "Missing" and not self.asset.partitioning:
            return (
                "what has no partitions is newly missing only after somebody has wiped it. To start it where it has never been "
                "made, write `{missing: null, since_last_handled: null}`."
            )
        if kind in ("Since", "NewlyTrue"):
            return self.of(inner[0])
        reasons = [self.of(operand) for operand in inner] if kind in ("And", "Or") else []
        if kind == "Or" and not all(reasons):
            return ""
        return next((reason for reason in reversed(reasons) if reason), "")

    def _nothing_new(self, condition: Any) -> str:
        """Return why none of the assets that a condition follows can make it true."""
        followed = dagster_conditions.followed(condition, self.key, self.automation.graph)
        if not followed:
            return self._follows_nothing()
        silent = self.automation.silent(followed)
        if len(silent) == len(followed) and label(condition) == "any_deps_updated":
            return (
                f"it follows {self.automation.named(silent)}, which no node makes and Dagster cannot observe. Write `on_cron`, or "
                "let something report a materialization to Dagster."
            )
        return ""

    def _follows_nothing(self) -> str:
        """Return why a condition follows none of the assets that its own asset is made from."""
        asset, automation = self.asset, self.automation
        is_check = isinstance(self.key, dg.AssetCheckKey)
        made_from = frozenset([asset.key]) if is_check else automation.found.table.made_from(asset)
        if not made_from:
            return (
                "it follows what the asset is made from, and that is nothing. Write `on_cron`, or give a job of the asset a "
                "schedule."
            )
        if not is_check and made_from <= automation.made_with(asset.key):
            them = automation.named(sorted(made_from))
            return (
                f"it follows what the asset is made from, and {them} is made anew whenever the asset is, by the nodes that hand "
                "it data in memory. Write `on_cron`, or give that data an entry in the catalog."
            )
        return "its `allow` and `ignore` leave nothing of what it is made from. Correct their selections."

    def _waits_for_good(self, condition: Any) -> str:
        """Return which assets a condition waits for in vain."""
        if label(condition) != "any_deps_missing":
            return ""
        silent = self.automation.silent(dagster_conditions.followed(condition, self.key, self.automation.graph))
        if not silent:
            return ""
        return (
            f"it waits until {self.automation.named(silent)} {'is' if len(silent) == 1 else 'are'} there, which no node makes and "
            f"Dagster cannot observe. Write `{_ignoring(silent)}` beside the condition, or let something report a "
            "materialization to Dagster."
        )


def _ignoring(keys: Sequence[dg.AssetKey]) -> str:
    """Return what makes a condition ignore some assets, as it is written in YAML."""
    selection = " or ".join(f'key:"{key.to_user_string()}"' for key in keys)
    return f"ignore: '{selection}'"


def _required(condition: Any) -> Iterator[Any]:
    """Yield the parts of a condition that all have to be true for it to be true."""
    yield condition
    if dagster_conditions.kind(condition) == "And":
        for operand in dagster_conditions.operands(condition):
            yield from _required(operand)
