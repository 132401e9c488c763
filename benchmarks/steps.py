"""From the launch of a step in a process of its own to the first line of its node, for a chain of nodes.

The launch is the time of the event in Dagster's log, the first line is what the node itself saves.
"""

from __future__ import annotations

import json
import statistics
from functools import partial

import dagster as dg
from measure import (
    Benchmark,
    Options,
    Sample,
    execute,
    instance,
    main,
    print_rows,
    summarise,
    take_turns,
    workplace,
)
from projects import Shape, Side, floor, ours, peer
from results import Row

CLOCK = "import time\nreturn [time.time()]"
TWO = {"multiprocess": {"max_concurrent": 2}}
SPAWN = {"multiprocess": {"max_concurrent": 2, "start_method": {"spawn": {}}}}


def starts(side: Side) -> Sample:
    """Run a chain; give the seconds that its first step took to start, and the median of the later ones."""
    execute(side)
    [record] = instance(side).get_run_records(limit=1)
    events = instance(side).all_logs(record.dagster_run.run_id, of_type=dg.DagsterEventType.STEP_WORKER_STARTING)
    launched = {event.get_dagster_event().step_key: event.timestamp for event in events}
    seconds = {
        step: json.loads((side.root / "data" / f"{step.replace('step_', 'data_')}.json").read_text())[0] - timestamp
        for step, timestamp in launched.items()
        if step.startswith("step_")  # kedro-dagster has steps for hooks too
    }
    first = seconds.pop("step_0")
    return {"first": first, "later": statistics.median(seconds.values())}


def measure(options: Options) -> list[Row]:
    """Run chains of all lengths."""
    rows: list[Row] = []
    for nodes in options.nodes:
        shape = Shape(nodes=nodes, shape="chain", work=CLOCK)
        with workplace() as folder:
            sides = [
                floor(folder, shape, executor=TWO),
                ours(folder, shape, executor=TWO, note="forkserver"),
                ours(folder, shape, executor=SPAWN, note="spawn"),
                *([peer(folder, shape, options.peer, TWO)] if options.peer else []),
            ]
            samples = take_turns({side.name: partial(starts, side) for side in sides}, options.rounds)
        rows += summarise({"nodes": nodes}, samples, against=[side.name for side in sides[:2]])
    print_rows(rows)
    return rows


BENCHMARK = Benchmark(
    name="steps",
    about=__doc__,
    measure=measure,
    full=Options(nodes=(10,), rounds=3),
    quick=Options(nodes=(3,), rounds=1),
)

if __name__ == "__main__":
    main([BENCHMARK], __doc__)
