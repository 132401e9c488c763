"""The Kedro project as assets and ops of one's own find it in their resources."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from attrs import field, frozen
from kedro.io import CatalogProtocol

from kedro_assets._internals.kedro_project import create_catalog, create_session
from kedro_assets.project import masked_errors
from kedro_assets.runtime.identity import kedro_timestamp
from kedro_assets.runtime.kedro_project import KedroProject


@frozen
class KedroResource:
    """A Kedro project in one run of Dagster's, for assets and ops of one's own.

    Take it by its key, `kedro` unless `assets.key_prefix` gives the project another:

        @dg.asset(required_resource_keys={"kedro"})
        def report(context):
            return context.resources.kedro.run(pipeline_names=["reporting"])

    Attributes:
        project: The project.
        runtime_params: The runtime parameters in the run's configuration.
        load_versions: The versions to load in the run's configuration, by dataset.
    """

    project: KedroProject = field(repr=False)
    runtime_params: Mapping[str, Any] = field(factory=dict, repr=False)
    load_versions: Mapping[str, str] = field(factory=dict)

    def run(self, **options: Any) -> dict[str, Any]:
        """Run a registered pipeline as `kedro run` does, with all of its hooks, in this process.

        Its datasets are saved and loaded as the catalog says. They are not reported to Dagster: materialize the assets of
        this project for that.

        Args:
            options: What `kedro.framework.session.KedroServiceSession.run` takes, such as `pipeline_names=["training"]`,
                `tags`, `from_nodes` or `runner`. Runtime parameters and load versions are laid over those of the run.

        Returns:
            What that gives: the pipeline's free outputs, by dataset.
        """
        params = {**self.runtime_params, **(options.pop("runtime_params", None) or {})}
        versions = {**self.load_versions, **(options.pop("load_versions", None) or {})}
        with masked_errors(self.project.location, params):
            session, given = self._session(params)
            result: dict[str, Any] = session.run(load_versions=versions or None, **given, **options)
            return result

    def open_catalog(self) -> CatalogProtocol[Any, Any]:
        """Open the project's catalog, as a session of Kedro's does: the hooks of context and catalog fire.

        It loads the versions that the run's configuration names, and saves under one of its own.
        """
        with masked_errors(self.project.location, self.runtime_params):
            session, given = self._session(self.runtime_params)
            context = session.load_context(**given)
            return create_catalog(context, kedro_timestamp(datetime.now(tz=timezone.utc)), self.load_versions)

    def _session(self, runtime_params: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        self.project.enter()
        return create_session(self.project.location.place, runtime_params, serving=True)
