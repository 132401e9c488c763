"""Whether there are the versions that `kedro assets run --load-versions` asks for."""

import pytest

from kedro_assets.cli import load_versions
from kedro_assets.cli.load_versions import check_load_versions
from kedro_assets.errors import KedroAssetsError
from unit.builders import make_node
from unit.records import json_entry, make_kedro

CATALOG = {"raw": json_entry("raw.json"), "{name}_log": json_entry("{name}.json")}


@pytest.fixture
def kedro(tmp_path):
    return make_kedro({"__default__": [make_node("fit", ["raw"], ["model"])]}, catalog=CATALOG)


def check(projects, **versions):
    check_load_versions(projects, {"load_versions": versions, "runtime_params": {"country": "nz"}})


def test_versions_are_those_of_datasets_of_the_catalog(kedro):
    check([kedro], raw="2026", any_log="2026")
    check([], raww="2026")
    check_load_versions([kedro], {})
    with pytest.raises(KedroAssetsError, match=r"no dataset 'raww' .* Did you mean 'raw'\?"):
        check([kedro], raww="2026")


@pytest.fixture
def kept(kedro, monkeypatch):
    """Say what versions there are, and what was asked."""
    versions, asked = [], []

    def entry_with_credentials(location, name, params):
        asked.append((location, name, params))
        return name

    monkeypatch.setattr(type(kedro), "entered", lambda _: pytest.MonkeyPatch.context())
    monkeypatch.setattr(load_versions, "entry_with_credentials", entry_with_credentials)
    monkeypatch.setattr(load_versions, "kept_versions", lambda _, name: versions if name == "raw" else [])
    return versions, asked


def test_a_version_that_is_not_there_is_refused_with_those_that_are(kedro, kept):
    versions, asked = kept
    versions += ["2024", "2025"]
    check([kedro], raw="2025", any_log="2026")
    assert asked[0] == (kedro.location, "raw", {"country": "nz"})
    message = r"'raw' has no version '2026'\. The versions that it has, the latest first: 2025, 2024\.$"
    with pytest.raises(KedroAssetsError, match=message):
        check([kedro], raw="2026")
    versions += map(str, range(2027, 2040))
    with pytest.raises(KedroAssetsError, match=r"first: 2039, 2038, 2037, 2036, 2035, \.\.\.\.$"):
        check([kedro], raw="2026")


def test_where_versions_cannot_be_listed_the_node_says_why(kedro, kept, monkeypatch, caplog):
    def refuse(*_):
        raise PermissionError("hunter2 is no password")

    monkeypatch.setattr(load_versions, "kept_versions", refuse)
    with caplog.at_level("DEBUG"):
        check([kedro], raw="2026")
    assert "hunter2" not in caplog.text


def test_a_version_that_one_environment_has_is_not_refused_for_another(kedro, kept, monkeypatch):
    listed = iter([["2024"], ["2025"], ["2024"], []])
    monkeypatch.setattr(load_versions, "kept_versions", lambda *_: next(listed))
    check([kedro, kedro], raw="2025")
    check([kedro, kedro], raw="2026")  # the other one cannot be listed
