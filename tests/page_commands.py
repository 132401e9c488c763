"""The commands on the pages: which there are, which test runs which, and a shell in which they run.

A command is a line in a block of Bash, a line after a prompt or a time of cron in a block of text, and what a Dockerfile or a compose
file runs. `RUN_BY` says which file of tests takes it from its page and runs it, `NOT_RUN` why none does. Tests get the commands of
their pages from `commands_for`, so what they run changes with the page.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from warm_python import WARM_PYTHON, WarmPython

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("README.md")),
]
BLOCK = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
MODULES = {"kedro": "kedro", "dagster": "dagster", "dg": "dagster_dg_cli.cli", "pytest": "pytest"}
"""The modules of programs that are commands of Python's."""
PROMPT = re.compile(r"^(?:\$ |[\d*]\S*(?: \S+){4}  )(.+)$")

KEDRO = r"(?:.* |.*/)?kedro (?:run|assets (?!dev)).*"
DEV = r"kedro assets dev.*"
CHOOSE_HOME = r"mkdir -p ~/dagster_home && .*|export DAGSTER_HOME=~/dagster_home"
RUN_BY: Mapping[str, Mapping[str, str]] = {
    "tests/docs/test_commands.py": {
        "README.md": rf"cd .*|{KEDRO}",
        "docs/tutorial/first-run.md": rf"cd .*|{CHOOSE_HOME}|{KEDRO}",
        "docs/how-to/add-to-a-project.md": rf"{CHOOSE_HOME}|{KEDRO}",
        "docs/how-to/run-what-changed.md": KEDRO,
        "examples/flights/README.md": KEDRO,
    },
    "tests/docs/test_spaceflights.py": {"docs/tutorial/spaceflights.md": rf"cd .*|{CHOOSE_HOME}|{KEDRO}"},
    "tests/docs/test_from_kedro_dagster.py": {"docs/how-to/from-kedro-dagster.md": KEDRO},
    "tests/docs/test_from_cron.py": {"docs/how-to/from-cron.md": r".*"},
    "tests/docs/test_packaging.py": {"docs/how-to/run-a-package.md": r".*"},
    "tests/docs/test_in_the_shell.py": {
        "docs/reference/cli.md": r".*",
        "docs/tutorial/first-run.md": r"python3 -m venv .*",
        "CONTRIBUTING.md": r"python3 -m venv .*|\. \.venv.*|export .*",
    },
    "tests/docs/test_contributing.py": {
        "CONTRIBUTING.md": r"pytest .*|ruff .*|mypy|lint-imports|python docs/.*|(?:\w+=\S+ )?nox .*",
        "README.md": r"python3 .* nox .*",
        "docs/tutorial/first-run.md": r"python3 .* nox .*",
    },
    "tests/cli/test_dev.py": {
        "README.md": DEV,
        "docs/tutorial/first-run.md": DEV,
        "docs/tutorial/spaceflights.md": DEV,
        "docs/how-to/add-to-a-project.md": DEV,
    },
    "tests/cli/test_component.py": {"docs/how-to/use-the-component.md": r".*"},
    "tests/engines/test_deployment.py": {
        "docs/how-to/deploy.md": r"(?!(?:RUN )?pip ).*",
        "examples/deploy/README.md": r"(?!pip |docker build).*",
    },
    "tests/engines/engine_servers.py": {
        "docs/reference/executors/celery.md": r"dagster-celery .*",
        "docs/reference/executors/celery-docker.md": r"dagster-celery .*",
        "docs/reference/executors/celery-k8s.md": r"dagster-celery .*",
        "docs/reference/executors/dask.md": r"dask .*",
        "docs/reference/executors/ray.md": r"ray .*",
    },
}
"""The files of tests that run commands, with the pages and which of the commands there."""
NOT_RUN = {
    r"(?:RUN )?pip (?:install|wheel) .*": "downloads packages; `nox` installs the same, and the names of extras are compared",
    r"kedro new --starter .*": "downloads the starter from its repository",
    r"docker build .*": "downloads the image that it builds on; its other lines are run",
    r".* python tests/engines/record_kubernetes\.py .*": "wants a cluster, and the rights of its administrator",
}
"""The commands that no test runs, and why."""


