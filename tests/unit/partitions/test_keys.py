"""How the partitions of a run reach Kedro."""

import dagster as dg
import pytest
from kedro_datasets.partitions import IncrementalDataset, PartitionedDataset

from kedro_assets.errors import PartitionError
from kedro_assets.partitions.keys import (
    check_given,
    check_saved,
    first_key,
    has_partition,
    is_incremental,
    is_partitioned,
    of_keys,
    part_of,
    partition_of,
    parts_of,
    runtime_params,
    selected,
    shown,
    unfilled,
    with_placeholders,
)

DAYS = dg.DailyPartitionsDefinition("2026-01-01", timezone="Europe/Berlin")
LETTERS = dg.StaticPartitionsDefinition(["a", "b"])
BOTH = dg.MultiPartitionsDefinition({"day": DAYS, "letter": LETTERS})
TWO_LETTERS = dg.MultiPartitionsDefinition({"one": LETTERS, "other": dg.StaticPartitionsDefinition(["x", "y"])})


def tags(first, last=None):
    if last is None:
        return {"dagster/partition": first}
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


WINDOW = {"partition_start": "2026-01-31T00:00:00+01:00", "partition_end": "2026-02-01T00:00:00+01:00"}


@pytest.mark.parametrize(
    ("made", "definition", "expected"),
    [
        ({}, DAYS, {}),
        (tags("a"), LETTERS, {"partition_key": "a"}),
        (tags("a", "b"), LETTERS, {}),
        (tags("a", "a"), LETTERS, {"partition_key": "a"}),
        (tags("a"), None, {"partition_key": "a"}),
        (tags("2026-01-31"), DAYS, {"partition_key": "2026-01-31", **WINDOW}),
        (
            tags("2026-01-30", "2026-02-01"),
            DAYS,
            {"partition_start": "2026-01-30T00:00:00+01:00", "partition_end": "2026-02-02T00:00:00+01:00"},
        ),
        (
            tags("2026-01-31|a"),
            BOTH,
            {"partition_key": "2026-01-31|a", "partition_keys": {"day": "2026-01-31", "letter": "a"}, **WINDOW},
        ),
        (tags("2026-01-30|a", "2026-01-31|a"), BOTH, {}),
        (tags("a|x"), TWO_LETTERS, {"partition_key": "a|x", "partition_keys": {"one": "a", "other": "x"}}),
    ],
    ids=[
        *("none", "key", "range", "range of one", "of nothing", "window", "range of windows", "dimensions"),
        *("range of dimensions", "dimensions without time"),
    ],
)
def test_a_run_says_which_partitions_it_makes(made, definition, expected):
    assert runtime_params(made, definition) == expected


def test_a_key_of_several_dimensions_is_plain_text():
    """OmegaConf takes no other."""
    key = dg.MultiPartitionKey({"day": "2026-01-31", "letter": "a"})
    assert type(runtime_params(tags(key), BOTH)["partition_key"]) is str


def test_what_the_configuration_asks_for_of_partitions_stays_open_in_a_run_of_none():
    asked = {"partition_key": "<partition_key>", "partition_keys": {"day": "<partition_keys.day>"}, "depth": "<depth>"}
    assert with_placeholders({}, asked) == {name: asked[name] for name in ("partition_key", "partition_keys")}
    assert unfilled(with_placeholders({}, asked)) == {"partition_key", "partition_keys.day"}
    given = {"partition_key": "a", "partition_keys": {"letter": "b"}, "depth": 3}
    found = with_placeholders(given, asked)
    assert found == {**given, "partition_keys": {"day": "<partition_keys.day>", "letter": "b"}}
    assert unfilled(found) == {"partition_keys.day"}


def test_the_hour_that_a_day_is_longer_by_is_in_its_window():
    window = runtime_params(tags("2026-03-29"), DAYS)
    assert (window["partition_start"], window["partition_end"]) == (
        "2026-03-29T00:00:00+01:00",
        "2026-03-30T00:00:00+02:00",
    )


@pytest.mark.parametrize(
    ("definition", "key"),
    [(LETTERS, "a"), (DAYS, "2026-01-31"), (BOTH, "2026-01-31|a"), (TWO_LETTERS, "a|x")],
    ids=["static", "daily", "with a day", "without a day"],
)
def test_the_parts_that_partitions_have_are_those_that_a_run_is_given(definition, key):
    given = runtime_params(tags(key), definition)
    flat = {name for name in given if name != "partition_keys"}
    assert parts_of(definition) == flat | {f"partition_keys.{name}" for name in given.get("partition_keys", ())}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("partition_key", "a"),
        ("partition_keys.day", "monday"),
        ("partition_keys.day.of", "x"),
        ("partition_keys.week", None),
        ("partition_start", None),
        ("partition_key.more", None),
    ],
)
def test_a_part_of_a_partition_is_found_by_its_name(part, expected):
    params = {"partition_key": "a", "partition_keys": {"day": "monday", "day.of": "x"}}
    assert part_of(params, part) == expected


@pytest.mark.parametrize(
    ("made", "has", "name"),
    [({}, False, ""), (tags("a"), True, "a"), (tags("a", "c"), True, "a...c"), ({"other": "a"}, False, "")],
    ids=["none", "one", "range", "other tag"],
)
def test_a_run_is_known_to_make_partitions_by_its_tags(made, has, name):
    assert has_partition(made) is has
    assert partition_of(made) == name


