"""Project hooks."""

import json
import os
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

HOOK_LOG_VARIABLE = "FLIGHTS_HOOK_LOG"


class ProjectHooks:
    """Write down every hook call, one JSON object a line.

    The log is written to the file named by the environment variable ``FLIGHTS_HOOK_LOG``; without it
    the hooks do nothing. A line tells the hook, the name of the dataset, node or pipeline it was called
    for, the node a dataset was loaded or saved by, the run id (where Kedro gives one) and the process id.
    Each line is written by a single append, so several processes may share one log.
    """

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Record that the Kedro context, hence the configuration, is ready."""
        self._record("after_context_created", name=context.env)

    @hook_impl
    def after_catalog_created(self, save_version: str) -> None:
        """Record that the catalog is ready."""
        self._record("after_catalog_created", name=None, save_version=save_version)

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Record that a pipeline is about to run."""
        self._record_pipeline("before_pipeline_run", run_params)

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        """Record that a pipeline has run, and the number of its nodes."""
        self._record_pipeline("after_pipeline_run", run_params, nodes=len(pipeline.nodes))

    @hook_impl
    def on_pipeline_error(self, error: Exception, run_params: dict[str, Any]) -> None:
        """Record that a pipeline has failed."""
        self._record_pipeline("on_pipeline_error", run_params, error=repr(error))

    @hook_impl
    def before_node_run(self, node: Node, run_id: str) -> None:
        """Record that a node is about to run."""
        self._record("before_node_run", name=node.name, run_id=run_id)

    @hook_impl
    def after_node_run(self, node: Node, run_id: str) -> None:
        """Record that a node has run."""
        self._record("after_node_run", name=node.name, run_id=run_id)

    @hook_impl
    def on_node_error(self, error: Exception, node: Node, run_id: str) -> None:
        """Record that a node has failed."""
        self._record("on_node_error", name=node.name, run_id=run_id, error=repr(error))

    @hook_impl
    def before_dataset_loaded(self, dataset_name: str, node: Node) -> None:
        """Record that a dataset is about to be loaded."""
        self._record("before_dataset_loaded", name=dataset_name, node=node.name)

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, node: Node) -> None:
        """Record that a dataset has been loaded."""
        self._record("after_dataset_loaded", name=dataset_name, node=node.name)

    @hook_impl
    def before_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """Record that a dataset, or a chunk of it, is about to be saved."""
        self._record("before_dataset_saved", name=dataset_name, node=node.name)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """Record that a dataset, or a chunk of it, has been saved."""
        self._record("after_dataset_saved", name=dataset_name, node=node.name)

    def _record_pipeline(self, hook: str, run_params: dict[str, Any], **details: Any) -> None:
        names = run_params.get("pipeline_names") or [run_params.get("pipeline_name") or "__default__"]
        self._record(hook, name=", ".join(names), run_id=run_params.get("run_id"), **details)

    @staticmethod
    def _record(hook: str, *, name: str | None, run_id: str | None = None, **details: Any) -> None:
        path = os.environ.get(HOOK_LOG_VARIABLE)
        if not path:
            return
        entry = {"hook": hook, "name": name, "run_id": run_id, "pid": os.getpid(), **details}
        line = json.dumps(entry) + "\n"
        # O_APPEND and one write: lines of processes running side by side never mix.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
