"""kedro-viz's hooks: the status of a run, which it writes for a run of everything in one process."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from helpers import KedroProject, json_dataset, run_command, write_project
from servers import daemon, first_run

pytest.importorskip("kedro_viz", reason="`nox -s plugins` runs these with kedro-viz")


def run_status(project: KedroProject, run: Callable[[], object]) -> list[dict[str, str]]:
    """What kedro-viz has written of a run, without its times."""
    file = project.path / ".viz" / "kedro_pipeline_events.json"
    file.unlink(missing_ok=True)
    run()
    events = json.loads(file.read_text(encoding="utf-8"))
    measured = ("timestamp", "duration", "traceback")
    return [{key: value for key, value in event.items() if key not in measured} for event in events]


@pytest.mark.parametrize("raw", ["4", "0"], ids=["success", "failure"])
def test_kedro_viz_shows_the_status_of_a_run_as_that_of_kedro_run(tmp_path: Path, raw: str) -> None:
    project = write_project(
        tmp_path,
        nodes="def invert(raw):\n    return 1 / raw\n\n\ndef double(inverse):\n    return inverse * 2\n",
        pipelines="""{"__default__": pipeline([
            node(invert, "raw", "inverse", name="invert"), node(double, "inverse", "doubled", name="double")])}""",
        catalog=json_dataset("raw", "inverse", "doubled"),
        dagster="""
            schedules:
              always: {cron_schedule: "* * * * *", default_status: RUNNING}
            jobs:
              minutely: {pipeline: {}, schedule: always}
        """,
    )
    project.write("data/raw.json", raw)
    # kedro-mlflow is there too, and MLflow takes no folder in place of a database any more.
    project.write("conf/base/mlflow.yml", f"server: {{mlflow_tracking_uri: 'sqlite:///{project.path}/mlflow.db'}}\n")

    def scheduled() -> None:
        with daemon(tmp_path / "home", project):
            first_run(tmp_path / "home")

    theirs = run_status(project, partial(run_command, project, "kedro", "run", check=False))
    assert run_status(project, partial(run_command, project, "kedro", "assets", "run", check=False)) == theirs
    if raw != "0":  # the daemon takes a minute
        assert run_status(project, scheduled) == theirs
    assert theirs[-1]["event"] == ("on_pipeline_error" if raw == "0" else "after_pipeline_run")
