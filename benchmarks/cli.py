"""What the plugin adds to every `kedro` command: `kedro --help` in a project, with its entry point and without."""

from __future__ import annotations

import statistics
from functools import partial

from measure import Benchmark, Options, Sample, main, print_rows, run, summarise, take_turns, workplace
from projects import Shape, Side, kedro
from results import Row

HELP = """
import importlib.metadata, sys
select = importlib.metadata.EntryPoints.select
hidden = sys.argv.pop(1)
importlib.metadata.EntryPoints.select = lambda self, **wanted: importlib.metadata.EntryPoints(
    point for point in select(self, **wanted) if not hidden or not point.value.startswith(hidden)
)
from kedro.framework.cli.cli import main
main()
"""


def show_help(side: Side, hidden: str) -> Sample:
    """Ask Kedro for help, with the entry points of one package hidden."""
    done = run(side, "-c", HELP, hidden, "--help")
    if (" assets " in done.printed) == bool(hidden):
        raise RuntimeError("The plugin's commands are shown where they should be hidden, or the other way round.")
    return {"milliseconds": 1000 * done.seconds}


def measure(options: Options) -> list[Row]:
    """Ask for help in turns."""
    with workplace() as folder:
        side = kedro(folder, Shape(nodes=options.nodes[0]))
        contenders = {
            "without": partial(show_help, side, "kedro_assets"),
            "with kedro-assets": partial(show_help, side, ""),
        }
        samples = take_turns(contenders, options.rounds, warm_up=True)
    rows = summarise({}, samples, against=["without"])
    pairs = zip(samples["with kedro-assets"], samples["without"], strict=True)
    extra = statistics.median(one["milliseconds"] - other["milliseconds"] for one, other in pairs)
    rows[1]["medians"]["extra milliseconds"] = extra
    print_rows(rows)
    return rows


BENCHMARK = Benchmark(
    name="cli",
    about=__doc__,
    measure=measure,
    full=Options(nodes=(10,), rounds=15),
    quick=Options(nodes=(10,), rounds=3),
    uses_peer=False,
)

if __name__ == "__main__":
    main([BENCHMARK], __doc__)
