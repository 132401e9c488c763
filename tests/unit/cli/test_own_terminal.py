"""What is written to a terminal while a live view is there."""

import os
import pty
import subprocess
import sys

from rich.console import Console

from kedro_assets.cli.own_terminal import output_above

CODE = """
import os, subprocess, sys
from kedro_assets.cli.own_terminal import output_above
from rich.console import Console

out = os.fdopen(os.dup(1), "w")
console = Console(file=out, force_terminal=True, width=40)
console.print = lambda text, **_: out.write(f"above: {text.plain}\\n")
with output_above(console, sys.stdout):
    print("printed", os.get_terminal_size(1).columns)
    print("\x1b[31mred\x1b[0m", file=sys.stderr)
    subprocess.run([sys.executable, "-c", "print('of a program'); print('no end', end='')"], check=True)
out.flush()
print("after")
"""


def run_in_terminal(code):
    terminal, inside = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", code], stdin=inside, stdout=inside, stderr=inside)
    os.close(inside)
    written = b""
    while True:
        try:
            found = os.read(terminal, 65536)
        except OSError:  # all who wrote to it have ended
            break
        if not found:
            break
        written += found
    assert process.wait() == 0, written
    os.close(terminal)
    return written.decode().splitlines()


def test_all_that_is_written_is_printed_above_and_then_the_terminal_is_as_it_was():
    lines = run_in_terminal(CODE)
    assert sorted(lines[:-1]) == ["above: no end", "above: of a program", "above: printed 40", "above: red"]
    assert lines[-1] == "after"


def test_a_file_that_is_no_terminal_stays_as_it_is(tmp_path):
    path = tmp_path / "answer"
    with path.open("w") as file, output_above(Console(file=file), file):
        print("answer", file=file)
    assert path.read_text() == "answer\n"
