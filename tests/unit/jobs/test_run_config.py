import pytest

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
        "no node of this job reads 'params:x'.",
    )


def test_load_versions_of_a_job_are_configuration_of_its_runs(translate_project):
    dagster = "jobs: {j: {config: {load_versions: {made: 2026-03-01T12.30.05.123Z}}}}"
    job = translate_project(conf={"dagster.yml": dagster}).definitions.resolve_job_def("j")
    assert job.run_config["resources"]["kedro"]["config"] == {"load_versions": {"made": "2026-03-01T12.30.05.123Z"}}
