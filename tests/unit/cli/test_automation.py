"""What starts runs by itself, and what such a run makes."""

import dagster as dg
import pytest

from kedro_assets.cli.automation import Automation
from unit.cli.automated import CHAIN, PAIR, file

KEYS = {name: dg.AssetKey(name) for name in ("raw", "x", "y", "z", "made", "found", "one", "two")}


@pytest.fixture
def automation_of(translate_project):
    """Translate a project whose datasets are files, but for those that are handed on in memory."""

    def automation(pipelines, files, dagster="", **conditions):
        catalog = "".join(file(name, conditions.get(name, "")) for name in files)
        return Automation(translate_project(pipelines, conf={"catalog.yml": catalog, "dagster.yml": dagster}))

    return automation


def test_a_run_of_one_asset_makes_all_that_the_nodes_store_which_run_for_it(automation_of):
    found = automation_of(PAIR, ["raw", "made", "found", "one", "two"])
    assert found.made_with(KEYS["one"]) == {KEYS["made"], KEYS["one"]}
    assert found.made_with(KEYS["two"]) == {KEYS["found"], KEYS["two"]}
    assert found.made_with(KEYS["raw"]) == frozenset()


def test_behind_in_memory_data_stands_what_that_is_made_from(automation_of):
    table = automation_of(PAIR, ["raw", "made", "found", "one", "two"]).found.table
    assert table.made_from(table.dataset("one")) == {KEYS["raw"], KEYS["found"]}
    assert table.made_from(table.dataset("raw")) == frozenset()


def test_the_jobs_that_something_starts_are_known_with_what_they_make(automation_of):
    dagster = """
        jobs:
          by_time: {pipeline: {node_names: [a]}, schedule: {cron_schedule: '@daily'}}
          by_data: {pipeline: {node_names: [b]}, sensor: {asset: x}}
          by_hand: {pipeline: {node_names: [c]}}
    """
    found = automation_of(CHAIN, ["raw", "x", "y", "z"], dagster, y="eager")
    assert found.jobs == {"by_time": {KEYS["x"]}, "by_data": {KEYS["y"]}, "by_hand": {KEYS["z"]}}
    assert found.started == {KEYS["x"], KEYS["y"]}
    assert list(found.sensors.values()) == [("by_data", {"asset": "x"})]
    assert list(found.automated) == [KEYS["y"]]
