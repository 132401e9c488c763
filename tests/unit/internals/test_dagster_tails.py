"""Fails when Dagster shows what it captures of a step in another way."""

import os
import sys

from dagster._core.execution import compute_logs

from kedro_assets._internals.dagster_tails import apart_from_terminal


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
