"""The project as assets of one's own find it, which is a real one here."""

import json

import pytest

from kedro_assets.runtime import KedroResource

PIPELINES = """
    def scaled(number, factor):
        return number * factor

    main = Pipeline([node(scaled, ['raw', 'params:factor'], 'made', name='make')])
    return {'__default__': main, 'other': Pipeline([node(scaled, ['raw', 'params:factor'], 'other', name='other')])}
"""
CATALOG = """
    raw: {type: json.JSONDataset, filepath: data/raw.json, versioned: %s}
    made: {type: json.JSONDataset, filepath: data/made.json}
"""


@pytest.fixture
def resource_of(translate_project):
    """Write a project, and return what its assets find, with its folder."""

    def make(versioned="false", **given):
        conf = {"catalog.yml": CATALOG % versioned, "parameters.yml": "factor: 2"}
        project = translate_project(PIPELINES, conf=conf).project
        data = project.location.path / "data"
        data.mkdir()
        (data / "raw.json").write_text("21") if versioned == "false" else None
        kedro = type("Opened", (), {"location": project.location, "enter": lambda _: None})()
        return KedroResource(kedro, **given), data

    return make


def test_a_pipeline_runs_as_kedro_run_does(resource_of):
    resource, data = resource_of()
    assert set(resource.run()) == {"made"}
    assert json.loads((data / "made.json").read_text()) == 42


def test_the_runs_parameters_hold_unless_a_call_gives_others(resource_of):
    resource, data = resource_of(runtime_params={"factor": 10})
    resource.run()
    assert json.loads((data / "made.json").read_text()) == 210
    resource.run(runtime_params={"factor": 3})
    assert json.loads((data / "made.json").read_text()) == 63


def test_a_registered_pipeline_is_chosen_by_its_name(resource_of):
    resource, data = resource_of()
    assert {name: dataset.load() for name, dataset in resource.run(pipeline_names=["other"]).items()} == {"other": 42}
    assert not (data / "made.json").exists()


def test_versions_to_load_hold_unless_a_call_gives_others(resource_of):
    resource, data = resource_of("true", load_versions={"raw": "2026-a"})
    for version, number in (("2026-a", "1"), ("2026-b", "5")):
        place = data / "raw.json" / version / "raw.json"
        place.parent.mkdir(parents=True)
        place.write_text(number)
    resource.run()
    assert json.loads((data / "made.json").read_text()) == 2
    resource.run(load_versions={"raw": "2026-b"})
    assert json.loads((data / "made.json").read_text()) == 10


def test_the_catalog_is_that_of_the_runs_parameters(resource_of):
    resource, _ = resource_of(runtime_params={"factor": 10})
    catalog = resource.open_catalog()
    assert (catalog.load("raw"), catalog.load("params:factor")) == (21, 10)
