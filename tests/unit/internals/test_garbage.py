"""When Python looks for garbage."""

import gc
import subprocess
import sys

import pytest

from kedro_assets._internals import garbage


@pytest.fixture(autouse=True)
def _as_before():
    gc.enable()
    yield
    gc.unfreeze()
    gc.enable()


def test_no_garbage_is_looked_for_in_a_block():
    with garbage.left():
        assert not gc.isenabled()
        with garbage.left():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_is_looked_for_after_a_block_that_fails():
    with pytest.raises(ValueError, match="as such"), garbage.left():
        raise ValueError("as such")
    assert gc.isenabled()


def test_what_the_user_has_switched_off_stays_off():
    gc.disable()
    with garbage.left():
        garbage.look_again()
        assert not gc.isenabled()
    assert not gc.isenabled()


def test_a_process_looks_again_but_not_among_what_it_has_made():
    with garbage.left():
        made = ["made", []]
        garbage.look_again()
        assert gc.isenabled()
        assert not is_looked_at(made)
        with garbage.left():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert is_looked_at(["made", "later"])
    assert gc.isenabled()


ENDING = """
import gc
from kedro_assets._internals import garbage

class Cycle:
    def __del__(self):
        print("looked at")

with garbage.left(to_the_end={to_the_end}):
    made = Cycle()
    made.itself = made
    del made
    {then}
"""


@pytest.mark.parametrize(
    ("to_the_end", "then", "printed"),
    [
        (False, "", "looked at"),
        (True, "", ""),
        (True, "garbage.look_again()", ""),
        (True, "garbage.look_again(); made = Cycle(); made.itself = made; del made", "looked at"),
    ],
)
def test_at_the_end_of_a_process_only_what_a_run_has_made_is_looked_at(to_the_end, then, printed):
    code = ENDING.format(to_the_end=to_the_end, then=then)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == printed


def test_outside_of_a_block_there_is_nothing_to_look_at_again():
    garbage.look_again()
    assert gc.get_freeze_count() == 0


def test_a_run_looks_only_among_what_it_makes():
    made = ["made", []]
    with garbage.old_left():
        assert not is_looked_at(made)
        assert is_looked_at(["made", "later"])
    assert is_looked_at(made)


def test_a_run_leaves_frozen_what_was_frozen_before():
    made = ["made", []]
    gc.freeze()
    with garbage.old_left():
        pass
    assert not is_looked_at(made)


def is_looked_at(value):
    return any(value is other for other in gc.get_objects())
