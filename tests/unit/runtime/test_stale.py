"""Which assets are to be made again; what only a run on disk can show is in tests/integration/test_stale.py."""

import dagster as dg
import pytest

from kedro_assets.project import CatalogWithCredentials
from kedro_assets.runtime import CODE_METADATA, stale_assets
from unit.builders import make_node
from unit.records import json_entry, make_kedro

NODES = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["memory"]), make_node("c", ["memory"], ["y"])]


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def kedro(tmp_path, monkeypatch):
    for name in ("raw", "x", "y"):
        (tmp_path / f"{name}.json").write_text("1")
    catalog = {name: {"type": "json.JSONDataset", "filepath": str(tmp_path / f"{name}.json")} for name in ("x", "y")}
    made = make_kedro(NODES, catalog=catalog)  # a project in no folder has no configuration there
    monkeypatch.setattr(
        CatalogWithCredentials, "read", lambda *_, **__: CatalogWithCredentials(made.project.resolver, {})
    )
    return made


def record(instance, kedro, name, code=None, pieces=None):
    spec = kedro.table.dataset(name).spec
    metadata = {CODE_METADATA: dg.MetadataValue.json(pieces)} if pieces is not None else {}
    tags = {"dagster/code_version": code or spec.code_version, "dagster/data_version": "v"}
    instance.report_runless_asset_event(dg.AssetMaterialization(spec.key, tags=tags, metadata=metadata))


def decided(instance, kedro):
    found = stale_assets(kedro, kedro.table.by_key.keys(), instance)
    return {key.to_user_string(): list(each.reasons) for key, each in found.items()}


def test_in_order_and_without_what_is_in_memory(instance, kedro):
    assert list(decided(instance, kedro).items()) == [("x", ["never made"]), ("y", ["never made"])]
    record(instance, kedro, "x")
    assert decided(instance, kedro) == {"y": ["never made"]}
    record(instance, kedro, "y")
    assert decided(instance, kedro) == {}


def test_what_is_of_no_project_is_left_out(instance, kedro):
    assert stale_assets(kedro, [dg.AssetKey("elsewhere"), dg.AssetKey("raw")], instance) == {}


@pytest.mark.parametrize(
    ("pieces", "reasons"),
    [
        (None, ["made by other code or with other parameters"]),
        ({}, ["code of node 'b' is new", "code of node 'c' is new"]),
        (
            {"code of node 'z'": "1"},
            ["code of node 'z' is no longer used", "code of node 'b' is new", "code of node 'c' is new"],
        ),
    ],
    ids=["unknown", "nodes that are new", "a node that is gone"],
)
def test_the_code_of_all_nodes_that_are_as_one_counts(pieces, reasons, instance, kedro):
    record(instance, kedro, "x")
    record(instance, kedro, "y", code="older", pieces=pieces)
    assert decided(instance, kedro) == {"y": reasons}


def test_a_change_that_no_piece_tells_is_a_change(instance, kedro):
    record(instance, kedro, "x")
    record(instance, kedro, "y", code="older", pieces=dict(kedro.table.dataset("y").record.code.pieces))
    assert decided(instance, kedro) == {"y": ["its code or a parameter has changed"]}


def test_files_that_cannot_be_looked_at_are_not_gone(instance, kedro, monkeypatch):
    def fail(*_):
        msg = "no permission"
        raise OSError(msg)

    for name in ("x", "y"):
        record(instance, kedro, name)
    monkeypatch.setattr("kedro_assets.runtime.files.fingerprint", fail)
    assert decided(instance, kedro) == {}


@pytest.mark.parametrize("seen", [True, False], ids=["seen before", "never seen"])
def test_what_is_made_from_files_that_cannot_be_looked_at_is_made_again(seen, instance, tmp_path, monkeypatch):
    def look(_, entry):
        if entry.name == "raw":
            msg = "no answer from\nhttps://me:hunter2@host/raw.json"
            raise OSError(msg)
        return "there"

    catalog = {name: json_entry(tmp_path / f"{name}.json") for name in ("raw", "x")}
    made = make_kedro([make_node("a", ["raw"], ["x"])], catalog=catalog)
    monkeypatch.setattr(
        CatalogWithCredentials, "read", lambda *_, **__: CatalogWithCredentials(made.project.resolver, {})
    )
    monkeypatch.setattr("kedro_assets.runtime.files.fingerprint", look)
    if seen:
        observed = dg.AssetObservation("raw", tags={"dagster/data_version": "v"})
        instance.report_runless_asset_event(observed)
    record(instance, made, "x")
    reason = "the files of 'raw' cannot be looked at: OSError: no answer from https://***@host/raw.json"
    assert decided(instance, made) == {"x": [reason]}


def test_files_that_never_can_be_looked_at_change_nothing(instance, tmp_path, monkeypatch):
    catalog = {"raw": json_entry("elsewhere://raw.json"), "x": json_entry("elsewhere://x.json")}
    made = make_kedro([make_node("a", ["raw"], ["x"])], catalog=catalog)
    monkeypatch.setattr(
        CatalogWithCredentials, "read", lambda *_, **__: CatalogWithCredentials(made.project.resolver, {})
    )
    record(instance, made, "x")
    assert decided(instance, made) == {}


def test_what_is_stale_only_through_another_asset_follows_it(instance, kedro):
    for name in ("x", "y"):
        record(instance, kedro, name)
    record(instance, kedro, "x", code="older")
    found = stale_assets(kedro, kedro.table.by_key.keys(), instance)
    assert {key.to_user_string(): each.follows for key, each in found.items()} == {"x": False, "y": True}


# What is made beside something else.


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """`a` hands `b` data in memory and stores `left` beside it; `right` is made from `left`; `b` makes `y` and `z`."""
    nodes = [
        make_node("a", ["raw"], ["memory", "left"]),
        make_node("b", ["memory"], ["y", "z"]),
        make_node("c", ["left"], ["right"]),
    ]
    names = ("left", "y", "z", "right")
    for name in ("raw", *names):
        (tmp_path / f"{name}.json").write_text("1")
    made = make_kedro(nodes, catalog={name: json_entry(tmp_path / f"{name}.json") for name in names})
    monkeypatch.setattr(
        CatalogWithCredentials, "read", lambda *_, **__: CatalogWithCredentials(made.project.resolver, {})
    )
    return made


def test_what_its_nodes_make_too_is_made_again_and_what_is_behind_that(instance, beside, tmp_path):
    for name in ("left", "y", "z", "right"):
        record(instance, beside, name)
    (tmp_path / "y.json").unlink()
    assert decided(instance, beside) == {
        "left": ["it is made together with 'y'"],
        "y": [f"there are no files at {tmp_path / 'y.json'}"],
        "z": ["it is made together with 'y'"],
        "right": ["'left' is made again"],
    }
    found = stale_assets(beside, [dg.AssetKey("y"), dg.AssetKey("right")], instance)
    assert {key.to_user_string(): each.follows for key, each in found.items()} == {"y": False, "right": True}
