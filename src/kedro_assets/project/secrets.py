"""The secrets of a project, as far as its configuration can be read without hooks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kedro_assets.project.config_files import config_loader
from kedro_assets.project.location import ProjectLocation
from kedro_assets.redaction import Redactor


def read_credentials(location: ProjectLocation, runtime_params: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """Return the project's credentials, empty if they cannot be read: for use at run time, never while definitions load.

    Args:
        location: The project; this process has it open.
        runtime_params: What the configuration is read with.
    """
    return _section(location, "credentials", runtime_params)


@contextmanager
def masked_errors(location: ProjectLocation, runtime_params: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Mask the project's secrets in the errors raised inside; nothing is read unless there is one.

    Args:
        location: The project.
        runtime_params: What its configuration is read with.
    """
    try:
        yield
    except GeneratorExit:
        raise
    except BaseException as error:
        found = _redactor(location, runtime_params or {}).error(error)
        if found is error:
            raise
        raise found from found.__cause__


def _redactor(location: ProjectLocation, runtime_params: Mapping[str, Any]) -> Redactor:
    settings = [_section(location, "parameters", runtime_params)]
    settings.append(_without_names(_section(location, "catalog", runtime_params)))
    listed = _section(location, "dagster", None).get("secrets")
    keys: Collection[str] = [key for key in listed if isinstance(key, str)] if isinstance(listed, list) else ()
    return Redactor.of(read_credentials(location, runtime_params), [*settings, runtime_params], keys)


def _without_names(catalog: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out of a catalog the names of credentials, which messages say: a text under `credentials` is one.

    Examples:
        >>> _without_names({"x": {"filepath": "a", "credentials": "store"}, "y": {"credentials": {"key": "k"}}})
        {'x': {'filepath': 'a'}, 'y': {'credentials': {'key': 'k'}}}
    """
    return {
        key: _without_names(value) if isinstance(value, dict) else value
        for key, value in catalog.items()
        if not (key == "credentials" and isinstance(value, str))
    }


def _section(location: ProjectLocation, name: str, runtime_params: Mapping[str, Any] | None) -> Mapping[str, Any]:
    try:
        found = config_loader(location, dict(runtime_params or {}))[name]
    except Exception:  # noqa: BLE001 - what cannot be read holds no secret that is known
        return {}
    return found if isinstance(found, Mapping) else {}
