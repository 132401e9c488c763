"""How nodes are partitioned by what is said of datasets, and what cannot be: each error has its place and a hint."""

import dagster as dg
import pytest
from attrs import evolve

from kedro_assets.config import AssetsConfig
from kedro_assets.errors import Scope
from kedro_assets.graph import cluster
from unit.builders import entry_text, json_entry, make_node, make_partitions

DAILY = 'daily: {start_date: "2026-01-01"}'
ONE = "return {'__default__': Pipeline([n('make', ['raw'], ['made'])])}"
CHAIN = "return {'__default__': Pipeline([n('make', ['raw'], ['made']), n('use', ['made'], ['used'])])}"
SINKS = (
    "return {'__default__': Pipeline([n('make', ['raw'], ['made']), n('tell', ['made'], []), n('look', ['raw'], [])])}"
)


KEY = "${runtime_params:partition_key}.json"
MISFIT = "'{}' and '{}' are partitioned differently"


def test_two_outputs_of_a_node_that_are_partitioned_differently(problems_of):
    catalog = (
        entry_text("raw") + entry_text("a", "partitions: {static: [x]}") + entry_text("b", "partitions: {static: [y]}")
    )
    [problem] = problems_of(
        "return {'__default__': Pipeline([n('two', ['raw'], ['a', 'b'])])}", conf={"catalog.yml": catalog}
    )
    assert MISFIT.format("a", "b") in problem.found
    assert (problem.path, problem.source) == ("catalog.b.metadata.dagster.partitions", "conf/base/catalog.yml:11")


def test_two_outputs_with_different_policies(problems_of):
    catalog = entry_text("raw") + entry_text("a", "partitions: {static: [x]}")
    catalog += entry_text("b", "partitions: {static: [x], backfill_policy: single_run}")
    [problem] = problems_of(
        "return {'__default__': Pipeline([n('two', ['raw'], ['a', 'b'])])}", conf={"catalog.yml": catalog}
    )
    assert MISFIT.format("a", "b") in problem.found


@pytest.mark.parametrize("cluster_by", ["memory", "node", "pipeline"])
def test_data_in_memory_between_different_partitions(problems_of, cluster_by):
    pipelines = (
        "return {'__default__': Pipeline([n('make', ['raw'], ['a', 'made']), n('use', ['made', 'a'], ['used'])])}"
    )
    catalog = (
        entry_text("raw")
        + entry_text("a", "partitions: {static: [x]}")
        + entry_text("used", "partitions: {" + DAILY + "}")
    )
    conf = {"catalog.yml": catalog, "dagster.yml": f"assets: {{cluster_by: {cluster_by}}}"}
    [problem] = problems_of(pipelines, conf=conf)
    assert MISFIT.format("a", "used") in problem.found
    assert "in memory" in problem.found


def test_partitions_of_dagster_yml_that_do_not_fit_are_found_there(problems_of):
    conf = {
        "catalog.yml": entry_text("raw") + entry_text("a") + entry_text("b"),
        "dagster.yml": "assets:\n  partitions:\n    a: {static: [x]}\n    b: {static: [y]}\n",
    }
    [problem] = problems_of("return {'__default__': Pipeline([n('two', ['raw'], ['a', 'b'])])}", conf=conf)
    assert MISFIT.format("a", "b") in problem.found
    assert (problem.path, problem.source) == ("assets.partitions.b", "conf/base/dagster.yml:4")


def test_a_node_without_outputs_that_does_not_fit(problems_of):
    conf = {
        "catalog.yml": entry_text("raw"),
        "dagster.yml": "assets:\n  partitions:\n    made: {static: [x]}\n    tell: {static: [y]}\n",
    }
    [problem] = problems_of(SINKS, conf=conf)
    assert MISFIT.format("tell", "made") in problem.found
    assert (problem.path, problem.source) == ("assets.partitions.made", "conf/base/dagster.yml:3")


def test_partitions_in_a_cached_dataset(problems_of):
    made = "made:\n  type: CachedDataset\n  dataset: {type: partitions.PartitionedDataset, path: a, dataset: b}\n"
    made += "  metadata: {dagster: {partitions: {" + DAILY + "}}}\n"
    [problem] = problems_of(ONE, conf={"catalog.yml": entry_text("raw") + made})
    assert problem.path == "catalog.made.type"
    assert "CachedDataset hides" in problem.found


