"""What assets have by their place in the graph: what they depend on, and how they are partitioned."""

import dagster as dg
import pytest

from kedro_assets.assets import KedroTranslator
from kedro_assets.assets.specs import configured_translator
from kedro_assets.config import AssetsConfig, PartitionsConfig, TimeWindowsConfig
from kedro_assets.errors import Scope
from unit.builders import make_node
from unit.records import make_table

CHAIN = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"]), make_node("c", ["y"])]
WEEKLY = PartitionsConfig(weekly=TimeWindowsConfig(start_date="2026-01-04"))
DAILY = PartitionsConfig(daily=TimeWindowsConfig(start_date="2026-01-01"))


class Mine(KedroTranslator):
    """Puts all datasets under one key."""

    def get_asset_spec(self, data):
        return super().get_asset_spec(data).replace_attributes(key="same")


class Costly(KedroTranslator):
    """Cannot be made."""

    def __init__(self):
        msg = "no licence"
        raise OSError(msg)


def deps(table):
    """Return what each asset depends on, by its name."""
    return {asset.name: [dep.asset_key.to_user_string() for dep in asset.spec.deps] for asset in table.assets}


def test_an_asset_depends_on_what_its_node_reads():
    assert deps(make_table(CHAIN)) == {"raw": [], "x": ["raw"], "y": ["x"], "c": ["y"]}


def test_behind_a_hidden_dataset_stands_what_its_node_reads():
    assert deps(make_table(CHAIN, memory_assets=False)) == {"raw": [], "c": ["raw"]}


def test_a_node_waits_for_what_is_to_be_there_before_it():
    table = make_table([*CHAIN, make_node("d", ["other"], ["z"])], deps={"z": ["c", "y"]})
    assert deps(table)["z"] == ["other", "c", "y"]


def test_a_dataset_that_is_read_under_two_names_is_one_dependency():
    assert deps(make_table([make_node("a", ["raw@one", "raw@two"], ["x"])]))["x"] == ["raw"]


@pytest.mark.parametrize(
    ("partitions", "mappings", "expected"),
    [
        ({"days": DAILY, "weeks": WEEKLY}, {}, {"memory": None, "days": None}),
        ({"days": DAILY}, {}, {"memory": None, "days": None}),
        ({"weeks": WEEKLY}, {}, {"memory": None, "days": None}),
        ({"days": DAILY, "weeks": DAILY}, {"days": "all"}, {"memory": None, "days": dg.AllPartitionMapping()}),
        ({"days": DAILY, "weeks": DAILY}, {}, {"memory": None}),
        ({}, {}, {"memory": None}),
    ],
    ids=["of another kind", "to one", "from one", "by a mapping", "alike", "none"],
)
def test_an_asset_also_depends_on_other_partitions_behind_in_memory_data(partitions, mappings, expected):
    nodes = [
        make_node("a", ["raw"], ["days"]),
        make_node("b", ["days"], ["memory"]),
        make_node("c", ["memory"], ["weeks"]),
    ]
    metadata = {"dagster": {"partition_mappings": mappings}}
    catalog = {"memory": {"type": "MemoryDataset", "metadata": metadata}}
    table = make_table(nodes, partitions=partitions, files=["raw", "days", "weeks"], catalog=catalog)
    found = table.by_vertex["dataset", "weeks"].spec.deps
    assert {dep.asset_key.to_user_string(): dep.partition_mapping for dep in found} == expected


RAW, KEPT = dg.AssetSelection.assets("raw"), dg.AssetSelection.assets("kept")
EAGER, MIDNIGHT = dg.AutomationCondition.eager(), dg.AutomationCondition.on_cron("@daily")


@pytest.mark.parametrize(
    ("written", "options", "placed"),
    [
        ("eager", {}, EAGER.ignore(KEPT).resolve_through_virtual()),
        ("eager", {"memory_assets": False}, EAGER.ignore(KEPT)),
        ("eager", {"cluster_by": "node"}, EAGER),
        ({"on_cron": "@daily"}, {}, MIDNIGHT.ignore(RAW).ignore(KEPT).resolve_through_virtual()),
        ({"on_cron": "@daily"}, {"cluster_by": "node"}, MIDNIGHT),
    ],
    ids=["eager", "hidden", "node", "cron", "cron node"],
)
def test_a_condition_follows_what_is_stored_before_the_nodes_that_run_together(written, options, placed):
    nodes = [
        make_node("a", ["raw"], ["x", "kept"]),
        make_node("b", ["x", "kept"], ["y"]),
        make_node("c", ["y"], ["end"]),
    ]
    metadata = {"dagster": {"automation_condition": written}}
    catalog = {"end": {"type": "pandas.CSVDataset", "filepath": "end.csv", "metadata": metadata}}
    table = make_table(nodes, files=["raw", "kept"], catalog=catalog, **options)
    assert table.by_vertex["dataset", "end"].spec.automation_condition == placed


