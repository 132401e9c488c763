"""What is done to the processes of a deployment while it works: killed, stopped, left without disk or descriptors."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from soak.deployment import Deployment, Process

TARGETS = ("run", "step", "forkserver", "code server", "daemon")
SERVICES = ("code server", "daemon")
DATA = "data"
"""The target that is no process: the disk on which the data is."""
KINDS = ("kill", "stop", "no disk", "no descriptors")
DISK_MEGABYTES = 96
_LIMITS = {"no disk": resource.RLIMIT_FSIZE, "no descriptors": resource.RLIMIT_NOFILE}
_SPAWNED, _FORKSERVER = "multiprocessing.spawn", "multiprocessing.forkserver"


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        kind: What was done.
        target: To what.
        pid: The id of the process; 0 for all at once.
        begin: When.
        end: Until when.
    """

    kind: str
    target: str
    pid: int
    begin: float
    end: float


def targets(deployment: Deployment) -> dict[str, list[Process]]:
    """Return the processes of a deployment by what they are."""
    processes = {process.pid: process for process in deployment.processes()}
    found: dict[str, list[Process]] = {target: [] for target in TARGETS}
    for process in processes.values():
        parent = processes.get(process.parent)
        if _SPAWNED in process.command:
            found["run"].append(process)
        elif _FORKSERVER in process.command:
            forked = parent is not None and _FORKSERVER in parent.command
            found["step" if forked else "forkserver"].append(process)
    for name in SERVICES:
        service = deployment.services[name]
        if service.is_alive() and service.pid in processes:
            found[name].append(processes[service.pid])
    return found


class Tormentor:
    """Draws faults, and does them one after the other.

    Args:
        deployment: Whose processes.
        disk: The folder of a small file system; None where none could be mounted.
        seed: Of what is drawn.
    """

    def __init__(self, deployment: Deployment, disk: Path | None, seed: int) -> None:
        self._deployment = deployment
        self._disk = disk
        self._random = random.Random(seed)
        self.done: list[Fault] = []

    def pause(self, seconds: float) -> float:
        """Draw how long nothing is done, on average as long as given."""
        return self._random.uniform(0.3, 1.7) * seconds

    def draw(self, *, services: bool) -> Fault | None:
        """Do one fault to something that is there, and return it.

        Args:
            services: Whether the code server and the daemon are killed and starved, too, which their memory cannot be watched
                with; they are stopped all the time.
        """
        kind = self._random.choice(KINDS)
        wanted = [target for target in TARGETS if services or kind == "stop" or target not in SERVICES]
        place = self._random.random()
        if kind == "no disk" and self._disk is not None and self._random.random() < 1 / 3:
            return self.harm(kind, DATA, None)
        there = targets(self._deployment)
        wanted = [target for target in wanted if there[target]]
        if not wanted:
            return None
        # What is seldom there has its turn when it is there.
        rare = [target for target in wanted if target not in SERVICES]
        target = self._random.choice(rare if rare and place < (1 / 2 if services else 3 / 4) else wanted)
        return self.harm(kind, target, self._random.choice(there[target]))

    def harm(self, kind: str, target: str, process: Process | None) -> Fault | None:
        """Do a fault, and return it; None if the process was gone."""
        begin, seconds = time.time(), self._random.uniform(2, 8)
        try:
            if process is None:
                self._fill_disk(seconds)
            elif kind == "kill":
                os.kill(process.pid, signal.SIGKILL)
            elif kind == "stop":
                self._stop(process.pid, seconds)
            else:
                self._limit(process, _LIMITS[kind], seconds)
        except (ProcessLookupError, FileNotFoundError):
            return None
        self.done.append(Fault(kind, target, process.pid if process else 0, begin, time.time()))
        return self.done[-1]

    def _stop(self, pid: int, seconds: float) -> None:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)

    def _limit(self, process: Process, limit: int, seconds: float) -> None:
        pid = process.pid
        soft, hard = resource.prlimit(pid, limit)
        lower = process.descriptors + 1 if limit == resource.RLIMIT_NOFILE else 0
        resource.prlimit(pid, limit, (lower, hard))
        time.sleep(seconds)
        for other in self._deployment.processes():  # those that it has started meanwhile have its limit
            with suppress(ProcessLookupError):
                resource.prlimit(other.pid, limit, (soft, hard))

    def _fill_disk(self, seconds: float) -> None:
        assert self._disk is not None
        ballast = self._disk / "ballast"
        with suppress(OSError), ballast.open("wb") as file:
            while True:
                file.write(b"0" * 2**16)
                file.flush()
        time.sleep(seconds)
        ballast.unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """Mount a small file system in a folder; where that is not allowed, yield None and leave the folder as it is."""
    mount = shutil.which("mount")
    options = ("-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(folder))
    done = subprocess.run([mount, *options], capture_output=True, check=False) if mount else None
    if done is None or done.returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
