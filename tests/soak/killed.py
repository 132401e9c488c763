"""Processes are killed, stopped, and left without disk or descriptors while runs are launched; then it is looked at what is left."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError

import dagster as dg
from helpers import KedroProject

from soak.deployment import ENDED, Deployment, Process
from soak.faults import Tormentor, small_disk
from soak.growth import Growth, Watch
from soak.invariants import Findings, look_at_runs
from soak.project import JOBS, HookCalls, new_project

LEFT = "no process is left over"
SUCCEED = "some runs succeed"
FLAT = "memory and descriptors stay as they are"
LAUNCH_SECONDS = 18
FAULT_SECONDS = 9
CHANGE_SECONDS = 75
SERVICES_DIE = 0.35
"""The part of the time in which the code server and the daemon are killed and starved: after that their memory is watched."""
SETTINGS = {
    "run_coordinator": {
        "module": "dagster",
        "class": "QueuedRunCoordinator",
        "config": {"max_concurrent_runs": 4, "dequeue_interval_seconds": 1},
    },
    # Nothing else ends a run whose process dies while no code server is there to see it.
    "run_monitoring": {
        "enabled": True,
        "start_timeout_seconds": 90,
        "cancel_timeout_seconds": 60,
        "max_runtime_seconds": 240,
        "poll_interval_seconds": 10,
    },
}
HELPER = "multiprocessing.resource_tracker"
"""What Python starts beside a process that starts others, and ends with it."""
BROKEN = "Exception in thread grpc-server-cleanup"
"""What a code server of Dagster's prints when it has lost the thread that sees which runs have died: it had no descriptors when that
thread looked. It answers, and never sees it again; so it is started anew.
"""
SETTLE_SECONDS = 400
"""After how long without the end of any run those that have not ended are said to be left."""
MOST_WAITING = 6
"""With so many runs in the queue none is launched: a machine that is busy otherwise would fall ever further behind."""
HOOK_SECONDS = 90
"""How long the sensor may take to fire what is left."""
WAITING = dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])
UNREACHABLE = (URLError, ConnectionError, TimeoutError, AssertionError, OSError)


@dataclass
class Soak:
    """What was done, and what came of it.

    Attributes:
        launched: How often each job was launched.
        refused: How many launches found no code server.
        broken: How many code servers were killed as they had lost a thread of Dagster's.
        runs: How many runs ended how.
        faults: How many of each kind met what.
        starts: How often each service was started.
        findings: What was looked at.
        growth: What became of memory and descriptors.
        on_small_disk: Whether data was on a disk of its own that was filled.
    """

    launched: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    broken: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    starts: Counter[str] = field(default_factory=Counter)
    findings: Findings = field(default_factory=Findings)
    growth: Sequence[Growth] = ()
    on_small_disk: bool = False

    def failures(self) -> list[str]:
        return [f"{invariant}: {found}" for invariant, all_found in self.findings.broken.items() for found in all_found]


def soak(folder: Path, minutes: float, seed: int, *, harm: bool = True) -> Soak:
    """Let a deployment work for some minutes, harm it, and look at what is left.

    Args:
        folder: An empty folder.
        minutes: How long runs are launched.
        seed: Of what is drawn: launches and faults.
        harm: Whether there are faults; without them only the rest is tried.
    """
    project, done = new_project(folder), Soak()
    hooks = HookCalls(project)
    with (
        small_disk(project.path / "data") as disk,
        Deployment(project, folder / "home", SETTINGS) as deployment,
    ):
        done.on_small_disk = disk is not None
        watch, tormentor = Watch(deployment), Tormentor(deployment, disk, seed)
        project.write("data/raw.json", "0")
        deployment.wait()
        _launch(deployment, project, "sequential", done)
        _work(deployment, project, tormentor if harm else None, done, minutes, random.Random(seed))
        end = time.time()
        _settle(deployment, hooks, end)
        watch.close()
        records = _records(deployment, end)
        every = deployment.instance.get_run_records()
        done.findings = look_at_runs(every, hooks.of_runs(), tormentor.done, deployment, end)
        done.growth = watch.growth()
        for growth in done.growth:
            done.findings.expect(FLAT, growth.is_flat(), str(growth))
        done.runs.update(record.dagster_run.status.value for record in records)
        done.faults.update((fault.kind, fault.target) for fault in tormentor.done)
        done.starts.update({name: service.starts for name, service in deployment.services.items()})
        done.findings.expect(SUCCEED, done.runs["SUCCESS"], str(done.runs))
        _look_for_processes(deployment, done.findings)
    hooks.close()
    return done


def _work(
    deployment: Deployment,
    project: KedroProject,
    tormentor: Tormentor | None,
    done: Soak,
    minutes: float,
    draw: random.Random,
) -> None:
    """Launch runs, change a file and do faults until the time is over."""
    begin = time.time()
    end, services_end = begin + 60 * minutes, begin + 60 * minutes * SERVICES_DIE
    launch, fault, change, changes = begin, begin + FAULT_SECONDS, begin + CHANGE_SECONDS / 2, 0
    while (now := time.time()) < end:
        deployment.start()
        if now >= launch:
            launch = now + LAUNCH_SECONDS * draw.uniform(0.2, 1.8)
            if deployment.instance.get_runs_count(WAITING) < MOST_WAITING:
                _launch(deployment, project, draw.choice(JOBS), done)
        if now >= change:
            change, changes = now + CHANGE_SECONDS, changes + 1
            with suppress(OSError):  # the disk is full
                project.write("data/raw.json", str(changes))
        if tormentor is not None and now >= fault:
            tormentor.draw(services=now < services_end)
            if BROKEN in deployment.services["code server"].printed():
                deployment.services["code server"].kill()
                done.broken += 1
            fault = time.time() + tormentor.pause(FAULT_SECONDS)
        time.sleep(0.2)
    deployment.start()


def _launch(deployment: Deployment, project: KedroProject, job: str, done: Soak) -> None:
    """Launch a job as the UI does; a code server that is not there refuses that, which is no error."""
    location = {"repositoryLocationName": project.package, "repositoryName": "__repository__"}
    try:
        deployment.server.start(location, job)
    except UNREACHABLE:
        done.refused += 1
    else:
        done.launched[job] += 1


def _settle(deployment: Deployment, hooks: HookCalls, end: float) -> None:
    """Wait until the runs of before have ended, as long as some do, and until the sensor has had its turn."""
    stop, before = time.time() + SETTLE_SECONDS, -1
    while time.time() < stop:
        deployment.start()
        going_on = [record for record in _records(deployment, end) if record.dagster_run.status not in ENDED]
        if not going_on:
            break
        if len(going_on) != before:
            stop, before = time.time() + SETTLE_SECONDS, len(going_on)
        time.sleep(1)
    quiet = time.time() + HOOK_SECONDS
    while time.time() < quiet and _open_hooks(hooks):
        time.sleep(1)


def _open_hooks(hooks: HookCalls) -> bool:
    """Whether a run has had the first hook of its pipeline and not the last."""
    names = [{call["hook"] for call in calls} for calls in hooks.of_runs().values()]
    return any(
        "before_pipeline_run" in found and not found & {"after_pipeline_run", "on_pipeline_error"} for found in names
    )


def _records(deployment: Deployment, end: float) -> list[dg.RunRecord]:
    records = deployment.instance.get_run_records()
    return [record for record in records if record.create_timestamp.timestamp() <= end]


def _look_for_processes(deployment: Deployment, findings: Findings) -> None:
    """Stop the services, and look at what is there."""
    deployment.services["daemon"].stop()  # so that nothing new is started
    running = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
    stop = time.time() + SETTLE_SECONDS / 4
    while time.time() < stop and deployment.instance.get_runs_count(running):
        time.sleep(1)
    services = {service.pid for service in deployment.services.values()}
    left = _left(deployment, services)
    findings.expect(LEFT, not left, f"beside the services: {left}")
    for service in deployment.services.values():
        service.stop()
    left = _left(deployment, set())
    findings.expect(LEFT, not left, f"once all is stopped: {left}")


def _left(deployment: Deployment, services: set[int], seconds: float = 15) -> list[Process]:
    """Return the processes that are still there after some seconds."""
    stop = time.time() + seconds
    while True:
        left = [
            process
            for process in deployment.processes()
            if process.pid not in services and not (process.parent in services and HELPER in process.command)
        ]
        if not left or time.time() > stop:
            return left
        time.sleep(0.5)


def rows(done: Soak) -> list[dict[str, Any]]:
    """Return the invariants with how often they were tried and how often they did not hold."""
    findings = done.findings
    return [
        {"invariant": name, "tried": findings.looked_at[name], "broken": len(findings.broken.get(name, []))}
        for name in findings.looked_at
    ]
