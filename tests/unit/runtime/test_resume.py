"""Where a run goes on that was started from the failure of another: what that has made, and nothing has changed since."""

import dagster as dg
import pytest
from dagster._core.events import StepMaterializationData

from kedro_assets.runtime.resume import made_by, run_resumed, unchanged
from unit.builders import make_node
from unit.records import make_table

NODES = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["memory"]), make_node("c", ["memory"], ["y"])]
RESUMED = {"dagster/is_resume_retry": "true"}
FAILED = "11111111-1111-1111-1111-111111111111"


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def table():
    return make_table(NODES, files=["raw", "x", "y"])


def run_after(instance, tags=None, config=None, parent_tags=None):
    """Return a run behind one that has failed."""
    instance.add_run(dg.DagsterRun("job", run_id=FAILED, tags=parent_tags or {}, run_config={}))
    given = RESUMED if tags is None else tags
    return dg.DagsterRun("job", tags=given, parent_run_id=FAILED, root_run_id=FAILED, run_config=config or {})


def test_a_run_goes_on_with_the_one_before(instance):
    assert run_resumed(run_after(instance), instance) == FAILED


@pytest.mark.parametrize(
    "options",
    [
        {"tags": {}},
        {"config": {"ops": {"a": {}}}},
        {"tags": {**RESUMED, "dagster/partition": "k"}},
        {"parent_tags": {"dagster/partition": "k"}},
    ],
    ids=["all of it again", "another configuration", "another partition", "no partition"],
)
def test_a_run_that_is_something_else_starts_anew(options, instance):
    assert run_resumed(run_after(instance, **options), instance) is None


def test_a_run_whose_parent_is_gone_starts_anew(instance):
    assert run_resumed(dg.DagsterRun("job", tags=RESUMED, parent_run_id=FAILED, root_run_id=FAILED), instance) is None


def record(instance, table, name, run_id=FAILED, version=None):
    """Record that a run has made a dataset."""
    spec = table.dataset(name).spec
    tags = {"dagster/code_version": version or spec.code_version}
    run = instance.get_run_by_id(run_id) or instance.add_run(dg.DagsterRun("job", run_id=run_id))
    event = dg.AssetMaterialization(spec.key, tags=tags)
    instance.report_dagster_event(
        dg.DagsterEvent(
            dg.DagsterEventType.ASSET_MATERIALIZATION.value,
            "job",
            event_specific_data=StepMaterializationData(event),
        ),
        run.run_id,
    )


def kept(instance, table):
    run = instance.get_run_by_id(FAILED)
    made = made_by(FAILED, table.assets, table, run, instance)
    return {name for _, name in made}


def test_what_the_run_has_made_stays(instance, table):
    record(instance, table, "x")
    assert kept(instance, table) == {"x"}


def test_in_memory_data_does_not_stay(instance, table):
    record(instance, table, "memory")
    assert kept(instance, table) == set()


def test_what_other_code_has_made_does_not_stay(instance, table):
    record(instance, table, "x", version="older")
    assert kept(instance, table) == set()


def test_what_another_run_has_made_since_does_not_stay(instance, table):
    record(instance, table, "x")
    record(instance, table, "x", run_id="22222222-2222-2222-2222-222222222222")
    assert kept(instance, table) == set()


@pytest.mark.parametrize("event", [dg.AssetMaterialization, dg.AssetObservation])
@pytest.mark.parametrize(("changed", "stays"), [("raw", set()), ("x", set()), ("elsewhere", {"y"})])
def test_what_is_made_from_data_that_has_changed_since_does_not_stay(event, changed, stays, instance, table):
    name = "x" if changed == "raw" else "y"  # `y` is made from `x`, through memory
    record(instance, table, name)
    instance.report_runless_asset_event(event(changed))
    assert kept(instance, table) == stays


def test_of_a_run_of_several_partitions_nothing_stays(instance, table):
    record(instance, table, "x")
    run = dg.DagsterRun(
        "job", tags={"dagster/asset_partition_range_start": "a", "dagster/asset_partition_range_end": "b"}
    )
    assert made_by(FAILED, table.assets, table, run, instance) == set()


@pytest.mark.parametrize(
    ("listed", "event", "stays"),
    [
        (["x", "y", "memory"], None, {"x", "y"}),
        (["y"], None, {"y"}),
        (["x", "y"], dg.AssetObservation("raw", tags={"dagster/data_version": "new"}), {"y"}),
    ],
    ids=["all", "what is listed", "other data before one"],
)
def test_what_has_come_out_the_same_leaves_what_is_behind_it(listed, event, stays, instance, table):
    for name in ("x", "memory", "y"):
        record(instance, table, name)
    if event is not None:
        instance.report_runless_asset_event(event)
    run = instance.get_run_by_id(FAILED)
    assert {name for _, name in unchanged(listed, table.assets, table, run, instance)} == stays
