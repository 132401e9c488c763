"""Processes that end with the one that has started them, if that is the process of a run."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time

import pytest

from kedro_assets.runtime import step_process

# Starts a step, says its id, and dies.
RUN = """
import multiprocessing, os, signal, sys, time
from kedro_assets.runtime import step_process

def step(queue):
    step_process.end_with_run()
    queue.put(os.getpid())
    time.sleep(60)

if __name__ == "__main__":
    if sys.argv[2] == "run":
        step_process.mark_run_process()
    context = multiprocessing.get_context(sys.argv[1])
    queue = context.SimpleQueue()
    context.Process(target=step, args=(queue,)).start()
    print(queue.get(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def is_there(pid):
    """Whether a process is there; one that has ended, and that nobody has asked about, is not."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip()[:1] not in ("", "Z")


def orphan(tmp_path, start, kind):
    program = tmp_path / "program.py"
    program.write_text(RUN)
    output = tmp_path / "output"
    with output.open("wb") as file:  # no pipe: what is left of the program would keep it open
        subprocess.run([sys.executable, str(program), start, kind], stdout=file, stderr=file, check=False)
    return int(next(line for line in output.read_text().splitlines() if line.isdecimal()))


@pytest.mark.parametrize("start", ["spawn", "forkserver"])
def test_a_process_ends_with_the_run_that_has_started_it(tmp_path, start):
    pid, deadline = orphan(tmp_path, start, "run"), time.monotonic() + 20
    while is_there(pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_process_that_no_run_has_started_goes_on(tmp_path, monkeypatch):
    monkeypatch.delenv(step_process.RUN_PROCESS_VARIABLE, raising=False)
    pid = orphan(tmp_path, "spawn", "other")
    time.sleep(1)
    assert is_there(pid)
    os.kill(pid, 9)


def test_the_process_of_a_run_does_not_wait_for_the_one_that_has_started_it(monkeypatch):
    monkeypatch.setattr(multiprocessing, "parent_process", multiprocessing.current_process)
    monkeypatch.setenv(step_process.RUN_PROCESS_VARIABLE, "0")
    step_process.end_with_run()
    assert os.getpid() not in step_process._watched