def test_what_would_delete_all_partitions(problems_of):
    made = entry_text("made", "partitions: {" + DAILY + "}", extra="overwrite: true")
    [problem] = problems_of(ONE, conf={"catalog.yml": entry_text("raw") + made})
    assert problem.path == "catalog.made.overwrite"
    assert "deletes all partitions" in problem.found
    assert problem.source == "conf/base/catalog.yml:7"


@pytest.mark.parametrize("policy", ["backfill_policy: single_run", "max_partitions_per_run: 3"])
@pytest.mark.parametrize("place", [KEY, "${runtime_params:partition_keys.a}.json"])
def test_a_run_of_several_keys_may_have_a_path_for_each(translate_project, policy, place):
    kind = DAILY if place == KEY else "multi: {a: {static: [a]}, b: {static: [b]}}"
    made = entry_text("made", "partitions: {" + kind + ", " + policy + "}", place)
    partitions = translate_project(ONE, conf={"catalog.yml": entry_text("raw") + made}).table.partitions
    assert partitions.one_by_one(["make"])
    assert partitions.in_one_place("made") is None


def test_other_partitions_of_one_path(problems_of):
    catalog = entry_text("raw") + entry_text("made", "partitions: {" + DAILY + "}", KEY) + entry_text("used")
    [problem] = problems_of(CHAIN, conf={"catalog.yml": catalog})
    assert (problem.path, problem.source) == ("catalog.made", "conf/base/catalog.yml:4")
    assert "node 'use' reads other partitions than it makes" in problem.found
    assert "'made@all'" in problem.hint


def test_a_job_that_mixes_partitions(problems_of):
    catalog = entry_text("raw") + entry_text("made", "partitions: {" + DAILY + "}")
    catalog += entry_text("used", "partitions: {static: [x]}, partition_mappings: {made: all}")
    [problem] = problems_of(CHAIN, conf={"catalog.yml": catalog, "dagster.yml": "jobs:\n  all: {}\n"})
    assert "2 different partitions definitions" in problem.found
    assert (problem.path, problem.source) == ("jobs.all", "conf/base/dagster.yml:2")


def test_a_registered_pipeline_that_mixes_partitions_is_no_job(translate_project):
    catalog = entry_text("raw") + entry_text("made", "partitions: {" + DAILY + "}")
    catalog += entry_text("used", "partitions: {static: [x]}, partition_mappings: {made: all}")
    assert not translate_project(CHAIN, conf={"catalog.yml": catalog}).jobs


def test_a_job_of_ops_over_partitions(problems_of):
    catalog = entry_text("raw") + entry_text("made", "partitions: {" + DAILY + "}")
    [problem] = problems_of(ONE, conf={"catalog.yml": catalog, "dagster.yml": "jobs:\n  all:\n    view: ops\n"})
    assert (problem.path, problem.source) == ("jobs.all.view", "conf/base/dagster.yml:3")


# By records that are made by hand.


STATIC, DAILY_ENTRY = {"static": ["a", "b"]}, {"daily": {"start_date": "2026-01-01"}}
MULTI = {"multi": {"region": STATIC, "day": DAILY_ENTRY}}


def resolved(nodes, **options):
    """Return the partitions of a graph in which nothing is wrong."""
    partitions, problems = make_partitions(nodes, **options)
    assert problems == []
    return partitions


def kinds_of(mappings):
    """Return the classes of mappings, which say more than that they are equal."""
    return {edge: type(mapping) for edge, mapping in mappings.items()}


def chain(*names):
    """Make nodes of which each reads what the one before makes: `n_<dataset>` makes `<dataset>`."""
    return [make_node(f"n_{name}", [before], [name]) for before, name in zip(("raw", *names), names, strict=False)]


def test_what_is_said_of_one_output_holds_for_all_and_for_the_node():
    partitions = resolved(
        [make_node("two", ["raw"], ["x", "y"])], files=["y"], catalog={"x": json_entry(partitions=STATIC)}
    )
    assert partitions.of_dataset("y") == partitions.of(("node", "two")) == partitions.of(("dataset", "x"))
    assert partitions.of_dataset("x").definition == dg.StaticPartitionsDefinition(["a", "b"])
    assert partitions.of_dataset("raw") is None


