"""The schema of dagster.yml: what it says fits the reader of dagster.yml and the installed executors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import fields
from dagster_yml import MISFITS, MISTAKES

from kedro_assets.cli.schema import dagster_schema, executor_schema
from kedro_assets.config import DagsterConfig, read_config
from kedro_assets.errors import Scope
from kedro_assets.execution.executors import KNOWN

jsonschema = pytest.importorskip("jsonschema")

EXAMPLE = Path(__file__).parents[3] / "examples/flights/conf/base/dagster.yml"
OF_EXECUTORS = {
    "executors.a.multiprocess.max_concurrent",
    "jobs.a.executor.no_such",
}  # the reader leaves them to Dagster


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(json.dumps(dagster_schema()))


def errors(text: str, schema: dict[str, Any]) -> list[str]:
    found = jsonschema.Draft7Validator(schema).iter_errors(yaml.safe_load(text) or {})
    return sorted(".".join(map(str, error.absolute_path)) for error in found)


def problems(text: str) -> list[str]:
    found = Scope()
    read_config(yaml.safe_load(text) or {}, found)
    return [problem.path for problem in found]


def test_it_is_a_schema_of_draft_7(schema) -> None:
    jsonschema.Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_every_key_has_a_description(schema) -> None:
    assert list(schema["properties"]) == [key.name for key in fields(DagsterConfig)]
    for section in (schema, *(value for name, value in schema["definitions"].items() if name not in KNOWN)):
        assert section["description"]
        if section not in (schema["definitions"]["ExecutorConfig"], schema["definitions"]["AutomationCondition"]):
            assert all(key["description"] for key in section["properties"].values())
    written_out = schema["definitions"]["AutomationCondition"]["anyOf"][1]
    assert all(word["description"] for word in written_out["properties"].values())


def test_defaults_and_choices_are_those_of_the_reader(schema) -> None:
    assets = schema["definitions"]["AssetsConfig"]["properties"]
    assert assets["cluster_by"]["default"] == "memory"
    assert assets["cluster_by"]["anyOf"][0] == {"enum": ["memory", "node", "namespace", "tag", "pipeline"]}
    assert assets["memory_assets"]["default"] is True
    assert "default" not in assets["pipelines"]


def test_the_example_fits(schema) -> None:
    assert errors(EXAMPLE.read_text(encoding="utf-8"), schema) == []


def test_mistakes_are_marked_where_the_reader_reports_them(schema) -> None:
    assert problems(MISTAKES) == ["assets.memory_assets", "assets.cluster_bye"]
    assert errors(MISTAKES, schema) == ["assets", "assets.memory_assets"]  # an unknown key is marked at its section


def job_with(condition: str) -> str:
    return f"jobs: {{j: {{automation_condition: {condition}}}}}"


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        pytest.param("{any_job_root_assets_match: eager}", True, marks=pytest.mark.newer_jobs),
        pytest.param(
            "{any_job_root_assets_match: {eager: null, ignore: 'key:\"a\"', replace: [{old: missing, new: missing}]}}",
            True,
            marks=pytest.mark.newer_jobs,
        ),
        ("{all_of: [eager, {not: in_progress}], with_label: both}", True),
        ("'${globals:condition}'", True),
        ("eagr", False),
        ("on_cron", False),
        ("{any_job_root_assets_matches: eager}", False),
        ("{}", False),
        ("[eager]", False),
    ],
)
def test_a_condition_has_the_words_of_dagster(condition: str, fits: bool, schema) -> None:
    assert bool(errors(job_with(condition), schema)) is not fits


@pytest.mark.parametrize(("text", "path"), MISFITS)
def test_what_the_reader_refuses_is_refused(text: str, path: str, schema) -> None:
    assert bool(errors(text, schema)) == bool(problems(text) or path in OF_EXECUTORS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "assets:",
        "jobs: {a: }",
        "schedules: {a: }",
        "executors: {a: }",
        "executors: {a: {}}",
        "executors: {a: {in_process: }}",
        "executors: {a: {in_process: {}, multiprocess: {}}}",
        "executors: {a: {my.own.executor: {anything: 1}}}",
        "executors: {a: {multiprocess_executor: {max_concurrent: 2}}}",
        "executors: {a: multiprocess}",
        "default_executor: multiprocess",
        "default_executor: none",
        "default_executor: {multiprocess: {}}",
        "default_executor: [multiprocess]",
        "loggers: {a: {log_level: LOUD}}",
        "loggers: {a: {handlers: [{class: a}], formatters: {b: {}}}}",
        "schedules: {a: {cron_schedule: ['@daily', '0 2 * * *'], default_status: RUNNING}}",
        "schedules: {a: {cron_schedule: [1]}}",
        "schedules: {a: {cron_schedule: null}}",
        "schedules: {a: {cron_schedule: '@daily', tags: {a: 1}}}",
        "jobs: {a: {schedule: [nightly, {cron_schedule: '@daily'}], executor: {in_process: {}}}}",
        "jobs: {a: {schedule: {execution_timezone: UTC}}}",
        "jobs: {a: {loggers: console}}",
        "jobs: {a: {pipeline: {node_namespace: a}}}",
        "jobs: {a: {pipeline: {node_namespaces: [a], tags: null}}}",
        "jobs: {a: {pipeline: {node_namespaces: a}}}",
        "jobs: {a: {pipeline: {node_namespace: [a]}}}",
        "jobs: {a: {pipeline: {}, selection: 'key:a'}}",
        "jobs: {a: {retries: {max_retries: 2, delay: 1.5, backoff: LINEAR}}}",
        "jobs: {a: {retries: {max_retries: 1.5}}}",
        "jobs: {a: {priority: high}}",
        "jobs: {a: {config: {runtime_params: {a: [1, {b: 2}]}, load_versions: {a: 1}}}}",
        "load_with_hooks: yes",
        "load_with_hooks: 'yes'",
    ],
)
def test_schema_and_reader_agree(text: str, schema) -> None:
    assert bool(errors(text, schema)) == bool(problems(text))


def test_interpolation_may_stand_for_any_value(schema) -> None:
    text = """
        assets: ${globals:assets}
        executors: {a: {multiprocess: {max_concurrent: "${globals:workers}"}}, b: "${globals:b}"}
        jobs: {a: {priority: "${globals:p}", view: "${globals:v}", loggers: "${globals:l}", pipeline: "${globals:f}"}}
        load_with_hooks: ${oc.env:HOOKS}
    """
    assert errors(text, schema) == []


@pytest.mark.parametrize(
    ("options", "fits"),
    [
        ("{max_concurrent: 2, retries: {enabled: {}}}", True),
        ("{max_concurrent: null, retries: {disabled: }}", True),
        ("{start_method: {forkserver: {preload_modules: [a]}}}", True),
        ("{tag_concurrency_limits: [{key: a, value: b, limit: 1}]}", True),
        ("{tag_concurrency_limits: [{key: a, value: {applyLimitPerUniqueValue: true}, limit: 1}]}", True),
        ("{tag_concurrency_limits: [{key: a}]}", False),
        ("{retries: {enabled: {}, disabled: {}}}", False),
        ("{retries: {}}", False),
        ("{max_concurent: 2}", False),
        ("{max_concurrent: two}", False),
    ],
)
def test_options_are_those_of_the_executor(options: str, fits: bool, schema) -> None:
    assert (errors(f"executors: {{a: {{multiprocess: {options}}}}}", schema) == []) is fits


def test_the_familiar_options_of_docker_fit(schema) -> None:
    options = "{image: a, registry: my_registry.com, network: a, container_kwargs: {volumes: ['/a:/b']}}"
    assert errors(f"executors: {{a: {{docker_executor: {options}}}}}", schema) == []


def test_an_executor_that_is_not_installed_takes_any_options(monkeypatch) -> None:
    monkeypatch.setitem(KNOWN, "dask", ("a_library_that_is_missing.dask_executor", "dagster-dask"))
    assert executor_schema("dask") == {
        "description": "This executor is not installed. Install it: pip install dagster-dask",
        "type": ["object", "null"],
    }


def test_an_executor_that_is_given_by_its_import_path_has_the_schema_of_its_library() -> None:
    assert executor_schema("dagster.multiprocess_executor")["properties"].keys() >= {"max_concurrent", "start_method"}
    missing = executor_schema("a_missing.library_executor")
    assert missing["description"] == "This executor is not installed. Install it: pip install a-missing"
