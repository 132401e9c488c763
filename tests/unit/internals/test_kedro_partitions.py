"""Fails when the partitioned datasets of kedro-datasets change."""

import pytest
from kedro_datasets.partitions import IncrementalDataset

from kedro_assets._internals import kedro_partitions


@pytest.fixture
def dataset(tmp_path):
    """Partitions a to d, of which those up to b are confirmed."""
    for key in "abcd":
        (tmp_path / f"{key}.txt").write_text(key, encoding="utf-8")
    (tmp_path / "CHECKPOINT").write_text("b.txt", encoding="utf-8")
    return IncrementalDataset(path=str(tmp_path), dataset="text.TextDataset")


@pytest.mark.parametrize("wanted", ["a", "cd", "bc"], ids=["before", "behind", "both"])
def test_an_incremental_dataset_loads_the_partitions_that_it_is_limited_to(dataset, wanted):
    kedro_partitions.limit_partitions(dataset, lambda id_: id_[0] in wanted)
    assert dataset.load() == {f"{key}.txt": key for key in wanted}


def test_a_limited_incremental_dataset_confirms_the_last_of_its_partitions(dataset, tmp_path):
    kedro_partitions.limit_partitions(dataset, lambda id_: id_[0] == "c")
    dataset.load()
    dataset.confirm()
    assert (tmp_path / "CHECKPOINT").read_text(encoding="utf-8") == "c.txt"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("c", True), ("cd", True), ("d", False), ("a", False), ("", False)],
    ids=["next", "all of the next", "not the next", "confirmed", "none"],
)
def test_only_the_next_partitions_close_the_gap_behind_the_checkpoint(dataset, wanted, expected):
    kedro_partitions.limit_partitions(dataset, lambda id_: id_[0] in wanted)
    assert kedro_partitions.closes_gap(dataset) is expected


def test_to_look_for_a_gap_leaves_the_limit_as_it_is(dataset):
    kedro_partitions.limit_partitions(dataset, lambda id_: id_[0] == "d")
    kedro_partitions.closes_gap(dataset)
    assert dataset.load() == {"d.txt": "d"}
