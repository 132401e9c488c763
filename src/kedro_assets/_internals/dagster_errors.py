"""How Dagster records the error of a step or a run."""

from __future__ import annotations

import traceback
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterUserCodeProcessError
from dagster_shared.error import SerializableErrorInfo

BEFORE = "\n  Before that, in Dagster and Kedro:\n"
"""What stands between the frames of the user's code and those around it.

Reason: Dagster records the frames of an error as a list of texts, in which it is one.
Risk: low; it is ours.
"""


class FailureError(dg.DagsterUserCodeExecutionError, DagsterUserCodeProcessError):
    """The failure of a step or a run that is recorded with a headline, and with the frames of the user's code first.

    Reason: Dagster records an error as it was raised, below all of its own frames, unless it comes from another process.
    Risk: medium; where it changes, a failure is recorded with its headline below Dagster's frames.

    Args:
        headline: The first lines of what is recorded.
        error: The error of the user's code.
        around: How many of its frames are around the user's code, and come last.
    """

    def __init__(self, headline: str, error: Exception, around: int) -> None:
        found = (type(error), error, error.__traceback__)
        arguments: dict[str, Any] = {"user_exception": error, "original_exc_info": found}
        super().__init__(  # type: ignore[no-untyped-call]  # Dagster gives it no types
            headline, **arguments, user_code_process_error_infos=[_info(headline, error, around)]
        )


def _info(headline: str, error: Exception, around: int) -> SerializableErrorInfo:
    found = traceback.TracebackException.from_exception(error)
    frames = list(found.stack)
    info = SerializableErrorInfo.from_traceback(found)
    own, outer = (traceback.StackSummary.from_list(part).format() for part in (frames[around:], frames[:around]))
    cause = _with_outer(info._replace(stack=own), [BEFORE, *outer] if outer else [])
    return SerializableErrorInfo(f"{headline}\n", [], FailureError.__name__, cause)


def _with_outer(info: SerializableErrorInfo, outer: list[str]) -> SerializableErrorInfo:
    """Put frames behind the last of an error and what has caused it."""
    if info.cause is not None:
        return info._replace(cause=_with_outer(info.cause, outer))
    if info.context is not None:
        return info._replace(context=_with_outer(info.context, outer))
    return info._replace(stack=[*info.stack, *outer])
