"""The door to one dataset, for assets that are no Kedro nodes and for values that are loaded outside a run."""

import dagster as dg
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro_datasets.partitions import PartitionedDataset

from kedro_assets.assets import DatasetAccess
from kedro_assets.errors import InMemoryDataError, PartitionError
from kedro_assets.redaction import Redactor
from kedro_assets.runtime import DatasetIOManager
from kedro_assets.runtime.identity import RunIdentity
from unit.builders import make_graph, make_node
from unit.records import RUN_ID, Recorder, make_run, plan_of

KEYS = dg.StaticPartitionsDefinition(["a", "b"])


def run_over(catalog, **options):
    graph = make_graph([make_node("n", ["raw"], ["x"])])
    return make_run(graph, plan_of(graph, s=["n"]), catalog, **options)


def io_manager(run, name="x", **access):
    return DatasetIOManager(DatasetAccess("x__io_manager", name, **access), lambda _: run)


def reading(*keys):
    if not keys:
        return dg.build_input_context(asset_key="x")
    between = dg.PartitionKeyRange(keys[0], keys[-1])
    return dg.build_input_context(asset_key="x", asset_partitions_def=KEYS, asset_partition_key_range=between)


def writing(key=None):
    if key is None:
        return dg.build_output_context(asset_key="x")
    return dg.build_output_context(asset_key="x", partition_key=key, asset_partitions_def=KEYS)


def test_data_passes_through_the_catalog_without_dataset_hooks():
    recorder, run = Recorder(), run_over(DataCatalog({"x": MemoryDataset()}))
    recorder.register(run.hooks)
    door = io_manager(run)
    door.handle_output(writing(), {"a": 1})
    assert door.load_input(reading()) == {"a": 1}
    assert recorder.calls == []


def test_a_node_has_its_hooks():
    recorder, run = Recorder(), run_over(DataCatalog({"x": MemoryDataset()}))
    recorder.register(run.hooks)
    DatasetIOManager.save(run, "x", 1, make_node("n", ["raw"], ["x"]))
    assert DatasetIOManager.load(run, "x", make_node("m", ["x"], ["y"])) == 1
    assert len(recorder.calls) == 4


def test_in_memory_data_is_that_of_the_catalog_in_the_runs_own_process(tmp_path):
    run = run_over(DataCatalog({"x": MemoryDataset(print)}), own_process=True, folder=tmp_path)
    assert io_manager(run, in_memory=True).load_input(reading()) is print


def test_in_memory_data_is_what_a_step_has_left_in_any_other_process(tmp_path):
    run = run_over(DataCatalog({"x": MemoryDataset("own")}), folder=tmp_path)
    door = io_manager(run, in_memory=True)
    with pytest.raises(InMemoryDataError, match="no run has made it yet"):
        door.load_input(reading())
    door.handle_output(writing(), "left")
    assert door.load_input(reading()) == "left"


def test_of_a_partitioned_dataset_the_partitions_are_loaded_that_are_asked_for(tmp_path):
    dataset = PartitionedDataset(path=str(tmp_path), dataset="text.TextDataset")
    dataset.save({"a": "1", "b": "2"})
    door = io_manager(run_over(DataCatalog({"x": dataset})))
    assert set(door.load_input(reading("a"))) == {"a"}
    assert set(door.load_input(reading("a", "b"))) == {"a", "b"}
    assert set(door.load_input(reading())) == {"a", "b"}


def test_another_partition_than_that_of_the_run_is_not_saved(tmp_path):
    dataset = PartitionedDataset(path=str(tmp_path), dataset="text.TextDataset")
    door = io_manager(run_over(DataCatalog({"x": dataset})))
    with pytest.raises(PartitionError, match="returned the partition b of 'x', but this run makes a"):
        door.handle_output(writing("a"), {"b": "2"})
    door.handle_output(writing("a"), {"a": "1"})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


# One place per partition.


class Opened:
    """Stands for a run; takes down for which partition it was opened."""

    def __init__(self, run):
        self.run, self.identity, self.redacted, self.asked = run, run.identity, run.redacted, []

    def at_partition(self, params, key):
        self.asked.append((params["partition_key"], key))
        return self.run

    @property
    def io(self):
        return self.run.io


def by_path(params=None):
    run = run_over(DataCatalog({"x": MemoryDataset("data")}), identity=RunIdentity("d", RUN_ID, params or {}))
    opened = Opened(run)
    return opened, io_manager(opened, parts=frozenset({"partition_key"}))


def test_where_each_partition_has_a_place_the_project_is_opened_for_the_one_that_is_asked_for():
    opened, door = by_path({"partition_key": "b"})
    assert door.load_input(reading("a")) == "data"
    door.handle_output(writing("b"), "more")
    assert opened.asked == [("a", "a"), ("b", "b")]


def test_without_partitions_the_place_is_that_of_the_runs_parameters():
    opened, door = by_path({"partition_key": "a"})
    assert door.load_input(reading()) == "data"
    assert opened.asked == []


@pytest.mark.parametrize("params", [{}, {"partition_key": "<partition_key>"}], ids=["none", "placeholder"])
def test_without_any_partition_there_is_no_place(params):
    _, door = by_path(params)
    with pytest.raises(
        PartitionError, match=r"'x' has one path per partition, but no partition was asked for.*'x@all'"
    ):
        door.load_input(reading())


def test_several_partitions_have_no_place_in_common():
    _, door = by_path({"partition_key": "a"})
    with pytest.raises(PartitionError, match="but the partitions a, b were asked for"):
        door.load_input(reading("a", "b"))


def test_a_part_that_the_partitions_do_not_have_leaves_no_place():
    run = run_over(DataCatalog({"x": MemoryDataset("data")}))
    door = io_manager(Opened(run), parts=frozenset({"partition_start"}))
    with pytest.raises(PartitionError, match="'x' has one path per partition"):
        door.load_input(reading("a"))


def test_errors_have_no_credentials():
    def fail(_):
        msg = "hunter2 is wrong"
        raise ValueError(msg)

    run = run_over(DataCatalog({}), redactor=Redactor(("hunter2",)))
    run.io.catalog.load = lambda *_, **__: fail(None)
    with pytest.raises(ValueError, match=r"\*\*\* is wrong"):
        io_manager(run).load_input(reading())
