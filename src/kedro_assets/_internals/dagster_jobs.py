"""What a job of Dagster's is made of, and how it is found and run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._config import process_config
from dagster._core.definitions.assets.definition.asset_spec import AssetExecutionType
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
from dagster._core.definitions.dependency import NodeHandle
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.execution.api import execute_run_iterator
from dagster._core.workspace.autodiscovery import loadable_targets_from_python_file, loadable_targets_from_python_module
from dagster._serdes import deserialize_value, serialize_value

ASSET_JOB = IMPLICIT_ASSET_JOB_NAME
"""The job in which Dagster runs assets that are materialized without a job of their own."""


OBSERVATION = AssetExecutionType.OBSERVATION
"""What the step of an asset does that nothing makes."""


def assets_by_step(job: dg.JobDefinition) -> Mapping[str, frozenset[dg.AssetKey]]:
    """Give the assets that each step of a job makes, in order: an executor is shown steps, never their assets."""
    handles = [NodeHandle(node.name, parent=None) for node in job.nodes_in_topological_order]
    found = {str(handle): job.asset_layer.get_assets_def_for_node(handle) for handle in handles}
    return {key: frozenset(assets.keys) for key, assets in found.items() if assets}


def resource_config(job: dg.JobDefinition, run: dg.DagsterRun, resource: str) -> dict[str, Any]:
    """Give a resource's configuration in a run, with the defaults of its job: the run's record has only what was asked.

    Only this resource is looked at, as all of them take long in a job of many datasets, whose IO managers are resources too.
    """
    schema = job.run_config_schema
    mapping = schema.config_mapping
    asked: Any = mapping.resolve_from_unvalidated_config(run.run_config) if mapping else run.run_config
    known: Any = schema.run_config_schema_type
    fields = known.fields["resources"].config_type.fields
    if resource not in fields:
        return {}
    resolved = process_config(fields[resource].config_type, asked.get("resources", {}).get(resource, {})).value
    return dict((resolved or {}).get("config", {}))


def readers(job: dg.JobDefinition, key: dg.AssetKey) -> AbstractSet[dg.AssetKey]:
    """Give the assets that depend on one, of whatever origin: a step is told of its own only."""
    return job.asset_layer.get(key).child_keys if job.asset_layer.has(key) else set()


def is_made(job: dg.JobDefinition, key: dg.AssetKey) -> bool:
    """Say whether a step of this job makes an asset."""
    return job.asset_layer.has(key) and job.asset_layer.get(key).is_materializable


def is_run(job: dg.JobDefinition, key: dg.AssetKey) -> bool:
    """Say whether a step of this job makes or observes an asset."""
    return job.asset_layer.has(key) and job.asset_layer.get(key).is_executable


def resources(repository: dg.RepositoryDefinition) -> Mapping[str, dg.ResourceDefinition]:
    """Return the resources of a code location by their keys, those included that no job needs."""
    return repository.get_top_level_resources()


def pack_job(job: Any) -> str:
    """Write down where a job is defined, for another process; one that exists in this process only gives an empty text."""
    return serialize_value(job) if isinstance(job, ReconstructableJob) else ""


def unpack_job(text: str) -> Any:
    """Find a job that `pack_job` wrote down."""
    return deserialize_value(text, ReconstructableJob)


def load_repository(target: str, root: Path) -> ReconstructableRepository:
    """Find definitions in a way that a run's other processes can repeat: Dagster's command line does it like this.

    Args:
        target: A Python file in `root`, or the name of a module.
        root: The working directory.

    Raises:
        DagsterError: If it cannot be loaded, or holds no definitions or more than one.
    """
    if target.endswith(".py"):
        [found] = loadable_targets_from_python_file(str(root / target), str(root))
        return ReconstructableRepository.for_file(str(root / target), found.attribute, str(root))
    [found] = loadable_targets_from_python_module(target, str(root))
    return ReconstructableRepository.for_module(target, found.attribute, str(root))


def run_events(
    repository: ReconstructableRepository,
    job_name: str,
    keys: Collection[dg.AssetKey] | None,
    run_config: Mapping[str, Any],
    tags: Mapping[str, str],
    instance: dg.DagsterInstance,
) -> Iterator[dg.DagsterEvent]:
    """Run a job and give its events as they happen: `dagster.execute_job` gives them when all is over.

    Args:
        repository: The definitions.
        job_name: The job.
        keys: The assets to materialize; None for all of the job's.
        run_config: The run's configuration.
        tags: Tags of the run, beside those of the job.
        instance: Where the run is recorded.
    """
    job = repository.get_reconstructable_job(job_name)
    if keys is not None:
        job = job.get_subset(asset_selection=frozenset(keys))
    run = instance.create_run_for_job(
        job_def=job.get_definition(),
        run_config=run_config,
        tags={**job.get_definition().run_tags, **tags},
        job_code_origin=job.get_python_origin(),
        asset_selection=frozenset(keys) if keys is not None else None,
    )
    return execute_run_iterator(job, run, instance)
