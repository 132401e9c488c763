"""Conditions of jobs by hand-made records; what Dagster makes of them is in tests/integration/test_automation.py."""

import dagster as dg
import pytest

from kedro_assets._internals import dagster_conditions
from kedro_assets.errors import Scope
from kedro_assets.jobs.conditions import FIRST_IN_JOB, build_job_condition
from unit.builders import make_node
from unit.records import make_kedro

pytestmark = [pytest.mark.newer_jobs, pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")]

AC = dg.AutomationCondition
NODES = [
    make_node("a", ["raw"], ["x"]),
    make_node("b", ["x"], ["part", "left"]),
    make_node("c", ["part"], ["y"]),
    make_node("d", ["left"], ["z"]),
]
PLAIN = {"any_job_root_assets_match": "eager"}


def condition(*names, raw=PLAIN, **options):
    """The condition of a job that makes some assets; `part` passes in memory."""
    table = make_kedro(NODES, files=["x", "left", "y", "z"], **options).table
    problems = Scope()
    found = build_job_condition(raw, {dg.AssetKey(name) for name in names}, table, problems)
    problems.raise_if_any()
    return found


def parts(found):
    return [dagster_conditions.label(part) for part in dagster_conditions.parts(found)]


def test_without_memory_a_condition_is_as_it_is_written():
    assert condition("x", "left", "z") == AC.any_job_root_assets_match(AC.eager())


def test_a_condition_looks_through_memory_under_its_own_label():
    found = condition("y")
    assert found == AC.any_job_root_assets_match(AC.eager().resolve_through_virtual())
    assert found.get_label() == "any_job_root_assets_match(eager)"


def test_what_the_job_makes_beside_its_assets_is_left_out():
    [operand] = dagster_conditions.operands(condition("y", "z"))
    left = dg.AssetSelection.assets("left")
    assert operand == AC.eager().ignore(left).resolve_through_virtual()


@pytest.mark.parametrize(("which", "kind"), [("any", "And"), ("all", "Or")])
def test_only_what_no_other_asset_of_the_job_stands_before_is_asked(which, kind):
    found = condition("x", "y", raw={f"{which}_job_root_assets_match": "eager"})
    [operand] = dagster_conditions.operands(found)
    assert (dagster_conditions.kind(operand), dagster_conditions.label(operand)) == (kind, "eager")
    assert FIRST_IN_JOB in parts(operand)
    assert FIRST_IN_JOB not in parts(condition("x", "left", "z"))
    assert dg.deserialize_value(dg.serialize_value(found)) == found


def test_all_parts_of_a_condition_are_fitted():
    raw = {"any_of": [{"any_job_root_assets_match": "eager"}, {"all_job_root_assets_match": "missing"}]}
    through = AC.any_job_root_assets_match(AC.eager().resolve_through_virtual())
    through = through.with_label("any_job_root_assets_match(eager)")
    assert condition("y", raw=raw) == through | AC.all_job_root_assets_match(AC.missing())


@pytest.mark.parametrize("value", [True, False])
def test_a_condition_that_says_how_it_looks_at_memory_stays_so(value):
    raw = {"any_job_root_assets_match": {"eager": None, "resolve_through_virtual": value}}
    [operand] = dagster_conditions.operands(condition("x", "y", raw=raw))
    assert operand == AC.eager().resolve_through_virtual(value)


def test_what_nothing_observes_is_not_waited_for():
    raw = {"any_job_root_assets_match": {"on_cron": "0 6 * * *"}}
    [operand] = dagster_conditions.operands(condition("x", raw=raw))
    [waiting] = [part for part in dagster_conditions.parts(operand) if "all_deps_updated" in (part.get_label() or "")]
    assert waiting == AC.all_deps_updated_since_cron("0 6 * * *").ignore(dg.AssetSelection.assets("raw"))


def test_no_condition_is_none():
    assert condition("x", raw=None) is None
