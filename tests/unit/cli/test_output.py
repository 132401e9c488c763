"""Where answers go, and what else is written."""

import io
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from kedro_assets.cli import output

CODE = """
import os, subprocess, sys
from kedro_assets.cli.output import answer, echo, only_answers

with only_answers():
    print("printed")
    os.write(1, b"written\\n")
    subprocess.run([sys.executable, "-c", "print('of a program')"], check=True)
    echo("answer")
    answer().write("rest\\n")
print("after")
"""


def test_what_is_no_answer_goes_to_standard_error():
    ran = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["answer", "rest", "after"]
    assert ran.stderr.splitlines() == ["printed", "written", "of a program"] or sorted(ran.stderr.splitlines()) == [
        "of a program",
        "printed",
        "written",
    ]


def test_without_that_an_answer_goes_to_standard_output(capsys: pytest.CaptureFixture[str]):
    from kedro_assets.cli.output import echo  # noqa: PLC0415 - standard output is that of the test

    echo("answer")
    assert capsys.readouterr().out == "answer\n"


REDIRECTED = """
import os, sys
from kedro_assets.cli.output import echo, own_answers, wants_colours

with own_answers():
    before = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    print("of the step")
    echo("answer")
    sys.stdout.flush()
    os.dup2(before, 1)
echo("after")
"""


def test_an_answer_is_written_though_standard_output_goes_elsewhere_for_a_time():
    ran = subprocess.run([sys.executable, "-c", REDIRECTED], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["answer", "after"]


UNREAD = """
import sys, time
from kedro_assets.cli.output import {how}, echo

with {how}():
    for number in range(5000):
        print("printed")
        echo("a line of the answer")
print("to the end", file=sys.stderr)
"""


@pytest.mark.parametrize("how", ["only_answers", "own_answers"])
def test_who_reads_no_more_ends_nothing(how):
    command = [sys.executable, "-c", UNREAD.format(how=how)]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}  # else `print` fails
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=buffered, **pipes) as process:
        assert process.stdout
        assert process.stdout.readline() in ("a line of the answer\n", "printed\n")
        process.stdout.close()
        assert process.stderr
        told = process.stderr.read()
    assert process.returncode == 0, told
    assert told.splitlines()[-1] == "to the end"


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
    ids=str,
)
def test_colours_are_for_terminals_that_want_them(variables, wanted, monkeypatch):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(output, "answer", lambda: SimpleNamespace(isatty=lambda: True))
    assert output.wants_colours() is wanted
    monkeypatch.setattr(output, "answer", io.StringIO)
    assert not output.wants_colours()
