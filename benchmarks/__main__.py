"""All benchmarks in order, into one result file: `python benchmarks [--quick] [--only load run] [--peer-python PATH]`."""

from __future__ import annotations

import check
import cli
import load
import memory
import processes
import run
import server
import steps
import workers
from measure import main

if __name__ == "__main__":
    main([module.BENCHMARK for module in (load, run, processes, workers, steps, memory, server, check, cli)], __doc__)
