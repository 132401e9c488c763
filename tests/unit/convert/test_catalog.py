"""Catalog entries of kedro-dagster."""

import pytest

from kedro_assets.convert.catalog import converted_entry, converted_mapping, is_nothing, mappings_of
from kedro_assets.errors import Scope

STATIC = {"type": "dagster.StaticPartitionsDefinition", "partition_keys": ["a", "b"]}


def convert(entry):
    problems = Scope()
    found = converted_entry(entry, problems)
    assert converted_entry(found, Scope()) == found or problems.failed
    return found, [problem.path for problem in problems]


def partitioned(**more):
    return {"type": "kedro_dagster.DagsterPartitionedDataset", "path": "x", "dataset": "json.JSONDataset", **more}


def test_what_is_said_of_an_asset_moves():
    found, _ = convert(
        {"type": "a.B", "metadata": {"description": "x", "group_name": "y", "kedro-viz": {"layer": "z"}}}
    )
    assert found["metadata"] == {"kedro-viz": {"layer": "z"}, "dagster": {"description": "x", "group_name": "y"}}


def test_what_is_said_already_stays():
    metadata = {"description": "old", "dagster": {"description": "new", "owners": ["a@b.c"]}}
    found, _ = convert({"type": "a.B", "metadata": metadata})
    assert found["metadata"] == {"dagster": metadata["dagster"]}


@pytest.mark.parametrize(("group", "converted"), [("a", "a"), ("a/b", "a/b"), ("a.b c", "a__b__c"), ("/a/", "a")])
def test_a_group_has_the_name_that_kedro_dagster_gives_it(group, converted):
    found, _ = convert({"type": "a.B", "metadata": {"group_name": group}})
    assert found["metadata"]["dagster"]["group_name"] == converted


@pytest.mark.parametrize(
    "package", ["kedro_dagster", "kedro_dagster.datasets", "kedro_dagster.datasets.partitioned_dataset"]
)
def test_a_partitioned_dataset_is_that_of_kedro_with_partitions_in_its_metadata(package):
    found, problems = convert({**partitioned(partition=STATIC), "type": f"{package}.DagsterPartitionedDataset"})
    assert problems == []
    assert found == {
        "type": "partitions.PartitionedDataset",
        "path": "x",
        "dataset": "json.JSONDataset",
        "metadata": {"dagster": {"partitions": {"static": ["a", "b"]}}},
    }


@pytest.mark.parametrize(
    ("partition", "partitions"),
    [
        ({"type": "StaticPartitionsDefinition", "partition_keys": [2024, "b"]}, {"static": ["2024", "b"]}),
        ({"type": "dagster.DynamicPartitionsDefinition", "name": "files"}, {"dynamic": "files"}),
    ],
    ids=["keys that are numbers", "dynamic"],
)
def test_kinds_of_partitions(partition, partitions):
    found, _ = convert(partitioned(partition=partition))
    assert found["metadata"]["dagster"]["partitions"] == partitions


@pytest.mark.parametrize("partition", [{"type": "dagster.DailyPartitionsDefinition"}, "my.Own", None], ids=str)
def test_other_partitions_are_reported_and_left(partition):
    entry = partitioned(partition=partition)
    assert convert(entry) == (entry, ["partition"])


@pytest.mark.parametrize("key", ["partition_mapping", "partition_mappings"])
def test_mappings_are_taken_out(key):
    entry = partitioned(partition=STATIC, **{key: {"y": {"type": "dagster.IdentityPartitionMapping"}}})
    assert mappings_of(entry) == entry[key]
    assert key not in convert(entry)[0]


@pytest.mark.parametrize(
    ("mapping", "converted"),
    [
        ({"type": "dagster.IdentityPartitionMapping"}, "identity"),
        ("dagster.IdentityPartitionMapping", "identity"),
        ("AllPartitionMapping", "all"),
        (
            {"type": "StaticPartitionMapping", "downstream_partition_keys_by_upstream_partition_key": {"a": ["b"]}},
            {"static": {"a": ["b"]}},
        ),
        ({"type": "my.Mapping"}, None),
    ],
    ids=str,
)
def test_kinds_of_mappings(mapping, converted):
    assert converted_mapping(mapping) == converted


@pytest.mark.parametrize(
    "entry", ["a.B", None, {"type": "a.B", "partition_mapping": {"x": 1}}, {"metadata": "x"}], ids=str
)
def test_other_entries_stay(entry):
    assert convert(entry) == (entry, [])
    assert not mappings_of(entry)


def test_a_dataset_without_data_is_known_by_its_type():
    assert is_nothing({"type": "kedro_dagster.datasets.DagsterNothingDataset"})
    assert not is_nothing({"type": "MemoryDataset"})
    assert not is_nothing("x")
