"""A run in one process: seconds of the whole process and of its CPU, and of the run in it, without loading.

All but `kedro run` are run with `dagster job execute`, kedro-assets with `kedro assets run` too.

Every dataset is a JSON file, so `cluster_by: node` and the default `memory` are the same; one more table has chains of ten
nodes that hand on their data in memory. There the hand-written assets are only what is saved.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from measure import (
    Benchmark,
    Options,
    Sample,
    added,
    assets_run,
    execute,
    kedro_run,
    main,
    print_rows,
    summarise,
    take_turns,
    workplace,
)
from projects import Shape, empty, floor, kedro, ours, peer, wrapped
from results import Row

PEER_NODES = 100
"""The largest project for kedro-dagster."""
IN_TERMINAL = "kedro-assets, `kedro assets run`"
IN_ONE_STEP = "kedro-assets, pipeline, `kedro assets run`"
TOGETHER = "`kedro run` + one empty asset"
"""Kedro's run and Dagster's start, one after the other."""


def measure(options: Options) -> list[Row]:
    """Run projects of all sizes, with all data in files, and one with data in memory."""
    files = [row for nodes in options.nodes for row in _files(nodes, options)]
    print_rows(files)
    memory = _memory(sorted(options.nodes)[len(options.nodes) // 2], options)
    print_rows(memory)
    return files + memory


def _files(nodes: int, options: Options) -> list[Row]:
    """Every node reads and writes files."""
    shape = Shape(nodes=nodes)
    with workplace() as folder:
        plain = kedro(folder, shape)
        by_node, by_pipeline = ours(folder, shape), ours(folder, shape, "pipeline")
        hand, nothing = floor(folder, shape), empty(folder)
        sides = [hand, by_node, floor(folder, shape, "pipeline"), by_pipeline, nothing, wrapped(folder, shape)]
        if options.peer and nodes <= PEER_NODES:
            sides.append(peer(folder, shape, options.peer))
        contenders: dict[str, Callable[[], Sample]] = {side.name: partial(execute, side) for side in sides}
        contenders[plain.name] = partial(kedro_run, plain)
        contenders[IN_TERMINAL] = partial(assets_run, by_node)
        contenders[IN_ONE_STEP] = partial(assets_run, by_pipeline)
        rounds = min(options.rounds, 3) if nodes >= 1000 else options.rounds
        warm_up = not options.quick and nodes == min(options.nodes)
        samples = take_turns(contenders, rounds, {"kedro-dagster": 3}, warm_up=warm_up)
    samples[TOGETHER] = added(samples, plain.name, nothing.name)
    return summarise({"data": "files", "nodes": nodes}, samples, against=[hand.name, by_node.name, TOGETHER])


def _memory(nodes: int, options: Options) -> list[Row]:
    """Chains of ten nodes hand on their data in memory, and save what the last one makes."""
    shape = Shape(nodes=nodes, shape="namespaces", memory=1.0)
    with workplace() as folder:
        plain, hand, own = kedro(folder, shape), floor(folder, shape, "namespace"), ours(folder, shape, "memory")
        nothing = empty(folder)
        sides = [
            hand,
            own,
            nothing,
            *([peer(folder, shape, options.peer)] if options.peer and nodes <= PEER_NODES else []),
        ]
        contenders: dict[str, Callable[[], Sample]] = {side.name: partial(execute, side) for side in sides}
        contenders[plain.name] = partial(kedro_run, plain)
        contenders[IN_TERMINAL] = partial(assets_run, own)
        samples = take_turns(contenders, options.rounds, {"kedro-dagster": 3})
    samples[TOGETHER] = added(samples, plain.name, nothing.name)
    return summarise({"data": "memory", "nodes": nodes}, samples, against=[hand.name, own.name, TOGETHER])


BENCHMARK = Benchmark(
    name="run",
    about=__doc__,
    measure=measure,
    full=Options(nodes=(12, 100, 300), rounds=3),
)

if __name__ == "__main__":
    main([BENCHMARK], __doc__)
