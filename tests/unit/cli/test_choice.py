"""What a run of the command line makes, and what is said of it."""

import dagster as dg
import pytest

from kedro_assets.cli import choice
from kedro_assets.cli.choice import choose_missing, choose_stale
from kedro_assets.cli.partition_runs import PartitionRun
from kedro_assets.errors import PartitionError
from kedro_assets.runtime import StaleAsset
from unit.builders import make_node
from unit.records import make_kedro

X, Y, OTHER = (dg.AssetKey(name) for name in ("x", "y", "other"))
RUN = PartitionRun("", frozenset([X, Y, OTHER]), {})
RANGE = {"dagster/asset_partition_range_start": "a", "dagster/asset_partition_range_end": "c"}
SEVERAL = PartitionRun("a...c", frozenset([X]), RANGE)


@pytest.fixture
def kedro():
    return make_kedro([make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"])], files=["x", "y"])


@pytest.fixture
def said():
    return []


@pytest.mark.parametrize(
    ("choose", "given", "option"),
    [(choose_stale, [None, {}], "--stale"), (choose_missing, [{}], "--only-missing-outputs")],
    ids=["stale", "missing"],
)
def test_partitions_that_share_a_run_are_not_decided_together(choose, given, option):
    with pytest.raises(
        PartitionError, match=rf"The partitions a\.\.\.c share a run, and {option} decides for each by itself"
    ):
        choose([], SEVERAL, *given, print)


def test_what_is_stale_is_made_and_the_reasons_are_said(kedro, said, monkeypatch):
    found = {X: StaleAsset(["never made"]), Y: StaleAsset(["'x' is made again"], follows=True)}
    asked = []
    monkeypatch.setattr(choice, "stale_assets", lambda *_, runtime_params: asked.append(runtime_params) or found)
    config = {"resources": {"kedro": {"config": {"runtime_params": {"a": 1}}}}}
    chosen = choose_stale([kedro], RUN, None, config, said.append)
    assert asked == [{"a": 1}]
    assert (list(chosen.keys), dict(chosen.tags)) == ([X, Y], {"kedro/if_changed": '["y"]'})
    assert said[0] == "Left out, as no Kedro node makes them: other"
    assert [line.partition(" ")[2] for line in said[1:3]] == ["x: never made", "y: 'x' is made again"]
    assert said[3] == "2 assets to make."


def test_what_is_missing_is_made_with_the_configuration_of_the_run(kedro, said, monkeypatch):
    asked = []
    monkeypatch.setattr(choice, "assets_with_missing_outputs", lambda *given: asked.append(given[1:]) or [X])
    config = {"runtime_params": {"a": 1}}
    chosen = choose_missing([kedro], RUN, {"resources": {"kedro": {"config": config}}}, said.append)
    assert (list(chosen.keys), dict(chosen.tags)) == ([X], {"kedro/only_missing_outputs": "true"})
    assert asked == [(RUN.keys, config, {})]
    assert said[-1] == "1 asset to make."


@pytest.mark.parametrize(
    ("choose", "given", "words"),
    [(choose_stale, [None, {}], "Everything is up to date."), (choose_missing, [{}], "All outputs are there.")],
    ids=["stale", "missing"],
)
def test_where_nothing_is_to_be_made_that_is_said(choose, given, words, kedro, said, monkeypatch):
    monkeypatch.setattr(choice, "stale_assets", lambda *_, **__: {})
    monkeypatch.setattr(choice, "assets_with_missing_outputs", lambda *_: [])
    assert list(choose([kedro], RUN, *given, said.append).keys) == []
    assert said[-1] == words
