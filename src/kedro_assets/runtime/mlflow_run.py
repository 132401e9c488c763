"""One MLflow run for all processes of a Dagster run, if a hook of the project has started one.

A hook such as that of kedro-mlflow starts it in `before_pipeline_run`, in the run's own process. Steps in other
processes go on with it, and Dagster links to it. Without MLflow in the process nothing happens: it is never imported
from here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import dagster as dg

RUN_TAG = "mlflow/run_id"
"""The tag of a Dagster run with the id of its MLflow run."""


def active_run() -> Any:
    """Return the MLflow run that is active in this thread, or None."""
    mlflow = sys.modules.get("mlflow")
    return mlflow.active_run() if mlflow else None


def join_run(run_id: str | None) -> None:
    """Go on with the MLflow run that the run's own process has started, unless one is active here."""
    mlflow = sys.modules.get("mlflow")
    if mlflow and run_id and mlflow.active_run() is None:
        mlflow.start_run(run_id=run_id)


@contextmanager
def left_as_found(running: str | None = None) -> Iterator[None]:
    """End the MLflow runs that are begun inside and left active, so that no later run of this process goes on with them.

    Args:
        running: The MLflow run that is not over: other processes go on with it.
    """
    before = active_run()
    try:
        yield
    finally:
        while (run := active_run()) and (before is None or run.info.run_id != before.info.run_id):
            sys.modules["mlflow"].end_run("RUNNING" if run.info.run_id == running else "FINISHED")


def run_tags() -> dict[str, str]:
    """Return the tags that name the active MLflow run."""
    run = active_run()
    return {RUN_TAG: run.info.run_id} if run else {}


def run_link() -> dict[str, dg.MetadataValue[Any]]:
    """Return the active MLflow run as metadata: a link if MLflow has a server, else its id."""
    run = active_run()
    if run is None:
        return {}
    server = urlsplit(sys.modules["mlflow"].get_tracking_uri())
    if server.scheme not in ("http", "https"):
        return {"mlflow/run": dg.MetadataValue.text(run.info.run_id)}
    place = server.hostname or ""
    place += f":{server.port}" if server.port else ""  # without the user and the password that the address may have
    page = f"/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    return {
        "mlflow/run": dg.MetadataValue.url(urlunsplit((server.scheme, place, server.path.rstrip("/") + "/", "", page)))
    }
