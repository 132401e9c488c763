"""What the benchmarks share: fresh processes, contenders that take turns, medians of ratios, tables and result files."""

from __future__ import annotations

import argparse
import datetime as dt
import functools
import importlib.metadata
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
from projects import Side
from results import NUMBERS, Row, number

Sample = Mapping[str, float]
"""One measurement of one contender: values by what was measured."""
Samples = dict[str, list[Sample]]
"""All measurements by contender, in the order of the rounds."""

HERE = Path(__file__).parent.resolve()
RESULTS = HERE / "results"
PACKAGES = ("kedro-assets", "dagster", "kedro", "kedro-datasets")
QUIET = {"KEDRO_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}


@dataclass(frozen=True)
class Options:
    """How much is measured.

    Attributes:
        nodes: The sizes of the projects.
        rounds: How many times the contenders take turns.
        quick: Whether this only tries that the program works.
        peer: The Python in which kedro-dagster is installed, if any.
    """

    nodes: tuple[int, ...]
    rounds: int
    quick: bool = False
    peer: str | None = None


@dataclass(frozen=True)
class Benchmark:
    """A program of this folder.

    Attributes:
        name: Its name.
        about: What it measures.
        measure: Takes the measurements, and gives a row for each contender and size.
        full: How much is measured unless one says otherwise.
        quick: The same, to try the program.
        uses_peer: Whether kedro-dagster is a contender.
    """

    name: str
    about: str
    measure: Callable[[Options], list[Row]]
    full: Options
    quick: Options = Options(nodes=(10,), rounds=1)
    uses_peer: bool = True


# Programs


def main(benchmarks: Sequence[Benchmark], about: str) -> None:
    """Run benchmarks as the command line asks for, print their tables and write one result file."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rounds", type=int, help="how many times the contenders take turns")
    parser.add_argument("--nodes", type=int, nargs="+", help="the sizes of the projects")
    parser.add_argument("--quick", action="store_true", help="only try that everything works")
    parser.add_argument("--peer-python", help="the Python in which kedro-dagster is installed")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder for the result file")
    names = [benchmark.name for benchmark in benchmarks]
    if len(benchmarks) > 1:
        parser.add_argument("--only", nargs="+", choices=names, default=names, help="these benchmarks only")
    arguments = parser.parse_args()
    if sys.dont_write_bytecode:
        parser.error(
            "This Python writes no bytecode: each process would compile all that it imports. Unset PYTHONDONTWRITEBYTECODE."
        )
    result = describe(arguments.peer_python, quick=arguments.quick)
    failed: list[str] = []
    for benchmark in benchmarks:
        if benchmark.name not in getattr(arguments, "only", names):
            continue
        sizes = benchmark.quick if arguments.quick else benchmark.full
        options = replace(
            sizes,
            quick=arguments.quick,
            nodes=tuple(arguments.nodes or sizes.nodes),
            rounds=arguments.rounds or sizes.rounds,
            peer=arguments.peer_python,
        )
        print(f"\n## {benchmark.name}\n\n{benchmark.about}\n", flush=True)
        if benchmark.uses_peer and not options.peer:
            print("Without kedro-dagster, as no `--peer-python` is given.\n", flush=True)
        try:
            found = [{"benchmark": benchmark.name, **row} for row in benchmark.measure(options)]
        except RuntimeError as error:  # the other benchmarks may take hours, and do not need this one
            print(f"FAILED: {error}", flush=True)
            failed.append(benchmark.name)
            continue
        if exponents := growth(found):
            print_growth(exponents)
        result["rows"] += found
        result["growth"] += exponents
        result["machine"]["load_average"][benchmark.name] = os.getloadavg()
        print(f"Written to {write_result(arguments.results, result)}", flush=True)
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


def describe(peer_python: str | None, *, quick: bool) -> dict[str, Any]:
    """Say when, where and with what the measurements are taken."""
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    if peer_python:
        code = "import importlib.metadata as m; print(m.version('kedro-dagster'), m.version('dagster'), m.version('kedro'))"
        found = subprocess.run([peer_python, "-c", code], check=True, capture_output=True, text=True).stdout.split()
        packages |= zip(("kedro-dagster", "dagster beside it", "kedro beside it"), found, strict=True)
    git = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True, check=False
    )
    return {
        "started": dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
            "load_average": {"before": os.getloadavg()},
            "system": platform.platform(),
        },
        "python": platform.python_version(),
        "bytecode": not sys.dont_write_bytecode,
        "packages": packages,
        "commit": git.stdout.strip() or None,
        "rows": [],
        "growth": [],
    }


def _cpu() -> str:
    """Name the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def write_result(folder: Path, result: dict[str, Any]) -> Path:
    """Write what was measured so far; the first time to a new file, then to the same."""
    if "file" not in result:
        folder.mkdir(parents=True, exist_ok=True)
        names = (f"{result['started'][:10]}-{number}.json" for number in range(1, 10_000))
        result["file"] = next(name for name in names if not (folder / name).exists())
    path = folder / result["file"]
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return path


# Processes


@contextmanager
def workplace() -> Iterator[Path]:
    """Give a folder for projects, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield Path(folder).resolve()


def environment(side: Side) -> dict[str, str]:
    """Give the variables of a contender's processes: an instance of Dagster on disk that belongs to it."""
    home = side.root / "dagster_home"
    if not home.exists():
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
        instance(side)  # makes the databases, which a user's instance has
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("KEDRO_", "DAGSTER_"))}
    return {**inherited, **QUIET, "DAGSTER_HOME": str(home)}


