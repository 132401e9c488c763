"""Two projects with a code server each, in one instance: an asset that both know, and one that both make by mistake."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from helpers import json_dataset, write_project
from servers import DagsterDev, dagster_dev

NODES = """
    def one(value):
        return value + 1
"""
KEY = "  metadata: {dagster: {key: shared/prices}}\n"
ASSETS = """{assetNodes {
    assetKey {path} isMaterializable isObservable staleStatus repository {location {name}}
    dependencyKeys {path} dependedByKeys {path}
}}"""
LOG = """query ($id: ID!) {logsForRun(runId: $id, limit: 1000) {
    ... on EventConnection {events {... on LogMessageEvent {message level}}}
}}"""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A project that makes `prices` and `report`, one that reads the first and makes `report` too, and both in Dagster."""
    folder = tmp_path_factory.mktemp("two")
    makes = write_project(
        folder,
        nodes=NODES,
        pipelines="""{
            "__default__": pipeline([node(one, "raw", "prices", name="price"), node(one, "prices", "report", name="report")])
        }""",
        catalog=json_dataset("raw", "prices") + KEY + json_dataset("report"),
    )
    prices = makes.path / "data" / "prices.json"
    reads = write_project(
        folder,
        nodes=NODES,
        pipelines="""{
            "__default__": pipeline([
                node(one, "rates", "scored", name="score"), node(one, "scored", "report", name="report")
            ])
        }""",
        catalog=f"rates:\n  type: json.JSONDataset\n  filepath: {prices}\n{KEY}" + json_dataset("scored", "report"),
        dagster="assets: {key_prefix: [eu], settings: {report: {key: report}}}\n",
    )
    makes.write("data/raw.json", "1")
    (reads.path / "data").mkdir()
    with dagster_dev(folder / "home", makes, reads) as dev:
        yield SimpleNamespace(dev=dev, makes=makes, reads=reads)


def run(dev: DagsterDev, project, *assets: str) -> str:
    run_id = dev.launch(project, "__ASSET_JOB", [name.split("/") for name in assets])
    assert dev.wait_for_run(run_id) == "SUCCESS", messages(dev, run_id)
    return run_id


def messages(dev: DagsterDev, run_id: str, *levels: str) -> list[str]:
    """The messages of a run's log, those of some levels if there are any."""
    events = dev.ask(LOG, id=run_id)["logsForRun"]["events"]
    return [event["message"] for event in events if "message" in event and (not levels or event["level"] in levels)]


def assets(dev: DagsterDev) -> dict[str, dict]:
    return {"/".join(node["assetKey"]["path"]): node for node in dev.ask(ASSETS)["assetNodes"]}


def test_an_asset_that_one_project_makes_and_another_reads_is_one(two) -> None:
    for project in (two.makes, two.reads):
        two.dev.location(project.package)
    prices = assets(two.dev)["shared/prices"]
    assert (prices["isMaterializable"], prices["isObservable"]) == (True, False)
    assert prices["repository"]["location"]["name"] == two.makes.package
    assert {"/".join(key["path"]) for key in prices["dependedByKeys"]} == {"report", "eu/scored"}
    run(two.dev, two.makes, "shared/prices")
    run(two.dev, two.reads, "eu/scored")
    assert two.reads.read("scored.json") == 3
    assert assets(two.dev)["eu/scored"]["staleStatus"] == "FRESH"
    two.makes.write("data/raw.json", "5")
    run(two.dev, two.makes, "shared/prices")
    assert assets(two.dev)["eu/scored"]["staleStatus"] == "STALE"


def test_an_asset_that_both_make_is_a_warning_of_the_run_that_makes_it_after_the_other(two) -> None:
    run(two.dev, two.makes, "report")
    run_id = run(two.dev, two.reads, "eu/scored", "report")
    [note] = [message for message in messages(two.dev, run_id, "WARNING") if "last made by" in message]
    assert note.startswith(f"1 asset of this project, 'report', was last made by the project '{two.makes.package}'")
