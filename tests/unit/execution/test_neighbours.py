"""Who was last to make the assets of a project, as far as the records of runs tell."""

import dagster as dg
import pytest

from kedro_assets.execution import notes_on_neighbours

A, B, C = (dg.AssetKey(name) for name in "abc")


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def made(instance, *keys, project=None, location=None, **tags):
    """Record a run that has made some assets."""
    tags = {"kedro/project": project, "dagster/code_location": location, **tags}

    @dg.multi_asset(specs=[dg.AssetSpec(key) for key in keys])
    def make():
        for key in keys:
            yield dg.MaterializeResult(asset_key=key)

    given = {name: value for name, value in tags.items() if value}
    assert dg.materialize([make], instance=instance, tags=given).success


def notes(instance, *keys, location=None):
    return list(notes_on_neighbours("shop", keys, instance, location))


def test_a_project_that_nobody_else_knows_has_no_neighbours(instance):
    assert notes(instance, A, B) == []
    assert notes(instance) == []
    made(instance, A, project="shop")
    assert notes(instance, A, B, location="shop") == []


def test_assets_that_another_project_was_the_last_to_make_are_named(instance):
    made(instance, A, B, C, project="rival")
    made(instance, C, project="shop")
    [note] = notes(instance, A, B, C)
    assert note == (
        "2 assets of this project, such as 'a', were last made by the project 'rival', so that each hides what the other has "
        "made. Give one of the two an `assets.key_prefix` in dagster.yml."
    )
    assert notes(instance, B)[0].startswith("1 asset of this project, 'b', was last made by the project 'rival'")


def test_a_run_of_several_projects_is_of_each_of_them(instance):
    made(instance, A, **{"kedro_eu/project": "shop", "kedro_us/project": "rival"})
    made(instance, B, **{"kedro_eu/project": "other", "kedro_us/project": "rival"})
    assert notes(instance, A) == []
    assert "the project 'other'" in notes(instance, B)[0]


def test_each_neighbour_has_a_note_of_its_own(instance):
    made(instance, A, project="rival")
    made(instance, B, project="other")
    assert [note.split(", so")[0].rpartition(" ")[2] for note in notes(instance, A, B)] == ["'rival'", "'other'"]


@pytest.mark.parametrize(
    ("own", "found"), [("shop", 1), ("elsewhere", 0), (None, 0)], ids=["another", "the same", "not known"]
)
def test_assets_of_no_kedro_project_are_told_by_the_code_location(instance, own, found):
    made(instance, A, location="elsewhere")
    assert len(notes(instance, A, location=own)) == found
    assert all("by the code location 'elsewhere'" in note for note in notes(instance, A, location=own))


def test_the_code_location_of_a_run_of_the_project_does_not_matter(instance):
    made(instance, A, project="shop", location="old_name")
    assert notes(instance, A, location="shop") == []


def test_what_was_reported_without_a_run_is_of_nobody(instance):
    instance.report_runless_asset_event(dg.AssetMaterialization(A))
    assert notes(instance, A, location="shop") == []


def test_a_run_that_was_deleted_is_of_nobody(instance):
    made(instance, A, project="rival")
    [run] = instance.get_runs()
    instance.run_storage.delete_run(run.run_id)
    assert notes(instance, A) == []
