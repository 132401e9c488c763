"""What Dagster has recorded of assets."""

import dagster as dg
import pytest

from kedro_assets._internals import dagster_instance
from kedro_assets.config import PartitionsConfig
from kedro_assets.runtime.history import History
from unit.builders import make_node
from unit.records import make_table

NODES = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["memory"]), make_node("c", ["memory", "x"], ["y"])]
X, Y, RAW = (dg.AssetKey(name) for name in ("x", "y", "raw"))


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def history(instance, partition=None, **options):
    return History(make_table(NODES, files=["raw", "x", "y"], **options), instance, partition)


def made(instance, key, version=None, **options):
    tags = {"dagster/data_version": version} if version else {}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(key, tags={**tags, "dagster/code_version": "1"}, **options)
    )


def test_the_latest_materialization_is_the_newest(instance):
    made(instance, X, "v1")
    made(instance, X, "v2")
    found = history(instance).latest(X)
    assert (found.materialization.tags["dagster/data_version"], found.code_version) == ("v2", "1")
    assert history(instance).latest(Y) is None


def test_many_are_asked_for_at_once(instance, monkeypatch):
    made(instance, X, "v1")
    known = history(instance)
    known.prepare([X, Y])
    monkeypatch.setattr(type(instance), "fetch_materializations", None)
    assert (known.latest(X).code_version, known.latest(Y)) == ("1", None)


def test_what_has_no_news_needs_no_query_of_its_own(instance, monkeypatch):
    made(instance, RAW, "v1")
    made(instance, X, "v1")
    made(instance, Y, "v1")
    known = history(instance)
    known.prepare([X, Y])
    monkeypatch.setattr(type(instance), "fetch_materializations", None)
    monkeypatch.setattr(type(instance), "fetch_observations", None)
    assert [known.is_changed(other, known.latest(key).position) for key, other in ((X, RAW), (Y, X))] == [False, False]


@pytest.mark.parametrize("most", [1, 1000], ids=["too many observations", "few"])
@pytest.mark.parametrize(
    "news",
    [
        dg.AssetObservation(X, tags={"dagster/data_version": "v2"}),
        dg.AssetMaterialization(X, tags={"dagster/data_version": "v2"}),
    ],
    ids=["observed", "made"],
)
def test_news_are_found_where_many_are_asked_for_at_once(news, most, instance, monkeypatch):
    monkeypatch.setattr(dagster_instance, "_MOST_OBSERVATIONS", most)
    made(instance, X, "v1")
    made(instance, Y, "v1")
    instance.report_runless_asset_event(news)
    known = history(instance)
    known.prepare([Y])
    assert known.is_changed(X, known.latest(Y).position)


def test_a_partition_has_a_latest_materialization_of_its_own(instance):
    kinds = {name: PartitionsConfig(static=["a", "b"]) for name in ("x", "y")}
    made(instance, X, "va", partition="a")
    made(instance, X, "vb", partition="b")
    found = {key: history(instance, key, partitions=kinds).latest(X) for key in "ab"}
    assert {key: each.materialization.partition for key, each in found.items()} == {"a": "a", "b": "b"}


@pytest.mark.parametrize("page", [1, 100], ids=["more than are asked for at once", "few"])
def test_partitions_are_compared_one_by_one(page, instance, monkeypatch):
    monkeypatch.setattr("kedro_assets.runtime.history._PAGE", page)
    kinds = {"x": PartitionsConfig(static=["a", "b", "c"])}
    for partition in ("a", "b"):
        made(instance, X, f"v{partition}", partition=partition)
    made(instance, Y)
    for partition in ("a", "b", "b"):
        made(instance, X, f"v{partition}", partition=partition)
    assert history(instance, partitions=kinds).is_unchanged(Y)
    made(instance, X, "new", partition="a")
    made(instance, X, "vb", partition="b")
    assert not history(instance, partitions=kinds).is_unchanged(Y)


def test_a_partition_is_made_from_the_one_of_its_key(instance):
    kinds = {name: PartitionsConfig(static=["a", "b"]) for name in ("x", "y")}
    made(instance, X, "va", partition="a")
    made(instance, Y, partition="a")
    made(instance, X, "vb", partition="b")
    assert history(instance, "a", partitions=kinds).is_unchanged(Y)
    made(instance, X, "new", partition="a")
    assert not history(instance, "a", partitions=kinds).is_unchanged(Y)


def test_behind_data_in_memory_stands_what_it_is_made_from(instance):
    known = history(instance)
    assert set(known.stored_behind(Y)) == {X}
    assert list(known.stored_behind(X)) == [RAW]


def test_data_that_passes_from_step_to_step_is_stored(instance):
    assert set(history(instance, cluster_by="node").stored_behind(Y)) == {dg.AssetKey("memory"), X}


@pytest.mark.parametrize(
    ("event", "changed"),
    [
        (None, False),
        (dg.AssetMaterialization(X, tags={"dagster/data_version": "v2"}), True),
        (dg.AssetMaterialization(X, tags={"dagster/data_version": "v1"}), False),
        (dg.AssetMaterialization(X), True),
        (dg.AssetObservation(X, tags={"dagster/data_version": "v2"}), True),
        (dg.AssetMaterialization(Y), False),
    ],
    ids=["nothing", "new data", "the same data", "no version", "observed", "another asset"],
)
def test_an_asset_has_changed_if_its_data_version_has(event, changed, instance):
    made(instance, X, "v1")
    made(instance, Y)
    known = history(instance)
    since = known.latest(Y).position
    if event is not None:
        instance.report_runless_asset_event(event)
    assert known.is_changed(X, since) is changed
    assert known.version_at(X, since) == "v1"


def test_of_what_was_never_made_no_version_is_known(instance):
    made(instance, Y)
    known = history(instance)
    assert known.version_at(RAW, known.latest(Y).position) is None
    assert not known.is_changed(RAW, known.latest(Y).position)


def test_an_asset_is_unchanged_if_it_was_made_and_nothing_before_it_has_other_data(instance):
    known = history(instance)
    assert not known.is_unchanged(Y)
    made(instance, X, "v1")
    made(instance, Y, "v1")
    assert history(instance).is_unchanged(Y)
    made(instance, X, "v1")
    assert history(instance).is_unchanged(Y)
    made(instance, X, "v2")
    assert not history(instance).is_unchanged(Y)