class Block(NamedTuple):
    """A block of a page, and the line of the page at which its text begins."""

    page: str
    line: int
    language: str
    text: str

    @property
    def first_line(self) -> str:
        return self.text.partition("\n")[0].strip()


class Command(NamedTuple):
    """A command on a page."""

    page: str
    line: int
    text: str


def blocks(page: str) -> Iterator[Block]:
    """Give the blocks of a page, in order."""
    content = (ROOT / page).read_text(encoding="utf-8")
    for found in BLOCK.finditer(content):
        text = re.sub(f"^{found[1]}", "", found[3], flags=re.MULTILINE)
        yield Block(page, content.count("\n", 0, found.start(3)) + 1, found[2], text)


def commands_in(block: Block) -> Iterator[Command]:
    """Give the commands of a block, in order."""
    for number, text in _in_block(block.language, block.text):
        yield Command(block.page, block.line + number, text)


def all_commands() -> Iterator[Command]:
    """Give every command of every page, in order."""
    for page in PAGES:
        for block in blocks(str(page.relative_to(ROOT))):
            yield from commands_in(block)


def _in_block(language: str, block: str) -> Iterator[tuple[int, str]]:
    lines = list(enumerate(block.splitlines()))
    if language == "yaml" and block.startswith("# compose.yaml\n"):
        for service in yaml.safe_load(block)["services"].values():
            yield from ((0, shlex.join(words)) for words in _of_service(service))
    elif language == "dockerfile":
        yield from ((number, text) for number, text in lines if text.startswith(("RUN ", "CMD ")))
    elif language == "text":
        yield from ((number, found[1]) for number, text in lines for found in [PROMPT.match(text)] if found)
    elif language in ("bash", "sh", "shell", "console", "powershell"):
        assert "\\\n" not in block, "a command of several lines"
        yield from ((number, plain(text)) for number, text in lines if plain(text))


def _of_service(service: Mapping[str, Any]) -> Iterator[list[str]]:
    if "command" in service:
        yield service["command"]
    if "healthcheck" in service:
        yield service["healthcheck"]["test"]


def plain(line: str) -> str:
    """A line without its comment."""
    return re.sub(r"(?:^|\s+)#.*", "", line).strip()


def run_by(command: Command) -> list[str]:
    """The files of tests that run a command."""
    return [test for test, pages in RUN_BY.items() if re.fullmatch(pages.get(command.page, "(?!)"), command.text)]


def commands_for(test: str, page: str) -> list[str]:
    """Return the commands of a page that are left to a file of tests, in order; there has to be one."""
    own = str(Path(test).relative_to(ROOT))
    found = [command.text for command in all_commands() if command.page == page and own in run_by(command)]
    assert found, f"RUN_BY has none of {page} for {own}"
    return found


class Shell:
    """Runs lines as a shell does that stays open: the folder and the variables of one are those of the next.

    Attributes:
        folder: Where the next line is run.
        variables: The environment of the next line.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str], python: WarmPython = WARM_PYTHON) -> None:
        """Open it in a folder, with more variables than those of this process."""
        self.folder = folder
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        self.variables = {**os.environ, "PATH": programs, **variables}
        self._python = python

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line; what is a command of Python's and no more in a Python that is warm."""
        program, *arguments = shlex.split(line)
        if program in MODULES and not re.search(r"[|&;<>$]", line):
            return self._python.run([MODULES[program], *arguments], self.folder, self.variables)
        return self.bash(line)

    def bash(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line in Bash."""
        with tempfile.NamedTemporaryFile(prefix="left") as left:
            script = f"trap '(pwd; env -0) > {left.name}' EXIT\n{line}"
            options: dict[str, Any] = {"capture_output": True, "text": True, "env": self.variables}
            done = subprocess.run(["bash", "-c", script], cwd=self.folder, check=False, **options)
            folder, _, variables = Path(left.name).read_text(encoding="utf-8").partition("\n")
        if folder:
            self.folder = Path(folder)
            self.variables = dict(entry.split("=", 1) for entry in variables.split("\0") if entry)
        return done

    def words(self, line: str) -> list[str]:
        """The words of a line that starts a server, which the shell does not wait for; its program is one of this Python's."""
        program, *arguments = shlex.split(line)
        return [str(Path(sys.executable).with_name(program)), *arguments]
