import pytest

from kedro_assets.config import (
    AssetsConfig,
    DagsterConfig,
    ExecutorConfig,
    JobConfig,
    PipelineFilter,
    RetryConfig,
    ScheduleConfig,
    imported,
    read_config,
    read_dataset_settings,
)
from kedro_assets.errors import Scope


def read(raw):
    """Read dagster.yml; return it, and the problems as (path, found, hint)."""
    problems = Scope()
    config = read_config(raw, problems)
    return config, [(problem.path, problem.found, problem.hint) for problem in problems]


def valid(raw):
    config, problems = read(raw)
    assert problems == []
    return config


def problem_paths(raw):
    return [path for path, _, _ in read(raw)[1]]


def test_an_empty_file_gives_the_defaults():
    assert valid({}) == DagsterConfig()


def test_sections_without_content_are_empty():
    empty = dict.fromkeys(["assets", "executors", "schedules", "jobs"])
    assert valid({**empty, "default_executor": None}) == DagsterConfig()


def test_a_job_without_content_has_the_defaults():
    assert valid({"jobs": {"daily": None}}).jobs == {"daily": JobConfig()}


def test_every_key_is_read():
    config = valid(
        {
            "assets": {
                "pipelines": ["__default__", "reporting"],
                "cluster_by": "namespace",
                "group_by": "none",
                "key_prefix": ["shop"],
                "memory_assets": False,
            },
            "default_executor": "quick",
            "executors": {"quick": {"in_process": {}}, "bare": {"multiprocess": None}},
            "schedules": {
                "nightly": {
                    "cron_schedule": "0 2 * * *",
                    "execution_timezone": "Europe/Berlin",
                    "default_status": "RUNNING",
                }
            },
            "jobs": {
                "features": {
                    "description": "Features",
                    "pipeline": {"pipeline_name": "etl", "tags": ["daily"]},
                    "executor": {"multiprocess": {"max_concurrent": 4}},
                    "schedule": ["nightly", {"cron_schedule": ["@daily", "@weekly"]}],
                    "tags": {"team": "growth"},
                    "config": {"runtime_params": {"a": {"b": 1}}},
                    "retries": {"max_retries": 2, "delay": 30},
                },
                "models": {"selection": "+regressor"},
            },
            "load_with_hooks": True,
        }
    )
    assert config.assets == AssetsConfig(
        ["__default__", "reporting"], "namespace", "none", ["shop"], memory_assets=False
    )
    assert config.executors == {"quick": ExecutorConfig("in_process"), "bare": ExecutorConfig("multiprocess")}
    assert config.schedules == {"nightly": ScheduleConfig("0 2 * * *", "Europe/Berlin", "RUNNING")}
    job = config.jobs["features"]
    assert job.pipeline == PipelineFilter("etl", tags=["daily"])
    assert job.executor == ExecutorConfig("multiprocess", {"max_concurrent": 4})
    assert job.schedule == ["nightly", ScheduleConfig(["@daily", "@weekly"])]
    assert job.config.runtime_params == {"a": {"b": 1}}
    assert job.retries == RetryConfig(2, 30)
    assert config.jobs["models"].selection == "+regressor"
    assert config.load_with_hooks is True


@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [
        ({"node_namespace": "a"}, ["a"]),
        ({"node_namespaces": ["b"], "node_namespace": "a"}, ["b", "a"]),
        ({"node_namespaces": ["b", "c"]}, ["b", "c"]),
    ],
    ids=["older", "both", "newer"],
)
def test_both_spellings_of_namespaces_are_read(pipeline, expected):
    assert valid({"jobs": {"j": {"pipeline": pipeline}}}).jobs["j"].pipeline.node_namespaces == expected


