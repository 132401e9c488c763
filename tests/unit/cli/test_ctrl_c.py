"""Ctrl-C is remembered where Python drops it."""

import os
import signal
from contextlib import suppress

import pytest

from kedro_assets.cli.ctrl_c import ctrl_c_remembered, raise_if_pressed


def press_and_lose() -> None:
    with suppress(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()


def test_nothing_begins_after_an_interrupt_that_was_lost():
    with ctrl_c_remembered():
        raise_if_pressed()
        press_and_lose()
        with pytest.raises(KeyboardInterrupt):
            raise_if_pressed()


def test_the_next_command_begins_anew_and_the_handler_is_put_back():
    with ctrl_c_remembered():
        press_and_lose()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with ctrl_c_remembered():
        raise_if_pressed()


def test_another_handler_of_interrupts_stays():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ctrl_c_remembered():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
