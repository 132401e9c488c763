"""Draw the result files as SVG, readable on light and on dark pages: `python benchmarks/plots.py RESULT ... -o FOLDER`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from results import Row, read_rows

GREY = "#808080"
GREYED = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "grid.color")
STYLE = {
    **dict.fromkeys(GREYED, GREY),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "svg.fonttype": "none",
    "svg.hashsalt": "benchmarks",
    "legend.frameon": False,
}
COLOURS = {"kedro-assets": "#e8710a", "hand-written": "#5b8def", "kedro-dagster": "#b05bd6", "kedro run": "#3aa757"}
MARKS = {"node": "o", "pipeline": "s", "namespace": "^", "memory": "D", "pipeline, `kedro assets run`": "*"}


def draw_curves(axes: Axes, rows: Sequence[Row], along: str, metric: str) -> None:
    """Draw a metric of each contender that was measured more than once along an axis."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if metric in row["medians"]:
            curves.setdefault(row["contender"], []).append((row[along], row["medians"][metric]))
    for name, points in curves.items():
        if len(points) > 1:
            kind, _, how = name.partition(", ")
            line = "--" if kind == "hand-written" else "-"
            axes.plot(
                *zip(*points, strict=True), line, color=COLOURS.get(kind, GREY), marker=MARKS.get(how, "x"), label=name
            )
    if len(axes.lines):
        axes.legend()


def load(rows: Sequence[Row]) -> Figure:
    """Time to load against nodes."""
    figure, axes = _figure()
    draw_curves(axes, rows, "nodes", "seconds")
    axes.set(xscale="log", yscale="log", xlabel="nodes", ylabel="seconds to load, beyond imports")
    return figure


def run(rows: Sequence[Row]) -> Figure:
    """Time of a whole run in one process against nodes."""
    figure, axes = _figure()
    beside = ("one empty asset", "`kedro run`")  # what the table compares with, and nobody would use
    shown = [row for row in rows if row["data"] == "files" and not row["contender"].startswith(beside)]
    draw_curves(axes, shown, "nodes", "process")
    sizes = sorted({row["nodes"] for row in shown})
    axes.set(xlabel="nodes", ylabel="seconds of the whole process", xticks=sizes, ylim=(0, None))
    axes.legend(loc="upper center", bbox_to_anchor=(0.58, 1))
    return figure


def processes(rows: Sequence[Row]) -> Figure:
    """Time of a whole run against the number of processes."""
    figure, axes = _figure()
    draw_curves(axes, rows, "processes", "process")
    ticks = sorted({row["processes"] for row in rows})
    axes.set(xlabel="processes at once", ylabel="seconds of the whole run", xticks=ticks, yscale="log")
    return figure


def memory(rows: Sequence[Row]) -> Figure:
    """Growth of memory, a pair of bars for each case."""
    figure, axes = _figure()
    cases = list(dict.fromkeys(row["case"] for row in rows))
    contenders = list(dict.fromkeys(row["contender"] for row in rows))
    height = 0.8 / len(contenders)
    for place, name in enumerate(contenders):
        sizes = {row["case"]: row["medians"]["MB"] for row in rows if row["contender"] == name}
        heights = [cases.index(case) + place * height for case in sizes]
        axes.barh(heights, list(sizes.values()), height, color=COLOURS.get(name.partition(", ")[0], GREY), label=name)
    axes.set_yticks([index + 0.4 - height / 2 for index in range(len(cases))], cases)
    axes.set(xlabel="MB beyond the start of the first node")
    axes.invert_yaxis()
    figure.legend(loc="outside lower center", ncols=len(contenders))
    return figure


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    return figure, figure.add_subplot()


def main() -> None:
    """Draw a plot for each benchmark that has one and was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="+", help="result files")
    parser.add_argument("-o", "--output", type=Path, default=Path(), help="the folder for the plots")
    arguments = parser.parse_args()
    rows = read_rows(arguments.results)
    arguments.output.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        for draw in (load, run, processes, memory):
            if measured := [row for row in rows if row["benchmark"] == draw.__name__]:
                path = arguments.output / f"bench-{draw.__name__}.svg"
                draw(measured).savefig(path, transparent=True, metadata={"Date": None})
                print(path)


if __name__ == "__main__":
    main()
