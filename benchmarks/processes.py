"""A whole run with its steps in processes of their own, by how many run at once; one process means no others.

The project is chains of ten nodes, each in a namespace. Every contender starts its steps in the way that it does by itself:
kedro-assets forks them from a process that has everything loaded, the others start each from nothing.
"""

from __future__ import annotations

from functools import partial

from measure import Benchmark, Options, execute, main, print_rows, summarise, take_turns, workplace
from projects import IN_PROCESS, Shape, floor, ours, peer
from results import Row

PROCESSES = (1, 2, 4)
PEER_PROCESSES = 2
"""With more, kedro-dagster takes minutes for the same again."""


def measure(options: Options) -> list[Row]:
    """Run the project with each number of processes."""
    rows: list[Row] = []
    for nodes in options.nodes:
        shape = Shape(nodes=nodes, shape="namespaces")
        for processes in (2,) if options.quick else PROCESSES:
            executor = IN_PROCESS if processes == 1 else {"multiprocess": {"max_concurrent": processes}}
            with workplace() as folder:
                hand, own = floor(folder, shape, "node", executor), ours(folder, shape, "node", executor)
                hand_space, own_space = (write(folder, shape, "namespace", executor) for write in (floor, ours))
                others = (
                    [peer(folder, shape, options.peer, executor)]
                    if options.peer and processes <= PEER_PROCESSES
                    else []
                )
                contenders = {side.name: partial(execute, side) for side in (hand, own, hand_space, own_space, *others)}
                samples = take_turns(contenders, options.rounds, {"kedro-dagster": 1})
            against = [hand.name, own.name, hand_space.name]
            rows += summarise({"nodes": nodes, "processes": processes}, samples, against=against)
    print_rows(rows)
    return rows


BENCHMARK = Benchmark(
    name="processes",
    about=__doc__,
    measure=measure,
    full=Options(nodes=(100,), rounds=3),
    quick=Options(nodes=(4,), rounds=1),
)

if __name__ == "__main__":
    main([BENCHMARK], __doc__)