@pytest.mark.parametrize("shown", [True, False], ids=["shown", "hidden"])
@pytest.mark.parametrize("said_of", ["first", "last"])
def test_what_is_said_holds_along_data_in_memory_and_not_behind_a_file(said_of, shown):
    in_memory = {"type": "MemoryDataset", "metadata": {"dagster": {"partitions": STATIC}}}
    catalog = {said_of: in_memory if said_of == "first" else json_entry(partitions=STATIC)}
    nodes = chain("first", "middle", "last", "after")
    partitions = resolved(nodes, files=["last"], catalog=catalog, memory_assets=shown)
    kinds = [partitions.of_dataset(name) is not None for name in ("first", "middle", "last", "after")]
    assert kinds == [True, True, True, False]


def test_nodes_that_confirm_are_partitioned_as_those_that_load():
    nodes = [make_node("load", ["raw"], ["x"]), make_node("done", ["x"], confirms=["raw"])]
    partitions = resolved(nodes, files=["x", "raw"], catalog={"x": json_entry(partitions=STATIC)})
    assert partitions.of(("node", "done")) == partitions.of(("node", "load"))


def test_an_external_dataset_is_partitioned_and_its_reader_is_not_for_that():
    partitions = resolved(chain("x"), catalog={"raw": json_entry(partitions=STATIC)})
    assert partitions.of(("dataset", "raw")) is not None
    assert partitions.of_dataset("x") is None
    assert partitions.of(("node", "n_x")) is None


def test_a_step_reads_the_partitioned_datasets_that_it_does_not_make():
    nodes = [make_node("one", ["raw", "plain"], ["x"]), make_node("two", ["x", "other"], ["y"])]
    catalog = {
        "raw": json_entry(partitions=DAILY_ENTRY),
        "other": json_entry(partitions=DAILY_ENTRY),
        "x": json_entry(partitions=DAILY_ENTRY),
        "y": json_entry(partitions=DAILY_ENTRY, partition_mappings={"x": "last", "other": "all"}),
    }
    partitions = resolved(nodes, files=["plain"], catalog=catalog)
    assert kinds_of(partitions.read_by(["one", "two"])) == {"raw": type(None), "other": dg.AllPartitionMapping}
    assert kinds_of(partitions.read_by(["two"])) == {"x": dg.LastPartitionMapping, "other": dg.AllPartitionMapping}
    assert partitions.read_by([]) == {}


PARTS = ["partition_key", "partition_start", "partition_end", "partition_keys.day"]


@pytest.mark.parametrize("part", PARTS)
def test_a_dataset_whose_path_asks_for_a_part_of_a_partition_has_one_place_for_each(part):
    catalog = {"x": json_entry(f"data/<{part}>.json", partitions=MULTI), "y": json_entry(partitions=MULTI)}
    partitions = resolved(chain("x", "y"), catalog=catalog)
    assert partitions.in_one_place("x") is None
    assert partitions.in_one_place("y").name == "y"
    assert partitions.one_by_one(["n_x"])
    assert partitions.one_by_one(["n_y"])  # which reads it
    assert not partitions.one_by_one([])


def test_a_node_uses_only_the_names_of_a_dataset_that_it_has():
    nodes = [make_node("make", ["raw"], ["x@day"]), make_node("use", ["x@all"], ["y"])]
    folder = {"type": "partitions.PartitionedDataset", "path": "data/x", "dataset": "json.JSONDataset"}
    catalog = {"x@day": json_entry("data/x/<partition_key>.json", partitions=STATIC), "x@all": folder}
    partitions = resolved(nodes, files=["y"], catalog=catalog)
    assert partitions.in_one_place("x").name == "x@all"
    assert partitions.one_by_one(["make"])
    assert not partitions.one_by_one(["use"])


def test_data_in_memory_has_no_place():
    partitions = resolved(chain("x"))
    assert partitions.in_one_place("x") is None
    assert not partitions.one_by_one(["n_x"])