@pytest.mark.parametrize(
    ("raw", "path", "found", "hint"),
    [
        ({"job": {}}, "job", "unknown key 'job'.", "Did you mean 'jobs'?"),
        (
            {"assets": {"cluster_by": "nodes"}},
            "assets.cluster_by",
            "'nodes' is not allowed here.",
            "Did you mean 'node'?",
        ),
        ({"assets": {"cluster_by": ["node"]}}, "assets.cluster_by", "['node'] is not allowed here.", "Allowed: memory"),
        (
            {"assets": {"memory_assets": "no"}},
            "assets.memory_assets",
            "expected true or false, found a string ('no').",
            "",
        ),
        (
            {"assets": {"memory_assets": 1}},
            "assets.memory_assets",
            "expected true or false, found a whole number (1).",
            "",
        ),
        ({"assets": {"pipelines": "etl"}}, "assets.pipelines", "expected a list, found a string ('etl').", ""),
        (
            {"assets": {"pipelines": ["a", 2]}},
            "assets.pipelines[1]",
            "expected a string, found a whole number (2).",
            "",
        ),
        ({"assets": []}, "assets", "expected a mapping, found a list.", ""),
        (
            {"assets": {"step_tags": {"gpu": "x"}}},
            "assets.step_tags.gpu",
            "expected a mapping, found a string ('x').",
            "",
        ),
        ({"load_with_hooks": None}, "load_with_hooks", "expected true or false, found nothing.", ""),
        (
            {"schedules": {"s": {"cron_schedule": "@daily", "tags": {"a": 1}}}},
            "schedules.s.tags.a",
            "expected a string, found a whole number (1).",
            "",
        ),
        (
            {"jobs": {"j": {"tags": {1: "a"}}}},
            "jobs.j.tags[1]",
            "the key 1 is not a string.",
            "Put it in quotes, as keys are strings.",
        ),
        (
            {"jobs": {"j": {"retries": {"max_retries": True}}}},
            "jobs.j.retries.max_retries",
            "expected a whole number, found true or false.",
            "",
        ),
        (
            {"jobs": {"j": {"retries": {"max_retries": 1.5}}}},
            "jobs.j.retries.max_retries",
            "expected a whole number, found a number (1.5).",
            "",
        ),
        (
            {"jobs": {"j": {"retries": {"delay": True}}}},
            "jobs.j.retries.delay",
            "expected a number, found true or false.",
            "",
        ),
        (
            {"jobs": {"j": {"schedule": 5}}},
            "jobs.j.schedule",
            "expected a string or a mapping or a list, found a whole number (5).",
            "",
        ),
        ({"jobs": {"j": {"executor": ["a"]}}}, "jobs.j.executor", "expected a string or a mapping, found a list.", ""),
        ({"schedules": {"s": {}}}, "schedules.s.cron_schedule", "this required key is missing.", "Add it."),
        ({"schedules": {"s": None}}, "schedules.s.cron_schedule", "this required key is missing.", "Add it."),
        (
            {"executors": {"e": {}}},
            "executors.e",
            "expected one executor type with its options, found 0 keys.",
            "multiprocess: {max_concurrent: 2}",
        ),
        (
            {"executors": {"e": {"a": {}, "b": {}}}},
            "executors.e",
            "expected one executor type with its options, found 2 keys.",
            "multiprocess",
        ),
        (
            {"executors": {"e": {"dask": 3}}},
            "executors.e",
            "expected a mapping of options for 'dask', found a whole number.",
            "`{}`",
        ),
        ({"executors": {"e": "dask"}}, "executors.e", "expected a mapping, found a string ('dask').", ""),
        (
            {"jobs": {"j": {"pipeline": {}, "selection": "a"}}},
            "jobs.j",
            "both `pipeline` and `selection`",
            "Keep the one",
        ),
    ],
    ids=lambda value: None if not isinstance(value, str) or " " in value or "'" in value else value,
)
def test_what_does_not_fit_is_reported_at_its_path(raw, path, found, hint):
    [(at, what, advice)] = read(raw)[1]
    assert at == path
    assert found in what
    assert hint in advice
    assert bool(hint) == bool(advice)


def test_all_problems_are_reported_at_once_and_the_rest_is_read():
    config, problems = read(
        {
            "assets": {"cluster_by": "x", "key_prefix": ["shop"]},
            "jobs": {"a": {"retires": {}, "description": "kept"}, "b": {"pipeline": {"tags": "t", "to_nodes": ["n"]}}},
            "default_executor": "quick",
        }
    )
    assert sorted(path for path, _, _ in problems) == ["assets.cluster_by", "jobs.a.retires", "jobs.b.pipeline.tags"]
    assert config.assets == AssetsConfig(key_prefix=["shop"])
    assert config.jobs == {"a": JobConfig(description="kept"), "b": JobConfig(pipeline=PipelineFilter(to_nodes=["n"]))}
    assert config.default_executor == "quick"


def test_several_wrong_entries_of_a_list_keep_their_positions():
    config, problems = read({"assets": {"key_prefix": [1, "a", 2, "b", 3]}})
    assert [path for path, _, _ in problems] == [f"assets.key_prefix[{index}]" for index in (0, 2, 4)]
    assert config.assets.key_prefix == ["a", "b"]


def test_a_required_key_with_a_wrong_value_is_not_reported_as_missing_too():
    raw = {"schedules": {"bad": {"cron_schedule": 5}, "good": {"cron_schedule": "@daily"}}}
    config, problems = read(raw)
    assert [path for path, _, _ in problems] == ["schedules.bad.cron_schedule"]
    assert list(config.schedules) == ["good"]


def test_a_mistake_that_hides_an_entry_does_not_hide_the_mistakes_inside_it():
    raw = {"jobs": {"a": {1: "x", "tasg": {}}}}
    assert sorted(problem_paths(raw)) == ["jobs.a.tasg", "jobs.a[1]"]


def test_a_mistake_found_late_in_a_list_is_reported_at_its_position_in_the_file():
    raw = {"jobs": {"a": {"schedule": [5, {"cron_schedule": "@daily", 1: "x", "bad": "y"}]}}}
    assert "jobs.a.schedule[1].bad" in problem_paths(raw)