@functools.cache
def instance(side: Side) -> dg.DagsterInstance:
    """Open a contender's instance of Dagster."""
    return dg.DagsterInstance.from_config(str(side.root / "dagster_home"))


@dataclass(frozen=True)
class Process:
    """A process that has ended.

    Attributes:
        seconds: How long it took.
        cpu: Seconds of CPU of it and of the processes that it has started and waited for.
        printed: What it has printed.
    """

    seconds: float
    cpu: float
    printed: str


def run(side: Side, *arguments: str) -> Process:
    """Run the contender's Python in its folder.

    Raises:
        RuntimeError: If it fails.
    """
    variables = environment(side)
    command = [side.python, *arguments]
    start, used = time.perf_counter(), _used_by_children()
    done = subprocess.run(command, cwd=side.root, env=variables, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        message = f"{side.name}: {' '.join(arguments)[:200]}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        raise RuntimeError(message)
    return Process(seconds, _used_by_children() - used, done.stdout)


def _used_by_children() -> float:
    """Give the seconds of CPU of all processes that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def execute(side: Side) -> Sample:
    """Run the job of all nodes from the command line: seconds of the whole process, its CPU, and of the run in it."""
    file = str(side.root / "definitions.py")  # workers have other working directories
    done = run(side, "-m", "dagster", "job", "execute", "-f", file, "-d", str(side.root), "-j", side.job)
    [record] = instance(side).get_run_records(limit=1)
    return {"process": done.seconds, "CPU": done.cpu, "run": record.end_time - record.start_time}


def assets_run(side: Side) -> Sample:
    """Run the job of all nodes with `kedro assets run`, which shows the progress of the run."""
    done = run(side, "-m", "kedro", "assets", "run", side.job)
    [record] = instance(side).get_run_records(limit=1)
    return {"process": done.seconds, "CPU": done.cpu, "run": record.end_time - record.start_time}


def kedro_run(side: Side) -> Sample:
    """Run the project without Dagster."""
    done = run(side, "-m", "kedro", "run")
    return {"process": done.seconds, "CPU": done.cpu}


# Numbers


def take_turns(
    contenders: Mapping[str, Callable[[], Sample]],
    rounds: int,
    limits: Mapping[str, int] | None = None,
    *,
    warm_up: bool = False,
) -> Samples:
    """Measure all contenders in every round, in turns forwards and backwards.

    Args:
        contenders: What takes one measurement, by the contender's name.
        rounds: How many.
        limits: Fewer rounds for contenders that take long.
        warm_up: Whether a first round is not counted: it compiles modules and fills caches.
    """
    samples: Samples = {name: [] for name in contenders}
    for index in range(-warm_up, rounds):
        for name in list(contenders) if index % 2 == 0 else reversed(contenders):
            if index < (limits or {}).get(name, rounds):
                sample = contenders[name]()
                if index >= 0:
                    samples[name].append(sample)
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return samples


def added(samples: Samples, first: str, second: str) -> list[Sample]:
    """Add up what two contenders took in each round, as if one did both."""
    return [
        {metric: one[metric] + other[metric] for metric in one.keys() & other.keys()}
        for one, other in zip(samples[first], samples[second], strict=True)
    ]


def summarise(facts: Mapping[str, Any], samples: Samples, against: Sequence[str]) -> list[Row]:
    """Give a row for each contender: medians, and medians of its ratios to some others, taken round by round."""
    rows: list[Row] = []
    for name, taken in samples.items():
        metrics = list(taken[0]) if taken else []
        ratios = {
            base: {
                metric: statistics.median(
                    one[metric] / other[metric] for one, other in zip(taken, samples[base], strict=False)
                )
                for metric in metrics
                if metric in samples[base][0]
            }
            for base in against
            if base in samples and base != name
        }
        medians = {metric: statistics.median(sample[metric] for sample in taken) for metric in metrics}
        rows.append({**facts, "contender": name, "medians": medians, "ratios": ratios, "samples": taken})
    return rows


def growth(rows: Sequence[Row]) -> list[Row]:
    """Give the exponent of every curve over nodes: the slope of the logarithm of its values against that of the nodes."""
    curves: dict[Any, list[tuple[float, float]]] = {}
    for row in rows:
        facts = tuple((key, value) for key, value in row.items() if key not in {*NUMBERS, "nodes"})
        for metric, value in row["medians"].items() if "nodes" in row else ():
            curves.setdefault((*facts, ("metric", metric)), []).append((math.log(row["nodes"]), math.log(value)))
    return [
        {**dict(facts), "exponent": statistics.linear_regression(*zip(*points, strict=True)).slope}
        for facts, points in curves.items()
        if len(points) > 1
    ]


# Tables


def print_rows(rows: Sequence[Row]) -> None:
    """Print a table: what was measured, medians, and ratios to others."""
    facts = [key for key in rows[0] if key not in {"contender", *NUMBERS}]
    metrics = list(dict.fromkeys(metric for row in rows for metric in row["medians"]))
    names = list(dict.fromkeys(row["contender"] for row in rows))
    ratios = [
        (base, metric)
        for base in names
        for metric in metrics
        if any(metric in row["ratios"].get(base, ()) for row in rows)
    ]
    many = len({metric for _, metric in ratios}) > 1
    titles = [f"{f'{metric} ' if many else ''}÷ {base}" for base, metric in ratios]
    table = [
        [
            *(str(row[fact]) for fact in facts),
            row["contender"],
            *(number(row["medians"].get(metric)) for metric in metrics),
            *(number(row["ratios"].get(base, {}).get(metric)) for base, metric in ratios),
            str(len(row["samples"])),
        ]
        for row in rows
    ]
    print_table([*facts, "contender", *metrics, *titles, "rounds"], table)


def print_growth(exponents: Sequence[Row]) -> None:
    """Print the exponents of the curves."""
    head = [key for key in exponents[0] if key not in {"benchmark", "exponent"}]
    lines = [[*(str(row[key]) for key in head), number(row["exponent"])] for row in exponents]
    print_table([*head, "growth exponent"], lines)


def print_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    print("| " + " | ".join(head) + " |")
    print("| " + " | ".join("---" for _ in head) + " |")
    for line in lines:
        print("| " + " | ".join(line) + " |")
    print(flush=True)