@pytest.mark.parametrize(
    ("name", "partitions", "alone"),
    [
        ("params:partition_key", MULTI, True),
        ("params:partition_keys", MULTI, True),
        ("params:partition_keys.day", MULTI, True),
        ("params:partition_start", MULTI, True),
        ("params:partition_start", DAILY_ENTRY, False),
        ("params:partition_start", STATIC, False),
        ("params:partition_key", DAILY_ENTRY, True),
        ("params:partition_keys.day", STATIC, False),
        ("params:partition_keyring", MULTI, False),
        ("partition_key", MULTI, False),
        ("params:day", STATIC, True),
        ("params:start", DAILY_ENTRY, False),
        ("params:start", MULTI, True),
        ("params:depth", STATIC, False),
        ("parameters", DAILY_ENTRY, True),
    ],
)
def test_a_node_that_is_told_the_key_runs_once_for_each(name, partitions, alone):
    found = resolved([make_node("make", ["raw", name], ["x"])], catalog={"x": json_entry(partitions=partitions)})
    parts = {"params:day": frozenset({"partition_key"}), "params:start": frozenset({"partition_start"})}
    found = evolve(found, parameters=parts)
    assert found.one_by_one(["make"]) is alone
    assert found.told_singly("make") == ({name} if alone else set())


@pytest.mark.parametrize(
    ("made", "read", "mapping", "moves"),
    [
        (STATIC, STATIC, None, False),
        (STATIC, STATIC, "identity", False),
        (STATIC, STATIC, "all", True),
        (DAILY_ENTRY, DAILY_ENTRY, {"time_window": {"start_offset": -1}}, True),
        (None, STATIC, None, True),
        (STATIC, None, None, False),
        (MULTI, DAILY_ENTRY, None, True),
        (STATIC, {"static": ["b", "a"]}, "all", True),
    ],
    ids=["same", "identity", "all", "offset", "reader without", "read without", "dimension", "other keys"],
)
def test_a_node_moves_if_it_reads_other_partitions_than_it_makes(made, read, mapping, moves):
    settings = {"partitions": made} if made else {}
    settings |= {"partition_mappings": {"x": mapping}} if mapping else {}
    catalog = {"x": json_entry(**({"partitions": read} if read else {})), "y": json_entry(**settings)}
    partitions = resolved(chain("x", "y"), catalog=catalog)
    assert partitions.moves("n_y", "x") is moves
    assert partitions.boundaries().moves == ({("n_x", "n_y")} if moves else set())


WINDOW = {"partition_start", "partition_end"}


@pytest.mark.parametrize(
    ("made", "read", "mapping", "same"),
    [
        (MULTI, DAILY_ENTRY, None, {"partition_keys.day", *WINDOW}),
        (MULTI, STATIC, None, {"partition_keys.region"}),
        (MULTI, DAILY_ENTRY, {"dimension": "day"}, {"partition_keys.day", *WINDOW}),
        (MULTI, STATIC, {"dimension": "region"}, {"partition_keys.region"}),
        (MULTI, DAILY_ENTRY, "all", set()),
        (MULTI, MULTI, None, set()),
        (DAILY_ENTRY, DAILY_ENTRY, None, set()),
        (DAILY_ENTRY, MULTI, None, set()),
        (None, DAILY_ENTRY, None, set()),
        (MULTI, None, None, set()),
    ],
    ids=[
        *("day", "region", "day by mapping", "region by mapping", "all", "both several", "both one", "read several"),
        *("reader without", "read without"),
    ],
)
def test_a_reader_of_several_dimensions_has_parts_of_what_it_reads(made, read, mapping, same):
    settings = {"partitions": made} if made else {}
    settings |= {"partition_mappings": {"x": mapping}} if mapping else {}
    catalog = {"x": json_entry(**({"partitions": read} if read else {})), "y": json_entry(**settings)}
    assert resolved(chain("x", "y"), catalog=catalog).same_parts("n_y", "x") == same


def test_of_two_dimensions_that_are_alike_neither_is_taken():
    two = {"multi": {"a": STATIC, "b": STATIC}}
    catalog = {"x": json_entry(partitions=STATIC), "y": json_entry(partitions=two)}
    partitions, [problem] = make_partitions(chain("x", "y"), catalog=catalog)
    assert partitions.same_parts("n_y", "x") == set()
    assert problem.path == "catalog.y.metadata.dagster.partitions"


# One place per partition, and readers of other partitions.


