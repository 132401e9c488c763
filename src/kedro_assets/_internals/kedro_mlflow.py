"""What the hook of kedro-mlflow keeps between `before_pipeline_run` and the hooks of nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kedro.io import CatalogProtocol


def go_on(plugins: Iterable[Any], catalog: CatalogProtocol[Any, Any], run_id: str | None) -> None:
    """Leave the hook of kedro-mlflow as its `before_pipeline_run` has left it in another process of the run.

    It takes its settings from the configuration that this process has read. Where it has started no MLflow run there, tracking is
    switched off for the pipeline, also for the datasets of MLflow.

    Reason: kedro-mlflow keeps these settings in attributes that only `before_pipeline_run` sets.
    Risk: low; where they change, steps in other processes log parameters with other settings, or do not follow `disable_tracking`.

    Args:
        plugins: The hooks that are registered.
        catalog: The catalog of this process.
        run_id: The MLflow run that `before_pipeline_run` has started, if it has.
    """
    for hook in plugins:
        if not any(kind.__module__.startswith("kedro_mlflow.") for kind in type(hook).__mro__):
            continue
        hook._is_mlflow_enabled, hook.run_id = run_id is not None, run_id
        if run_id is None:
            from kedro_mlflow.io.catalog.switch_catalog_logging import switch_catalog_logging

            switch_catalog_logging(catalog, logging_flag=False)
            continue
        params = hook.mlflow_config.tracking.params
        hook.flatten, hook.recursive = params.dict_params.flatten, params.dict_params.recursive
        hook.sep, hook.long_params_strategy = params.dict_params.sep, params.long_params_strategy
