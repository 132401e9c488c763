"""Where answers go, and what else is written."""

import subprocess
import sys

import pytest

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
