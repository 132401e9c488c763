"""What cannot be partitioned as it is written: each mistake has its place and a hint."""

import itertools

import dagster as dg
import pytest

DAILY = 'daily: {start_date: "2026-01-01"}'
ONE = "return {'__default__': Pipeline([n('make', ['raw'], ['made'])])}"
CHAIN = "return {'__default__': Pipeline([n('make', ['raw'], ['made']), n('use', ['made'], ['used'])])}"
SINKS = (
    "return {'__default__': Pipeline([n('make', ['raw'], ['made']), n('tell', ['made'], []), n('look', ['raw'], [])])}"
)


def entry(name, metadata="", place="", extra=""):
    """Give a catalog entry; what is said of it stands in line 5 of it, or line 4 without more."""
    path = f"data/{name}/{place}" if place else f"data/{name}.json"
    lines = [f"{name}:", "  type: json.JSONDataset", f"  filepath: {path}"]
    lines += [f"  {extra}"] if extra else []
    lines += ["  metadata: {dagster: {" + metadata + "}}"] if metadata else []
    return "\n".join(lines) + "\n"


KEY = "${runtime_params:partition_key}.json"
PARTITIONS = "catalog.made.metadata.dagster.partitions"
WRITTEN = {
    "unknown name": ("by_dya", "", "no partitions 'by_dya' are defined", "Did you mean 'by_day'"),
    "unknown kind": ("{dialy: {}}", "dialy", "unknown key 'dialy'", "Did you mean 'daily'"),
    "no kind": ("{backfill_policy: single_run}", "", "nothing says by what it is partitioned", "Allowed: cron, daily"),
    "two kinds": ("{" + DAILY + ", static: [a]}", "", "daily and static stand here, but only one can", "Keep one"),
    "start": ("{daily: {start_date: yesterday}}", "daily", "Dagster refuses it", ""),
    "no start": ("{daily: {}}", "daily.start_date", "this required key is missing", "Add it."),
    "time zone": ('{daily: {start_date: "2026-01-01", timezone: Mars}}', "daily", "Dagster refuses it", ""),
    "hours of hours": (
        '{hourly: {start_date: "2026-01-01-00:00", hour_offset: 1}}',
        "hourly.hour_offset",
        "`hourly` has no 'hour_offset'",
        "Leave it out.",
    ),
    "hours without time": ('{hourly: {start_date: "2026-01-01"}}', "hourly", "Dagster refuses it", ""),
    "hour": ('{daily: {start_date: "2026-01-01", hour_offset: 25}}', "daily", "Dagster refuses it", ""),
    "cron of days": (
        '{daily: {start_date: "2026-01-01", cron_schedule: "@daily"}}',
        "daily.cron_schedule",
        "`daily` has no 'cron_schedule'",
        "",
    ),
    "no cron": (
        '{cron: {start_date: "2026-01-01-00:00"}}',
        "cron.cron_schedule",
        "this required key is missing",
        "Add",
    ),
    "bad cron": ('{cron: {start_date: "2026-01-01-00:00", cron_schedule: often}}', "cron", "Dagster refuses it", ""),
    "three dimensions": (
        "{multi: {a: {static: [a]}, b: {static: [b]}, c: {static: [c]}}}",
        "multi",
        "Dagster refuses it",
        "",
    ),
    "one dimension": ("{multi: {a: {static: [a]}}}", "multi", "Dagster refuses it", ""),
    "unknown dimension": ("{multi: {a: {static: [a]}, b: by_month}}", "multi.b", "no partitions 'by_month'", "by_day"),
    "dimensions of dimensions": (
        "{multi: {a: {static: [a]}, b: {multi: {c: {static: [c]}, d: {static: [d]}}}}}",
        "multi",
        "Dagster refuses it",
        "",
    ),
    "key twice": ("{static: [a, a]}", "static", "Dagster refuses it", ""),
    "key that is none": ("{static: [a, 1]}", "static[1]", "a whole number (1) stands here", "Allowed: a string"),
    "policy": ("{static: [a], backfill_policy: all}", "backfill_policy", "'all' is not allowed here", "single_run"),
    "size": ("{static: [a], max_partitions_per_run: 0}", "max_partitions_per_run", "a number below 1", "from 1"),
    "range": ("{static: [a...b]}", "static", "Dagster refuses it", ""),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_partitions_that_are_none(problems_of, case):
    written, below, found, hint = WRITTEN[case]
    conf = {
        "catalog.yml": entry("raw") + entry("made", f"partitions: {written}", KEY),
        "dagster.yml": "partitions: {by_day: {" + DAILY + "}}",
    }
    [problem] = problems_of(ONE, conf=conf)
    assert problem.path == ".".join([PARTITIONS, below] if below else [PARTITIONS])
    assert found in problem.found
    assert hint in problem.hint
    assert problem.source == "conf/base/catalog.yml:7"


@pytest.mark.parametrize("case", ["start", "two kinds", "three dimensions", "unknown kind", "hours of hours"])
def test_named_partitions_that_are_none_are_reported_once_at_their_name(problems_of, case):
    written, below, found, _ = WRITTEN[case]
    conf = {
        "catalog.yml": entry("raw", "partitions: bad") + entry("made", "partitions: bad", KEY),
        "dagster.yml": f"assets:\n  group_by: none\npartitions:\n  bad: {written}\n",
    }
    [problem] = problems_of(ONE, conf=conf)
    assert problem.path == ".".join(["partitions.bad", below] if below else ["partitions.bad"])
    assert found in problem.found
    assert problem.source == "conf/base/dagster.yml:4"


def test_dimensions_that_lead_back_are_reported(problems_of):
    conf = {
        "catalog.yml": entry("raw"),
        "dagster.yml": "partitions:\n  a: {multi: {x: b, y: {static: [y]}}}\n  b: {multi: {x: a, y: {static: [y]}}}\n",
    }
    problems = problems_of(ONE, conf=conf)
    assert {problem.path for problem in problems} & {"partitions.a.multi.x", "partitions.b.multi.x"}


MAPPED = "catalog.used.metadata.dagster.partition_mappings"
MAPPINGS = {
    "not read": ("{raw: last}", "raw", "the node of 'used' does not read 'raw'", "made"),
    "unknown": ("{mdae: last}", "mdae", "the node of 'used' does not read 'mdae'", "Did you mean 'made'"),
    "unknown kind": ("{made: first}", "made", "'first' is not allowed here", "last"),
    "none": ("{made: {}}", "made", "nothing says which partitions are read", "time_window"),
    "two": ("{made: {specific: [a], dimension: a}}", "made", "specific and dimension stand here, but only one can", ""),
    "key": ("{made: {time_windwo: {}}}", "made.time_windwo", "unknown key 'time_windwo'", "time_window"),
}


@pytest.mark.parametrize("case", MAPPINGS)
def test_mappings_that_are_none(problems_of, case):
    written, below, found, hint = MAPPINGS[case]
    catalog = entry("raw") + entry("made", "partitions: {" + DAILY + "}")
    catalog += entry("used", "partitions: {" + DAILY + "}, partition_mappings: " + written)
    [problem] = problems_of(CHAIN, conf={"catalog.yml": catalog})
    assert problem.path == f"{MAPPED}.{below}"
    assert found in problem.found
    assert hint in problem.hint
    assert problem.source == "conf/base/catalog.yml:11"


def test_a_mapping_for_what_is_not_partitioned(problems_of):
    catalog = entry("raw") + entry("made") + entry("used", "partition_mappings: {made: last}")
    [problem] = problems_of(CHAIN, conf={"catalog.yml": catalog})
    assert "'made' is not partitioned" in problem.found
    assert problem.source == "conf/base/catalog.yml:10"


def test_a_mapping_at_what_no_node_makes(problems_of):
    [problem] = problems_of(ONE, conf={"catalog.yml": entry("raw", "partition_mappings: {made: last}")})
    assert "no node makes this dataset" in problem.found


def test_a_mapping_of_data_in_memory(problems_of):
    catalog = entry("raw") + entry("used", "partitions: {" + DAILY + "}, partition_mappings: {made: last}")
    [problem] = problems_of(CHAIN, conf={"catalog.yml": catalog})
    assert "'made' is handed on in memory" in problem.found
    assert problem.source == "conf/base/catalog.yml:7"


MISFIT = "'{}' and '{}' are partitioned differently"


def test_two_outputs_of_a_node_that_are_partitioned_differently(problems_of):
    catalog = entry("raw") + entry("a", "partitions: {static: [x]}") + entry("b", "partitions: {static: [y]}")
    [problem] = problems_of(
        "return {'__default__': Pipeline([n('two', ['raw'], ['a', 'b'])])}", conf={"catalog.yml": catalog}
    )
    assert MISFIT.format("a", "b") in problem.found
    assert (problem.path, problem.source) == ("catalog.b.metadata.dagster.partitions", "conf/base/catalog.yml:11")


def test_two_outputs_with_different_policies(problems_of):
    catalog = entry("raw") + entry("a", "partitions: {static: [x]}")
    catalog += entry("b", "partitions: {static: [x], backfill_policy: single_run}")
    [problem] = problems_of(
        "return {'__default__': Pipeline([n('two', ['raw'], ['a', 'b'])])}", conf={"catalog.yml": catalog}
    )
    assert MISFIT.format("a", "b") in problem.found


@pytest.mark.parametrize("cluster_by", ["memory", "node", "pipeline"])
def test_data_in_memory_between_different_partitions(problems_of, cluster_by):
    pipelines = (
        "return {'__default__': Pipeline([n('make', ['raw'], ['a', 'made']), n('use', ['made', 'a'], ['used'])])}"
    )
    catalog = entry("raw") + entry("a", "partitions: {static: [x]}") + entry("used", "partitions: {" + DAILY + "}")
    conf = {"catalog.yml": catalog, "dagster.yml": f"assets: {{cluster_by: {cluster_by}}}"}
    [problem] = problems_of(pipelines, conf=conf)
    assert MISFIT.format("a", "used") in problem.found
    assert "in memory" in problem.found


def test_partitions_of_dagster_yml_that_do_not_fit_are_found_there(problems_of):
    conf = {
        "catalog.yml": entry("raw") + entry("a") + entry("b"),
        "dagster.yml": "assets:\n  partitions:\n    a: {static: [x]}\n    b: {static: [y]}\n",
    }
    [problem] = problems_of("return {'__default__': Pipeline([n('two', ['raw'], ['a', 'b'])])}", conf=conf)
    assert MISFIT.format("a", "b") in problem.found
    assert (problem.path, problem.source) == ("assets.partitions.b", "conf/base/dagster.yml:4")


def test_a_node_without_outputs_that_does_not_fit(problems_of):
    conf = {
        "catalog.yml": entry("raw"),
        "dagster.yml": "assets:\n  partitions:\n    made: {static: [x]}\n    tell: {static: [y]}\n",
    }
    [problem] = problems_of(SINKS, conf=conf)
    assert MISFIT.format("tell", "made") in problem.found
    assert (problem.path, problem.source) == ("assets.partitions.made", "conf/base/dagster.yml:3")


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
    catalog = entry("raw") + entry("made", f"partitions: {KINDS[made]}") + entry("used", f"partitions: {KINDS[used]}")
    [problem] = problems_of(CHAIN, conf={"catalog.yml": catalog})
    assert "'made', which node 'use' reads, has partitions of another kind" in problem.found
    assert problem.source == "conf/base/catalog.yml:11"
    mapped = catalog.replace(
        f"partitions: {KINDS[used]}}}", f"partitions: {KINDS[used]}, partition_mappings: {{made: all}}}}"
    )
    translate_project(CHAIN, conf={"catalog.yml": mapped})


@pytest.mark.parametrize("mapping", ["{time_window: {}}", "{static: {x: x}}", "identity", "{dimension: a}"])
def test_a_mapping_that_cannot_be_between_two_kinds(problems_of, mapping):
    catalog = entry("raw") + entry("made", "partitions: {dynamic: some}")
    catalog += entry("used", f"partitions: {{static: [x]}}, partition_mappings: {{made: {mapping}}}")
    [problem] = problems_of(CHAIN, conf={"catalog.yml": catalog})
    assert problem.path == f"{MAPPED}.made"
    assert "Dagster refuses it" in problem.found
    assert problem.source == "conf/base/catalog.yml:11"


def test_partitions_in_a_cached_dataset(problems_of):
    made = "made:\n  type: CachedDataset\n  dataset: {type: partitions.PartitionedDataset, path: a, dataset: b}\n"
    made += "  metadata: {dagster: {partitions: {" + DAILY + "}}}\n"
    [problem] = problems_of(ONE, conf={"catalog.yml": entry("raw") + made})
    assert problem.path == "catalog.made.type"
    assert "CachedDataset hides" in problem.found


def test_what_would_delete_all_partitions(problems_of):
    made = entry("made", "partitions: {" + DAILY + "}", extra="overwrite: true")
    [problem] = problems_of(ONE, conf={"catalog.yml": entry("raw") + made})
    assert problem.path == "catalog.made.overwrite"
    assert "deletes all partitions" in problem.found
    assert problem.source == "conf/base/catalog.yml:7"


@pytest.mark.parametrize("policy", ["backfill_policy: single_run", "max_partitions_per_run: 3"])
@pytest.mark.parametrize("place", [KEY, "${runtime_params:partition_keys.a}.json"])
def test_a_run_of_several_keys_with_one_path(problems_of, policy, place):
    kind = DAILY if place == KEY else "multi: {a: {static: [a]}, b: {static: [b]}}"
    made = entry("made", "partitions: {" + kind + ", " + policy + "}", place)
    [problem] = problems_of(ONE, conf={"catalog.yml": entry("raw") + made})
    assert problem.path == "catalog.made"
    assert "has one partition per path, and a run of node 'make' makes several" in problem.found
    assert problem.source == "conf/base/catalog.yml:4"


def test_other_partitions_of_one_path(problems_of):
    catalog = entry("raw") + entry("made", "partitions: {" + DAILY + "}", KEY) + entry("used")
    [problem] = problems_of(CHAIN, conf={"catalog.yml": catalog})
    assert (problem.path, problem.source) == ("catalog.made", "conf/base/catalog.yml:4")
    assert "node 'use' reads others than it makes" in problem.found
    assert "'made@all'" in problem.hint


def test_a_job_that_mixes_partitions(problems_of):
    catalog = entry("raw") + entry("made", "partitions: {" + DAILY + "}")
    catalog += entry("used", "partitions: {static: [x]}, partition_mappings: {made: all}")
    [problem] = problems_of(CHAIN, conf={"catalog.yml": catalog, "dagster.yml": "jobs:\n  all: {}\n"})
    assert "partitioned in 2 ways" in problem.found
    assert (problem.path, problem.source) == ("jobs.all", "conf/base/dagster.yml:2")


def test_a_registered_pipeline_that_mixes_partitions_is_no_job(translate_project):
    catalog = entry("raw") + entry("made", "partitions: {" + DAILY + "}")
    catalog += entry("used", "partitions: {static: [x]}, partition_mappings: {made: all}")
    assert not translate_project(CHAIN, conf={"catalog.yml": catalog}).jobs


def test_a_job_of_ops_over_partitions(problems_of):
    catalog = entry("raw") + entry("made", "partitions: {" + DAILY + "}")
    [problem] = problems_of(ONE, conf={"catalog.yml": catalog, "dagster.yml": "jobs:\n  all:\n    view: ops\n"})
    assert (problem.path, problem.source) == ("jobs.all.view", "conf/base/dagster.yml:3")


def test_a_pattern_that_fits_nothing(problems_of):
    conf = {"catalog.yml": entry("raw"), "dagster.yml": 'assets:\n  partitions:\n    "{x}_daily": {static: [a]}\n'}
    [problem] = problems_of(ONE, conf=conf)
    assert "no dataset has this name, or fits it" in problem.found
    assert problem.source == "conf/base/dagster.yml:3"


# Order without data.

DEPS = {
    "unknown": ("made: [nowhere]", "assets.deps.made[0]", "no dataset and no node is called 'nowhere'"),
    "unknown node": ("nowhere: [made]", "assets.deps.nowhere", "no node is called 'nowhere'"),
    "external": ("raw: [made]", "assets.deps.raw", "no node is called 'raw', or makes a dataset of that name"),
    "itself": ("made: [made]", "assets.deps.made[0]", "cannot be there before node 'make'"),
    "circle": ("made: [tell]", "assets.deps.made[0]", "cannot be there before node 'make'"),
}


@pytest.mark.parametrize("case", DEPS)
def test_order_that_cannot_be(problems_of, case):
    written, path, found = DEPS[case]
    conf = {"catalog.yml": entry("raw") + entry("made"), "dagster.yml": f"assets:\n  deps:\n    {written}\n"}
    [problem] = problems_of(SINKS, conf=conf)
    assert problem.path == path
    assert found in problem.found
    assert problem.source == "conf/base/dagster.yml:3"


def test_a_circle_of_order_only(problems_of):
    conf = {"dagster.yml": "assets:\n  deps:\n    tell: [look]\n    look: [tell]\n"}
    [problem] = problems_of(SINKS, conf=conf)
    assert problem.path == "assets.deps.look[0]"


def test_order_at_what_no_node_makes(problems_of):
    [problem] = problems_of(ONE, conf={"catalog.yml": entry("raw", "deps: [made]")})
    assert problem.path == "catalog.raw.metadata.dagster.deps[0]"
    assert "no node makes 'raw'" in problem.found
    assert problem.source == "conf/base/catalog.yml:4"


def test_order_between_an_external_dataset_and_a_node(translate_project):
    pipelines = "return {'__default__': Pipeline([n('make', ['raw'], ['made']), n('b', ['other'], [])])}"
    conf = {"catalog.yml": entry("raw") + entry("other"), "dagster.yml": "assets: {deps: {b: [raw]}}"}
    translation = translate_project(pipelines, conf=conf)
    graph = translation.definitions.resolve_asset_graph()
    assert graph.get(dg.AssetKey("b")).parent_keys == {dg.AssetKey("other"), dg.AssetKey("raw")}
