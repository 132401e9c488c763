"""Which data a dataset has that others write: its data version, so that Dagster marks as stale what other data made."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
import logging
from collections.abc import Collection, Iterator, Mapping

import dagster as dg
from attrs import frozen

from kedro_assets import _private
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.names import base_name
from kedro_assets.opener import RunOpener
from kedro_assets.partition_keys import of_partition
from kedro_assets.project import CatalogEntry, entry_with_credentials, read_entry
from kedro_assets.run import RESOURCE, KedroRun
from kedro_assets.stored_files import address, fingerprint
from kedro_assets.translator import DatasetRecord

_VERSION_TAG = "dagster/data_version"
_log = logging.getLogger(__name__)


def in_one_place(graph: ProjectGraph, dataset: str) -> CatalogEntry | None:
    """Give the one of a dataset's names in the catalog under which all of its files are in one place."""
    entries = graph.entries[dataset]
    return next((entry for entry in entries if entry.location and not of_partition(entry.location)), None)


def find_observable(
    records: Mapping[Vertex, DatasetRecord], graph: ProjectGraph, partitions: Collection[Vertex]
) -> Mapping[str, CatalogEntry]:
    """Give the datasets that Dagster can observe, with what the catalog has of them.

    Their files are in one place, no node writes them, they have no partitions, and they are not left to another asset.

    Args:
        records: What is known of every asset.
        graph: The project's graph.
        partitions: What is partitioned.
    """
    external = (
        vertex[1]
        for vertex, record in records.items()
        if record.entry and not record.producer and record.settings.external and vertex not in partitions
    )
    return {name: entry for name in external if (entry := in_one_place(graph, name)) is not None}


def observation(key: dg.AssetKey, version: str) -> dg.AssetObservation:
    """Tell Dagster which data an asset has."""
    return dg.AssetObservation(key, tags={_VERSION_TAG: version})


@frozen
class Observe:
    """What the step of a dataset that no node writes does: it looks at its files, and opens nothing of Kedro's run.

    Attributes:
        opener: Knows the project.
        dataset: The dataset.
        key: The key of its asset.
    """

    opener: RunOpener
    dataset: str
    key: dg.AssetKey

    def observe(self, context: dg.OpExecutionContext, _inputs: Mapping[str, None]) -> Iterator[dg.ObserveResult]:
        """Look at the files as they are now.

        Raises:
            Failure: If there are none.
        """
        location = self.opener.location
        location.reopen(self.opener.package_name)
        config = _private.resource_config(context.job_def, context.run, RESOURCE)
        name, params = self.opener.observable[self.dataset].name, config.get("runtime_params")
        version = fingerprint(location, entry_with_credentials(location, name, params))
        if version is None:
            raise dg.Failure(f"There are no files of '{self.dataset}'.", allow_retries=False)
        yield dg.ObserveResult(self.key, data_version=dg.DataVersion(version))


def observe_inputs(run: KedroRun, opener: RunOpener, job: dg.JobDefinition, instance: dg.DagsterInstance) -> None:
    """Tell Dagster before the first step which data the run reads that nothing here makes, where that has changed.

    What the run makes then counts as made from that data. Left out are a version that the run asks for and a place that its
    parameters have moved, as they say nothing of the dataset in other runs. A run does not fail here: where files cannot
    be looked at, the node that loads them says why.
    """
    resolver = getattr(run.catalog, "config_resolver", None)
    for name in {base_name(name) for name in run.plan.inputs}.intersection(opener.observable):
        known, key = opener.observable[name], opener.assets.index.keys.get(("dataset", name))
        if resolver is None or key is None or known.name in run.identity.load_versions or _private.is_run(job, key):
            continue
        try:
            entry = read_entry(resolver, known.name)
            if address(opener.location, entry) == address(opener.location, known):
                _report(key, fingerprint(opener.location, entry), instance)
        except Exception as error:  # noqa: BLE001 - whatever a file system raises
            _log.debug("The files of '%s' cannot be looked at: %s", name, error)


def _report(key: dg.AssetKey, version: str | None, instance: dg.DagsterInstance) -> None:
    """Report a data version if it is new; what others materialize has theirs, and Dagster would compare the two."""
    records = instance.fetch_observations(key, limit=1).records
    known = records[0].asset_observation if records else None
    if version is None or (known is not None and (known.tags or {}).get(_VERSION_TAG) == version):
        return
    if not instance.fetch_materializations(key, limit=1).records:
        instance.report_runless_asset_event(observation(key, version))
