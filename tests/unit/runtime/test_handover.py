import logging
import os
import threading

import pytest
from kedro.io import DataCatalog, MemoryDataset

from kedro_assets.errors import InMemoryDataError
from kedro_assets.runtime.handover import Handover, MemoryStore
from unit.builders import make_graph, make_node
from unit.records import plan_of


class Unruly:
    """Fails while it is pickled, with an error that is none of pickle's."""

    def __reduce__(self):
        msg = "not now"
        raise RuntimeError(msg)


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["model", "a.b", "a/b", "../up", "vols à l'heure", ""], ids=repr)
def test_what_is_saved_can_be_loaded(tmp_path, name):
    MemoryStore(tmp_path / "store", "run").save(name, {"a": [1, None]})
    assert MemoryStore(tmp_path / "store", "run").load(name) == {"a": [1, None]}
    assert files(tmp_path) == files(tmp_path / "store")


def test_names_that_look_alike_are_kept_apart(tmp_path):
    store = MemoryStore(tmp_path, "run")
    for name in ("a b", "a_b", "a/b"):
        store.save(name, name)
    assert [store.load(name) for name in ("a b", "a_b", "a/b")] == ["a b", "a_b", "a/b"]


def test_a_second_save_in_one_run_replaces_the_first(tmp_path):
    store = MemoryStore(tmp_path, "run")
    store.save("a", 1)
    store.save("a", 2)
    assert store.load("a") == 2
    assert len(files(tmp_path)) == 1


def test_a_run_reads_its_own_data_although_another_run_has_saved_later(tmp_path):
    MemoryStore(tmp_path, "mine").save("a", "mine")
    MemoryStore(tmp_path, "other").save("a", "other")
    assert MemoryStore(tmp_path, "mine").load("a") == "mine"


def test_a_run_that_continues_another_reads_the_nearest_and_not_the_latest(tmp_path):
    for run_id in ("root", "parent", "stranger"):
        MemoryStore(tmp_path, run_id).save("a", run_id)
    assert MemoryStore(tmp_path, "new", ("parent", "root")).load("a") == "parent"
    assert MemoryStore(tmp_path, "new", ("gone", "root")).load("a") == "root"


def test_a_run_of_its_own_reads_the_latest(tmp_path):
    for age, run_id in enumerate(("newest", "older", "oldest")):
        MemoryStore(tmp_path, run_id).save("a", run_id)
        [path] = tmp_path.rglob(f"{run_id}.pickle")
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    assert MemoryStore(tmp_path, "new").load("a") == "newest"


def test_data_that_no_run_has_made_is_an_error_that_names_it(tmp_path):
    MemoryStore(tmp_path, "run").save("b", 1)
    with pytest.raises(InMemoryDataError, match="'a' is needed here, but no run has made it yet"):
        MemoryStore(tmp_path, "run").load("a")


@pytest.mark.parametrize("data", [threading.Lock(), lambda: None], ids=["lock", "lambda"])
def test_data_that_cannot_be_pickled_is_an_error_that_names_the_dataset_and_the_fix(tmp_path, data):
    with pytest.raises(InMemoryDataError, match=r"'a' has to pass .* cannot be pickled: .*cluster_by: memory"):
        MemoryStore(tmp_path, "run").save("a", data)


@pytest.mark.parametrize("data", [threading.Lock(), Unruly()], ids=["lock", "unruly"])
def test_a_save_that_fails_leaves_the_earlier_data_and_no_other_file(tmp_path, data):
    store = MemoryStore(tmp_path, "run")
    store.save("a", "earlier")
    with pytest.raises((InMemoryDataError, RuntimeError)):
        store.save("a", data)
    assert store.load("a") == "earlier"
    assert len(files(tmp_path)) == 1


def test_what_a_run_has_replaced_is_deleted_if_no_run_needs_it(tmp_path):
    store, old, failed = (MemoryStore(tmp_path, run) for run in ("new", "old", "failed"))
    for each in (old, failed):
        each.save("a", 1)
        each.save("b", 1)
    store.save("a", 2)
    for dataset in ("a", "b"):
        store.forget_replaced(dataset, lambda run: run == "failed")
    assert [each.has("a") for each in (old, failed, store)] == [False, True, True]
    assert old.has("b")
    store.forget("a")
    assert [each.has("a") for each in (failed, store)] == [True, False]


def test_a_run_of_several_partitions_replaces_what_others_have_made_of_each(tmp_path):
    def at(run, partition):
        return MemoryStore(tmp_path, run, partition=partition, partitioned=["a"])

    for key in "abc":
        at("old", key).save("a", 1)
    for key in "ab":
        at("new", key).save("a", 2)
    at("new", "a...b").forget_replaced("a", lambda _: False)
    assert [at("old", key).has("a") for key in "abc"] == [False, False, True]
    assert [at("new", key).load("a") for key in "ab"] == [2, 2]


# What a run hands on.