def test_all_outputs_of_a_node_are_partitioned_as_one_of_them():
    nodes = [make_node("a", ["raw"], ["x", "y"]), make_node("b", ["raw"], ["z"])]
    table = make_table(nodes, partitions={"x": DAILY}, files=["x", "y", "z"])
    daily = dg.DailyPartitionsDefinition("2026-01-01")
    found = {asset.name: asset.spec.partitions_def for asset in table.assets}
    assert found == {"raw": None, "x": daily, "y": daily, "z": None}


def test_a_mapping_of_the_catalog_is_on_the_dependency_that_it_is_of():
    settings = {"dagster": {"partition_mappings": {"x": "all"}}}
    catalog = {"y": {"type": "pandas.CSVDataset", "filepath": "y.csv", "metadata": settings}}
    nodes = [make_node("a", ["raw"], ["x"]), make_node("b", ["x", "raw"], ["y"])]
    table = make_table(nodes, catalog=catalog, files=["x"], partitions={"x": DAILY, "y": DAILY})
    found = {dep.asset_key.to_user_string(): dep.partition_mapping for dep in table.dataset("y").spec.deps}
    assert found == {"x": dg.AllPartitionMapping(), "raw": None}


def test_what_dagster_refuses_is_reported_and_is_no_asset():
    problems = Scope()
    catalog = {"x": {"type": "A", "metadata": {"dagster": {"owners": ["nobody"]}}}}
    table = make_table(CHAIN, catalog=catalog, problems=problems)
    [problem] = problems
    assert (problem.path, problem.found.startswith("Dagster rejects the spec of this asset: ")) == (
        "catalog.x.metadata.dagster",
        True,
    )
    assert [asset.name for asset in table.assets] == ["raw", "y", "c"]
    assert deps(table)["y"] == []


def test_two_datasets_under_one_key_are_reported():
    problems = Scope()
    make_table([make_node("a", ["shop/x"], ["shop.x"])], problems=problems, translator=f"{__name__}.Mine")
    [problem] = problems
    assert problem.found == "'shop/x' and 'shop.x' would have the same asset key 'same'."


def test_without_a_name_the_translator_is_kedros_own():
    problems = Scope()
    assert type(configured_translator(AssetsConfig(), problems)) is KedroTranslator
    assert isinstance(configured_translator(AssetsConfig(translator=f"{__name__}.Mine"), problems), Mine)
    assert not len(problems)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("no.such.Translator", "cannot be imported or created"),
        ("nothing", "cannot be imported or created"),
        (f"{__name__}.Costly", "no licence"),
        ("collections.OrderedDict", "is not a subclass of `KedroTranslator`"),
    ],
    ids=["module", "no path", "fails", "other class"],
)
def test_a_translator_that_cannot_be_used_is_reported(path, said):
    problems = Scope()
    assert type(configured_translator(AssetsConfig(translator=path), problems)) is KedroTranslator
    [problem] = problems
    assert (problem.path, said in problem.found) == ("assets.translator", True)


def test_a_mapping_between_two_kinds_is_checked_by_dagster():
    settings = {"dagster": {"partition_mappings": {"x": {"dimension": "day"}}}}
    catalog = {"y": {"type": "pandas.CSVDataset", "filepath": "y.csv", "metadata": settings}}
    problems = Scope()
    nodes = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"])]
    make_table(nodes, catalog=catalog, files=["x"], partitions={"x": DAILY, "y": DAILY}, problems=problems)
    assert [problem.path for problem in problems] == ["catalog.y.metadata.dagster.partition_mappings.x"]


def condition_of(condition, catalog=None):
    """Return the condition of `y`, which is made from `raw` through memory."""
    y = {"type": "json.JSONDataset", "filepath": "y.json", "metadata": {"dagster": {"automation_condition": condition}}}
    return make_table(CHAIN, catalog={"y": y, **(catalog or {})}).dataset("y").spec.automation_condition


def test_a_condition_waits_for_no_external_dataset_behind_memory_that_nothing_observes():
    on_cron = dg.AutomationCondition.on_cron("@daily")
    silent = on_cron.ignore(dg.AssetSelection.assets("raw"))
    assert condition_of({"on_cron": "@daily"}) == silent.resolve_through_virtual()
    seen = {
        "type": "json.JSONDataset",
        "filepath": "r.json",
        "metadata": {"dagster": {"automation_condition": "eager"}},
    }
    assert condition_of({"on_cron": "@daily"}, {"raw": seen}) == on_cron.resolve_through_virtual()


def test_a_condition_that_says_whether_it_looks_through_memory_is_left_so():
    assert condition_of({"eager": None, "resolve_through_virtual": False}) == dg.AutomationCondition.eager()
    assert condition_of("eager") == dg.AutomationCondition.eager().resolve_through_virtual()