@pytest.mark.parametrize(
    ("part", "kind", "mapping"),
    [
        *((part, MULTI, mapping) for part in PARTS for mapping in ("all", {"specific": ["2026-01-01|a"]})),
        *((part, DAILY_ENTRY, mapping) for part in PARTS[:3] for mapping in ("last", {"time_window": {}})),
    ],
)
def test_a_dataset_with_a_part_of_a_partition_in_its_path_cannot_be_read_with_a_mapping(part, kind, mapping):
    catalog = {
        "x": json_entry(f"data/<{part}>.json", partitions=kind),
        "y": json_entry(partitions=kind, partition_mappings={"x": mapping}),
    }
    _, [problem] = make_partitions(chain("x", "y"), catalog=catalog)
    assert problem.path == "catalog.x"
    assert problem.found == "'x' has one path per partition, but node 'n_y' reads other partitions than it makes."
    assert problem.hint.startswith("Let the node read 'x@all', and add it to the catalog as a PartitionedDataset")


@pytest.mark.parametrize("mapping", [None, "identity"])
@pytest.mark.parametrize("part", PARTS)
def test_a_dataset_with_a_part_of_a_partition_in_its_path_can_be_read_with_the_same_partitions(part, mapping):
    settings = {"partition_mappings": {"x": mapping}} if mapping else {}
    catalog = {
        "x": json_entry(f"data/<{part}>.json", partitions=MULTI),
        "y": json_entry(partitions=MULTI, **settings),
    }
    assert make_partitions(chain("x", "y"), catalog=catalog)[1] == []


def test_only_the_name_that_a_node_reads_has_to_have_one_place():
    nodes = [make_node("make", ["raw"], ["x@day"]), make_node("use", ["x@all"], ["y"])]
    folder = {"type": "partitions.PartitionedDataset", "path": "data/x", "dataset": "json.JSONDataset"}
    catalog = {"x@day": json_entry("data/x/<partition_key>.json", partitions=STATIC), "x@all": folder}
    assert make_partitions(nodes, catalog=catalog)[1] == []
    nodes[1] = make_node("use", ["x@day"], ["y"])
    _, [problem] = make_partitions(nodes, files=["y"], catalog=catalog)
    assert problem.path == "catalog.x@day"


def test_an_external_dataset_with_one_place_per_partition_cannot_be_read_by_a_node_without_partitions():
    catalog = {"raw": json_entry("data/<partition_key>.json", partitions=STATIC)}
    _, [problem] = make_partitions(chain("x"), files=["x"], catalog=catalog)
    assert problem.path == "catalog.raw"


@pytest.mark.parametrize(
    ("part", "fits"),
    [
        ("partition_start", True),
        ("partition_end", True),
        ("partition_keys.day", True),
        ("partition_start>/<partition_end", True),
        ("partition_key", False),
        ("partition_keys.region", False),
        ("partition_start>/<partition_key", False),
    ],
)
def test_a_node_of_several_dimensions_reads_a_dataset_of_one_by_the_parts_that_both_have(part, fits):
    catalog = {
        "raw": json_entry(f"data/<{part}>.json", partitions=DAILY_ENTRY),
        "x": json_entry(partitions=MULTI),
    }
    _, problems = make_partitions(chain("x"), catalog=catalog)
    assert [problem.path for problem in problems] == ([] if fits else ["catalog.raw"])


@pytest.mark.parametrize(
    ("written", "has"),
    [
        (STATIC, []),
        ({"dynamic": "some"}, []),
        (DAILY_ENTRY, ["partition_start", "partition_end"]),
        (MULTI, [*PARTS[1:], "partition_keys.region"]),
        ({"multi": {"region": STATIC, "shop": {"dynamic": "shops"}}}, ["partition_keys.region"]),
    ],
    ids=["static", "dynamic", "daily", "several", "several without a day"],
)
@pytest.mark.parametrize("part", [*PARTS, "partition_keys.region"])
@pytest.mark.parametrize("used", ["made", "read"])
def test_a_path_cannot_ask_for_what_partitions_do_not_have(written, has, part, used):
    """All partitions would be stored in one place."""
    entry = json_entry(f"data/<{part}>.json", **({"partitions": written} if used == "made" else {}))
    own = json_entry(partitions=written)
    catalog = {"x": entry} if used == "made" else {"raw": entry, "x": own}
    _, problems = make_partitions(chain("x"), catalog=catalog)
    if part in (*has, "partition_key"):
        assert problems == []
    else:
        [problem] = problems
        name = "x" if used == "made" else "raw"
        assert problem.path == f"catalog.{name}"
        assert (
            problem.found
            == f"the configuration of '{name}' uses `{part}`, which the partitions of node 'n_x' do not have."
        )
        assert "partition_key" in problem.hint


