import os
import threading

import pytest

from kedro_assets.errors import InMemoryDataError
from kedro_assets.runtime.handover import MemoryStore


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
    with pytest.raises(InMemoryDataError, match="'a' is needed here, and no run has made it yet"):
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


def test_the_data_of_another_run_can_be_forgotten(tmp_path):
    store, other = MemoryStore(tmp_path, "new"), MemoryStore(tmp_path, "old")
    other.save("a", 1)
    store.save("a", 2)
    assert store.other_runs("a") == ["old"]
    store.forget("a", "old")
    assert (store.other_runs("a"), store.load("a")) == ([], 2)