def graph_of():
    """Make a chain of three nodes that hand each other `x` and `y` in memory, and leave `z` there."""
    return make_graph(
        [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"]), make_node("c", ["y"], ["z"])],
        cluster_by="node",
    )


def handover_of(folder, *, own_process=False, run_id="run", **data):
    """Make the handover of a run of three steps, with data in its catalog."""
    plan = plan_of(graph_of(), first=["a"], second=["b"], third=["c"])
    catalog = DataCatalog({name: MemoryDataset(copy_mode="assign") for name in "xyz"})
    for name, value in data.items():
        catalog.save(name, value)
    return Handover(MemoryStore(folder, run_id), catalog, plan, own_process=own_process)


def in_catalog(handover):
    return {name: handover.catalog.load(name) for name in "xyz" if handover.catalog[name].exists()}


def test_what_another_process_has_made_is_put_where_nodes_look_for_it(tmp_path):
    handover_of(tmp_path, x=1).hand_on("x")
    other = handover_of(tmp_path)
    other.restore({"x"}, [make_node("b", ["x", "raw"], ["y"])])
    assert in_catalog(other) == {"x": 1}


def test_only_what_the_nodes_read_is_restored(tmp_path):
    handover_of(tmp_path, x=1).hand_on("x")
    other = handover_of(tmp_path)
    other.restore({"x", "y"}, [make_node("c", ["raw"], ["z"])])
    assert in_catalog(other) == {}


def test_what_no_run_has_made_cannot_be_restored(tmp_path):
    with pytest.raises(InMemoryDataError, match="'x' is needed here, but no run has made it yet"):
        handover_of(tmp_path).restore({"x"}, [make_node("b", ["x"], ["y"])])


def test_in_the_runs_own_process_what_is_there_is_taken_as_it_is(tmp_path):
    model = threading.Lock()
    handover = handover_of(tmp_path, own_process=True, x=model)
    handover.restore({"x"}, [make_node("b", ["x"], ["y"])])
    assert handover.load("x") is model
    assert files(tmp_path) == []


def test_a_later_step_of_another_process_takes_what_is_left_and_not_what_it_has(tmp_path):
    handover_of(tmp_path, x="left").hand_on("x")
    other = handover_of(tmp_path, x="own")
    other.restore({"x"}, [make_node("b", ["x"], ["y"])])
    assert (in_catalog(other), other.load("x")) == ({"x": "left"}, "left")


def test_what_is_handed_on_is_left_for_other_processes(tmp_path):
    handover = handover_of(tmp_path, own_process=True, x={"a": 1})
    assert handover.hand_on("x") is True
    assert handover_of(tmp_path).load("x") == {"a": 1}


def test_what_cannot_be_pickled_stays_in_the_catalog_of_the_runs_own_process(tmp_path, caplog):
    caplog.set_level(logging.INFO, "kedro_assets")
    handover = handover_of(tmp_path, own_process=True, x=Unruly())
    assert handover.hand_on("x") is False
    assert isinstance(handover.load("x"), Unruly)
    assert files(tmp_path) == []
    assert "no later run can continue from it" in caplog.text


def test_what_cannot_be_pickled_is_an_error_in_any_other_process(tmp_path):
    with pytest.raises(InMemoryDataError, match=r"'x' has to pass .* cannot be pickled"):
        handover_of(tmp_path, x=Unruly()).hand_on("x")


def test_an_output_in_memory_is_handed_back_to_the_runs_own_process_and_nothing_else(tmp_path):
    step = handover_of(tmp_path, x=1, z=3)
    for name in ("x", "z"):
        step.hand_back(name)
    own = handover_of(tmp_path, own_process=True)
    results = own.results()
    assert {name: dataset.load() for name, dataset in results.items()} == {"z": 3}
    assert [path.parent.name.partition("-")[0] for path in files(tmp_path)] == ["z"]


def test_the_runs_own_process_hands_nothing_back(tmp_path):
    own = handover_of(tmp_path, own_process=True, z=3)
    own.hand_back("z")
    assert files(tmp_path) == []
    assert own.results()["z"].load() == 3


def test_a_result_that_cannot_be_pickled_is_empty_and_said(tmp_path, caplog):
    handover_of(tmp_path, z=Unruly()).hand_back("z")
    assert "'z' cannot be pickled" in caplog.text
    assert not handover_of(tmp_path, own_process=True).results()["z"].exists()


def test_after_a_run_what_it_has_replaced_and_nobody_needs_is_deleted(tmp_path):
    for run_id in ("failed", "done", "run"):
        handover_of(tmp_path, run_id=run_id, x=run_id).hand_on("x")
    handover = handover_of(tmp_path, z=3)
    handover.hand_back("z")
    handover.tidy_up(lambda run_id: run_id == "failed")
    assert sorted(path.stem for path in files(tmp_path)) == ["failed", "run"]
    assert handover.store.load("x") == "run"


def test_a_run_that_has_failed_before_it_made_data_leaves_that_of_earlier_runs(tmp_path):
    handover_of(tmp_path, run_id="done", x=1).hand_on("x")
    handover = handover_of(tmp_path)
    handover.tidy_up(lambda run_id: False)
    assert handover.store.load("x") == 1


def test_each_partition_of_a_dataset_has_data_of_its_own(tmp_path):
    for key in ("2026-01-01", "2026-01-02"):
        MemoryStore(tmp_path, "run", partition=key, partitioned={"day"}).save("day@one", key)
        MemoryStore(tmp_path, "run", partition=key, partitioned={"day"}).save("all", key)
    store = MemoryStore(tmp_path, "run", partition="2026-01-01", partitioned={"day"})
    assert (store.load("day@one"), store.load("all")) == ("2026-01-01", "2026-01-02")
