"""The commands of the pages that are about the example project run in it, and say what the pages show.

Every command of those pages that `page_commands` leaves to this file is run, in the order of the page, in one copy of the example.
The rules for what a reader would wait for:

- A command is run in the environment `fast` where it runs nodes; the sample has its files in `data/fast`.
- Of `kedro assets run`, the one whose end a page shows is run. The others get `--dry-run` and, unless they have it or `--stale`,
  `--only-missing-outputs`: they resolve their job, selection, filters and parameters, and start nothing.
- Of `kedro run`, the ones with a filter are run.
- No command is run twice on a page, unless for another dagster.yml.

Names that begin with `my` are the reader's, and stand for those of the example.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from page_commands import ROOT, Shell, blocks, commands_for, commands_in
from warm_python import WarmPython

EXAMPLE = ROOT / "examples" / "flights"
# How many commands of a page are run, and how many lines of what they say are compared.
ABOUT_THE_EXAMPLE = {
    "docs/tutorial/first-run.md": (6, 12),
    "docs/how-to/run-what-changed.md": (6, 5),
    "docs/how-to/add-to-a-project.md": (12, 27),
    "README.md": (5, 0),
    "examples/flights/README.md": (4, 0),
}
BUILD_UPON_A_RUN = ("docs/how-to/run-what-changed.md", "examples/flights/README.md")
THE_READERS = {"my_dataset": "report", "my-kedro-project": "examples/flights"}
DIFFERS = re.compile(
    r"\d+\.\d s|  +|data/fast(?=/)"
)  # how long it took, the width of columns, the folder of the sample
# What every command imports: all is run in one environment, and nothing of these has changed between two commands.
MODULES = (
    *("kedro.framework.cli.cli", "kedro_assets.cli", "kedro_assets.definitions", "dagster._cli.job"),
    *("matplotlib.pyplot", "polars", "pyarrow.parquet", "sklearn.ensemble", "sklearn.linear_model"),
    *("kedro_datasets.pandas.parquet_dataset", "kedro_datasets.polars.eager_polars_dataset"),
)
DAGSTER_YML, PARAMETERS = "conf/base/dagster.yml", "conf/fast/parameters.yml"


class Example:
    """A copy of the example, in which a page is followed."""

    def __init__(self, folder: Path, python: WarmPython) -> None:
        self.root, self.path = folder, folder / "examples" / "flights"
        shutil.copytree(EXAMPLE, self.path, ignore=shutil.ignore_patterns("__pycache__", "*.parquet", "*.pkl", "fast"))
        shutil.copytree(EXAMPLE / "conf" / "fast", self.path / "conf" / "fast")
        home = folder / "dagster_home"
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
        variables = {"HOME": str(folder), "DAGSTER_HOME": str(home), "COLUMNS": "200"}
        self._shell = Shell(self.path, variables, python)

    def open(self, page: str) -> None:
        """Begin a page: where it says so one is in the clone first, and else in the project."""
        enters = any(line.startswith("cd ") for line in commands_for(__file__, page))
        self._shell.folder = self.root if enters else self.path

    def run(self, line: str) -> tuple[int, list[str]]:
        """Run a command. Return its exit code, and its lines without what differs from run to run."""
        done = self._shell.run(line)
        return done.returncode, [plain(text) for text in (done.stdout + done.stderr).splitlines()]

    def replace(self, path: str, text: str) -> str:
        """Write a file. Return what it was."""
        before = (self.path / path).read_text(encoding="utf-8")
        (self.path / path).write_text(text, encoding="utf-8")
        return before

    def put_back(self, files: dict[str, str]) -> dict[str, str]:
        """Write files as they were. Return what is then still to be put back."""
        for path, text in files.items():
            (self.path / path).write_text(text, encoding="utf-8")
        return {}

    def make_anew(self) -> dict[str, str]:
        """Take away what `kedro assets init` writes. Return it."""
        pyproject = (self.path / "pyproject.toml").read_text(encoding="utf-8")
        tables = re.split(r"^(?=\[)", pyproject, flags=re.MULTILINE)
        kept = "".join(table for table in tables if not table.startswith(("[tool.dagster", "[tool.dg")))
        before = {"pyproject.toml": self.replace("pyproject.toml", kept)}
        for name in ("definitions.py", DAGSTER_YML):
            before[name] = (self.path / name).read_text(encoding="utf-8")
            (self.path / name).unlink()
        return before

    def change(self) -> None:
        """Do what the page on what has changed says has happened: another parameter of a model, a file deleted."""
        parameters = yaml.safe_load((self.path / PARAMETERS).read_text(encoding="utf-8"))
        parameters["forest"]["model_options"]["arguments"]["n_estimators"] += 1
        self.replace(PARAMETERS, yaml.safe_dump(parameters))
        (self.path / "data/fast/08_reporting/delays_by_hour.csv").unlink()


def plain(line: str) -> str:
    return DIFFERS.sub(lambda found: "data" if found[0] == "data/fast" else " ", line).strip()


def the_readers(command: str) -> str:
    """A command with the names of the example."""
    return re.sub(r"\bmy[-_][\w-]+", lambda name: THE_READERS[name[0]], command)


def quick(command: str, *, is_shown: bool) -> str | None:
    """Return what is run for a command of a page; None if nothing is."""
    if command.startswith("kedro run"):
        words = re.sub(r" --env \w+", "", command)
        return f"{words} --env fast" if words != "kedro run" else None
    if not command.startswith("kedro assets run"):
        return command
    words = f"{re.sub(r' --env [a-z]+', '', command)} --env fast"
    if is_shown or "--dry-run" in words:
        return words
    decides = re.search("--stale|--only-missing-outputs", words)
    return f"{words} --dry-run" if decides else f"{words} --only-missing-outputs --dry-run"


def follow(page: str, example: Example) -> tuple[int, int]:
    """Do what a page says. Return how many commands were run, and how many lines were compared."""
    ran: list[str] = []
    before: dict[str, str] = {}
    last: list[str] = []
    compared = 0
    ours = commands_for(__file__, page)
    found = [*blocks(page)]
    example.open(page)
    for block, after in zip(found, [*(block.text for block in found[1:]), ""], strict=True):
        if block.language == "yaml" and block.first_line == f"# {DAGSTER_YML}":  # it is that of the next command
            before.setdefault(DAGSTER_YML, example.replace(DAGSTER_YML, block.text))
            continue
        for command in [command.text for command in commands_in(block) if command.text in ours]:
            line = quick(the_readers(command), is_shown="the run succeeded" in after)
            if line is None or (line in ran and not before):
                continue
            if line == "kedro assets init":
                before = example.make_anew()
            ran.append(line)
            code, last = example.run(line)
            refused = any(shown.startswith("Error:") for shown in after.splitlines())
            assert code == refused, (line, last)
            before = example.put_back(before)
        if block.language == "text" and ran:
            shown = [plain(line) for line in block.text.splitlines() if not line.startswith("$ ")]
            for line in filter(None, shown):
                assert line == "..." or line in last, (line, last)
                compared += 1
    example.put_back(before)
    return len(ran), compared


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    python = WarmPython(MODULES)
    yield Example(tmp_path_factory.mktemp("docs"), python)
    python.end()


@pytest.mark.parametrize(("page", "counts"), ABOUT_THE_EXAMPLE.items(), ids=ABOUT_THE_EXAMPLE)
def test_the_commands_of_a_page_on_the_example_run_and_say_what_it_shows(
    page: str, counts: tuple[int, int], example: Example
) -> None:
    if page in BUILD_UPON_A_RUN and not (example.path / "data/fast/08_reporting/report.json").exists():
        assert example.run("kedro assets run everything --env fast")[0] == 0
    if page.endswith("run-what-changed.md"):
        example.change()
    assert follow(page, example) == counts
