"""What automation conditions are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg

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
    return any(part.name.endswith("JOB_ROOT_ASSETS_MATCH") for part in parts(condition))
