"""The catalog with its credentials, as it is read at run time."""

import logging

import pytest

from kedro_assets.errors import ProjectError
from kedro_assets.project.location import locate_project
from kedro_assets.project.run_time_catalog import CatalogWithCredentials, entry_with_credentials

SECRET = "x: {type: json.JSONDataset, filepath: '%s', credentials: store}"


def opened(root):
    location = locate_project(root)
    location.open()
    return location


def test_at_run_time_a_dataset_has_its_credentials(write_project):
    conf = {"catalog.yml": SECRET % "s3://a/b.json", "credentials.yml": "store: {key: k}"}
    location = opened(write_project(conf=conf))
    assert entry_with_credentials(location, "x").config["credentials"] == {"key": "k"}


def test_kedro_warns_of_nothing_where_a_dataset_is_looked_up_at_run_time(write_project, monkeypatch):
    location, warned = opened(write_project(conf={"catalog.yml": "x: {type: json.JSONDataset, filepath: a.json}"})), []
    monkeypatch.setattr(logging.getLogger("kedro.io.catalog_config_resolver"), "warning", warned.append)
    entry_with_credentials(location, "x")
    assert warned == []


def test_a_place_that_depends_on_a_parameter_needs_it(write_project):
    conf = {"catalog.yml": SECRET % "${runtime_params:folder}/b.json", "credentials.yml": "store: {key: k}"}
    location = opened(write_project(conf=conf))
    with pytest.raises(ProjectError, match="The path of 'x' depends on the runtime parameter <folder>"):
        entry_with_credentials(location, "x")
    given = {"folder": "data"}
    assert entry_with_credentials(location, "x", given).location == "data/b.json"
    assert given == {"folder": "data"}


def test_credentials_that_depend_on_a_parameter_need_it_and_those_of_others_do_not(write_project):
    catalog = (
        SECRET % "a.json" + "\ny: {type: json.JSONDataset, filepath: y.json, load_args: {day: '${runtime_params:day}'}}"
    )
    conf = {"catalog.yml": catalog, "credentials.yml": "store: {key: '${runtime_params:login.key}'}"}
    location = opened(write_project(conf=conf))
    with pytest.raises(ProjectError, match=r"<login\.key>"):
        entry_with_credentials(location, "x")
    assert entry_with_credentials(location, "y").location == "y.json"


def test_a_catalog_that_needs_a_hook_cannot_be_read_at_run_time_and_says_so(write_project):
    location = opened(write_project(conf={"catalog.yml": "x: {type: a.B, filepath: '${not_there:b}'}"}))
    with pytest.raises(ProjectError, match="No hook fires when a sensor looks at files"):
        entry_with_credentials(location, "x")


# Credentials that are not known.

HOOKED = """
from kedro.framework.hooks import hook_impl

class Vault:
    @hook_impl
    def after_context_created(self, context):
        context.config_loader["credentials"] = {"vault": {"key": "k"}}

HOOKS = (Vault(),)
"""
PLACES = """
    plain: {type: json.JSONDataset, filepath: a.json}
    known: {type: json.JSONDataset, filepath: b.json, credentials: store}
    asked: {type: json.JSONDataset, filepath: c.json, credentials: vault}
    parts: {type: partitions.PartitionedDataset, path: d, dataset: {type: json.JSONDataset, credentials: vault}}
    kept: {type: CachedDataset, dataset: {type: json.JSONDataset, filepath: e.json, credentials: vault}}
    "{name}_files": {type: json.JSONDataset, filepath: "{name}.json", credentials: vault}
"""


def test_datasets_without_credentials_that_a_hook_provides_are_found(write_project):
    conf = {"catalog.yml": PLACES, "credentials.yml": "store: {key: k}"}
    catalog = CatalogWithCredentials.read(opened(write_project(settings=HOOKED, conf=conf)))
    assert [catalog.entry(name).location for name in ("plain", "known", "parts")] == ["a.json", "b.json", "d"]
    assert catalog.entry("known").config["credentials"] == {"key": "k"}
    for name in ("asked", "kept", "some_files"):
        with pytest.raises(ProjectError) as raised:
            catalog.entry(name)
        first, second = str(raised.value).splitlines()
        assert first == "The credentials 'vault' are not in the project's configuration."
        assert second.startswith("No hook fires when a sensor looks at files")


def test_with_hooks_the_credentials_of_a_hook_are_known(write_project):
    location = opened(write_project(settings=HOOKED, conf={"catalog.yml": PLACES, "credentials.yml": "store: {a: b}"}))
    catalog = CatalogWithCredentials.read(location, with_hooks=True)
    assert catalog.entry("asked").config["credentials"] == {"key": "k"}


def test_credentials_that_cannot_be_read_are_missed_where_they_are_named(write_project):
    conf = {"catalog.yml": PLACES, "credentials.yml": "vault: {key: '${not_there:k}'}"}
    catalog = CatalogWithCredentials.read(opened(write_project(conf=conf)))
    assert catalog.entry("plain").location == "a.json"
    with pytest.raises(ProjectError, match="The project's credentials configuration cannot be read"):
        catalog.entry("asked")
