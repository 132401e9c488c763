"""Which assets have outputs that are missing; against `kedro run` it is in tests/integration/test_missing_outputs.py."""

import dagster as dg
import pytest
from kedro.io import DataCatalog

from kedro_assets.config import PartitionsConfig
from kedro_assets.runtime import assets_with_missing_outputs
from kedro_assets.runtime.kedro_resource import KedroResource
from unit.builders import make_node
from unit.records import json_entry, make_kedro

NODES = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["memory", "y"]), make_node("c", ["memory"], ["z"])]
NAMES = ("raw", "x", "y", "z")


@pytest.fixture
def missing(tmp_path, monkeypatch):
    """Decide over files in a folder."""
    asked = []

    def find(*keys, config=None, tags=None, **options):
        kedro = make_kedro(NODES, files=NAMES, **options)
        catalog = DataCatalog.from_config({name: json_entry(tmp_path / f"{name}.json") for name in NAMES})

        def open_catalog(resource):
            asked.append((resource.runtime_params, resource.load_versions))
            return catalog

        monkeypatch.setattr(KedroResource, "open_catalog", open_catalog)
        chosen = list(map(dg.AssetKey, keys)) or [asset.key for asset in kedro.table.assets]
        found = assets_with_missing_outputs(kedro, chosen, config or {}, tags or {})
        return [key.to_user_string() for key in found]

    find.asked = asked
    return find


def put(folder, *names):
    for name in names:
        (folder / f"{name}.json").write_text("1")


def test_all_outputs_of_the_nodes_that_have_to_run_are_made_in_order(missing, tmp_path):
    assert missing() == ["x", "memory", "y", "z"]
    put(tmp_path, "x", "y")
    assert missing() == ["memory", "y", "z"]
    put(tmp_path, "z")
    assert missing() == []


def test_what_was_not_asked_for_is_left_out(missing, tmp_path):
    assert missing("y", "nothing", "raw") == ["y"]
    assert missing("raw") == []


def test_the_project_is_opened_as_for_the_run(missing):
    config = {"runtime_params": {"depth": 1}, "load_versions": {"raw": "2026"}}
    kinds = {name: PartitionsConfig(static=["a"]) for name in NAMES[1:]}
    missing(config=config, tags={"dagster/partition": "a"}, partitions=kinds)
    assert missing.asked == [({"depth": 1, "partition_key": "a"}, {"raw": "2026"})]
