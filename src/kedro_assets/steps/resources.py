"""A project as resources of Dagster: one that its runs are configured by, and an IO manager for every dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_config, dagster_jobs
from kedro_assets.config import DagsterConfig
from kedro_assets.names import identifier
from kedro_assets.runtime import DatasetIOManager, KedroProject, KedroResource, end_with_run

_SCHEMA = {
    "runtime_params": dg.Field(
        dict,
        default_value={},
        description="Runtime parameters of this run, as for `kedro run --params`.",
    ),
    "load_versions": dg.Field(
        dict,
        default_value={},
        description="The versions to load, by the names of the datasets, as for `kedro run --load-versions`.",
    ),
}


def build_resources(project: KedroProject) -> dict[str, dg.ResourceDefinition]:
    """Build the resource of a project and the IO manager of every dataset, by their keys."""
    own = dg.ResourceDefinition(
        resource_fn=_Open(project).resource,
        config_schema=_SCHEMA,
        description="The Kedro project, with the runtime parameters and load versions of a run.",
    )
    io_managers = {
        access.io_manager_key: DatasetIOManagerDefinition(project.resource_key, name)
        for name, access in project.table.access.items()
    }
    return {project.resource_key: own, **io_managers}


def projects_of(job: dg.JobDefinition) -> list[KedroProject]:
    """Return the Kedro projects among the resources of a job, in the order of their keys."""
    return projects_among(job.resource_defs)


def projects_among(resources: Mapping[str, Any]) -> list[KedroProject]:
    """Return the Kedro projects among some resources, in the order of their keys."""
    functions = (dagster_jobs.resource_function(resources[key]) for key in sorted(resources))
    found = (getattr(function, "__self__", None) for function in functions)
    return [opened.project for opened in found if isinstance(opened, _Open)]


@frozen
class _Open:
    """Makes the resource of a project in each process of a run."""

    project: KedroProject

    def resource(self, context: dg.InitResourceContext) -> KedroResource:
        end_with_run()
        return KedroResource(self.project, **context.resource_config)


class DatasetIOManagerDefinition(dagster_config.UnlistedIOManager):
    """Finds the IO manager of one dataset in the project, which is another resource of the run.

    It takes no configuration, so that the launchpad does not list it.

    Args:
        resource_key: The key of the project's resource.
        dataset: The dataset's name.
    """

    def __init__(self, resource_key: str, dataset: str) -> None:
        self._project_key = resource_key
        self._dataset = dataset
        super().__init__(
            resource_fn=self._find,
            required_resource_keys={resource_key},
            description=f"The Kedro dataset '{dataset}'.",
        )

    def _find(self, context: dg.InitResourceContext) -> DatasetIOManager:
        resource: KedroResource = getattr(context.resources, self._project_key)
        return resource.project.io_managers[self._dataset]


def resource_key(config: DagsterConfig) -> str:
    """Return the key of a project's resource: `kedro`, or one of its own where a key prefix sets its assets apart."""
    return identifier("_".join(["kedro", *config.assets.key_prefix]))
