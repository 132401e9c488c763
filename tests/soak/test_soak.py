"""The soak itself: that it runs, that its faults happen, and that it finds what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from helpers import KedroProject

from kedro_assets.cli.report import check_lines
from kedro_assets.runtime.identity import kedro_timestamp
from soak import counted, killed, project
from soak.deployment import Deployment, Process
from soak.faults import Fault, Tormentor, small_disk
from soak.growth import Growth
from soak.invariants import CLAIMS, ENDS, HOOKS, NODE_HOOKS, Findings, Run, look_at_hooks, look_at_runs
from soak.workers import Worked

CREATED = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
VERSION = kedro_timestamp(CREATED)

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="processes are found as on Linux")


@pytest.mark.slow
def test_a_short_soak_without_faults_finds_nothing(tmp_path: Path) -> None:
    done = killed.soak(tmp_path, 0.05, seed=1, harm=False)
    # On a busy machine its runs take minutes, and are then too close to see the fewest descriptors between them.
    assert [each for each in done.failures() if not each.startswith(killed.FLAT)] == []
    assert done.runs["SUCCESS"] >= 1
    assert {row["invariant"] for row in killed.rows(done)} >= {CLAIMS, HOOKS, NODE_HOOKS, ENDS, killed.LEFT}


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(KedroProject(tmp_path, "none"), tmp_path / "home")


@pytest.fixture
def sleeper(deployment: Deployment) -> Iterator[Process]:
    """A process of the deployment, which opens files all the time, and writes to them."""
    program = (
        "import time, sys\nwhile True:\n  with open(sys.argv[1], 'w') as file: file.write('x')\n  time.sleep(0.05)"
    )
    written = deployment.home.parent / "written"
    command = [sys.executable, "-c", program, str(written)]
    with subprocess.Popen(command, env={"DAGSTER_HOME": str(deployment.home)}, stderr=subprocess.DEVNULL) as process:
        while not written.exists():
            time.sleep(0.05)
        yield next(found for found in deployment.processes() if found.pid == process.pid)
        process.kill()


@pytest.mark.parametrize("kind", ["kill", "no disk", "no descriptors"])
def test_a_process_does_not_survive_what_it_does_not_expect(
    deployment: Deployment, sleeper: Process, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Process, "descriptors", 2)  # one less than it needs
    Tormentor(deployment, None, seed=1).harm(kind, "run", sleeper)
    deadline = time.monotonic() + 10
    while deployment.processes():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_process_that_was_stopped_goes_on(deployment: Deployment, sleeper: Process) -> None:
    fault = Tormentor(deployment, None, seed=1).harm("stop", "run", sleeper)
    assert fault is not None
    assert fault.end - fault.begin >= 2
    [process] = deployment.processes()
    assert process.state != "T"


def test_a_disk_is_full_for_some_seconds(tmp_path: Path, deployment: Deployment) -> None:
    with small_disk(tmp_path) as disk:
        if disk is None:
            pytest.skip("no file system can be mounted")
        Tormentor(deployment, disk, seed=1).harm("no disk", "data", None)
        assert not list(disk.iterdir())
    assert os.statvfs(tmp_path).f_blocks != 0


def run(status: str, *hooks: str, faults: tuple[Fault, ...] = (), **tags: str) -> Run:
    dagster_run = dg.DagsterRun(
        job_name="parallel", run_id="0" * 8, status=dg.DagsterRunStatus(status), tags={"kedro/run_id": VERSION, **tags}
    )
    record = SimpleNamespace(dagster_run=dagster_run, create_timestamp=CREATED, end_time=CREATED.timestamp() + 60)
    pids = {"on_pipeline_error": 2}
    calls = [
        {"hook": hook, "run_id": VERSION, "node": "one", "pid": pids.get(hook, 1), "time": 10.0 + number}
        for number, hook in enumerate(hooks)
    ]
    return Run(record, calls, faults)  # type: ignore[arg-type]


BEFORE, AFTER, ERROR = "before_pipeline_run", "after_pipeline_run", "on_pipeline_error"


@pytest.mark.parametrize(
    ("found", "broken"),
    [
        (run("SUCCESS", BEFORE, AFTER), []),
        (run("FAILURE", BEFORE, ERROR), []),
        (run("FAILURE"), []),
        (run("FAILURE", BEFORE), [HOOKS]),
        (run("SUCCESS", BEFORE, ERROR), [HOOKS]),
        (run("FAILURE", BEFORE, BEFORE, ERROR), [HOOKS]),
        (run("FAILURE", BEFORE, AFTER, ERROR), [HOOKS]),
        (run("FAILURE", BEFORE, AFTER, ERROR, faults=(Fault("kill", "run", 1, 11, 11),)), []),
        (run("FAILURE", BEFORE, AFTER, ERROR, faults=(Fault("kill", "run", 3, 11, 11),)), [HOOKS]),
        (run("FAILURE", BEFORE, "before_node_run", "before_node_run", ERROR), [NODE_HOOKS]),
        (run("FAILURE", BEFORE, "after_node_run", "before_node_run", ERROR), []),
    ],
    ids=lambda value: " ".join(call["hook"] for call in value.calls) if isinstance(value, Run) else None,
)
def test_hooks_that_fire_too_often_or_not_at_all_are_found(found: Run, broken: list[str]) -> None:
    findings = Findings()
    look_at_hooks(found, findings)
    assert list(findings.broken) == broken


def test_what_is_claimed_and_is_not_there_or_broken_off_is_found(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    written = project.new_project(tmp_path)

    @dg.op(out={})
    def claim(context):
        for name in ("one", "two"):
            context.log_event(dg.AssetMaterialization(name, metadata={"kedro/save_version": VERSION}))

    @dg.job(tags={"kedro/run_id": VERSION})
    def parallel() -> None:
        claim()

    run_id = parallel.execute_in_process(instance=instance).run_id
    record = instance.get_run_record_by_id(run_id)
    assert record is not None
    file = project.stored_file(written, "two", VERSION)
    file.parent.mkdir(parents=True)
    file.write_text('{"name": "two", "te', encoding="utf-8")
    deployment = SimpleNamespace(instance=instance, project=written)
    later = {"9999-01-01T00.00.00.000Z": [{"hook": BEFORE}]}
    findings = look_at_runs([record], later, [], deployment)  # type: ignore[arg-type]
    assert findings.broken[HOOKS][-1] == "hooks of 9999-01-01T00.00.00.000Z, which is no run"
    assert [found.rpartition(": ")[2] for found in findings.broken[CLAIMS][:2]] == [
        "one is not there",
        "two is broken off",
    ]
    assert "not reported" in findings.broken[CLAIMS][2]
    begin = record.create_timestamp.timestamp() - 1
    assert not look_at_runs([record], {}, [], deployment, begin).looked_at  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("megabytes", "descriptors", "flat"),
    [((100, 105), (10, 12), True), ((100, 130), (10, 10), False), ((100, 100), (10, 30), False)],
    ids=["flat", "memory grows", "descriptors grow"],
)
def test_what_grows_is_found(megabytes: tuple[float, float], descriptors: tuple[float, float], flat: bool) -> None:
    assert Growth("daemon", 10, megabytes, descriptors).is_flat() == flat


def test_a_worker_that_grows_and_a_run_that_fails_are_found() -> None:
    grown = Growth("dask worker", 10, (100, 200), (9, 9))
    worked = Worked("dask", {"SUCCESS": 9, "FAILURE": 1}, [grown, Growth("dask runs", 10, (100, 100), (9, 9))])
    assert [failure.split(":")[0] for failure in worked.failures()] == ["dask", "dask worker grows"]
    assert Worked("dask", {"SUCCESS": 9}).failures() == []


def test_the_project_whose_runs_are_counted_has_no_problems(tmp_path: Path) -> None:
    assert list(check_lines(counted.new_project(tmp_path).path))[-1] == "No problems."


def test_runs_that_no_change_asks_for_are_found() -> None:
    counts = counted.Counts()
    counts.asked.update({"job orders": 2, "job items": 1})
    counts.found.update({"job orders": 3, "job items": 1})
    assert counts.failures() == ["job orders: 2 runs asked for, 3 found"]
