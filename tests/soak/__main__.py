"""Harm a deployment of Dagster, count what its daemon starts, and wear out workers: `python -m soak [MINUTES] [--only PART ...]`."""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from soak import counted, faults, killed, workers  # noqa: E402

RESULTS = HERE / "results"
PACKAGES = ("kedro-assets", "dagster", "kedro", "kedro-datasets")
TIMED = ("killed", "counted")
PARTS = (*TIMED, "workers")
COUNTED_SHARE = 1 / 3


def main() -> None:
    """Do what the command line asks for, print tables, write a result file, and fail if something does not hold."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=30, help="how long, in all (default: 30)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=TIMED, help="a part of it")
    parser.add_argument("--runs", type=int, default=500, help="how many each of the workers has (default: 500)")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn: launches and faults")
    parser.add_argument(
        "--cluster-by", choices=counted.CLUSTER_BY, default="memory", help="of the project of `counted`"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder for the result file")
    arguments = parser.parse_args()
    both, failures, result = {*TIMED} <= {*arguments.only}, [], _described(arguments.seed)
    if "killed" in arguments.only:
        minutes = arguments.minutes * ((1 - COUNTED_SHARE) if both else 1)
        with _folder() as place:
            done = killed.soak(Path(place).resolve(), minutes, arguments.seed)
        result["killed"] = {"minutes": minutes, **_killed(done)}
        failures += done.failures()
    if "counted" in arguments.only:
        minutes = arguments.minutes * (COUNTED_SHARE if both else 1)
        cycles = max(2, round(60 * minutes / counted.CYCLE) - 1)
        with _folder() as place:
            counts = counted.count(Path(place).resolve(), cycles, arguments.cluster_by)
        result["counted"] = {
            "minutes": (cycles + 1) * counted.CYCLE / 60,
            "cluster_by": arguments.cluster_by,
            "rows": counts.rows(),
        }
        failures += counts.failures()
    if "workers" in arguments.only:
        for engine in workers.ENGINES:
            with _folder() as place:
                worked = workers.work(Path(place).resolve(), engine, arguments.runs)
            result.setdefault("workers", []).append(asdict(worked))
            failures += worked.failures()
    result["failures"] = failures
    _print(result)
    print(f"Written to {_write(arguments.results, result)}")
    sys.exit(1 if failures else 0)


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True)


def _described(seed: int) -> dict[str, Any]:
    """Say when, where and with what."""
    git = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True, check=False
    )
    return {
        "started": dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        "seed": seed,
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "commit": git.stdout.strip() or None,
    }


def _killed(done: killed.Soak) -> dict[str, Any]:
    return {
        "launched": done.launched,
        "refused": done.refused,
        "broken": done.broken,
        "runs": done.runs,
        "small_disk": done.on_small_disk,
        "faults": [
            {"target": target, **{kind: done.faults[kind, target] for kind in faults.KINDS}}
            for target in (*faults.TARGETS, faults.DATA)
        ],
        "starts": done.starts,
        "invariants": killed.rows(done),
        "known": done.findings.known,
        "growth": [asdict(growth) for growth in done.growth],
    }


def _print(result: Mapping[str, Any]) -> None:
    if found := result.get("killed"):
        print(f"\n## Killed\n\n{found['minutes']:.0f} minutes, runs: {dict(found['runs'])}\n")
        _table(found["faults"])
        _table(found["invariants"])
        _table({"what cannot be helped": what, "runs": count} for what, count in found["known"].items())
        _table(map(_grown, found["growth"]))
    if found := result.get("counted"):
        print(f"\n## Counted\n\n{found['minutes']:.0f} minutes, `cluster_by: {found['cluster_by']}`\n")
        _table(found["rows"])
    if found := result.get("workers"):
        print("\n## Workers\n")
        _table({"engine": each["engine"], **each["runs"]} for each in found)
        _table(_grown(growth) for each in found for growth in each["growth"])
    for failure in result["failures"]:
        print(f"FAILED {failure}")


def _grown(growth: Mapping[str, Any]) -> dict[str, str]:
    figures = {what: " to ".join(f"{value:.0f}" for value in growth[what]) for what in ("megabytes", "descriptors")}
    return {"service": growth["service"], "minutes": f"{growth['minutes']:.0f}", **figures}


def _table(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print a table in Markdown."""
    rows = list(rows)
    head: Sequence[str] = list(dict.fromkeys(key for row in rows for key in row))
    for cells in (head, ["---"] * len(head), *([row.get(key, "") for key in head] for row in rows)) if rows else ():
        print(f"| {' | '.join(map(str, cells))} |")
    print()


def _write(folder: Path, result: Mapping[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    names = (f"{result['started'][:10]}-{number}.json" for number in range(1, 10_000))
    path = next(folder / name for name in names if not (folder / name).exists())
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
