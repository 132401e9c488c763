"""How long loading definitions takes, beyond imports, against hand-written assets of the same size.

Each figure is from a process of its own; the contenders take turns. Run it with `nox -s bench`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from projects import Shape, write_project

_OURS = """
import sys, time
import kedro_assets.definitions
from kedro_assets import build_definitions
start = time.perf_counter()
repository = build_definitions(sys.argv[1]).get_repository_def()
repository.get_all_jobs()
print(time.perf_counter() - start)
"""

_FLOOR = """
import json, sys, time
import dagster as dg
import kedro.framework.session, kedro.framework.startup
start = time.perf_counter()
sys.path.insert(0, sys.argv[1] + "/src")
from kedro.framework.startup import bootstrap_project
from kedro.config import OmegaConfigLoader
bootstrap_project(sys.argv[1])
loader = OmegaConfigLoader(sys.argv[1] + "/conf", base_env="base", default_run_env="local")
loader["catalog"], loader["parameters"]
from kedro.framework.project import pipelines
pipelines = dict(pipelines)
def key(name): return dg.AssetKey(name.split("."))
def compute(): ...
assets = []
for node in pipelines["__default__"].nodes:
    deps = [key(name) for name in node.inputs if not name.startswith("params:")]
    specs = [dg.AssetSpec(key(name), deps=deps, skippable=True) for name in node.outputs]
    assets.append(dg.multi_asset(name=node.name.replace(".", "_"), specs=specs, can_subset=True)(compute))
jobs = [
    dg.define_asset_job(name, selection=[key(output) for node in pipeline.nodes for output in node.outputs])
    for name, pipeline in pipelines.items()
]
dg.Definitions(assets=assets, jobs=jobs).get_repository_def().get_all_jobs()
print(time.perf_counter() - start)
"""


def _seconds(program: str, root: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", program, str(root)], check=True, capture_output=True, text=True, cwd=root
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    """Print a table of medians and ratios, and append it as JSON to a file if one is given."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[10, 100, 500])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shape", default="layers")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    print(f"{'nodes':>6} {'kedro-assets':>14} {'hand-written':>14} {'ratio':>7}")
    for nodes in arguments.nodes:
        with tempfile.TemporaryDirectory() as folder:
            root = write_project(Path(folder), Shape(nodes=nodes, shape=arguments.shape))
            pairs = [(_seconds(_OURS, root), _seconds(_FLOOR, root)) for _ in range(arguments.rounds)]
        ours, floor = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"{nodes:>6} {ours:>12.2f} s {floor:>12.2f} s {ratio:>7.2f}")
        if arguments.output:
            row = {"nodes": nodes, "shape": arguments.shape, "seconds": ours, "floor": floor, "ratio": ratio}
            with arguments.output.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
