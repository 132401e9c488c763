"""`kedro assets check`: seconds of the process and of its CPU.

It is held against what has to be done anyway, `kedro registry list` and the import of Dagster, one after the other, and against
Dagster's own check of hand-written assets, `dagster definitions validate`.
"""

from __future__ import annotations

from functools import partial

from measure import Benchmark, Options, Sample, added, main, print_rows, run, summarise, take_turns, workplace
from projects import Shape, Side, floor, kedro, ours
from results import Row

CHECK = "`kedro assets check`"
LISTED, IMPORTED = "`kedro registry list`", "import of Dagster"
TOGETHER = "`kedro registry list` + import of Dagster"
VALIDATED = "hand-written, `dagster definitions validate`"


def timed(side: Side, *arguments: str) -> Sample:
    """Run a command of a contender."""
    done = run(side, *arguments)
    return {"process": done.seconds, "CPU": done.cpu}


def measure(options: Options) -> list[Row]:
    """Check projects of all sizes."""
    rows = [row for nodes in options.nodes for row in _compare(nodes, options)]
    print_rows(rows)
    return rows


def _compare(nodes: int, options: Options) -> list[Row]:
    """Check one project in all ways that there are."""
    shape = Shape(nodes=nodes)
    with workplace() as folder:
        plain, own, hand = kedro(folder, shape), ours(folder, shape), floor(folder, shape)
        contenders = {
            CHECK: partial(timed, own, "-m", "kedro", "assets", "check"),
            LISTED: partial(timed, plain, "-m", "kedro", "registry", "list"),
            IMPORTED: partial(timed, plain, "-c", "import dagster"),
            VALIDATED: partial(timed, hand, "-m", "dagster", "definitions", "validate", "-f", "definitions.py"),
        }
        samples = take_turns(contenders, options.rounds, warm_up=True)
    samples[TOGETHER] = added(samples, LISTED, IMPORTED)
    return summarise({"nodes": nodes}, samples, against=[TOGETHER, VALIDATED])


BENCHMARK = Benchmark(
    name="check",
    about=__doc__,
    measure=measure,
    full=Options(nodes=(12, 100, 850), rounds=3),
    quick=Options(nodes=(12,), rounds=1),
    uses_peer=False,
)

if __name__ == "__main__":
    main([BENCHMARK], __doc__)
