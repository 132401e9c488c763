"""What a job of Dagster's is made of, and how it is found and run."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Generator, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
from attrs import frozen
from dagster._config import process_config
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
from dagster._core.definitions.dependency import NodeHandle
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.execution.api import execute_run_iterator
from dagster._core.workspace.autodiscovery import loadable_targets_from_python_file, loadable_targets_from_python_module

from kedro_assets._internals import dagster_storage

_LIBRARIES = {"dagster", __package__.partition(".")[0]}
"""Packages with modules that load the definitions of any project; the rest of them stays loaded."""

ASSET_JOB = IMPLICIT_ASSET_JOB_NAME
"""The job in which Dagster runs assets that are materialized without a job of their own.

Reason: its name may be that of no step, and a run of it is started by its name.
Risk: low.
"""


def assets_by_step(job: dg.JobDefinition) -> Mapping[str, frozenset[dg.AssetKey]]:
    """Return the assets that each step of a job makes, in order.

    Reason: an executor is shown steps, never their assets.
    Risk: medium; where it changes, no run can be planned.
    """
    handles = [NodeHandle(node.name, parent=None) for node in job.nodes_in_topological_order]
    found = {str(handle): job.asset_layer.get_assets_def_for_node(handle) for handle in handles}
    return {key: frozenset(assets.keys) for key, assets in found.items() if assets}


def steps_before(job: dg.JobDefinition) -> Mapping[str, AbstractSet[str]]:
    """Return for each step of a job the steps for which it waits itself.

    Reason: as for `assets_by_step`.
    Risk: low; where it changes, no run starts that makes more than was selected.
    """
    return {
        invocation.alias or invocation.name: {
            before.node for dependency in inputs.values() for before in dependency.get_node_dependencies()
        }
        for invocation, inputs in job.dependencies.items()
    }


def op_names(job: dg.JobDefinition) -> list[str]:
    """Return the names of the ops of a job, which are those of its steps.

    Reason: a job's ops are public where it is defined, and not where they are read.
    Risk: low.
    """
    return [node.name for node in job.nodes]


def definition_names(job: dg.JobDefinition) -> set[str]:
    """Return the names of the definitions of a job's ops, which no other definition of the code location may have.

    Reason: as for `op_names`.
    Risk: low.
    """
    return {definition.name for definition in job.all_node_defs}


def selection_of(job: Any) -> dg.AssetSelection:
    """Return what a job selects that `dagster.define_asset_job` has defined.

    Reason: the class of such a job is not public.
    Risk: low.
    """
    selection: dg.AssetSelection = job.selection
    return selection


@contextmanager
def known_previews() -> Iterator[None]:
    """Define a job without Dagster's warnings of arguments that are a preview: whoever writes them in YAML has chosen them.

    Reason: a file of YAML cannot filter warnings.
    Risk: low; the names of both warnings are public.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        warnings.simplefilter("ignore", dg.BetaWarning)
        yield


def own_executor(job: Any) -> dg.ExecutorDefinition | None:
    """Return the executor that a job names; None if it leaves it to its code location.

    Reason: as for `selection_of`.
    Risk: low.

    Args:
        job: A `JobDefinition`, or what `dagster.define_asset_job` returns.
    """
    if isinstance(job, dg.JobDefinition) and not job.has_specified_executor:
        return None
    found: dg.ExecutorDefinition | None = job.executor_def
    return found


def own_condition(job: Any) -> dg.AutomationCondition[Any] | None:
    """Return the automation condition of a job; None without one, and in versions of Dagster that have none of jobs.

    Reason: as for `selection_of`.
    Risk: low; where it changes, nothing is said of jobs that start themselves.

    Args:
        job: A `JobDefinition`, or what `dagster.define_asset_job` returns.
    """
    found: dg.AutomationCondition[Any] | None = getattr(job, "automation_condition", None)
    return found


def own_run_config(job: dg.JobDefinition, partition: str | None = None) -> Mapping[str, Any]:
    """Return the run configuration that a job is defined with.

    Reason: it is public where a job is defined, and not where it is read. Where a job's assets are partitioned it is a function
    of the partition.
    Risk: low.

    Args:
        job: The job.
        partition: The key that a run makes, or the first of several; None if it makes none.
    """
    if job.partitioned_config is None:
        return job.run_config or {}
    return job.partitioned_config.get_run_config_for_partition_key(partition) if partition is not None else {}


def retry_delay(policy: dg.RetryPolicy, number: int) -> float:
    """Return the seconds before a retry.

    Reason: the backoff and the jitter of a policy are public, and what they mean is not.
    Risk: low.

    Args:
        policy: The policy.
        number: The number of the retry, from 1.
    """
    return float(policy.calculate_delay(number))


def resource_function(resource: Any) -> Any:
    """Return the function that makes a resource; None for what is no `ResourceDefinition`.

    Reason: an executor has to find the Kedro projects of a job before any resource is made.
    Risk: low; where it changes, no Kedro hook fires around a run.
    """
    return resource.resource_fn if isinstance(resource, dg.ResourceDefinition) else None


def resource_config(job: dg.JobDefinition, run_config: Mapping[str, Any], resource: str) -> dict[str, Any]:
    """Return a resource's configuration in a run, with the defaults of its job.

    Reason: the run's record has only what was asked for. The public `dagster.validate_run_config` returns the configuration of
    every step and every resource, in each process of the run: of 300 steps in 30 ms, which takes 0.04 ms here.
    Risk: medium; where it changes, no run starts.
    """
    schema = job.run_config_schema
    mapping = schema.config_mapping
    asked: Any = mapping.resolve_from_unvalidated_config(run_config) if mapping else run_config
    known: Any = schema.run_config_schema_type
    fields = known.fields["resources"].config_type.fields
    if resource not in fields:
        return {}
    resolved = process_config(fields[resource].config_type, asked.get("resources", {}).get(resource, {})).value
    return dict((resolved or {}).get("config", {}))


