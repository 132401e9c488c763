"""kedro-viz's hooks: the status of a run, which it writes for a run of everything in one process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import KedroProject, json_dataset, run_command, write_project

pytest.importorskip("kedro_viz", reason="`nox -s plugins` runs these with kedro-viz")


def run_status(project: KedroProject, *command: str) -> list[dict[str, str]]:
    """What kedro-viz has written of a run, without its times."""
    file = project.path / ".viz" / "kedro_pipeline_events.json"
    file.unlink(missing_ok=True)
    run_command(project, *command, check=False)
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
    )
    project.write("data/raw.json", raw)
    theirs = run_status(project, "kedro", "run")
    assert run_status(project, "kedro", "assets", "run") == theirs
    assert theirs[-1]["event"] == ("on_pipeline_error" if raw == "0" else "after_pipeline_run")
