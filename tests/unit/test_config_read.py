import pytest

from kedro_assets.config import (
    AssetsConfig,
    DagsterConfig,
    ExecutorConfig,
    JobConfig,
    PipelineFilter,
    RetryConfig,
    ScheduleConfig,
    read_config,
    read_dataset_settings,
)
from kedro_assets.errors import Problems


def read(raw):
    """Read dagster.yml; give it, and the problems as (path, found, hint)."""
    problems = Problems()
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
            "a string ('no') stands",
            "Allowed: true or false.",
        ),
        (
            {"assets": {"memory_assets": 1}},
            "assets.memory_assets",
            "a whole number (1) stands",
            "Allowed: true or false.",
        ),
        ({"assets": {"pipelines": "etl"}}, "assets.pipelines", "a string ('etl') stands here.", "Allowed: a list."),
        ({"assets": {"pipelines": ["a", 2]}}, "assets.pipelines[1]", "a whole number (2) stands", "Allowed: a string."),
        ({"assets": []}, "assets", "a list stands here.", "Allowed: a mapping."),
        ({"load_with_hooks": None}, "load_with_hooks", "nothing stands here.", "Allowed: true or false."),
        ({"jobs": {"j": {"tags": {"a": 1}}}}, "jobs.j.tags.a", "a whole number (1) stands here.", "Allowed: a string."),
        ({"jobs": {"j": {"tags": {1: "a"}}}}, "jobs.j.tags[1]", "the key 1 is no string.", "Keys are strings"),
        (
            {"jobs": {"j": {"retries": {"max_retries": True}}}},
            "jobs.j.retries.max_retries",
            "true or false",
            "a whole number",
        ),
        (
            {"jobs": {"j": {"retries": {"max_retries": 1.5}}}},
            "jobs.j.retries.max_retries",
            "a number (1.5)",
            "a whole number",
        ),
        (
            {"jobs": {"j": {"retries": {"delay": True}}}},
            "jobs.j.retries.delay",
            "true or false stands",
            "Allowed: a number.",
        ),
        (
            {"jobs": {"j": {"schedule": 5}}},
            "jobs.j.schedule",
            "a whole number",
            "Allowed: a string or a mapping or a list.",
        ),
        ({"jobs": {"j": {"executor": ["a"]}}}, "jobs.j.executor", "a list stands", "Allowed: a string or a mapping."),
        ({"schedules": {"s": {}}}, "schedules.s.cron_schedule", "this required key is missing.", "Add it."),
        ({"schedules": {"s": None}}, "schedules.s.cron_schedule", "this required key is missing.", "Add it."),
        ({"executors": {"e": {}}}, "executors.e", "but 0 keys stand here.", "multiprocess: {max_concurrent: 2}"),
        ({"executors": {"e": {"a": {}, "b": {}}}}, "executors.e", "but 2 keys stand here.", "multiprocess"),
        ({"executors": {"e": {"dask": 3}}}, "executors.e", "the options of 'dask' are no mapping.", "`{}`"),
        ({"executors": {"e": "dask"}}, "executors.e", "a string ('dask') stands here.", "Allowed: a mapping."),
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
    assert sorted(found for _, found, _ in read(raw)[1]) == sorted(f"the key {key!r} is no string." for key in keys)
    assert sorted(problem_paths(raw)) == sorted(
        f"jobs.a.tags[{key}]" if isinstance(key, int) else f"jobs.a.tags.{key}" for key in keys
    )


@pytest.mark.parametrize("key", [1, 2.5, None], ids=str)
def test_a_section_that_is_no_string_is_reported(key):
    [(_, found, _)] = read({key: {}})[1]
    assert found == f"the key {key!r} is no string."


def test_reading_leaves_the_raw_values_as_they_are():
    raw = {"assets": {"cluster_by": "x"}, "executors": {"e": {"multiprocess": {"max_concurrent": 2}}}}
    read(raw)
    assert raw == {"assets": {"cluster_by": "x"}, "executors": {"e": {"multiprocess": {"max_concurrent": 2}}}}


def test_every_problem_is_located_by_its_path():
    problems = Problems()
    problems.locate = "/".join
    read_config({"jobs": {"a": {"tags": 1}}}, problems)
    assert [problem.source for problem in problems] == ["jobs/a/tags"]


def test_settings_of_a_dataset_are_read():
    problems = Problems()
    raw = {"description": "d", "group_name": "g", "owners": ["team:a"], "tags": {"k": "v"}, "kinds": ["csv"]}
    settings = read_dataset_settings("a", raw, problems)
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
    problems = Problems()
    read_dataset_settings("a.b", raw, problems)
    assert sorted(problem.path for problem in problems) == paths
