"""Steps on a Dask cluster.

The executor of dagster-dask submits all steps at once and looks at no result: steps after a failed one run all the same,
a failed step is never tried again, a run cannot be continued from its failure, and of a selection of assets the workers
hear nothing. This one has the same options, and gives Dask a step when those before it have succeeded, as Dagster's other
executors do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from importlib import import_module
from typing import Any

import dagster as dg
from dask.distributed import Client, Future

from kedro_assets._internals import dagster_executors, dagster_workers
from kedro_assets.execution import workers
from kedro_assets.execution.kept_runs import KEPT_RUNS

TICK_SECONDS = 0.1
_CLUSTERS = {
    "local": ("dask.distributed", "LocalCluster"),
    "ssh": ("dask.distributed", "SSHCluster"),
    "yarn": ("dask_yarn", "YarnCluster"),
    "kube": ("dask_kubernetes", "KubeCluster"),
    "moab": ("dask_jobqueue", "MoabCluster"),
    **{kind: ("dask_jobqueue", f"{kind.upper()}Cluster") for kind in ("pbs", "sge", "lsf", "slurm", "oar")},
}


def _create(context: dg.InitExecutorContext) -> dg.Executor:
    [(kind, options)] = dagster_executors.given_options(context)["cluster"].items()
    return DaskSteps(kind, options or {})


@lru_cache
def dask_executor(theirs: dg.ExecutorDefinition) -> dg.ExecutorDefinition:
    """Return the executor of dagster-dask with another way to run its steps."""
    return dagster_executors.created_otherwise(theirs, _create)


class DaskSteps(dg.Executor):
    """Runs each step as a task of Dask's.

    Args:
        kind: What kind of cluster.
        options: Its options; of `existing`, the address.
    """

    def __init__(self, kind: str, options: Mapping[str, Any]) -> None:
        self._kind = kind
        self._options = options

    @property
    def retries(self) -> Any:
        """Failed steps are tried again if their job says so."""
        return dagster_executors.RETRIES

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[Any]:
        """Submit steps when those before them have succeeded, and yield their events when they have ended.

        Once the run is cancelled no step starts any more, those in Dask's queue included. Those that run go on to their end.
        """
        executed, tries = dagster_executors.executed_run(plan_context), 0
        job_name, run_id = executed.job.name, executed.run.run_id
        running: dict[str, Future] = {}  # by step key
        with (
            self._cluster(job_name) as cluster,
            Client(cluster) as client,
            dagster_executors.started_plan(execution_plan, self.retries, plan_context) as plan,
        ):
            _warn_of_threads(client, executed.log)
            stopping = False
            while (not plan.is_complete and not stopping) or running:
                if plan.is_cancelled():
                    stopping = True
                    _withdraw(client, running)
                for step in () if stopping else plan.due():
                    tries += 1
                    running[step.key] = client.submit(
                        run_step,
                        *step.arguments,
                        key=f"{job_name}.{step.key}-{run_id}-{tries}",
                        resources=dict(step.dask_resources),
                        pure=False,
                    )
                for key in [key for key, future in running.items() if future.done()]:
                    events = self._events(running.pop(key), key, plan)
                    if events is None:
                        stopping = True
                    else:
                        yield from plan.ended(key, events)
                if stopping:
                    plan.cancel()
                yield from plan.other_events()
                time.sleep(TICK_SECONDS)

    def _events(self, future: Future, step: str, plan: dagster_executors.StartedPlan) -> Sequence[Any] | None:
        """Return the events of a step, or None if it has not begun; one that has none, as its workers died, has failed."""
        try:
            return future.result()  # type: ignore[no-any-return]
        except Exception:  # noqa: BLE001 - whatever became of the worker, the step has failed
            return [plan.failure(self, step)]

    def _cluster(self, name: str) -> AbstractContextManager[Any]:
        if self._kind == "existing":
            return nullcontext(self._options["address"])
        module, cluster = _CLUSTERS[self._kind]
        options = dict(self._options)
        if self._kind == "local":
            options.setdefault("threads_per_worker", 1)
        elif self._kind != "ssh":
            options.setdefault("name", name)
        return getattr(import_module(module), cluster)(**options)  # type: ignore[no-any-return]


def run_step(
    packed: Mapping[str, Any], run: dg.DagsterRun, step: str, instance: Any, retries: Any, known_state: Any
) -> Sequence[Any] | None:
    """Run a step in a worker, and return its events; None if the run is cancelled.

    Raises:
        ProjectError: If the step is not known here because the project has changed since the worker loaded it.
    """
    with _one_step:
        dagster_workers.keep_from_step_to_step()
        workers.renew(packed)
        try:
            with KEPT_RUNS.used(run.run_id, instance) as kept:
                return dagster_workers.run_one_step(packed, run, step, kept, retries, known_state)
        except Exception:
            workers.check()
            raise


_one_step = threading.Lock()
"""Steps of one worker take turns: Dagster configures logging and captures the output of the process for each of them."""


def _warn_of_threads(client: Client, log: dg.DagsterLogManager) -> None:
    """Say of workers with several threads why they use one at a time."""
    several = [address for address, threads in client.nthreads().items() if threads > 1]
    if several:
        log.warning(
            "Dask workers with several threads run one step at a time, as Dagster captures the logs and the output of a whole "
            "process for each step. Start more workers with `--nthreads 1` instead of: %s.",
            ", ".join(several),
        )


def _withdraw(client: Client, submitted: dict[str, Future]) -> None:
    """Take back the steps that no worker has begun, and leave the others."""
    stacks = client.call_stack(list(submitted.values()))
    begun = {key for tasks in stacks.values() for key in tasks}
    waiting = {step: future for step, future in submitted.items() if future.key not in begun and not future.done()}
    client.cancel(list(waiting.values()))
    for step in waiting:
        del submitted[step]
