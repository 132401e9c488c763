"""Datasets that no node writes: assets that Dagster observes where it can, and steps that check what is stored of them."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_assets, dagster_instance, dagster_jobs
from kedro_assets.assets import AssetTable, KedroAsset
from kedro_assets.graph import Cluster
from kedro_assets.names import base_name, identifiers
from kedro_assets.project import (
    CatalogEntry,
    address,
    asks_for,
    entry_with_credentials,
    fingerprint,
    masked_errors,
    read_entry,
)
from kedro_assets.runtime import DatasetFiles, KedroProject, KedroRun, run_config_of
from kedro_assets.steps.step import KedroStep

_VERSION_TAG = "dagster/data_version"
_log = logging.getLogger(__name__)


def build_external(project: KedroProject, taken: Iterable[str]) -> list[dg.AssetsDefinition]:
    """Build the datasets that no node writes, as assets that Dagster does not make, and observes where it can.

    Those that the catalog leaves to an asset of one's own (`external: false`) are left out.

    Args:
        project: The project.
        taken: Names that no step may have.
    """
    external = [asset for asset in project.table.assets if asset.is_external and asset.is_shown and asset.is_dataset]
    names = _names(project, external, "observation", taken)
    found = []
    for asset in external:
        io_manager = project.table.access[asset.name].io_manager_key
        if asset.observed is None:
            found.append(dg.AssetsDefinition(specs=[asset.spec.with_io_manager_key(io_manager)]))
        else:
            step = Observe(project.resource_key, asset.observed, asset.key)
            found.append(_observable(names[asset.name], step, asset.spec, io_manager))
    return found


def _observable(name: str, step: "Observe", spec: dg.AssetSpec, io_manager: str) -> dg.AssetsDefinition:
    """Return an asset with a step that observes it."""
    out = dg.Out(
        dg.Nothing,
        io_manager_key=io_manager,
        is_required=False,
        description=spec.description,
        metadata=spec.metadata,
    )
    op = dg.OpDefinition(step.observe, name, outs={"observed": out}, required_resource_keys={step.resource_key})
    return dagster_assets.observable_asset(op, spec)


def build_external_checks(project: KedroProject, taken: Iterable[str]) -> list[dg.AssetsDefinition]:
    """Build the checks of datasets that no node writes, each a step of its own that loads what is stored.

    Args:
        project: The project.
        taken: Names that no step may have.
    """
    external: list[KedroAsset] = [asset for asset in project.table.assets if asset.is_external and asset.checks]
    names = _names(project, external, "validator", taken)
    return [
        dg.multi_asset_check(
            specs=list(asset.checks.values()),
            name=names[asset.name],
            can_subset=True,
            required_resource_keys={project.resource_key},
        )(KedroStep(project.resource_key, Cluster(asset.name, ())).validate)
        for asset in external
    ]


def _names(project: KedroProject, external: Iterable[KedroAsset], what: str, taken: Iterable[str]) -> Mapping[str, str]:
    """Name the step that does something with each dataset, by the name of the dataset."""
    titles = {asset.name: project.project.config.assets.prefixed(f"{asset.name} {what}") for asset in external}
    names = identifiers(titles.values(), taken)
    return {name: names[title] for name, title in titles.items()}


def observation(key: dg.AssetKey, version: str) -> dg.AssetObservation:
    """Return the event that says which data an asset has."""
    return dg.AssetObservation(key, tags={_VERSION_TAG: version})


def is_observed(key: dg.AssetKey, version: str, instance: dg.DagsterInstance) -> bool:
    """Whether Dagster was last told that an asset has this data.

    It is not told again: what is made of the data in memory would count as made from older data, as Dagster compares times there.
    """
    records = instance.fetch_observations(key, limit=1).records
    known = dagster_instance.recorded_observation(records[0]) if records else None
    return known is not None and (known.tags or {}).get(_VERSION_TAG) == version


@frozen
class Observe:
    """What the step of a dataset that no node writes does: it looks at its files, and opens nothing of Kedro's run.

    Attributes:
        resource_key: The key of the project's resource.
        entry: What the catalog has of the dataset, without credentials.
        key: The key of its asset.
    """

    resource_key: str
    entry: CatalogEntry
    key: dg.AssetKey

    def observe(self, context: dg.OpExecutionContext, _inputs: Any) -> Iterator[dg.ObserveResult]:
        """Look at the files as they are now, and report them if they have changed.

        Raises:
            Failure: If there are none.
        """
        resource = getattr(context.resources, self.resource_key)
        project: KedroProject = resource.project
        project.enter()
        name, params = self.entry.name, resource.runtime_params
        with masked_errors(project.location, params):
            version = fingerprint(project.location, entry_with_credentials(project.location, name, params))
        if version is None:
            raise dg.Failure(f"The dataset '{base_name(name)}' has no files.", allow_retries=False)
        if is_observed(self.key, version, context.instance):
            context.log.info("The files of '%s' have not changed.", base_name(name))
        else:
            yield dg.ObserveResult(self.key, data_version=dg.DataVersion(version))


def observe_inputs(run: KedroRun, table: AssetTable, job: dg.JobDefinition, instance: dg.DagsterInstance) -> None:
    """Tell Dagster before the first step which data the run reads that nothing here makes, where that has changed.

    What the run makes then counts as made from that data. Left out are a version that the run asks for and a place that its
    parameters have moved, as they say nothing of the dataset in other runs; a place without a default is that of each run. A
    run does not fail here: where files cannot be looked at, the node that loads them says why.
    """
    resolver: Any = getattr(run.catalog, "config_resolver", None)
    location = run.location
    for asset, known in _looked_at(run.plan.inputs, table, job) if resolver is not None else ():
        if known.name in run.identity.load_versions:
            continue
        try:
            entry = read_entry(resolver, known.name)
            if asks_for(known, run.project.runtime_params) or address(location, entry) == address(location, known):
                _report(asset.key, fingerprint(location, entry), instance)
        except Exception as error:  # noqa: BLE001 - whatever a file system raises
            _log.debug("The files of '%s' cannot be read: %s", asset.name, error)


def observe_files(
    project: KedroProject, run: dg.DagsterRun, job: dg.JobDefinition, instance: dg.DagsterInstance
) -> None:
    """Tell Dagster the same before the project is open, where it is decided by that what a run need not make again.

    Left out is what a hook provides, and all in a run with runtime parameters, as they can move the places of files.
    """
    if dagster_jobs.resource_config(job, run_config_of(run, job), project.resource_key).get("runtime_params"):
        return
    files = DatasetFiles(project)
    with project.entered():
        for asset, known in _looked_at(project.plan(run, job).inputs, project.table, job):
            _report(asset.key, files.look(known.name).fingerprint, instance)


def _looked_at(
    inputs: Iterable[str], table: AssetTable, job: dg.JobDefinition
) -> Iterator[tuple[KedroAsset, CatalogEntry]]:
    """Yield the datasets that a run reads, nothing in it makes, and whose files can be looked at."""
    for name in {base_name(name) for name in inputs if base_name(name) in table.graph.entries}:
        asset = table.dataset(name)
        if asset is not None and asset.observed is not None and not dagster_jobs.is_run(job, asset.key):
            yield asset, asset.observed


def _report(key: dg.AssetKey, version: str | None, instance: dg.DagsterInstance) -> None:
    """Report a data version if it is new; what others materialize has theirs, and Dagster would compare the two."""
    if version is None or is_observed(key, version, instance):
        return
    if not instance.fetch_materializations(key, limit=1).records:
        instance.report_runless_asset_event(observation(key, version))