def test_a_node_of_several_dimensions_does_not_read_all_of_one_by_path():
    catalog = {
        "x": json_entry("data/<partition_start>.json", partitions=DAILY_ENTRY),
        "y": json_entry(partitions=MULTI, partition_mappings={"x": "all"}),
    }
    _, [problem] = make_partitions(chain("x", "y"), catalog=catalog)
    assert problem.path == "catalog.x"


# Mappings that the catalog names.


def test_a_mapping_is_of_the_node_and_of_what_it_waits_for_too():
    nodes = [make_node("one", ["raw"], ["x"]), make_node("two", ["raw"], ["y", "z"])]
    catalog = {
        "x": json_entry(partitions=DAILY_ENTRY),
        "y": json_entry(partitions=DAILY_ENTRY, deps=["x"], partition_mappings={"x": "last"}),
    }
    partitions = resolved(nodes, catalog=catalog)
    assert kinds_of(partitions.mappings) == {("two", "x"): dg.LastPartitionMapping}
    assert partitions.boundaries().moves == {("one", "two")}


def test_two_outputs_of_a_node_cannot_have_two_mappings_of_one_dataset():
    nodes = [make_node("one", ["raw"], ["x"]), make_node("two", ["x"], ["y", "z"])]
    catalog = {"x": json_entry(partitions=DAILY_ENTRY)} | {
        name: json_entry(partitions=DAILY_ENTRY, partition_mappings={"x": mapping})
        for name, mapping in (("y", "last"), ("z", "all"))
    }
    _, [problem] = make_partitions(nodes, catalog=catalog)
    assert problem.path == "catalog.z.metadata.dagster.partition_mappings.x"
    assert problem.found == "another output of node 'two' has another mapping for 'x'."


def test_a_mapping_reaches_what_is_read_behind_hidden_datasets():
    catalog = {
        "x": json_entry(partitions=DAILY_ENTRY),
        "z": json_entry(partitions=DAILY_ENTRY, partition_mappings={"x": "last"}),
    }
    partitions = resolved(chain("x", "y", "z"), memory_assets=False, catalog=catalog)
    assert partitions.graph.hidden == {"y"}
    assert kinds_of(partitions.mappings) == dict.fromkeys([("n_z", "x"), ("n_y", "x")], dg.LastPartitionMapping)


@pytest.mark.parametrize("cluster_by", ["memory", "pipeline"])
def test_nodes_that_read_all_and_the_last_partition_do_not_share_a_step(cluster_by):
    """As tuples, which Dagster's mappings are, both are equal."""
    nodes = [make_node("one", ["raw"], ["x"]), make_node("two", ["x"], ["y"]), make_node("three", ["x"], ["z"])]
    catalog = {"x": json_entry(partitions=DAILY_ENTRY)} | {
        name: json_entry(partitions=DAILY_ENTRY, partition_mappings={"x": mapping})
        for name, mapping in (("y", "last"), ("z", "all"))
    }
    partitions = resolved(nodes, catalog=catalog)
    problems = Scope()
    clusters = cluster(partitions.graph, AssetsConfig(cluster_by=cluster_by), partitions.boundaries(), problems)
    assert sorted(each.nodes for each in clusters) == [("one",), ("three",), ("two",)]
    assert not problems.failed


def test_which_partitions_nodes_read_where_it_is_said_is_told_apart_without_hashing():
    nodes = [make_node("one", ["raw"], ["x"]), *(make_node(f"n{name}", ["x"], [name]) for name in "abc")]
    catalog = {"x": json_entry(partitions=STATIC)} | {
        name: json_entry(partitions=STATIC, partition_mappings={"x": {"static": keys}})
        for name, keys in (("a", {"a": "b"}), ("b", {"a": "b"}), ("c", {"a": "a"}))
    }
    reads = resolved(nodes, catalog=catalog).boundaries().reads
    assert reads["na"] == reads["nb"] != reads["nc"]
    assert "one" not in reads
