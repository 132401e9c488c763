"""Mappings between partitions as they are written: what they become in Dagster, and what is reported of those that are none."""

import itertools

import dagster as dg
import pytest

from kedro_assets.config import PartitionMappingConfig, TimeWindowMappingConfig
from kedro_assets.errors import Scope
from kedro_assets.partitions.mappings import read_mapping
from unit.builders import entry_text

DAILY = 'daily: {start_date: "2026-01-01"}'
ONE = "return {'__default__': Pipeline([n('make', ['raw'], ['made'])])}"
CHAIN = "return {'__default__': Pipeline([n('make', ['raw'], ['made']), n('use', ['made'], ['used'])])}"
MAPPED = "catalog.used.metadata.dagster.partition_mappings"
MAPPINGS = {
    "not read": ("{raw: last}", "raw", "the node that makes 'used' does not read 'raw'", "made"),
    "unknown": ("{mdae: last}", "mdae", "the node that makes 'used' does not read 'mdae'", "Did you mean 'made'"),
    "unknown kind": ("{made: first}", "made", "'first' is not allowed here", "last"),
    "none": ("{made: {}}", "made", "expected one kind of partition mapping, found none", "time_window"),
    "two": (
        "{made: {specific: [a], dimension: a}}",
        "made",
        "expected one of these keys, found `specific` and `dimension`",
        "",
    ),
    "key": ("{made: {time_windwo: {}}}", "made.time_windwo", "unknown key 'time_windwo'", "time_window"),
}


@pytest.mark.parametrize("case", MAPPINGS)
def test_mappings_that_are_none(problems_of, case):
    written, below, found, hint = MAPPINGS[case]
    catalog = entry_text("raw") + entry_text("made", "partitions: {" + DAILY + "}")
    catalog += entry_text("used", "partitions: {" + DAILY + "}, partition_mappings: " + written)
    [problem] = problems_of(CHAIN, conf={"catalog.yml": catalog})
    assert problem.path == f"{MAPPED}.{below}"
    assert found in problem.found
    assert hint in problem.hint
    assert problem.source == "conf/base/catalog.yml:11"


def test_a_mapping_for_what_is_not_partitioned(problems_of):
    catalog = entry_text("raw") + entry_text("made") + entry_text("used", "partition_mappings: {made: last}")
    [problem] = problems_of(CHAIN, conf={"catalog.yml": catalog})
    assert "'made' is not partitioned" in problem.found
    assert problem.source == "conf/base/catalog.yml:10"


def test_a_mapping_at_what_no_node_makes(problems_of):
    [problem] = problems_of(ONE, conf={"catalog.yml": entry_text("raw", "partition_mappings: {made: last}")})
    assert "no node makes this dataset" in problem.found


def test_a_mapping_of_data_in_memory(problems_of):
    catalog = entry_text("raw") + entry_text("used", "partitions: {" + DAILY + "}, partition_mappings: {made: last}")
    [problem] = problems_of(CHAIN, conf={"catalog.yml": catalog})
    assert "'made' is handed on in memory" in problem.found
    assert problem.source == "conf/base/catalog.yml:7"


KINDS = {
    "daily": "{" + DAILY + "}",
    "static": "{static: [x]}",
    "dynamic": "{dynamic: some}",
    "multi": "{multi: {a: {static: [a]}, b: {" + DAILY + "}}}",
    "other": "{multi: {a: {static: [a]}, b: {static: [b]}}}",
}


ALIKE = [{kind} for kind in KINDS] + [{"multi", "daily"}, {"multi", "other"}]
"""Dagster has a rule for these."""


@pytest.mark.parametrize(("made", "used"), [pair for pair in itertools.product(KINDS, KINDS) if set(pair) not in ALIKE])
def test_partitions_of_other_kinds_need_a_mapping(problems_of, translate_project, made, used):
    catalog = (
        entry_text("raw")
        + entry_text("made", f"partitions: {KINDS[made]}")
        + entry_text("used", f"partitions: {KINDS[used]}")
    )
    [problem] = problems_of(CHAIN, conf={"catalog.yml": catalog})
    assert "node 'use' reads 'made', which has partitions of another kind" in problem.found
    assert problem.source == "conf/base/catalog.yml:11"
    mapped = catalog.replace(
        f"partitions: {KINDS[used]}}}", f"partitions: {KINDS[used]}, partition_mappings: {{made: all}}}}"
    )
    translate_project(CHAIN, conf={"catalog.yml": mapped})


@pytest.mark.parametrize("mapping", ["{time_window: {}}", "{static: {x: x}}", "identity", "{dimension: a}"])
def test_a_mapping_that_cannot_be_between_two_kinds(problems_of, mapping):
    catalog = entry_text("raw") + entry_text("made", "partitions: {dynamic: some}")
    catalog += entry_text("used", f"partitions: {{static: [x]}}, partition_mappings: {{made: {mapping}}}")
    [problem] = problems_of(CHAIN, conf={"catalog.yml": catalog})
    assert problem.path == f"{MAPPED}.made"
    assert "Dagster rejects this partition mapping" in problem.found
    assert problem.source == "conf/base/catalog.yml:11"


# What they become.


@pytest.mark.parametrize(
    ("written", "mapping"),
    [
        ("identity", dg.IdentityPartitionMapping),
        ("all", dg.AllPartitionMapping),
        ("last", dg.LastPartitionMapping),
        (
            PartitionMappingConfig(time_window=TimeWindowMappingConfig(-1, -1)),
            lambda: dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1),
        ),
        (
            PartitionMappingConfig(time_window=TimeWindowMappingConfig(-7, allow_nonexistent_upstream_partitions=True)),
            lambda: dg.TimeWindowPartitionMapping(start_offset=-7, allow_nonexistent_upstream_partitions=True),
        ),
        (
            PartitionMappingConfig(static={"a": "x", "b": ["x", "y"]}),
            lambda: dg.StaticPartitionMapping({"a": "x", "b": ["x", "y"]}),
        ),
        (PartitionMappingConfig(specific=["a"]), lambda: dg.SpecificPartitionsPartitionMapping(["a"])),
        (PartitionMappingConfig(dimension="day"), lambda: dg.MultiToSingleDimensionPartitionMapping("day")),
    ],
    ids=["identity", "all", "last", "time window", "missing windows", "static", "specific", "dimension"],
)
def test_mappings_become_those_of_dagster_without_a_warning(recwarn, written, mapping):
    problems = Scope()
    found = read_mapping(written, problems)
    assert not recwarn.list
    assert (type(found), found) == (type(mapping()), mapping())  # as tuples, all and the last are equal
    assert not problems.failed


def test_a_mapping_of_nothing_is_reported_with_what_there_is():
    problems = Scope()
    assert read_mapping(PartitionMappingConfig(), problems.at("here")) is None
    [problem] = problems
    assert (problem.path, problem.found) == ("here", "expected one kind of partition mapping, found none.")
    assert problem.hint == "Allowed: all, dimension, identity, last, specific, static, time_window."


def test_a_mapping_whose_key_was_cut_out_is_not_reported_again():
    problems = Scope()
    problems.at("here", "time_windwo").add("unknown key 'time_windwo'.")
    assert read_mapping(PartitionMappingConfig(), problems.at("here")) is None
    assert len(problems) == 1


def test_what_dagster_refuses_is_reported_in_its_words():
    problems = Scope()
    assert read_mapping(PartitionMappingConfig(static={"a": [["x"]]}), problems.at("here")) is None
    [problem] = problems
    assert problem.path == "here"
    assert problem.found.startswith("Dagster rejects this partition mapping: ")
