"""How long definitions take to load, beyond the imports of libraries: `definitions.py`, its repository and all jobs.

The floor is hand-written assets of the same size and Kedro's own reading of the project: what has to be read anyway.
"""

from __future__ import annotations

from functools import partial

from measure import (
    Benchmark,
    Options,
    Sample,
    main,
    print_rows,
    run,
    summarise,
    take_turns,
    workplace,
)
from projects import Shape, Side, floor, ours, peer
from results import Row

MANY = 1000
"""From this size on, larger steps are of interest too."""
PEER_NODES = 500
"""The largest project for kedro-dagster, which is measured once there."""

_LOAD = """
import importlib, runpy, sys, time
for module in sys.argv[1:]:
    importlib.import_module(module)
start = time.perf_counter()
runpy.run_path("definitions.py")["defs"].get_repository_def().get_all_jobs()
print(time.perf_counter() - start)
"""


def load(side: Side) -> Sample:
    """Load a contender's definitions in a fresh process."""
    printed = run(side, "-c", _LOAD, *side.imports).printed
    return {"seconds": float(printed.split()[-1])}


def measure(options: Options) -> list[Row]:
    """Load projects of all sizes, in steps of single nodes, and large ones in larger steps too."""
    rows: list[Row] = []
    for shape, cluster_by in (("layers", "node"), ("layers", "pipeline"), ("namespaces", "namespace")):
        sizes = [nodes for nodes in options.nodes if cluster_by == "node" or options.quick or nodes >= MANY]
        found = [row for nodes in sizes for row in _compare(Shape(nodes=nodes, shape=shape), cluster_by, options)]
        if found:
            print_rows(found)
        rows += found
    return rows


def _compare(shape: Shape, cluster_by: str, options: Options) -> list[Row]:
    """Load one project in all ways that there are; kedro-dagster has only steps of single nodes."""
    with workplace() as folder:
        sides = [ours(folder, shape, cluster_by), floor(folder, shape, cluster_by, reading=True)]
        limits = {}
        if options.peer and cluster_by == "node" and shape.nodes <= PEER_NODES:
            sides.append(peer(folder, shape, options.peer))
            limits["kedro-dagster"] = 1 if shape.nodes == PEER_NODES else 3
        contenders = {side.name: partial(load, side) for side in sides}
        rounds = min(options.rounds, 3) if shape.nodes >= MANY else options.rounds
        warm_up = not options.quick and shape.nodes == min(options.nodes)
        samples = take_turns(contenders, rounds, limits, warm_up=warm_up)
    facts = {"shape": shape.shape, "nodes": shape.nodes}
    return summarise(facts, samples, against=[sides[1].name, sides[0].name])


BENCHMARK = Benchmark(
    name="load",
    about=__doc__,
    measure=measure,
    full=Options(nodes=(10, 100, 200, 500, 5000), rounds=3),
    quick=Options(nodes=(10,), rounds=1),
)

if __name__ == "__main__":
    main([BENCHMARK], __doc__)
