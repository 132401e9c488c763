"""What the events of a run say."""

from __future__ import annotations

from typing import Any

import dagster as dg

from kedro_assets._internals.dagster_errors import FailureError


def error_text(event: dg.DagsterEvent) -> str:
    """Return the error that a failure records, as the user's code has raised it, with its traceback; else its message.

    Reason: the error is in the event's data, whose classes are not public.
    Risk: low; where it changes, the error that `on_pipeline_error` gets says less.
    """
    recorded = _of_user(_error(event))
    return str(recorded.to_string() if recorded else event.message or "")


def error_message(event: dg.DagsterEvent) -> str:
    """Return the message of the error that a failure records, as the user's code has raised it; nothing if it records none.

    Reason: as for `error_text`.
    Risk: low.
    """
    error = _of_user(_error(event))
    if error is None:
        return ""
    message = str(error.message).strip()
    return message.removeprefix(_OWN).strip() if error.cls_name == FailureError.__name__ else message


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


_OWN = f"{FailureError.__module__}.{FailureError.__qualname__}:"


def _of_user(error: Any) -> Any:
    """Return what is behind the errors with which Dagster's own code has wrapped another; an executor's may have no cause."""
    while error is not None and str(error.message).startswith(_DAGSTERS):
        inside = error.cause or error.context
        if inside is None:
            break
        error = inside
    return error


_DAGSTERS = ("dagster", "Exceeded max_retries", "RetryRequested but")  # how the messages of its own errors begin


def is_interrupted(event: dg.DagsterEvent) -> bool:
    """Whether a step has failed as it was interrupted.

    Reason: as for `error_text`.
    Risk: low; `kedro assets run` shows such a step as failed.
    """
    error = _error(event)
    return error is not None and error.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt")


def location(event: dg.DagsterEvent) -> str:
    """Return where a materialization says that the data is; nothing if it does not.

    Reason: as for `is_kept`.
    Risk: low; `kedro assets run` does not say where what it has made is.
    """
    metadata = event.step_materialization_data.materialization.metadata
    found = next((metadata[key] for key in _LOCATIONS if key in metadata), None)
    return str(getattr(found, "value", "") or "")


_LOCATIONS = ("dagster/uri", "path")


def _error(event: dg.DagsterEvent) -> Any:
    return getattr(event.event_specific_data, "error", None)
