"""A run whose steps have one node each, on workers that live on and in containers: seconds of the run, and CPU.

`workers` is the CPU of all workers with their children, or of all containers; `launcher` that of the process of the run.
Workers are started anew for each contender, and run the project twice: in the first run they load it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from measure import Benchmark, Options, Sample, Samples, execute, main, print_rows, summarise, take_turns, workplace
from projects import Executor, Shape, Side, floor, ours
from results import Row

if TYPE_CHECKING:
    from engines import Start

Write = Callable[[Path, Shape, str, Executor], Side]
CONTENDERS: dict[str, Write] = {"hand-written, node": floor, "kedro-assets, node": ours}
CONTAINERS = 60
"""How many there are in the run on Docker, whose project is smaller: each container starts from nothing."""
FEW_CONTAINERS = 12


def measure(options: Options) -> list[Row]:
    """Run projects of all sizes on Dask and Celery, and one on Docker."""
    try:
        from engines import celery, dask, docker
    except ImportError as error:
        print(f"Without engines: {error}.")
        return []
    rows: list[Row] = []
    for nodes in options.nodes:
        for name, start in (("Dask, 2 workers", dask), ("Celery, 3 workers", celery)):
            rows += _compare(name, start, nodes, options.rounds, ("first", "second"))
    containers = FEW_CONTAINERS if options.quick else CONTAINERS
    rows += _compare("Docker, 2 containers at once", docker, containers, 1, ("first",))
    if rows:
        print_rows(rows)
    return rows


def _compare(engine: str, start: Start, nodes: int, rounds: int, runs: tuple[str, ...]) -> list[Row]:
    """Give the rows of one engine; none, with a word about it, where something that it needs is missing."""
    from engines import Missing

    contenders = {name: partial(_serve, start, write, Shape(nodes=nodes), runs) for name, write in CONTENDERS.items()}
    try:
        samples = take_turns(contenders, rounds)
    except Missing as missing:
        print(f"Without {engine}: {missing}.\n", flush=True)
        return []
    rows: list[Row] = []
    for run in runs:
        facts = {"engine": engine, "nodes": nodes, "run": run}
        rows += summarise(facts, _of_run(samples, run), against=list(CONTENDERS)[:1])
    return rows


def _serve(start: Start, write: Write, shape: Shape, runs: tuple[str, ...]) -> Sample:
    """Start an engine and run a contender on it several times; its values are those of all runs."""
    sample: dict[str, float] = {}
    with workplace() as folder, start(folder) as engine:
        side = write(folder, shape, "node", engine.executor)
        for run in runs:
            before = engine.used()
            taken = execute(side)
            values = {"run": taken["run"], "workers": engine.used() - before, "launcher": taken["CPU"]}
            sample |= {f"{run} {metric}": value for metric, value in values.items()}
        saved = len(list((side.root / "data").glob("data_*.json")))
        if saved != shape.nodes:
            raise RuntimeError(f"{side.name} has saved {saved} datasets, and not {shape.nodes}.")
    return sample


def _of_run(samples: Samples, run: str) -> Samples:
    """Give the values of one run."""
    start = f"{run} "
    return {
        name: [{key.removeprefix(start): value for key, value in one.items() if key.startswith(start)} for one in taken]
        for name, taken in samples.items()
    }


BENCHMARK = Benchmark(
    name="workers",
    about=__doc__,
    measure=measure,
    full=Options(nodes=(240,), rounds=3),
    quick=Options(nodes=(12,), rounds=1),
    uses_peer=False,
)

if __name__ == "__main__":
    main([BENCHMARK], __doc__)
