"""What every process of one Dagster run has to agree on."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import dagster as dg
from attrs import evolve, field, frozen

from kedro_assets._internals import dagster_jobs
from kedro_assets.partitions import first_key, part_of, unfilled
from kedro_assets.runtime.mlflow_run import RUN_TAG

SAVE_VERSION = "kedro/save_version"
"""The metadata of a materialization that has the version saved."""


STALE_TAG = "kedro/stale_assets"
"""The tag of a run that makes only those of its assets that were not up to date when it started: their keys, as JSON."""
ONLY_MISSING_TAG = "kedro/only_missing_outputs"
"""The tag of a run that makes only what is not there, as `kedro run --only-missing-outputs` does."""
IF_CHANGED_TAG = "kedro/if_changed"
"""The tag of a run that makes some of its assets only if what they are made from has come out otherwise: their keys, as JSON."""


@frozen
class RunTags:
    """The tags by which the processes of a run tell each other how far one project is in it.

    Attributes:
        resource_key: The project's, as several projects may be in one run.
    """

    resource_key: str

    @property
    def run_id(self) -> str:
        """Kedro's run id; a run has it once `before_pipeline_run` has fired."""
        return f"{self.resource_key}/run_id"

    @property
    def env(self) -> str:
        """Kedro's environment in the run's own process."""
        return f"{self.resource_key}/env"

    @property
    def project(self) -> str:
        """The package of the project, by which assets of the same keys in two projects are noticed."""
        return f"{self.resource_key}/project"

    @property
    def kept(self) -> str:
        """The nodes that the run does not run again, as JSON, where it goes on from the failure of another."""
        return f"{self.resource_key}/kept_nodes"

    @property
    def filter(self) -> str:
        """The filter of `kedro run` that the run was started with, as JSON."""
        return f"{self.resource_key}/filter"

    @property
    def ended(self) -> str:
        """Whether the hook that ends the run's pipeline has fired: `after_pipeline_run` or `on_pipeline_error`."""
        return f"{self.resource_key}/pipeline_hooks"

    @property
    def tries(self) -> str:
        """How often the sensor has tried in vain to fire `on_pipeline_error` for a run whose own process has died."""
        return f"{self.resource_key}/pipeline_hooks_tries"

    @property
    def all(self) -> Sequence[str]:
        """All of them."""
        return self.run_id, self.env, self.project, self.kept, self.filter, self.ended, self.tries

    @property
    def of_one_run(self) -> Sequence[str]:
        """Those that are of one run alone, though Dagster copies them to a run by which its daemon tries a failed one again."""
        return self.run_id, self.env, self.project, self.kept, self.ended, self.tries, RUN_TAG


def packages_of(tags: Mapping[str, str]) -> frozenset[str]:
    """Return the packages of the projects of which a run has executed nodes, by the tags of the run.

    Examples:
        >>> sorted(packages_of({"kedro/project": "shop", "kedro_eu/project": "stock", "kedro/env": "prod"}))
        ['shop', 'stock']
    """
    return frozenset(package for tag, package in tags.items() if package and re.fullmatch(r"kedro(_\w+)?/project", tag))


