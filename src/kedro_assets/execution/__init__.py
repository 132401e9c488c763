"""Executors with Kedro's pipeline hooks around them, and what they tell the processes of their steps."""

from kedro_assets._internals import dagster_tails, process_output  # noqa: F401 - a process that a command has started is quiet from here on
from kedro_assets.execution.executors import ALIASES, ALSO_STRINGS, KNOWN, Executors, check_step_names, with_hooks
from kedro_assets.execution.failure_sensor import build_failure_sensor
from kedro_assets.execution.interrupts import cancelled_when_interrupted
from kedro_assets.execution.neighbours import notes_on_neighbours
from kedro_assets.execution.workers import files_read

__all__ = [
    "ALIASES",
    "ALSO_STRINGS",
    "KNOWN",
    "Executors",
    "build_failure_sensor",
    "cancelled_when_interrupted",
    "check_step_names",
    "files_read",
    "notes_on_neighbours",
    "with_hooks",
]
