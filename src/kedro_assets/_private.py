"""The one home of names that Kedro and Dagster do not publish, each with the reason why it is needed.

`tests/test_private.py` fails when one of them changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
from dagster._config import process_config, resolve_to_config_type
from dagster._core.definitions.dependency import NodeHandle
from kedro.framework.context import KedroContext
from kedro.framework.project import settings
from kedro.framework.session import KedroServiceSession
from kedro.io import CatalogProtocol
from pluggy import PluginManager


def hook_manager(session: KedroServiceSession) -> PluginManager:
    """Give the hooks of a session: Kedro has no public way to fire the pipeline hooks outside `session.run`."""
    return session._hook_manager


def create_catalog(context: KedroContext, save_version: str) -> CatalogProtocol:
    """Build the catalog with a save version: the public `context.catalog` takes none."""
    return context._get_catalog(catalog_class=settings.DATA_CATALOG_CLASS, save_version=save_version)


def assets_by_step(job: dg.JobDefinition) -> Mapping[str, frozenset[dg.AssetKey]]:
    """Give the assets that each step of a job makes, in order: an executor is shown steps, never their assets."""
    handles = [NodeHandle(node.name, parent=None) for node in job.nodes_in_topological_order]
    found = {str(handle): job.asset_layer.get_assets_def_for_node(handle) for handle in handles}
    return {key: frozenset(assets.keys) for key, assets in found.items() if assets}


def executor_problems(executor: dg.ExecutorDefinition, options: Mapping[str, Any]) -> Iterable[tuple[list[str], str]]:
    """Check options against an executor's own schema, as Dagster does at launch; give path and message of each misfit."""
    result = process_config(resolve_to_config_type(executor.config_schema.config_type), dict(options))
    for error in result.errors or []:
        path = [getattr(entry, "field_name", None) or getattr(entry, "list_index", "") for entry in error.stack.entries]
        yield [str(part) for part in path], error.message
