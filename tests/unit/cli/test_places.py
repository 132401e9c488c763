"""What `kedro assets check` says of places that ask for a part of a partition."""

import pytest

from kedro_assets.cli.places import place_notes

PIPELINE = "return {'__default__': Pipeline([node(len, 'raw', 'made', name='make')])}"
PLACE = "made: {type: json.JSONDataset, filepath: 'data/${runtime_params:partition_key}.json'%s}\n"


@pytest.fixture
def notes_of(translate_project):
    """What is said of a project with one node."""

    def notes(settings="", dagster=""):
        conf = {"catalog.yml": PLACE % settings, "dagster.yml": dagster}
        return list(place_notes(translate_project(PIPELINE, conf=conf)))

    return notes


def test_a_place_that_nothing_gives_a_value_is_named_with_its_node(notes_of):
    [note] = notes_of()
    assert note.startswith("'made', which node 'make' writes, depends on the runtime parameter `partition_key`")


def test_nothing_is_said_of_what_is_partitioned(notes_of):
    assert notes_of(", metadata: {dagster: {partitions: {static: [a, b]}}}") == []


def test_nothing_is_said_where_a_job_gives_the_value(notes_of):
    assert notes_of(dagster="jobs: {all: {config: {runtime_params: {partition_key: a}}}}") == []
