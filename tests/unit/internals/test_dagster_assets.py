"""Fails when Dagster's assets, their graph or their selections change."""

import warnings

import dagster as dg
import pytest

from kedro_assets._internals import dagster_assets


def _first():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # of backfill policies

        @dg.asset(
            pool="big",
            partitions_def=dg.StaticPartitionsDefinition(["x"]),
            backfill_policy=dg.BackfillPolicy.single_run(),
        )
        def first():
            pass

    return first


first = _first()


@dg.asset(deps=[first])
def second():
    pass


FIRST, SECOND, OUTSIDE = (dg.AssetKey(name) for name in ("first", "second", "outside"))
DEFINITIONS = dg.Definitions([first, second, dg.AssetSpec("outside")])


@pytest.fixture(params=["definitions", "repository"])
def graph(request):
    whole = DEFINITIONS if request.param == "definitions" else DEFINITIONS.get_repository_def()
    return dagster_assets.AssetGraph.of(whole)


def test_the_assets_that_a_step_makes_are_known(graph):
    assert graph.made == {FIRST, SECOND}


def test_it_is_known_what_is_made_from_what(graph):
    assert (graph.parents(SECOND), graph.children(FIRST)) == ({FIRST}, {SECOND})
    assert (graph.parents(FIRST), graph.children(OUTSIDE)) == (set(), set())


def test_it_is_known_how_assets_are_partitioned(graph):
    assert graph.partitions(FIRST) == dg.StaticPartitionsDefinition(["x"])
    assert graph.partitions(SECOND) is None
    assert (graph.partitions_per_run(FIRST), graph.partitions_per_run(SECOND)) == (None, 1)


def test_a_selection_is_read_and_resolved(graph):
    selection = dagster_assets.read_selection('key:"first"+')
    assert graph.selected(selection) == {FIRST, SECOND}
    assert dagster_assets.select(selection, [first, second]) == {FIRST, SECOND}


def test_a_selection_that_cannot_be_read_is_an_error_of_dagsters():
    with pytest.raises(dg.DagsterError):
        dagster_assets.read_selection("((")


def test_assets_with_a_step_are_told_from_those_without():
    assert dagster_assets.is_executable(first)
    assert not dagster_assets.is_executable(dg.AssetsDefinition(specs=[dg.AssetSpec("outside")]))


def test_the_pool_of_a_step_is_known():
    assert (dagster_assets.pool_of(first), dagster_assets.pool_of(second)) == ("big", None)


def test_a_step_of_assets_is_shown_its_own_resources_only():
    op = dg.OpDefinition(lambda _context, _inputs: None, "step", outs={"a": dg.Out()}, required_resource_keys={"own"})
    assets = dagster_assets.StepAssets(
        node_def=op, keys_by_output_name={"a": dg.AssetKey("a")}, specs=[dg.AssetSpec("a")]
    )
    resources = {name: dg.ResourceDefinition.hardcoded_resource(name) for name in ("own", "other")}
    bound = assets.with_resources({**resources, "io_manager": dg.mem_io_manager})
    assert isinstance(bound, dagster_assets.StepAssets)
    assert set(bound.resource_defs) == {"own", "io_manager"}


def test_the_resources_of_a_code_location_are_bound_by_the_method_that_is_overridden(monkeypatch):
    called = []
    bind = dagster_assets.StepAssets.with_resources
    monkeypatch.setattr(
        dagster_assets.StepAssets, "with_resources", lambda self, given: (called.append(1), bind(self, given))[1]
    )
    op = dg.OpDefinition(lambda _context, _inputs: None, "step", outs={"a": dg.Out()})
    step = dagster_assets.StepAssets(
        node_def=op, keys_by_output_name={"a": dg.AssetKey("a")}, specs=[dg.AssetSpec("a")]
    )
    dg.Definitions([step], resources={"x": dg.ResourceDefinition.hardcoded_resource(1)}).get_repository_def()
    assert called


def test_an_asset_that_is_observed_reports_its_data_version():
    def observe(_context, _inputs):
        yield dg.ObserveResult(dg.AssetKey(["deep", "a b"]), data_version=dg.DataVersion("7"))

    op = dg.OpDefinition(observe, "look", outs={"observed": dg.Out(dg.Nothing)})
    asset = dagster_assets.observable_asset(op, dg.AssetSpec(["deep", "a b"]))
    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.Definitions([asset]).resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=instance).success
        [record] = instance.fetch_observations(dg.AssetKey(["deep", "a b"]), limit=1).records
    assert record.asset_observation.tags["dagster/data_version"] == "7"
    assert not dagster_assets.AssetGraph.of(dg.Definitions([asset])).made


def test_a_selection_may_name_assets_that_are_not_there():
    selection = dagster_assets.read_selection('key:"nope" or key:"raw"')
    assert dagster_assets.select_known(selection, []) == frozenset()
