"""The project that every engine runs. Files in its folder tell its node `total` what to do.

`fail`, `exit`, `kill`, `wait` and `stay`, whatever it is told, hold as long as they are there; `fail_once`, `exit_once` and `kill_once` for one try.
"""

from __future__ import annotations

from pathlib import Path

import yaml
from comparing import start_over
from helpers import KedroProject, json_dataset, write_project

# The total of an earlier run, which no run may read in place of its own.
DATA = {"raw.json": "[1, 2, 3, 4]", "total.json/2020-01-01T00.00.00.000Z/total.json": '{"total": 0}'}

NODES = """
    import logging
    import os
    import signal
    import time
    from contextlib import suppress
    from pathlib import Path

    logger = logging.getLogger(__name__)
    HERE = Path(__file__).parents[2]

    def told_to(do):
        once = HERE / f"{do}_once"
        if once.exists():
            once.unlink()
            return True
        return (HERE / do).exists()

    def clean(raw, factor):
        logger.info("cleaning %d values", len(raw))
        return [value * factor for value in raw]

    def split(cleaned):
        logger.warning("splitting %s", cleaned)
        return {"low": cleaned[:2], "high": cleaned[2:]}

    def chunks(high, depth):
        for value in high:
            logger.info("the next chunk is %d", value)
            yield {"values": [value] * depth}

    def total(low, high, everything):
        if told_to("fail"):
            raise RuntimeError("not now")
        if told_to("exit"):
            os._exit(3)
        if told_to("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        while told_to("wait"):
            (HERE / "waiting").touch()
            time.sleep(0.1)
        while told_to("stay"):
            with suppress(BaseException):
                (HERE / "waiting").touch()
                time.sleep(0.1)
        return {"total": sum(low) + sum(high), "parameters": sorted(everything)}

    def report(total, rows):
        logger.error("the total is %d, the last chunk %s", total["total"], rows)
"""
PIPELINES = """{
    "__default__": pipeline([
        node(clean, ["raw", "params:factor"], "cleaned", name="clean"),
        node(split, "cleaned", {"low": "low", "high": "high"}, name="split"),
        node(chunks, ["high", "params:model.depth"], "stats.rows", name="chunks", namespace="stats"),
        node(total, {"low": "low", "high": "high", "everything": "parameters"}, "total", name="total", tags="gpu"),
        node(report, ["total", "stats.rows"], None, name="report", namespace="stats"),
    ]),
}"""
CATALOG = json_dataset("raw", "high", "stats.rows") + json_dataset("total", versioned=True)
PARAMETERS = "factor: 10\nmodel: {depth: 3}\n"


def make_project(folder: Path, **dagster: object) -> KedroProject:
    """Write the project, with sections of dagster.yml."""
    project = write_project(
        folder,
        nodes=NODES,
        pipelines=PIPELINES,
        catalog=CATALOG,
        parameters=PARAMETERS,
        dagster=yaml.safe_dump(dagster),
    )
    start_over(project, DATA)
    return project
