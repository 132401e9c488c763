"""Which data a dataset has that others write: its data version, so that Dagster marks as stale what other data made."""

# No postponed annotations here: Dagster looks at the class that annotates `context`.
import logging
from collections.abc import Iterator, Mapping

import dagster as dg
from attrs import frozen

from kedro_assets import _private
from kedro_assets.graph import ProjectGraph
from kedro_assets.names import base_name
from kedro_assets.opener import RunOpener
from kedro_assets.partition_keys import PLACEHOLDER
from kedro_assets.project import CatalogEntry, entry_with_credentials, read_entry
from kedro_assets.run import RESOURCE, KedroRun
from kedro_assets.stored_files import fingerprint

_VERSION_TAG = "dagster/data_version"
_log = logging.getLogger(__name__)


def in_one_place(graph: ProjectGraph, dataset: str) -> CatalogEntry | None:
    """Give the one of a dataset's names in the catalog under which all of its files are in one place."""
    entries = graph.entries[dataset]
    return next((entry for entry in entries if entry.location and PLACEHOLDER not in entry.location), None)


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
        entry = in_one_place(self.opener.assets.graph, self.dataset)
        name = entry.name if entry else self.dataset
        version = fingerprint(location, entry_with_credentials(location, name, config.get("runtime_params")))
        if version is None:
            raise dg.Failure(f"There are no files of '{self.dataset}'.", allow_retries=False)
        yield dg.ObserveResult(self.key, data_version=dg.DataVersion(version))


def is_observable(opener: RunOpener, dataset: str) -> bool:
    """Say whether no node writes a dataset, it has no partitions, and all of its files are in one place."""
    graph = opener.assets.graph
    unpartitioned = ("dataset", dataset) not in opener.partitions
    return unpartitioned and graph.producer(dataset) is None and in_one_place(graph, dataset) is not None


def observe_inputs(run: KedroRun, opener: RunOpener, job: dg.JobDefinition, instance: dg.DagsterInstance) -> None:
    """Tell Dagster before the first step which data the run reads that nothing here makes, where that has changed.

    What the run makes then counts as made from that data. A run does not fail here: where files cannot be looked at, the
    node that loads them says why.
    """
    view, resolver = opener.assets, getattr(run.catalog, "config_resolver", None)
    for name in {base_name(name) for name in run.plan.inputs}.intersection(view.graph.external):
        key = view.index.keys.get(("dataset", name))
        entry = in_one_place(view.graph, name) if is_observable(opener, name) else None
        if resolver is None or key is None or entry is None or _private.is_made(job, key):
            continue
        try:
            version = fingerprint(opener.location, read_entry(resolver, entry.name))
        except Exception as error:  # noqa: BLE001 - whatever a file system raises
            _log.debug("The files of '%s' cannot be looked at: %s", name, error)
            continue
        if version is not None and version != _known_version(key, instance):
            instance.report_runless_asset_event(observation(key, version))


def _known_version(key: dg.AssetKey, instance: dg.DagsterInstance) -> str | None:
    for record in instance.fetch_observations(key, limit=1).records:
        found = record.asset_observation
        return found.tags.get(_VERSION_TAG) if found and found.tags else None
    return None
