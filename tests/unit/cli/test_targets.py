"""Which assets and which job the command line means."""

import pytest

from kedro_assets._internals import dagster_assets, dagster_jobs
from kedro_assets.cli.targets import Asked, find_target
from kedro_assets.errors import KedroAssetsError
from kedro_assets.steps import projects_among


@pytest.fixture
def target(translate_project):
    """Find what is asked for in a small project."""

    def find(*pipelines, **asked):
        jobs = "" if pipelines else "jobs: {a job: {}, ops: {view: ops}}"
        translation = translate_project(*pipelines, conf={"dagster.yml": jobs})
        definition = translation.definitions.get_repository_def()
        own = projects_among(dagster_jobs.resources(definition))
        return find_target(definition, dagster_assets.AssetGraph.of(definition), own, Asked(**asked))

    return find


def test_a_job_is_meant_as_a_whole_and_may_be_called_as_in_dagster_yml(target):
    found = target(job="a job")
    assert (found.job, found.is_whole) == ("a_job", True)
    assert found.keys


def test_without_anything_all_assets_are_meant_but_not_chosen(target):
    found = target()
    assert (found.is_whole, found.is_chosen) == (False, False)
    assert found.keys == target(job="a job").keys


@pytest.mark.parametrize(
    ("asked", "option"),
    [({"stale": True}, "--stale"), ({"only_missing_outputs": True}, "--only-missing-outputs")],
    ids=["stale", "missing"],
)
def test_a_job_of_ops_has_no_assets_to_choose_among(asked, option, target):
    with pytest.raises(KedroAssetsError, match=f"Use {option} with a job of assets"):
        target(job="ops", **asked)


def test_a_registered_pipeline_is_meant_by_its_name(target):
    assert target(job="__default__").keys == target().keys


PARTS = """
    one, two = Pipeline([n('a', ['raw'], ['x'])]), Pipeline([n('b', ['raw'], ['m']), n('c', ['m'], ['y'])])
    return {%s, 'two': two}
"""


@pytest.mark.parametrize(
    ("default", "made"),
    [("'__default__': one", {"x"}), ("'__default__': two, 'one': one", {"y"}), ("'one': one", {"x", "y"})],
    ids=["one", "two", "no default"],
)
def test_without_anything_the_default_pipeline_is_meant_as_kedro_run_means_it(default, made, target):
    assert {key.to_user_string() for key in target(PARTS % default).keys} == made
