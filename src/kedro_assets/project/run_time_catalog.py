"""The catalog with its credentials, as it can be read without a run: for use at run time, never while definitions load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from attrs import field, frozen
from kedro.io import CatalogConfigResolver

from kedro_assets.errors import ProjectError
from kedro_assets.project.catalog import CatalogEntry, catalog_resolver, read_entry
from kedro_assets.project.config_files import ConfigReader, config_loader, leaves, loader_of_context
from kedro_assets.project.location import ProjectLocation

_WITHOUT_HOOKS = (
    "No hook fires when a sensor looks at files, or Dagster observes them. If a hook provides what it needs, write the sensor in "
    "Python, or leave the dataset to an asset of your own with `external: false`."
)
_MISSING = f"The credentials '{{}}' are not in the project's configuration.\n{_WITHOUT_HOOKS}"


@frozen
class CatalogWithCredentials:
    """The catalog of a project with its credentials: for use at run time, never while definitions load.

    Attributes:
        resolver: Kedro's own reading of the catalog.
        asked: The runtime parameters that it asks for without a default, as `<name>`.
    """

    resolver: CatalogConfigResolver = field(repr=False)
    asked: Mapping[str, Any]

    @classmethod
    def read(
        cls,
        location: ProjectLocation,
        runtime_params: Mapping[str, Any] | None = None,
        *,
        with_hooks: bool = False,
    ) -> CatalogWithCredentials:
        """Read it; credentials that cannot be read are missed where a dataset that names them is looked up.

        Args:
            location: The project; this process has it open.
            runtime_params: What the configuration is read with.
            with_hooks: Whether `after_context_created` fires before, as it does where definitions are loaded with hooks.

        Raises:
            ProjectError: If the catalog cannot be read.
        """
        asked: dict[str, Any] = {}
        open_loader = partial(loader_of_context if with_hooks else config_loader, location)
        reader = ConfigReader(open_loader, location.path, _WITHOUT_HOOKS)
        catalog = reader.read("catalog", asked, runtime_params)
        unreadable = ""
        try:
            credentials = reader.read("credentials", asked, runtime_params)
        except ProjectError as error:
            credentials, unreadable = {}, str(error)
        unknown = {
            name: _Unknown(unreadable or _MISSING.format(name)) for name in _named(catalog) if name not in credentials
        }
        return cls(catalog_resolver(catalog, {**credentials, **unknown}), asked)

    def entry(self, dataset: str) -> CatalogEntry:
        """Look a dataset up.

        Raises:
            ProjectError: If its place depends on a parameter that is not given, or its credentials are not known.
        """
        entry = read_entry(self.resolver, dataset)
        credentials = entry.located.get("credentials")
        if isinstance(credentials, _Unknown):
            raise ProjectError(credentials.cause)
        missing = asks_for(entry, self.asked)
        if missing:
            msg = (
                f"The path of '{dataset}' depends on the runtime parameter {missing[0]}. Give its value in "
                "`config.runtime_params`, or a default value in the catalog."
            )
            raise ProjectError(msg)
        return entry


def asks_for(entry: CatalogEntry, asked: Mapping[str, Any]) -> list[str]:
    """Return those runtime parameters, as `<name>`, that a dataset cannot be looked at without.

    Args:
        entry: What the catalog has of it.
        asked: Those that the configuration asks for without a default.
    """
    used = str([entry.located.get(key) for key in ("filepath", "path", "credentials", "fs_args")])
    return sorted(value for value in leaves(asked) if value in used)


@frozen
class _Unknown:
    """What stands in place of credentials that are named and not known.

    Attributes:
        cause: Why they are not known.
    """

    cause: str


def _named(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of credentials in the configuration of datasets, where Kedro looks for them."""
    for key, value in config.items():
        if key == "credentials" and isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from _named(value)


def entry_with_credentials(
    location: ProjectLocation, dataset: str, runtime_params: Mapping[str, Any] | None = None
) -> CatalogEntry:
    """Read what the catalog has of a dataset with its credentials: for use at run time, never while definitions load.

    Args:
        location: The project; this process has it open.
        dataset: The dataset's name in the catalog.
        runtime_params: What the configuration is read with.

    Raises:
        ProjectError: If it cannot be read, or as `CatalogWithCredentials.entry` says.
    """
    return CatalogWithCredentials.read(location, runtime_params).entry(dataset)
