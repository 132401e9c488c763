"""The example project, run by `kedro run` and by Dagster on each of its executors: the same files, the same hooks."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"
VERSION = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z")


class Outcome:
    """What a run of the example has left behind."""

    def __init__(self, folder: Path) -> None:
        paths = (path for path in (folder / "data" / "fast").rglob("*") if path.is_file())
        self.files = {VERSION.sub("VERSION", str(path.relative_to(folder))): path.read_bytes() for path in paths}
        self.hooks = [json.loads(line) for line in (folder / "hooks.jsonl").read_text().splitlines()]

    def calls(self, *but: str) -> Counter:
        """Count the calls of hooks, without those that fire once per process."""
        calls = ((call["hook"], call.get("name"), call.get("node")) for call in self.hooks)
        return Counter(call for call in calls if call[0] not in but)

    def order(self, node: str) -> list[tuple[str, str]]:
        """Give the calls of one node in order."""
        of_node = (call for call in self.hooks if node in {call.get("node"), call.get("name")})
        return [(call["hook"], call.get("name")) for call in of_node]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, dagster_home: Path) -> Callable[..., Outcome]:
    """Run the example in a copy of its own by a command, once per command."""
    done: dict[tuple[str, ...], Outcome] = {}

    def run(*command: str) -> Outcome:
        if command not in done:
            folder = tmp_path_factory.mktemp("example") / "flights"
            shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("data", "*.egg-info"))
            env = {
                **os.environ,
                "DAGSTER_HOME": str(dagster_home),
                "KEDRO_ENV": "fast",
                "FLIGHTS_HOOK_LOG": str(folder / "hooks.jsonl"),
            }
            finished = subprocess.run(
                [sys.executable, "-m", *command], cwd=folder, env=env, capture_output=True, text=True, check=False
            )
            assert finished.returncode == 0, finished.stdout + finished.stderr
            done[command] = Outcome(folder)
        return done[command]

    return run


KEDRO = ("kedro", "run")
JOBS = {
    "in process": ("dagster", "job", "execute", "-m", "definitions", "-j", "everything"),
    "multiprocess": ("dagster", "job", "execute", "-m", "definitions", "-j", "nightly_refresh"),
}
PER_PROCESS = ("after_context_created", "after_catalog_created")


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_a_job_writes_the_files_that_kedro_run_writes(outcome: Callable[..., Outcome], job: tuple[str, ...]) -> None:
    expected, found = outcome(*KEDRO).files, outcome(*job).files
    assert len(expected) == 25
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_a_job_fires_the_hooks_that_kedro_run_fires(outcome: Callable[..., Outcome], job: tuple[str, ...]) -> None:
    expected, found = outcome(*KEDRO), outcome(*job)
    assert found.calls(*PER_PROCESS) == expected.calls(*PER_PROCESS)
    for node in ("forest.evaluate", "export_daily_operations", "check_no_flight_lost"):
        assert found.order(node) == expected.order(node) != []


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_every_process_of_a_job_opens_the_project_once_and_has_one_run_id(
    outcome: Callable[..., Outcome], job: tuple[str, ...]
) -> None:
    hooks = outcome(*job).hooks
    for hook in PER_PROCESS:
        processes = [call["pid"] for call in hooks if call["hook"] == hook]
        assert sorted(processes) == sorted({call["pid"] for call in hooks})
    assert len({call["run_id"] for call in hooks if call.get("run_id")}) == 1
    [before, after] = [call["pid"] for call in hooks if call["hook"] in {"before_pipeline_run", "after_pipeline_run"}]
    assert before == after


def test_a_month_in_dagster_is_the_month_that_kedro_run_makes_with_its_key(outcome: Callable[..., Outcome]) -> None:
    def months(*command: str) -> dict[str, bytes]:
        files = outcome(*command).files
        return {name: data for name, data in files.items() if "carriers_by_month" in name}

    made = months("kedro", "assets", "run", "--select", "+key:carriers_by_month_plot", "--partition", "2013-02-01")
    assert sorted(made) == [
        f"data/fast/08_reporting/{name}" for name in ("carriers_by_month.png", "carriers_by_month/2013-02-01.csv")
    ]
    assert made["data/fast/08_reporting/carriers_by_month/2013-02-01.csv"].startswith(b"carrier,carrier_name,flights")
    filters = ("--to-outputs", "carriers_by_month_plot", "--params", "partition_key=2013-02-01")
    assert made == months("kedro", "run", "--pipelines", "ingestion,monthly", *filters)
