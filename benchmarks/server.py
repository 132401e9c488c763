"""A code server: seconds from its start and from a reload until it answers with its repository, and its memory in MB."""

from __future__ import annotations

import socket
import subprocess
import time
from functools import partial

import psutil
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient
from measure import Benchmark, Options, Sample, environment, main, print_rows, summarise, take_turns, workplace
from projects import Shape, Side, floor, ours
from results import Row

PATIENCE = 600
"""Seconds that a server has to answer."""


def serve(side: Side) -> Sample:
    """Start a code server, see how large it is, reload it, and stop it."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [side.python, "-m", "dagster", "code-server", "start", "-f", "definitions.py", "-p", str(port)]
    variables = environment(side)
    client = DagsterGrpcClient(port=port)
    log = side.root / "server.log"
    start = time.perf_counter()
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=side.root, env=variables, stdout=file, stderr=file)
    family = []
    try:
        _wait(client, process)
        started = time.perf_counter()
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        size = sum(member.memory_info().rss for member in family)
        asked = time.perf_counter()
        client.reload_code(timeout=PATIENCE)
        _wait(client, process)
        reloaded = time.perf_counter()
        family += psutil.Process(process.pid).children(recursive=True)
    finally:
        process.terminate()
        for member in psutil.wait_procs(family, timeout=10)[1]:
            member.kill()
        process.wait()
    return {"start": started - start, "reload": reloaded - asked, "MB": size / 1e6}


def _wait(client: DagsterGrpcClient, process: subprocess.Popen[bytes]) -> None:
    """Ask for the repositories until they are given."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            client.list_repositories()
        except DagsterUserCodeUnreachableError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("The code server does not answer.")


def measure(options: Options) -> list[Row]:
    """Serve projects of all sizes."""
    rows: list[Row] = []
    for nodes in options.nodes:
        shape = Shape(nodes=nodes)
        with workplace() as folder:
            sides = [floor(folder, shape, reading=True), ours(folder, shape)]
            samples = take_turns({side.name: partial(serve, side) for side in sides}, options.rounds)
        rows += summarise({"nodes": nodes}, samples, against=[sides[0].name])
    print_rows(rows)
    return rows


BENCHMARK = Benchmark(
    name="server",
    about=__doc__,
    measure=measure,
    full=Options(nodes=(500,), rounds=3),
    uses_peer=False,
)

if __name__ == "__main__":
    main([BENCHMARK], __doc__)