@pytest.mark.parametrize("keys", [(1, 2), (0, 3), (2.5, None), (True, 1.5)], ids=str)
def test_every_key_that_is_no_string_is_reported_as_it_is(keys):
    raw = {"jobs": {"a": {"tags": dict.fromkeys(keys, "x")}}}
    assert sorted(found for _, found, _ in read(raw)[1]) == sorted(f"the key {key!r} is not a string." for key in keys)
    assert sorted(problem_paths(raw)) == sorted(
        f"jobs.a.tags[{key}]" if isinstance(key, int) else f"jobs.a.tags.{key}" for key in keys
    )


@pytest.mark.parametrize("key", [1, 2.5, None], ids=str)
def test_a_section_that_is_no_string_is_reported(key):
    [(_, found, _)] = read({key: {}})[1]
    assert found == f"the key {key!r} is not a string."


def test_reading_leaves_the_raw_values_as_they_are():
    raw = {"assets": {"cluster_by": "x"}, "executors": {"e": {"multiprocess": {"max_concurrent": 2}}}}
    read(raw)
    assert raw == {"assets": {"cluster_by": "x"}, "executors": {"e": {"multiprocess": {"max_concurrent": 2}}}}


def test_every_problem_is_located_by_its_path():
    problems = Scope()
    problems.locate_with("/".join)
    read_config({"jobs": {"a": {"tags": 1}}}, problems)
    assert [problem.source for problem in problems] == ["jobs/a/tags"]


def test_settings_of_a_dataset_are_read():
    problems = Scope()
    raw = {"description": "d", "group_name": "g", "owners": ["team:a"], "tags": {"k": "v"}, "kinds": ["csv"]}
    settings = read_dataset_settings(raw, problems.at("catalog", "a", "metadata", "dagster"))
    assert (settings.description, settings.group_name, settings.owners) == ("d", "g", ["team:a"])
    assert (settings.tags, settings.kinds, len(problems)) == ({"k": "v"}, ["csv"], 0)


@pytest.mark.parametrize(
    ("raw", "paths"),
    [
        ({"owner": "me", "kinds": "csv"}, ["catalog.a.b.metadata.dagster.kinds", "catalog.a.b.metadata.dagster.owner"]),
        (["x"], ["catalog.a.b.metadata.dagster"]),
    ],
    ids=["keys", "whole"],
)
def test_settings_of_a_dataset_that_do_not_fit_are_reported_in_the_catalog(raw, paths):
    problems = Scope()
    read_dataset_settings(raw, problems.at("catalog", "a.b", "metadata", "dagster"))
    assert sorted(problem.path for problem in problems) == paths


@pytest.mark.parametrize(
    ("mapping", "path", "found"),
    [
        ({"time_window": {"start_offset": "1"}}, "a.time_window.start_offset", "expected a whole number"),
        ({"specific": "x"}, "a.specific", "expected a list"),
        ({"static": {"x": 1}}, "a.static.x", "expected a string or a list, found a whole number (1)."),
        ({"specific": ["x"], "dimension": "y"}, "a", "expected one of these keys, found `specific` and `dimension`."),
        (["all"], "a", "expected a string or a mapping, found a list."),
        ("some", "a", "'some' is not allowed here."),
    ],
    ids=["offset", "list", "static", "two", "wrong kind", "unknown name"],
)
def test_a_mapping_that_does_not_fit_is_reported_at_its_path(mapping, path, found):
    problems = Scope()
    settings = read_dataset_settings({"partition_mappings": {"a": mapping}, "description": "kept"}, problems)
    [problem] = problems
    assert problem.path == f"partition_mappings.{path}"
    assert found in problem.found
    assert settings.description == "kept"


@pytest.mark.parametrize(
    ("sensor", "path", "found"),
    [
        ({}, "", "this sensor has neither `asset` nor `dataset`."),
        (None, "", "this sensor has neither `asset` nor `dataset`."),
        ({"asset": "a", "dataset": "b"}, "", "found both `asset` and `dataset`, but a sensor takes only one of them."),
        ({"asset": 1}, ".asset", "expected a string, found a whole number (1)."),
    ],
    ids=["nothing", "empty", "both", "type"],
)
def test_a_sensor_looks_at_one_thing(sensor, path, found):
    [(at, what, _)] = read({"sensors": {"s": sensor}})[1]
    assert (at, what) == (f"sensors.s{path}", found)


def test_what_an_import_path_names_is_imported():
    assert imported("kedro_assets.config.AssetsConfig") is AssetsConfig


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("no_such_module.Name", ImportError),
        ("kedro_assets.config.Nope", AttributeError),
        ("Nope", ValueError),
        ("", ValueError),
        ("..relative", TypeError),
    ],
)
def test_an_import_path_that_names_nothing_is_one_of_these_errors(path, error):
    with pytest.raises((ImportError, AttributeError, TypeError, ValueError)) as caught:
        imported(path)
    assert isinstance(caught.value, error)
