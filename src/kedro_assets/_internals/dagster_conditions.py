"""What automation conditions and schedules are made of."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import dagster as dg
from dagster._utils.schedules import schedule_execution_time_iterator

from kedro_assets._internals.dagster_assets import AssetGraph

Condition = dg.AutomationCondition[Any]


def label(condition: Condition) -> str:
    """Return the name that a condition has in the UI, such as `on_cron(0 6 * * *, UTC)`; nothing if it has none.

    Reason: no public property tells which of Dagster's own conditions one is.
    Risk: low; where it changes, `on_cron` waits for external datasets that nothing observes, and never fires.
    """
    return condition.get_label() or ""


def parts(condition: Condition) -> Iterator[Condition]:
    """Yield a condition and all conditions inside it.

    Reason: the operands of a condition have no public property.
    Risk: low; where it changes, nothing is said of conditions that cannot fire.
    """
    yield condition
    for child in condition.children:
        yield from parts(child)


def names(condition: Condition) -> list[str]:
    """Return the labels and names of all parts of a condition, which its method `replace` takes, each once.

    Reason: the name of a condition has no public property.
    Risk: low; the names are in messages only.
    """
    found = (label(part) or part.name for part in parts(condition))
    return list(dict.fromkeys(name for name in found if not name.isupper()))  # those of operators say nothing


def is_of_job(condition: Condition) -> bool:
    """Whether a condition looks at the assets of a job, so that it is one of a job; older versions of Dagster have none.

    Reason: nothing public says what a condition is for, and Dagster says that it does not fit after all is built.
    Risk: low; where it changes, conditions of jobs are refused.
    """
    return any(is_of_roots(part) for part in parts(condition))


def is_of_roots(condition: Condition, which: str = "") -> bool:
    """Whether a condition asks something of the root assets of a job: of `any`, of `all`, or of one or the other.

    Reason: as for `is_of_job`.
    Risk: low; where it changes, conditions of jobs do not look through in-memory data.
    """
    return condition.name.endswith("JOB_ROOT_ASSETS_MATCH") and condition.name.startswith(which.upper())


def of_roots(condition: Condition, operand: Condition) -> Condition:
    """Return a condition that asks something else of the root assets of a job, under the same label.

    Reason: what such a condition asks can be given to its constructor only, which has its name.
    Risk: low, as for `is_of_roots`.
    """
    found = getattr(dg.AutomationCondition, condition.name.lower())(operand)
    labelled: Condition = found.with_label(condition.get_label())
    return labelled


def kind(condition: Condition) -> str:
    """Return what a condition is by itself, whatever its label, such as `And`, `Since` or `AnyDeps`.

    Reason: the classes of conditions are not public.
    Risk: low; where it changes, nothing is said of conditions that cannot fire.
    """
    return type(condition).__name__.removesuffix("Condition").removesuffix("Automation")


def operands(condition: Condition) -> Sequence[Condition]:
    """Return what a condition is made of.

    Reason: as for `parts`.
    Risk: low, as there.
    """
    return list(condition.children)


def followed(condition: Condition, key: dg.AssetKey | dg.AssetCheckKey, graph: AssetGraph) -> AbstractSet[dg.AssetKey]:
    """Return the assets that a condition on other assets looks at, for one asset or check; none for a condition of another kind.

    Reason: what `allow`, `ignore` and virtual assets leave of the dependencies has no public method.
    Risk: low; where it changes, nothing is said of conditions that cannot fire.
    """
    look = getattr(condition, "_get_dep_keys", None)
    return frozenset(look(key, graph.theirs)) if look else frozenset()


def has_ticks(cron_schedule: str | Sequence[str], timezone: str | None = None) -> bool:
    """Whether a cron schedule ever ticks, such as not that of each second Monday that is a first of January.

    Reason: Dagster takes such a schedule, and its daemon then fails whenever it looks at it.
    Risk: low; where it changes, such a schedule is taken again.
    """
    try:
        next(schedule_execution_time_iterator(time.time(), cron_schedule, timezone))
    except Exception as error:  # noqa: BLE001 - other errors are about a text that is no cron expression
        return type(error).__name__ != "CroniterBadDateError"
    return True
