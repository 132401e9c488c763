"""Kedro's pipeline hooks of one Dagster run, with the arguments that Kedro's session gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from kedro import __version__ as kedro_version
from kedro.runner import SequentialRunner

from kedro_assets.runtime.kedro_run import KedroRun
from kedro_assets.runtime.session_run import SessionRun

IN_PROCESS = "in_process"
"""Dagster's name of the executor that runs one step after the other in the process of the run, as `SequentialRunner` does."""


@frozen
class PipelineHooks:
    """Fires the pipeline hooks of one run.

    Attributes:
        run: The open Kedro project.
        session_run: The run in Kedro's terms.
        executor: The name of the executor, for `run_params`.
    """

    run: KedroRun
    session_run: SessionRun
    executor: str

    def before(self) -> None:
        """Fire `before_pipeline_run`."""
        self.run.hooks.hook.before_pipeline_run(**self._common())

    def after(self, run_result: Mapping[str, Any]) -> None:
        """Fire `after_pipeline_run` with the datasets that the run leaves."""
        self.run.hooks.hook.after_pipeline_run(run_result=dict(run_result), **self._common())

    def error(self, error: Exception) -> None:
        """Fire `on_pipeline_error` while the error is handled, as Kedro does: a hook may ask Python for its traceback."""
        context = error.__context__
        try:
            raise error  # noqa: TRY301
        except Exception:  # noqa: BLE001 - the error itself
            error.__context__ = context
            self.run.hooks.hook.on_pipeline_error(error=error, **self._common())

    def _common(self) -> dict[str, Any]:
        return {"run_params": self.run_params(), "pipeline": self.session_run.pipeline, "catalog": self.run.catalog}

    def run_params(self) -> dict[str, Any]:
        """Describe the run with the keys and the values that Kedro's session gives."""
        run = self.run
        session = {} if run.session_id is None else {"session_id": run.session_id}
        return {
            **session,
            "run_id": run.identity.kedro_run_id,
            "project_path": run.context.project_path.as_posix(),
            "env": run.context.env,
            "kedro_version": kedro_version,
            **self.session_run.params(),
            "load_versions": dict(run.identity.load_versions),
            "runtime_params": dict(run.identity.runtime_params),
            "runner": str(SequentialRunner()) if self.executor == IN_PROCESS else self.executor,
            "only_missing_outputs": run.identity.only_missing_outputs,
        }
