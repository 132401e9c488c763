"""What a translator says of partitions and of dependencies holds as if the catalog said it, or is refused with a place."""

import dagster as dg
import pytest

from kedro_assets import KedroTranslator
from kedro_assets.config import PartitionsConfig
from kedro_assets.errors import Scope
from unit.builders import make_node
from unit.records import make_table

LETTERS = dg.StaticPartitionsDefinition(["a", "b"])
CHAIN = [make_node("make", ["raw"], ["x"]), make_node("use", ["x"], ["y"]), make_node("tell", ["other"])]
FILES = ["raw", "x", "y", "other"]


class Saying(KedroTranslator):
    """Says more of some assets than Kedro's translator does."""

    def __init__(self, **said):
        self.said = said

    def get_asset_spec(self, data):
        return super().get_asset_spec(data).replace_attributes(**self.said.get(data.name, {}))


def table_of(nodes=CHAIN, problems=None, config=None, **said):
    options = config or {}
    return make_table(nodes, problems=problems, translating=Saying(**said), files=FILES, **options)


def reported(**said):
    problems = Scope()
    table_of(problems=problems, **said)
    return [(problem.path, problem.found) for problem in problems]


@pytest.mark.parametrize("name", ["x", "raw", "tell"])
def test_partitions_that_a_translator_gives_are_those_of_the_asset(name):
    table = table_of(**{name: {"partitions_def": LETTERS}})
    asset = next(asset for asset in table.assets if asset.name == name)
    assert asset.partitioning.definition == LETTERS
    assert asset.partitioning.policy == dg.BackfillPolicy.multi_run(1)
    assert asset.spec.partitions_def == LETTERS


def test_they_are_those_of_all_that_its_node_makes_too():
    nodes = [make_node("make", ["raw"], ["x", "y"])]
    table = table_of(nodes, x={"partitions_def": LETTERS})
    assert table.dataset("y").spec.partitions_def == LETTERS


def test_two_outputs_of_a_node_cannot_have_partitions_of_two_kinds():
    problems = Scope()
    nodes = [make_node("make", ["raw"], ["x", "y"])]
    other = dg.StaticPartitionsDefinition(["c"])
    table_of(nodes, problems, x={"partitions_def": LETTERS}, y={"partitions_def": other})
    [problem] = problems
    assert problem.path == "catalog.y"
    assert "partitioned differently" in problem.found


def test_a_translator_may_say_what_dagster_yml_says():
    config = {"partitions": {"x": PartitionsConfig(static=["a", "b"], backfill_policy="single_run")}}
    table = table_of(config=config, x={"partitions_def": LETTERS})
    assert table.dataset("x").partitioning.policy == dg.BackfillPolicy.single_run()


def test_a_translator_cannot_contradict_dagster_yml():
    problems = Scope()
    table_of(
        problems=problems, config={"partitions": {"x": PartitionsConfig(static=["c"])}}, x={"partitions_def": LETTERS}
    )
    [problem] = problems
    assert problem.path == "assets.partitions.x"
    assert "but by 'a', 'b' in the translator" in problem.found


def test_partitions_of_other_kinds_need_a_mapping():
    daily = dg.DailyPartitionsDefinition("2026-01-01")
    [(path, found)] = reported(x={"partitions_def": LETTERS}, y={"partitions_def": daily})
    assert path == "catalog.y"
    assert "partitions of another kind" in found


def test_a_mapping_that_a_translator_gives_holds():
    dep = dg.AssetDep("x", partition_mapping=dg.AllPartitionMapping())
    table = table_of(x={"partitions_def": LETTERS}, y={"partitions_def": LETTERS, "deps": [dep]})
    assert isinstance(table.partitions.mappings["use", "x"], dg.AllPartitionMapping)
    assert [*table.dataset("y").spec.deps] == [dep]


def test_two_outputs_of_a_node_cannot_have_mappings_of_two_kinds():
    nodes = [make_node("make", ["raw"], ["x"]), make_node("use", ["x"], ["y", "z"])]
    problems = Scope()
    said = {
        name: {"partitions_def": LETTERS, "deps": [dg.AssetDep("x", partition_mapping=mapping)]}
        for name, mapping in {"y": dg.AllPartitionMapping(), "z": dg.LastPartitionMapping()}.items()
    }
    table_of(nodes, problems, x={"partitions_def": LETTERS}, **said)
    [problem] = problems
    assert (problem.path, "another mapping for 'x'" in problem.found) == ("catalog.z", True)


def deps_of(table, name):
    asset = next(asset for asset in table.assets if asset.name == name)
    return [dep.asset_key.to_user_string() for dep in asset.spec.deps]


def test_a_dependency_on_another_asset_makes_its_node_wait():
    table = table_of(x={"deps": ["tell", "elsewhere"]})
    assert deps_of(table, "x") == ["elsewhere", "raw", "tell"]
    assert table.graph.order == {"make": [("node", "tell")]}
    assert list(table.graph.nodes) == ["tell", "make", "use"]


@pytest.mark.parametrize("name", ["x", "raw"])
def test_a_dependency_that_is_there_anyway_is_there_once(name):
    asset = "y" if name == "x" else "x"
    assert deps_of(table_of(**{asset: {"deps": [name]}}), asset) == [name]


def test_a_dependency_on_what_is_made_later_is_refused():
    [(path, found)] = reported(x={"deps": ["y"]})
    assert path == "catalog.x"
    assert found == "node 'make' cannot wait for 'y', which depends on this node itself."


def test_a_dependency_of_what_no_node_makes_is_lineage_only():
    table = table_of(raw={"deps": ["other"]})
    assert deps_of(table, "raw") == ["other"]
    assert not table.graph.order


def test_a_dependency_on_earlier_partitions_of_itself_is_left_to_dagster():
    daily = dg.DailyPartitionsDefinition("2026-01-01")
    mapping = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
    dep = dg.AssetDep("x", partition_mapping=mapping)
    assert dep in table_of(x={"partitions_def": daily, "deps": [dep]}).dataset("x").spec.deps