@frozen
class RunIdentity:
    """What every process of one Dagster run has to agree on.

    Attributes:
        dagster_run_id: Dagster's id of the run.
        kedro_run_id: Kedro's run id and save version, in Kedro's timestamp format.
        runtime_params: The parameters given at launch, as `kedro run --params` takes them.
        load_versions: The versions to load, by dataset, as `kedro run --load-versions` takes them.
        mlflow_run_id: The MLflow run that a hook has started for this run, once it has.
        env: Kedro's environment in the run's own process, once `before_pipeline_run` has fired.
        kept: The nodes that are not run again, as the run before has saved what they make.
        stale: The assets that are made, where the run leaves out those that are up to date; None where it makes all.
        if_changed: The keys, as text, of those that are made only if what they are made from has come out otherwise.
        only_missing_outputs: Whether the run makes only what was not there.
    """

    dagster_run_id: str
    kedro_run_id: str
    runtime_params: Mapping[str, Any] = field(factory=dict)
    load_versions: Mapping[str, str] = field(factory=dict)
    mlflow_run_id: str | None = None
    env: str | None = None
    kept: Collection[str] = ()
    stale: Collection[dg.AssetKey] | None = None
    if_changed: Collection[str] = ()
    only_missing_outputs: bool = False

    @classmethod
    def of(
        cls, run: dg.DagsterRun, job: dg.JobDefinition, instance: dg.DagsterInstance, resource_key: str
    ) -> RunIdentity:
        """Derive the identity from the run's record and its job, so that every process comes to the same one.

        Args:
            run: The run.
            job: Its job.
            instance: Where it is recorded.
            resource_key: The project's, whose configuration the run has.
        """
        record = instance.get_run_record_by_id(run.run_id)
        config = dagster_jobs.resource_config(job, run_config_of(run, job), resource_key)
        found, tags = record.dagster_run.tags if record else {}, RunTags(resource_key)
        return cls(
            dagster_run_id=run.run_id,
            kedro_run_id=kedro_timestamp(record.create_timestamp if record else datetime.now(tz=timezone.utc)),
            runtime_params=config.get("runtime_params", {}),
            load_versions=config.get("load_versions", {}),
            mlflow_run_id=found.get(RUN_TAG) or None,
            env=found.get(tags.env) or None,
            kept=frozenset(json.loads(found.get(tags.kept) or "[]")),
            stale=stale_of(found),
            if_changed=frozenset(json.loads(found.get(IF_CHANGED_TAG, "[]"))),
            only_missing_outputs=ONLY_MISSING_TAG in found,
        )

    def has_parts(self, parts: Collection[str]) -> bool:
        """Whether the run has some parts of one partition, so that the catalog has them in its paths."""
        return all(part_of(self.runtime_params, part) not in (None, f"<{part}>") for part in parts)

    @property
    def unfilled(self) -> frozenset[str]:
        """The parts of a partition that the project's configuration asks for and the run does not have."""
        return unfilled(self.runtime_params)

    def with_partition(self, params: Mapping[str, Any]) -> RunIdentity:
        """Lay the runtime parameters of a partition over those of the run's configuration."""
        return evolve(self, runtime_params={**self.runtime_params, **params})

    def with_saved(self, versions: Mapping[str, str]) -> RunIdentity:
        """Lay the versions that the run is to load over those that earlier runs have saved which it continues."""
        return evolve(self, load_versions={**versions, **self.load_versions})


def stale_of(tags: Mapping[str, str]) -> frozenset[dg.AssetKey] | None:
    """Return the assets that a run makes, if it leaves out those that are up to date and knows them by now."""
    if not tags.get(STALE_TAG):
        return None
    return frozenset(map(dg.AssetKey.from_user_string, json.loads(tags[STALE_TAG])))


def run_config_of(run: dg.DagsterRun, job: dg.JobDefinition) -> Mapping[str, Any]:
    """Return the configuration of a run; that of its job where the run has none.

    Dagster itself does so for jobs without partitions only. For the others its UI, schedules and backfills write it into the
    run; `dagster job execute` and `dg launch` do not.
    """
    return run.run_config or dagster_jobs.own_run_config(job, first_key(run.tags))


def kedro_timestamp(moment: datetime) -> str:
    """Write a moment as Kedro writes versions, which sort as text.

    Examples:
        >>> kedro_timestamp(datetime(2026, 3, 1, 12, 30, 5, 123456, tzinfo=timezone.utc))
        '2026-03-01T12.30.05.123Z'
    """
    if moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc)
    return f"{moment:%Y-%m-%dT%H.%M.%S}.{moment.microsecond // 1000:03d}Z"
