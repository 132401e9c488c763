import dagster as dg
import pytest

from kedro_assets._internals import dagster_conditions

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
def test_a_condition_is_of_a_job_if_it_looks_at_the_assets_of_one():
    assert dagster_conditions.is_of_job(AC.any_job_root_assets_match(AC.eager()) & ~AC.missing())
    assert not dagster_conditions.is_of_job(AC.eager())
