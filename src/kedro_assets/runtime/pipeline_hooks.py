"""Kedro's pipeline hooks of one Dagster run, with the arguments that Kedro's session gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from kedro import __version__ as kedro_version

from kedro_assets.config import PipelineFilter
from kedro_assets.runtime.kedro_run import KedroRun


@frozen
class JobFilter:
    """The Kedro filter that made a job, and the nodes that it leaves."""

    pipeline: PipelineFilter
    nodes: frozenset[str]


@frozen
class PipelineHooks:
    """Fires the pipeline hooks of one run.

    Attributes:
        run: The open Kedro project.
        job_filter: The filter that made the run's job, if one did.
        runner: The name of the executor, for `run_params`.
    """

    run: KedroRun
    job_filter: JobFilter | None
    runner: str

    def before(self) -> None:
        """Fire `before_pipeline_run`."""
        self.run.hooks.hook.before_pipeline_run(**self._common())

    def after(self, run_result: Mapping[str, Any]) -> None:
        """Fire `after_pipeline_run` with the datasets that the run leaves."""
        self.run.hooks.hook.after_pipeline_run(run_result=dict(run_result), **self._common())

    def error(self, error: Exception) -> None:
        """Fire `on_pipeline_error`."""
        self.run.hooks.hook.on_pipeline_error(error=error, **self._common())

    def _common(self) -> dict[str, Any]:
        return {"run_params": self.run_params(), "pipeline": self.run.plan.pipeline, "catalog": self.run.catalog}

    def run_params(self) -> dict[str, Any]:
        """Describe the run with the keys that Kedro's session gives."""
        run, job = self.run, self.job_filter
        nodes = [node.name for node in run.plan.pipeline.nodes]
        chosen = (
            job.pipeline if job and job.nodes == set(run.plan.nodes) else None
        )  # else only some of the job's nodes run
        return {
            "run_id": run.identity.kedro_run_id,
            "project_path": run.context.project_path.as_posix(),
            "env": run.context.env,
            "kedro_version": kedro_version,
            "tags": chosen.tags if chosen else None,
            "from_nodes": chosen.from_nodes if chosen else None,
            "to_nodes": chosen.to_nodes if chosen else None,
            "node_names": chosen.node_names if chosen else nodes,
            "from_inputs": chosen.from_inputs if chosen else None,
            "to_outputs": chosen.to_outputs if chosen else None,
            "load_versions": dict(run.identity.load_versions) or None,
            "runtime_params": dict(run.identity.runtime_params),
            "pipeline_names": chosen.pipelines if chosen else None,
            "namespaces": chosen.node_namespaces if chosen else None,
            "runner": self.runner,
            "only_missing_outputs": run.identity.only_missing_outputs,
        }
