"""Which assets and which job the command line means."""

import re

import pytest

from kedro_assets._internals import dagster_assets, dagster_jobs
from kedro_assets.cli.meanings import OF_FILTERS
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


SEVERAL = """
    from kedro.pipeline import node, pipeline
    forest = node(n('d', ['m'], ['z'])._func, 'm', 'forest.z', name='d', namespace='forest', tags=['late'])
    one = Pipeline([n('a', ['raw'], ['x'])])
    two = Pipeline([n('b', ['other'], ['m']), forest])
    return {'__default__': one, 'two': two, 'nothing': Pipeline([])}
"""
OPTIONS = {"pipelines": "pipeline_names", "nodes": "node_names", "namespaces": "node_namespaces"}


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("a", {"x"}),
        ("x", {"x"}),
        ("raw", {"x"}),
        ("b", {"m"}),
        ("forest.d", {"forest/z"}),
        ("forest.z", {"forest/z"}),
        ("forest/z", {"forest/z"}),
        ("other", {"forest/z"}),
        ("late", {"forest/z"}),
        ("forest", {"forest/z"}),
    ],
)
def test_what_is_said_of_a_name_that_is_no_job_works(name, made, target):
    with pytest.raises(KedroAssetsError) as refused:
        target(SEVERAL, job=name)
    said = re.search(r"with `(--[^`]+)`", str(refused.value))
    assert said, str(refused.value)
    words = said[1].split()
    options = {option.removeprefix("--"): value for option, value in zip(words[::2], words[1::2], strict=True)}
    select = options.pop("select", None)
    filters = {OPTIONS.get(option, option.replace("-", "_")): [value] for option, value in options.items()}
    assert filters.keys() <= OF_FILTERS.keys()
    found = target(SEVERAL, select=select, filters=filters)
    assert {key.to_user_string() for key in found.keys} == made


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"node_names": ["b"]}, "'b' is in the pipeline 'two': give --pipelines two, too."),
        ({"tags": ["late"]}, "'late' is in the pipeline 'two': give --pipelines two, too."),
        ({"to_outputs": ["forest/z"]}, "'forest.z' is in the pipeline 'two': give --pipelines two, too."),
        ({"node_names": ["x"]}, "'x' is a dataset: make it with `--select x`"),
    ],
    ids=["node", "tag", "key of a dataset", "dataset"],
)
def test_a_filter_that_leaves_nothing_says_where_the_name_is(filters, said, target):
    with pytest.raises(KedroAssetsError) as refused:
        target(SEVERAL, filters=filters)
    assert said in str(refused.value)


def test_a_pipeline_without_assets_says_why(target):
    with pytest.raises(KedroAssetsError, match="'nothing' has no nodes"):
        target(SEVERAL, job="nothing")


def test_the_key_of_an_asset_is_not_taken_for_a_job_of_nearly_the_same_name(translate_project):
    translation = translate_project(SEVERAL, conf={"dagster.yml": "jobs: {forest_z: {}}"})
    definition = translation.definitions.get_repository_def()
    own = projects_among(dagster_jobs.resources(definition))
    graph = dagster_assets.AssetGraph.of(definition)
    with pytest.raises(KedroAssetsError, match="'forest/z' is an asset"):
        find_target(definition, graph, own, Asked(job="forest/z"))
    assert find_target(definition, graph, own, Asked(job="forest-z")).job == "forest_z"