class Derived(IncrementalDataset):
    """A user's own."""


class Namesake:
    """Another class of that name."""


Namesake.__name__ = "PartitionedDataset"


@pytest.mark.parametrize(
    ("dataset", "partitioned", "incremental"),
    [
        (PartitionedDataset(path="data", dataset="json.JSONDataset"), True, False),
        (IncrementalDataset(path="data", dataset="json.JSONDataset"), True, True),
        (Derived(path="data", dataset="json.JSONDataset"), True, True),
        (Namesake(), False, False),
    ],
    ids=["partitioned", "incremental", "derived", "namesake"],
)
def test_partitioned_datasets_are_known_by_what_they_derive_from(dataset, partitioned, incremental):
    assert (is_partitioned(dataset), is_incremental(dataset)) == (partitioned, incremental)


@pytest.mark.parametrize(
    ("keys", "ids"),
    [
        (["a"], ["a", "a/x", "a/x/y"]),
        (["a/x"], ["a/x", "a/x/y"]),
        (["a|x"], ["a/x", "a/x/y"]),
        (["ab", "a|x"], ["ab", "a/x", "a/x/y"]),
        ([], []),
    ],
    ids=["folder", "inside", "dimensions", "several", "none"],
)
def test_a_key_has_the_partition_of_that_id_and_those_in_its_folder(keys, ids):
    there = ["a", "ab", "a/x", "a/x/y", "b/a", ""]
    assert list(filter(of_keys(keys), there)) == sorted(ids, key=there.index)
    assert list(selected(dict.fromkeys(there), keys)) == sorted(ids, key=there.index)


@pytest.mark.parametrize("data", [["a"], None, "a"], ids=str)
def test_what_is_no_dict_of_partitions_stays_as_it_is(data):
    assert selected(data, ["b"]) is data
    check_saved("x", data, ["b"])


def test_a_node_may_save_any_of_the_partitions_of_its_run():
    check_saved("x", {}, ["a"])
    check_saved("x", {"a": 1, "a/b": 2, "c": 3}, ["a", "c", "d"])


@pytest.mark.parametrize(
    ("keys", "allowed"),
    [(["a"], "a"), (["c", "a", "b"], "a, b, c"), (["d", "a", "c", "b"], "a to d"), (["e|x"], "e/x")],
    ids=["one", "three", "four", "dimensions"],
)
def test_another_partition_is_refused_with_those_that_are_allowed(keys, allowed):
    data = {key.replace("|", "/"): 1 for key in keys} | {f"z{number}": 1 for number in range(7)}
    with pytest.raises(PartitionError) as caught:
        check_saved("x", data, keys)
    found = f"The node returned the partitions z0, z1, z2, z3, z4 of 'x', but this run makes {allowed}. "
    assert str(caught.value).startswith(found)


@pytest.mark.parametrize(
    ("keys", "text"),
    [([], ""), (["a"], "a"), (["a", "b", "c"], "a, b, c"), (["a", "b", "c", "d"], "a, b, c, ...")],
    ids=["none", "one", "three", "four"],
)
def test_partitions_in_a_message_are_three_at_most(keys, text):
    assert shown(keys) == text


@pytest.mark.parametrize(
    ("made", "first"), [({}, None), (tags("a"), "a"), (tags("a", "b"), "a")], ids=["none", "one", "several"]
)
def test_the_first_partition_of_a_run_is_known(made, first):
    assert first_key(made) == first


ONE_DAY = {"partition_key": "2026-01-31|a", "partition_keys": {"day": "2026-01-31", "letter": "a"}, **WINDOW}


@pytest.mark.parametrize(
    "given",
    [
        {"partition_key": "2026-01-30|a"},
        {"params:partition_key": "2026-01-30|a"},
        {"params:partition_keys.day": "2026-01-30"},
        {"params:partition_keys": {"day": "2026-01-30", "letter": "a"}},
        {"partition_start": "2026-01-30"},
        {"parameters": {"depth": 1, "partition_key": "x"}},
    ],
    ids=str,
)
def test_a_configuration_that_contradicts_the_partition_of_its_run_is_refused(given):
    with pytest.raises(
        PartitionError, match=r"run configuration has the value .* for `partition_.*, but the run makes '?[{2]"
    ):
        check_given(given, ONE_DAY)


def test_a_configuration_names_no_key_for_a_run_of_several():
    with pytest.raises(
        PartitionError, match="has the value 'a' for `partition_key`, but the run makes several partitions"
    ):
        check_given({"partition_key": "a"}, {})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"depth": 1, "partition_key": "2026-01-31|a"},
        {"params:partition_keys.letter": "a", "parameters": {"partition_key": "2026-01-31|a"}},
        {"params:partition_keyring": "x"},
    ],
    ids=str,
)
def test_a_configuration_may_say_what_the_run_makes(given):
    check_given(given, ONE_DAY)


def test_a_name_that_partitions_of_this_kind_do_not_have_is_the_projects_own():
    check_given({"partition_start": "2026-01-01"}, {"partition_key": "a"})
