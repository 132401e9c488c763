"""Is it safe, and what does it save, to import a library in the forkserver before the steps are forked from it?

Each library is used in two children one after another, with threads where it has any: once imported in the child, once
already imported in the forkserver. A child that hangs is killed and counted.

    python benchmarks/preload.py [library ...]
"""

from __future__ import annotations

import importlib.metadata
import multiprocessing
import statistics
import subprocess
import sys
import time

CHILD_SECONDS = 60
CHILDREN = 5


def use_pandas() -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": range(100_000), "b": [1.5] * 100_000})
    assert frame.groupby(frame.a % 7).b.sum().sum() == 150_000


def use_polars() -> None:
    import polars as pl

    frame = pl.DataFrame({"a": range(100_000), "b": [1.5] * 100_000})
    assert frame.lazy().group_by(pl.col("a") % 7).agg(pl.col("b").sum()).collect()["b"].sum() == 150_000


def use_pyarrow() -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    table = pa.table({"a": range(100_000)})
    assert pc.sum(table["a"]).as_py() == sum(range(100_000))


def use_sklearn() -> None:
    import numpy as np
    from sklearn.ensemble import RandomForestRegressor

    x = np.random.default_rng(0).normal(size=(2_000, 5))
    RandomForestRegressor(n_estimators=10, n_jobs=2).fit(x, x[:, 0]).predict(x)


def use_lightgbm() -> None:
    import lightgbm
    import numpy as np

    x = np.random.default_rng(0).normal(size=(2_000, 5))
    data = lightgbm.Dataset(x, x[:, 0])
    lightgbm.train({"num_threads": 2, "verbose": -1}, data, num_boost_round=10).predict(x)


def use_torch() -> None:
    import torch

    torch.set_num_threads(2)
    x = torch.ones(500, 500)
    assert float((x @ x).sum()) == 500**3


USES = {
    "pandas": use_pandas,
    "polars": use_polars,
    "pyarrow": use_pyarrow,
    "sklearn": use_sklearn,
    "lightgbm": use_lightgbm,
    "torch": use_torch,
}
PACKAGES = {"sklearn": "scikit-learn"}


def measure(library: str, *, preloaded: bool) -> tuple[list[float], int]:
    """Run the children of one forkserver; give the seconds of each, and how many hung or failed."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([library] if preloaded else [])
    seconds, lost = [], 0
    for child in range(CHILDREN + 1):
        process = context.Process(target=USES[library])
        start = time.perf_counter()
        process.start()
        process.join(CHILD_SECONDS)
        if process.exitcode != 0:
            lost += 1
            process.kill()
            process.join()
        elif child:  # the first one waits for the forkserver
            seconds.append(time.perf_counter() - start)
    return seconds, lost


def main(libraries: list[str]) -> None:
    """Measure each library in a process of its own, as a process has one forkserver."""
    print("| library | in the child | in the forkserver | hung or failed |")
    print("| --- | --- | --- | --- |")
    for library in libraries:
        try:
            version = importlib.metadata.version(PACKAGES.get(library, library))
        except importlib.metadata.PackageNotFoundError:
            print(f"| {library} | not installed | | |")
            continue
        cells, lost = [], []
        for how in ("child", "forkserver"):
            command = [sys.executable, __file__, "--measure", library, how]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            cells.append(f"{float(output[0]):.2f} s")
            lost.append(output[1])
        print(f"| {library} {version} | {cells[0]} | {cells[1]} | {lost[0]}, {lost[1]} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        found, lost_children = measure(sys.argv[2], preloaded=sys.argv[3] == "forkserver")
        print(statistics.median(found) if found else float("nan"), lost_children)
    else:
        main(sys.argv[1:] or list(USES))
