"""What the events of a run say."""

from __future__ import annotations

from typing import Any

import dagster as dg


def error_text(event: dg.DagsterEvent) -> str:
    """Return the error that a failure records, as the user's code has raised it, with its traceback; else its message.

    Reason: the error is in the event's data, whose classes are not public.
    Risk: low; where it changes, the error that `on_pipeline_error` gets says less.
    """
    recorded = _error(event)
    cause = recorded.cause or recorded if recorded else None
    return str(cause.to_string() if cause else event.message or "")


def error_message(event: dg.DagsterEvent) -> str:
    """Return the message of the error at the bottom of a failure, without a traceback; nothing if it records none.

    Reason: as for `error_text`.
    Risk: low.
    """
    error = _error(event)
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else ""


def step_seconds(event: dg.DagsterEvent) -> float:
    """Return how long a step has run that has succeeded.

    Reason: the duration is in the event's data, whose class is not public.
    Risk: low.
    """
    return event.step_success_data.duration_ms / 1000


def is_kept(event: dg.DagsterEvent) -> bool:
    """Whether a materialization says that an asset stays as another run has made it.

    Reason: the materialization is in the event's data, whose class is not public.
    Risk: low; `kedro assets run --stale` would show such assets as made.
    """
    return "kedro/kept_from_run" in event.step_materialization_data.materialization.metadata


def _error(event: dg.DagsterEvent) -> Any:
    return getattr(event.event_specific_data, "error", None)
