"""What the runs of a job are given."""

import pytest

from kedro_assets.config import RunConfig
from kedro_assets.errors import Scope
from kedro_assets.jobs.run_config import check_parameters, combined, dagster_run_config

READS = {"a": frozenset({"params:x", "params:m.depth"}), "c": frozenset({"params:x", "parameters"})}


def test_values_of_parameters_go_to_the_steps_that_read_them():
    config = RunConfig(parameters={"params:x": 5, "params:m.depth": {"a": None}})
    assert dagster_run_config(config, READS, [], "kedro") == {
        "ops": {
            "a": {"config": {"parameters": {"params:x": 5, "params:m.depth": {"a": None}}}},
            "c": {"config": {"parameters": {"params:x": 5}}},
        }
    }


def test_what_kedro_is_given_goes_to_the_resource_of_the_project():
    config = RunConfig(runtime_params={"a": {"b": [1]}}, load_versions={"model": "2026"})
    assert dagster_run_config(config, READS, [], "kedro_eu") == {
        "resources": {"kedro_eu": {"config": {"runtime_params": {"a": {"b": [1]}}, "load_versions": {"model": "2026"}}}}
    }


def test_loggers_are_named():
    assert dagster_run_config(RunConfig(), READS, ["file", "console"], "kedro") == {
        "loggers": {"file": {}, "console": {}}
    }


def test_nothing_gives_nothing():
    assert dagster_run_config(RunConfig(), READS, [], "kedro") == {}


def test_more_is_laid_over_a_configuration():
    config = RunConfig({"params:x": 1, "params:y": 2}, {"m": {"depth": 1, "seed": 2}}, {"a": "1", "b": "1"})
    more = RunConfig({"params:x": {"z": 9}}, {"m": {"depth": 3}, "n": None}, {"b": "2"})
    assert combined(config, more) == RunConfig(
        {"params:x": {"z": 9}, "params:y": 2}, {"m": {"depth": 3, "seed": 2}, "n": None}, {"a": "1", "b": "2"}
    )
    assert config.runtime_params == {"m": {"depth": 1, "seed": 2}}


def test_a_parameter_that_no_node_reads_is_reported_with_the_nearest():
    problems = Scope()
    check_parameters(
        RunConfig(parameters={"params:x": 1, "params:m.dept": 1}), READS, problems.at("jobs", "j", "config")
    )
    [problem] = problems
    assert (problem.path, problem.found) == (
        "jobs.j.config.parameters.params:m.dept",
        "no node of this job reads the parameter 'params:m.dept'.",
    )
    assert problem.hint.startswith("Did you mean 'params:m.depth'?")


# In dagster.yml.

READING = """
    return {
        '__default__': Pipeline([
            n('a', ['raw', 'params:x', 'params:m.depth'], ['b']), n('c', ['b', 'params:x', 'parameters'], ['d']),
            n('e', ['b'], ['f']),
        ]),
        'last': Pipeline([n('e', ['b'], ['f'])]),
    }
"""
FILES = "".join(f"{name}: {{type: json.JSONDataset, filepath: {name}.json}}\n" for name in "bdf")


def test_values_of_a_job_for_parameters_go_to_the_steps_that_read_them(translate_project):
    dagster = "jobs: {j: {config: {parameters: {'params:x': 5, 'params:m.depth': {a: null}}}}}"
    conf = {"dagster.yml": dagster, "parameters.yml": "x: 1\nm: {depth: 3}", "catalog.yml": FILES}
    job = translate_project(READING, conf=conf).definitions.resolve_job_def("j")
    assert job.run_config["ops"] == {
        "a": {"config": {"parameters": {"params:x": 5, "params:m.depth": {"a": None}}}},
        "c": {"config": {"parameters": {"params:x": 5}}},
    }


@pytest.mark.parametrize("job", ["{pipeline: {pipeline_name: last}, ", "{selection: f, "], ids=["filter", "selection"])
def test_a_value_for_a_parameter_that_no_node_of_the_job_reads_is_reported(problems_of, job):
    dagster = f"jobs: {{j: {job}config: {{parameters: {{'params:x': 5}}}}}}}}"
    [problem] = problems_of(READING, conf={"dagster.yml": dagster, "parameters.yml": "x: 1", "catalog.yml": FILES})
    assert (problem.path, problem.found) == (
        "jobs.j.config.parameters.params:x",
        "no node of this job reads the parameter 'params:x'.",
    )


def test_load_versions_of_a_job_are_configuration_of_its_runs(translate_project):
    dagster = "jobs: {j: {config: {load_versions: {made: 2026-03-01T12.30.05.123Z}}}}"
    job = translate_project(conf={"dagster.yml": dagster}).definitions.resolve_job_def("j")
    assert job.run_config["resources"]["kedro"]["config"] == {"load_versions": {"made": "2026-03-01T12.30.05.123Z"}}


@pytest.mark.parametrize(
    ("dagster", "path"),
    [
        ("jobs: {j: {tags: {kedro/run_id: mine}}}", "jobs.j.tags.kedro/run_id"),
        (
            "jobs: {j: {schedule: {cron_schedule: '@daily', tags: {kedro/pipeline_hooks: ''}}}}",
            "jobs.j.schedule.tags.kedro/pipeline_hooks",
        ),
        ("jobs: {j: {sensor: {dataset: raw, tags: {kedro/env: x}}}}", "jobs.j.sensor.tags.kedro/env"),
        (
            "jobs: {j: {sensor: s}}\nsensors: {s: {dataset: raw, tags: {kedro/filter: x}}}",
            "sensors.s.tags.kedro/filter",
        ),
    ],
    ids=["job", "schedule", "sensor", "named sensor"],
)
def test_tags_that_the_processes_of_a_run_write_are_refused(problems_of, dagster, path):
    catalog = "raw: {type: json.JSONDataset, filepath: raw.json}\n"
    [problem] = problems_of(conf={"dagster.yml": dagster, "catalog.yml": catalog})
    assert (problem.path, problem.hint) == (path, "Give the tag another name.")
