"""kedro-mlflow, kedro-viz, kedro-telemetry and validation with Pandera, all of them in one project.

kedro-pandera does not take this Kedro. What it did is part of Kedro: the key `validator` of a dataset.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import KedroProject, run_command, write_project

mlflow = pytest.importorskip("mlflow", reason="`nox -s plugins` installs the plugins")
for plugin in ("kedro_mlflow", "kedro_viz", "kedro_telemetry", "pandera"):
    pytest.importorskip(plugin, reason="`nox -s plugins` installs the plugins")

pytestmark = pytest.mark.filterwarnings("ignore")

TELEMETRY = "heapanalytics.com"


@pytest.fixture
def project(tmp_path: Path) -> KedroProject:
    project = write_project(
        tmp_path,
        nodes="""
            import mlflow

            def scale(raw, factor):
                mlflow.log_metric("rows", len(raw))
                return raw * factor

            def total(scaled):
                return scaled.sum().to_frame("total")
        """,
        pipelines="""{"__default__": pipeline([
            node(scale, ["raw", "params:factor"], "scaled", name="scale"), node(total, "scaled", "totals", name="total")])}""",
        parameters="factor: 3\n",
        dagster="""
            jobs:
              one: {pipeline: {}, executor: in_process}
              several: {pipeline: {}, executor: multiprocess}
        """,
    )
    datasets = [
        f"{name}:\n  type: pandas.CSVDataset\n  filepath: data/{name}.csv\n  save_args: {{index: false}}\n"
        for name in ("raw", "totals", "scaled")
    ]
    project.write("conf/base/catalog.yml", "".join(datasets) + f"  validator: {project.package}.schemas.Scaled\n")
    project.write(
        f"src/{project.package}/schemas.py",
        """
        import pandera.pandas as pa

        class Scaled(pa.DataFrameModel):
            size: int = pa.Field(lt=100)
        """,
    )
    project.write("conf/base/mlflow.yml", f"server: {{mlflow_tracking_uri: 'sqlite:///{project.path}/mlflow.db'}}\n")
    return project


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The hosts with which processes want to talk: a proxy writes them down, and lets nobody through."""
    found: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    found.append(client.recv(1000).decode(errors="replace").split("\r\n")[0])

        threading.Thread(target=refuse, daemon=True).start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.getsockname()[1]}")
        yield found
        server.shutdown(socket.SHUT_RDWR)


def outcome(project: KedroProject, *command: str, succeeds: bool = True) -> dict[str, Any]:
    """Run a command, and return what the project and its plugins have left."""
    (project.path / "mlflow.db").unlink(missing_ok=True)
    events = project.path / ".viz" / "kedro_pipeline_events.json"
    for file in (events, *project.path.glob("data/[st]*.csv")):
        file.unlink(missing_ok=True)
    done = run_command(project, *command, check=succeeds)
    assert (done.returncode == 0) == succeeds, done.stdout + done.stderr
    client = mlflow.MlflowClient(f"sqlite:///{project.path}/mlflow.db")
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    shown = json.loads(events.read_text(encoding="utf-8")) if events.exists() else []
    return {
        "files": project.data(),
        "mlflow": [(run.info.status, run.data.params, run.data.metrics) for run in runs],
        "viz": [(event["event"], event.get("node") or event.get("dataset"), event.get("status")) for event in shown],
        "refused": "less_than(100)" in done.stdout + done.stderr,
    }


IN_SEVERAL = ("kedro", "assets", "run", "several")


def scheduled(project: KedroProject) -> tuple[str, ...]:
    """Return the command that executes a run as the daemon has it executed for a schedule: in a process of its own."""
    return ("dagster", "job", "execute", "-m", f"{project.package}.definitions", "-d", "src", "-j", "one")


def test_all_plugins_do_in_one_project_what_they_do_in_kedro_run(project: KedroProject, asked: list[str]) -> None:
    project.write("data/raw.csv", "size\n4\n5\n")
    theirs = outcome(project, "kedro", "run")
    assert theirs["files"].keys() == {"raw.csv", "scaled.csv", "totals.csv"}
    assert theirs["mlflow"] == [("FINISHED", {"factor": "3"}, {"rows": 2})]
    assert theirs["viz"][-1][0] == "after_pipeline_run"
    assert outcome(project, "kedro", "assets", "run") == theirs
    assert outcome(project, *scheduled(project)) == theirs
    several = outcome(project, *IN_SEVERAL)
    assert several == {**theirs, "viz": []}, "kedro-viz follows runs in one process only, as with Kedro's other runners"
    assert [host for host in asked if TELEMETRY in host] == []


def test_wrong_data_is_refused_as_in_kedro_run(project: KedroProject) -> None:
    project.write("data/raw.csv", "size\n4\n50\n")
    theirs = outcome(project, "kedro", "run", succeeds=False)
    assert (theirs["files"].keys(), theirs["refused"]) == ({"raw.csv"}, True)
    assert theirs["mlflow"] == [("FAILED", {"factor": "3"}, {"rows": 2})]
    assert theirs["viz"][-1][0] == "on_pipeline_error"
    assert outcome(project, "kedro", "assets", "run", succeeds=False) == theirs
    assert outcome(project, *IN_SEVERAL, succeeds=False) == {**theirs, "viz": []}


def test_telemetry_that_is_not_switched_off_is_asked_for(
    project: KedroProject, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DO_NOT_TRACK", "KEDRO_DISABLE_TELEMETRY"):
        monkeypatch.delenv(name, raising=False)
    project.write("data/raw.csv", "size\n4\n")
    run_command(project, "kedro", "assets", "run")
    assert any(TELEMETRY in host for host in asked)
