import threading

import pytest

from kedro_assets.runtime.kedro_run import OpenRuns

# What a process has open.


class Opener:
    """Counts how often each run is opened; an open run is a new object each time."""

    def __init__(self):
        self.runs = OpenRuns()
        self.opened = []

    def get(self, run_id):
        def open_run():
            self.opened.append(run_id)
            return object()

        return self.runs.get(run_id, open_run)


def test_a_run_is_opened_once():
    opener = Opener()
    assert opener.get("a") is opener.get("a")
    assert opener.opened == ["a"]


def test_a_run_makes_way_for_the_next():
    opener = Opener()
    first = opener.get("a")
    opener.get("b")
    assert opener.get("a") is not first
    assert opener.opened == ["a", "b", "a"]


def test_a_run_that_is_held_stays_beside_the_next_until_it_is_let_go():
    opener = Opener()
    opener.runs.hold("a")
    first = opener.get("a")
    opener.get("b")
    assert opener.get("a") is first
    opener.runs.release("a")
    assert opener.get("a") is not first


def test_letting_go_of_a_run_keeps_the_others():
    opener = Opener()
    opener.runs.hold("a")
    opener.get("a")
    second = opener.get("b")
    opener.runs.release("a")
    assert opener.get("b") is second


def test_letting_go_of_a_run_that_was_never_opened_does_nothing():
    opener = Opener()
    opener.runs.release("a")
    assert opener.opened == []


def test_a_run_that_cannot_be_opened_is_tried_again():
    runs = OpenRuns()

    def fail():
        msg = "no database"
        raise OSError(msg)

    with pytest.raises(OSError, match="no database"):
        runs.get("a", fail)
    assert runs.get("a", lambda: "open") == "open"


def test_two_threads_open_a_run_once():
    opener, both = Opener(), threading.Barrier(2)
    found = []

    def work():
        both.wait()
        found.append(opener.get("a"))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] is found[1]
    assert opener.opened == ["a"]
