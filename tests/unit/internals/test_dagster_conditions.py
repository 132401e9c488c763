import dagster as dg
import pytest

from kedro_assets._internals import dagster_conditions
from kedro_assets._internals.dagster_assets import AssetGraph

AC = dg.AutomationCondition


def test_a_condition_of_dagsters_own_has_a_label():
    assert dagster_conditions.label(AC.on_cron("0 6 * * *")).startswith("on_cron")
    assert dagster_conditions.label(~AC.missing()) == ""


def test_the_parts_of_a_condition_are_itself_and_all_inside_it():
    inner = ~AC.missing()
    condition = inner.since(AC.newly_updated())
    found = list(dagster_conditions.parts(condition))
    assert found == [condition, inner, AC.missing(), AC.newly_updated()]


def test_the_names_of_parts_are_those_by_which_they_are_replaced():
    names = dagster_conditions.names(AC.eager())
    assert names[:3] == ["eager", "in_latest_time_window", "newly_missing"]
    for name in names:
        assert AC.eager().replace(name, AC.check_failed()) != AC.eager()


@pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")
@pytest.mark.newer_jobs
def test_a_condition_is_of_a_job_if_it_looks_at_the_assets_of_one():
    assert dagster_conditions.is_of_job(AC.any_job_root_assets_match(AC.eager()) & ~AC.missing())
    assert not dagster_conditions.is_of_job(AC.eager())


@pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")
@pytest.mark.newer_jobs
@pytest.mark.parametrize("which", ["any", "all"])
def test_what_is_asked_of_the_roots_of_a_job_can_be_another_condition(which):
    make = getattr(AC, f"{which}_job_root_assets_match")
    found = dagster_conditions.of_roots(make(AC.eager()), AC.missing())
    assert found == make(AC.missing()).with_label(f"{which}_job_root_assets_match(eager)")
    assert dagster_conditions.is_of_roots(found)
    assert [dagster_conditions.is_of_roots(found, each) for each in ("any", "all")] == [which == "any", which == "all"]
    assert not dagster_conditions.is_of_roots(AC.eager())


def test_what_a_condition_is_by_itself_is_known_whatever_its_label():
    kinds = [dagster_conditions.kind(part) for part in dagster_conditions.parts(AC.on_missing())]
    assert kinds[:5] == ["And", "InLatestTimeWindow", "Since", "NewlyTrue", "Missing"]
    assert {"Or", "Not", "AnyDeps"} < {*kinds}


def test_the_operands_of_since_are_what_starts_it_and_what_resets_it():
    first, second = dagster_conditions.operands(AC.missing().since(AC.newly_updated()))
    assert (first, second) == (AC.missing(), AC.newly_updated())
    assert dagster_conditions.label(dagster_conditions.operands(AC.missing().since_last_handled())[1]) == "handled"


def test_a_condition_on_other_assets_looks_at_what_its_methods_leave():
    made = [dg.AssetSpec("a"), dg.AssetSpec("b"), dg.AssetSpec("c", deps=["a", "b"])]
    graph, key = AssetGraph.of(dg.Definitions(assets=made)), dg.AssetKey("c")
    assert dagster_conditions.followed(AC.any_deps_updated(), key, graph) == {dg.AssetKey("a"), dg.AssetKey("b")}
    ignoring = AC.any_deps_updated().ignore(dg.AssetSelection.assets("b"))
    assert dagster_conditions.followed(ignoring, key, graph) == {dg.AssetKey("a")}
    assert dagster_conditions.followed(AC.missing(), key, graph) == frozenset()


@pytest.mark.parametrize(
    ("cron", "ticks"),
    [
        ("0 0 29 2 *", True),
        ("0 0 31 2,4 *", False),
        ("1 1 1 1 1#2", False),
        (["@daily", "1 1 1 1 1#2"], False),
        ("no cron", True),
    ],
)
def test_a_cron_expression_that_no_time_fits_is_known(cron, ticks):
    assert dagster_conditions.has_ticks(cron, "Europe/Berlin") is ticks
