"""How far a run's memory grows beyond what its process had when the first node began, in megabytes.

A chain of large datasets is kept in memory or saved as pickles. A node that yields chunks should need the same memory for
few chunks and for many.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from measure import (
    Benchmark,
    Options,
    Sample,
    execute,
    kedro_run,
    main,
    print_rows,
    summarise,
    take_turns,
    workplace,
)
from projects import Shape, Side, kedro, ours
from results import Row

PEAK = """\
import atexit, pathlib, re, resource, sys

def peak():
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # it begins anew with the process; what `resource` gives may be that of the parent
        return int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)

def write(before):
    pathlib.Path("data/growth").write_text(str(peak() - before))

if not hasattr(sys, "first_node"):
    sys.first_node = True
    atexit.register(write, peak())
"""
LARGE = PEAK + 'return b"x" * {size}'
CHUNKS = PEAK + 'for _ in range({chunks}):\n    yield b"x" * {size}'
PICKLE = "pickle.PickleDataset"


def growth(side: Side) -> Sample:
    """Run the project; its first node has seen to it that the growth is written when the process ends."""
    (kedro_run if side.name == "kedro run" else execute)(side)
    return {"MB": float((side.root / "data" / "growth").read_text())}


def measure(options: Options) -> list[Row]:
    """Run the chains and the node that yields chunks."""
    size = 5_000_000 if options.quick else 50_000_000
    few, many = (2, 4) if options.quick else (4, 40)
    nodes = options.nodes[0]
    chain = Shape(nodes=nodes, shape="chain", dataset=PICKLE, work=LARGE.format(size=size))
    shapes = {f"{nodes} datasets of {size // 10**6} MB, files": chain}
    shapes[f"{nodes} datasets of {size // 10**6} MB, memory"] = replace(chain, memory=1.0)
    for chunks in (few, many):
        work = CHUNKS.format(chunks=chunks, size=size)
        shapes[f"{chunks} chunks of {size // 10**6} MB"] = Shape(nodes=1, dataset=PICKLE, work=work)
    rows: list[Row] = []
    for case, shape in shapes.items():
        with workplace() as folder:
            sides = [kedro(folder, shape), ours(folder, shape, "memory")]
            samples = take_turns({side.name: partial(growth, side) for side in sides}, options.rounds)
        rows += summarise({"case": case}, samples, against=["kedro run"])
    print_rows(rows)
    return rows


BENCHMARK = Benchmark(
    name="memory",
    about=__doc__,
    measure=measure,
    full=Options(nodes=(8,), rounds=3),
    quick=Options(nodes=(3,), rounds=1),
    uses_peer=False,
)

if __name__ == "__main__":
    main([BENCHMARK], __doc__)
