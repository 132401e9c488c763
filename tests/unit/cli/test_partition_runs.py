"""Which runs make the partitions that the command line asks for."""

import dagster as dg
import pytest

from kedro_assets._internals.dagster_assets import AssetGraph
from kedro_assets.cli.partition_runs import plan_runs
from kedro_assets.config import PartitionsConfig, TimeWindowsConfig
from kedro_assets.errors import PartitionError
from unit.builders import make_node
from unit.records import definitions_of, make_kedro

DAILY = TimeWindowsConfig("2026-01-01", "2026-01-21")
PARTITIONS = {
    "day": PartitionsConfig(daily=DAILY),
    "pair": PartitionsConfig(daily=DAILY, max_partitions_per_run=2),
    "all_days": PartitionsConfig(daily=DAILY, backfill_policy="single_run"),
    "region": PartitionsConfig(static=["eu", "us"]),
    "shop": PartitionsConfig(dynamic="shops"),
}
MADE_FROM = {
    "plain": [],
    "day": ["plain"],
    "pair": [],
    "all_days": [],
    "report": ["day"],
    "other": [],
    "region": [],
    "shop": [],
}
NODES = [make_node(f"make_{name}", read, [name]) for name, read in MADE_FROM.items()]


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture(scope="module")
def graph():
    """Return the graph of the assets, of which each is made by a step of its own."""
    return AssetGraph.of(definitions_of(make_kedro(NODES, files=MADE_FROM, partitions=PARTITIONS)))


@pytest.fixture
def plan(graph, instance):
    """Plan the runs of some assets."""

    def make(*names, asked=None, chosen=True):
        return list(plan_runs(graph, frozenset(map(dg.AssetKey, names)), asked, instance, chosen=chosen))

    return make


@pytest.fixture
def runs(plan):
    """Plan the runs of some assets, and return what each makes by its title."""

    def make(*names, **options):
        return [(run.title, sorted(key.to_user_string() for key in run.keys)) for run in plan(*names, **options)]

    return make


# Without a partition.


def test_what_has_no_partitions_is_one_run(runs):
    assert runs("plain", "other") == [("", ["other", "plain"])]
    assert runs("plain", "other", chosen=False) == [("", ["other", "plain"])]


def test_what_is_partitioned_and_what_is_made_from_it_is_left_out_unless_it_was_chosen(runs):
    assert runs("plain", "day", "report", "other", chosen=False) == [("", ["other", "plain"])]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [(("day", "plain"), True), (("day",), False), (("day", "report"), False)],
    ids=["chosen", "nothing else", "only what is made from it"],
)
def test_where_nothing_can_be_made_without_one_a_partition_is_asked_for(runs, names, chosen):
    with pytest.raises(
        PartitionError, match=r"These assets are partitioned\. Choose their partitions with --partition KEY"
    ):
        runs(*names, chosen=chosen)


def test_assets_of_two_kinds_are_shown_with_their_partitions(runs):
    with pytest.raises(PartitionError) as caught:
        runs("day", "pair", "region")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(
        "These assets are partitioned in several ways. Choose assets with the same partitions with --select"
    )
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["day, pair", "region"]


# With one.


def test_one_partition_is_a_run_with_the_tags_that_dagster_gives_it(runs, plan):
    assert runs("day", asked="2026-01-02") == [("2026-01-02", ["day"])]
    assert [run.tags for run in plan("day", asked="2026-01-02")] == [{"dagster/partition": "2026-01-02"}]


def test_assets_without_partitions_are_in_a_run_of_one_if_they_were_chosen(runs):
    assert runs("day", "other", asked="2026-01-02") == [("2026-01-02", ["day", "other"])]
    assert runs("day", "other", asked="2026-01-02", chosen=False) == [("2026-01-02", ["day"])]


def test_a_range_is_as_many_runs_as_the_backfill_policies_say(runs):
    asked = "2026-01-01...2026-01-03"
    assert [title for title, _ in runs("day", asked=asked)] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert [title for title, _ in runs("pair", asked=asked)] == ["2026-01-01...2026-01-02", "2026-01-03"]
    assert [title for title, _ in runs("all_days", asked=asked)] == [asked]
    assert [title for title, _ in runs("all_days", "pair", asked=asked)] == [
        "2026-01-01...2026-01-02",
        "2026-01-03",
    ]


def test_a_run_of_several_partitions_has_the_first_and_the_last(plan):
    assert [run.tags for run in plan("all_days", asked="2026-01-01...2026-01-03")] == [
        {"dagster/asset_partition_range_start": "2026-01-01", "dagster/asset_partition_range_end": "2026-01-03"}
    ]


def test_keys_that_were_added_are_known_to_the_instance(runs, instance):
    with pytest.raises(PartitionError, match=r"There is no partition 'north'\. There are no partitions yet\."):
        runs("shop", asked="north")
    instance.add_dynamic_partitions("shops", ["north"])
    assert runs("shop", asked="north") == [("north", ["shop"])]


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("region", "eus", r"There is no partition 'eus'\. Did you mean 'us'\?"),
        (
            "day",
            "2027-01-01",
            r"There is no partition '2027-01-01'\. The partitions go from '2026-01-01' to '2026-01-20'\.",
        ),
        ("day", "2026-01-01...2027-01-01", "There is no partition '2027-01-01'"),
        ("day", "2026-01-03...2026-01-01", "the first key must come before the last"),
        ("plain", "2026-01-01", r"None of these assets is partitioned\."),
    ],
    ids=["nearest", "many", "end of a range", "backwards", "no partitions"],
)
def test_a_partition_that_is_not_there_is_an_error(runs, name, asked, said):
    with pytest.raises(PartitionError, match=said):
        runs(name, asked=asked)


def test_two_kinds_cannot_be_made_by_one_key(runs):
    with pytest.raises(PartitionError, match="partitioned in several ways"):
        runs("day", "region", asked="2026-01-01")