def readers(job: dg.JobDefinition, key: dg.AssetKey) -> AbstractSet[dg.AssetKey]:
    """Return the assets that depend on one, of whatever origin.

    Reason: a step is told of its own assets only.
    Risk: low; where it changes, in-memory data is not handed to assets that are no Kedro nodes.
    """
    return job.asset_layer.get(key).child_keys if job.asset_layer.has(key) else set()


def is_made(job: dg.JobDefinition, key: dg.AssetKey) -> bool:
    """Whether a step of this job makes an asset.

    Reason: as for `readers`.
    Risk: low.
    """
    return job.asset_layer.has(key) and job.asset_layer.get(key).is_materializable


def is_run(job: dg.JobDefinition, key: dg.AssetKey) -> bool:
    """Whether a step of this job makes or observes an asset.

    Reason: as for `readers`.
    Risk: low; where it changes, external datasets are observed twice in a run.
    """
    return job.asset_layer.has(key) and job.asset_layer.get(key).is_executable


def resources(repository: dg.RepositoryDefinition) -> Mapping[str, dg.ResourceDefinition]:
    """Return the resources of a code location by their keys, those included that no job needs.

    Reason: a code location without assets and jobs has no job to ask for them.
    Risk: low; where it changes, `kedro assets run` has nothing to say of what a registry leaves out.
    """
    return repository.get_top_level_resources()


def pack_job(source: Any) -> str:
    """Write down where a job is defined, for another process; nothing for one that exists in this process only.

    Reason: an executor's job says where it is defined, in a class that is not public.
    Risk: low; where it changes, each step resolves the job for itself.
    """
    return dg.serialize_value(source) if isinstance(source, ReconstructableJob) else ""


def resolve_packed_job(text: str) -> dg.JobDefinition:
    """Find a job that `pack_job` wrote down, and resolve its run configuration, which Dagster does when it is asked for.

    Reason: the forkserver does so before the first step, and no public method resolves it.
    Risk: low; where it changes, each step does it for itself.
    """
    job = dg.deserialize_value(text, ReconstructableJob).get_definition()
    _ = job.run_config_schema
    return job


def forget_definitions(packed: Mapping[str, Any] | None) -> None:
    """Let the next step of a process load its definitions again, with the package that they are in.

    Reason: Dagster keeps the definitions of the last job for as long as a process lives, and has no public way to drop them.
    Risk: medium; where it changes, a worker that is to load a changed project again says so and fails its steps.

    Args:
        packed: The job of the step that is next, as Dagster's executors hand it to their workers; None if that is not known.
    """
    ReconstructableJob.get_definition.cache_clear()
    ReconstructableJob.get_repository_definition.cache_clear()
    if packed is None:
        return
    pointer = ReconstructableJob.from_dict(packed).repository.pointer
    pointer = getattr(pointer, "reconstructor_pointer", pointer)
    module = getattr(pointer, "module", "")
    package = module.partition(".")[0]
    for name in list(sys.modules):
        if name == module or (name.partition(".")[0] == package and package not in _LIBRARIES):
            del sys.modules[name]


def load_repository(target: str, root: Path) -> ReconstructableRepository:
    """Find definitions in a way that a run's other processes can repeat: Dagster's command line does it like this.

    Reason: `dagster.reconstructable` takes a function that returns a job, and here is a file or a module with definitions.
    Risk: medium; where it changes, `kedro assets run` fails.

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


def repository_of(definitions: dg.Definitions) -> dg.RepositoryDefinition:
    """Return what Dagster resolves definitions to, in which jobs are found by name.

    Reason: the public `Definitions.get_job_def` is deprecated for what is not marked as public.
    Risk: low.
    """
    return definitions.get_repository_def()


def definitions_of(repository: ReconstructableRepository) -> dg.RepositoryDefinition:
    """Return the definitions that `load_repository` has found.

    Reason: as there.
    Risk: medium, as there.
    """
    return repository.get_definition()


@frozen
class StartedRun:
    """A run that is recorded and begins with its first event.

    Reason: as for `start_run`.
    Risk: medium, as there.

    Attributes:
        run: The run.
        steps: How many steps it has.
        events: Its events as they happen.
    """

    run: dg.DagsterRun
    steps: int
    events: Generator[dg.DagsterEvent, None, None]


def start_run(
    repository: ReconstructableRepository,
    job_name: str,
    keys: Collection[dg.AssetKey] | None,
    run_config: Mapping[str, Any],
    tags: Mapping[str, str],
    instance: dg.DagsterInstance,
) -> StartedRun:
    """Record a run of a job.

    Reason: `dagster.execute_job` returns its events when all is over.
    Risk: medium; where it changes, `kedro assets run` fails.

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
    definition = job.get_definition()
    run_id = str(uuid4())
    with dagster_storage.kept_open(instance, run_id):  # an event is stored for each asset
        run = instance.create_run_for_job(
            job_def=definition,
            run_id=run_id,
            run_config=run_config,
            tags={**definition.run_tags, **tags},
            job_code_origin=job.get_python_origin(),
            asset_selection=frozenset(keys) if keys is not None else None,
        )
    return StartedRun(run, len(op_names(definition)), _events(job, run, instance))


def _events(job: Any, run: dg.DagsterRun, instance: dg.DagsterInstance) -> Generator[dg.DagsterEvent, None, None]:
    with dagster_storage.kept_open(instance, run.run_id):
        yield from execute_run_iterator(job, run, instance)
