"""Fails when Dagster shows what it captures of a step in another way."""

import os
import sys
import threading
import time
from contextlib import ExitStack

import pytest
from dagster._core.execution import compute_logs

from kedro_assets._internals import dagster_tails
from kedro_assets._internals.dagster_storage import PLAIN_VARIABLE
from kedro_assets._internals.dagster_tails import apart_from_terminal


@pytest.fixture(autouse=True)
def _as_dagster_has_it(monkeypatch):
    monkeypatch.setattr(compute_logs, "tail_to_stream", compute_logs.tail_to_stream)
    monkeypatch.delenv(PLAIN_VARIABLE, raising=False)


def test_programs_that_show_output_are_in_a_session_of_their_own(tmp_path, monkeypatch):
    sessions = []
    with apart_from_terminal():
        real = compute_logs.subprocess.Popen

        def started(*arguments, **options):
            process = real(*arguments, **options)
            sessions.append(os.getsid(process.pid))
            process.kill()  # what ends it is Dagster's
            return process

        monkeypatch.setattr(compute_logs.subprocess, "Popen", started, raising=False)
        with compute_logs.tail_to_stream(str(tmp_path / "out"), sys.__stdout__):
            pass
    assert len(sessions) == 2
    assert os.getsid(0) not in sessions


def test_the_rest_of_subprocess_is_pythons_and_all_is_taken_back():
    before = compute_logs.subprocess
    with apart_from_terminal():
        assert compute_logs.subprocess is not before
        assert compute_logs.subprocess.PIPE == before.PIPE
    assert compute_logs.subprocess is before


def test_output_is_shown_while_it_comes_and_to_its_end(tmp_path):
    dagster_tails.show_output_in_threads()
    reading, writing = os.pipe()
    captured = tmp_path / "captured"
    with os.fdopen(writing, "wb", buffering=0) as terminal:
        with compute_logs.mirror_stream_to_file(terminal, str(captured)) as processes:
            os.write(terminal.fileno(), b"begun\n")
            assert os.read(reading, 100) == b"begun\n"
            os.write(terminal.fileno(), b"ended\n")
        assert os.read(reading, 100) == b"ended\n"
        os.write(terminal.fileno(), b"after\n")
        assert os.read(reading, 100) == b"after\n"
    os.close(reading)
    assert processes == (None, None)
    assert captured.read_bytes() == b"begun\nended\n"
    assert not [thread for thread in threading.enumerate() if thread.name == "step-output"]


def test_a_step_does_not_wait_for_a_terminal_that_takes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(dagster_tails, "_END_SECONDS", 0.2)
    dagster_tails.show_output_in_threads()
    reading, writing = os.pipe()
    start = time.monotonic()
    with (
        os.fdopen(writing, "wb", buffering=0) as terminal,
        compute_logs.mirror_stream_to_file(terminal, str(tmp_path / "captured")),
    ):
        os.write(terminal.fileno(), b"x" * (1 << 20))  # more than a pipe takes
    os.close(reading)
    assert time.monotonic() - start < 5
    assert (tmp_path / "captured").stat().st_size == 1 << 20


def test_a_stream_that_is_no_file_is_left_to_dagster(tmp_path, monkeypatch):
    asked = []

    def tail_to_stream(path, stream):
        asked.append((path, stream))
        return ExitStack()

    monkeypatch.setattr(compute_logs, "tail_to_stream", tail_to_stream)
    dagster_tails.show_output_in_threads()
    stream = object()
    with compute_logs.mirror_stream_to_file(stream, str(tmp_path / "captured")):
        pass
    assert asked == [(str(tmp_path / "captured"), stream)]


@pytest.mark.parametrize("plain", ["", "1"])
def test_a_process_is_changed_once_unless_the_environment_says_so(plain, monkeypatch):
    monkeypatch.setenv(PLAIN_VARIABLE, plain)
    before = compute_logs.tail_to_stream
    dagster_tails.show_output_in_threads()
    found = compute_logs.tail_to_stream
    dagster_tails.show_output_in_threads()
    assert compute_logs.tail_to_stream is found
    assert (found is before) is bool(plain)
