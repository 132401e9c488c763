"""The tutorial on Kedro's spaceflights shows what the commands say in a project with the same nodes, datasets and files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from warm_python import WARM_PYTHON

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial" / "spaceflights.md"
BLOCK = re.compile(r"^```(bash|text|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ELSEWHERE = ("dev",)  # a server, whose start has tests of its own
DIFFERS = re.compile(
    r"\d+\.\d s|\d{4}-\d\d-\d\dT[\d.]+Z|  +"
)  # how long it took, when it was, and the width of columns

PYPROJECT = """
[tool.kedro]
package_name = "tutorial_of_spaceflights"
project_name = "spaceflights"
kedro_init_version = "1.7.0"
source_dir = "src"
"""
REGISTRY = """
from kedro.pipeline import node, pipeline

from .nodes import evaluate_model, join, preprocess, split_data, train_model

def register_pipelines():
    data_processing = pipeline([
        node(preprocess, "companies", "preprocessed_companies", name="preprocess_companies_node"),
        node(preprocess, "shuttles", "preprocessed_shuttles", name="preprocess_shuttles_node"),
        node(
            join,
            ["preprocessed_shuttles", "preprocessed_companies", "reviews"],
            "model_input_table",
            name="create_model_input_table_node",
        ),
    ])
    data_science = pipeline([
        node(
            split_data,
            ["model_input_table", "params:model_options"],
            ["X_train", "X_test", "y_train", "y_test"],
            name="split_data_node",
        ),
        node(train_model, ["X_train", "y_train"], "regressor", name="train_model_node"),
        node(evaluate_model, ["regressor", "X_test", "y_test"], "metrics", name="evaluate_model_node"),
    ])
    pipelines = {"data_processing": data_processing, "data_science": data_science}
    return {"__default__": data_processing + data_science, **pipelines}
"""
NODES = """
def preprocess(table):
    return [float(value) for value in table]

def join(*tables):
    return [list(row) for row in zip(*tables)]

def split_data(table, options):
    size = round(len(table) * options["test_size"])
    x, y = [row[1:] for row in table], [row[0] for row in table]
    return x[size:], x[:size], y[size:], y[:size]

def train_model(x_train, y_train):
    return sum(y_train) / len(y_train)

def evaluate_model(regressor, x_test, y_test):
    return {"score": sum(abs(regressor - value) for value in y_test)}
"""
CATALOG = """
companies: {type: json.JSONDataset, filepath: data/01_raw/companies.csv}
reviews: {type: json.JSONDataset, filepath: data/01_raw/reviews.csv}
shuttles: {type: json.JSONDataset, filepath: data/01_raw/shuttles.xlsx}
preprocessed_companies: {type: json.JSONDataset, filepath: data/02_intermediate/preprocessed_companies.parquet}
preprocessed_shuttles: {type: json.JSONDataset, filepath: data/02_intermediate/preprocessed_shuttles.parquet}
model_input_table: {type: json.JSONDataset, filepath: data/03_primary/model_input_table.parquet}
"""
REGRESSOR = "regressor: {type: pickle.PickleDataset, filepath: data/06_models/regressor.pickle, versioned: true}\n"
PARAMETERS = "model_options:\n  test_size: 0.2\n  random_state: 3\n"


def steps_of_the_page() -> Iterator[tuple[str, str]]:
    """What the page has one do and see, in order, from its first command of this package on."""
    found = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    first = next(at for at, (_, text) in enumerate(found) if "kedro assets" in text)
    return iter(found[first:])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "spaceflights"
    source = folder / "src" / "tutorial_of_spaceflights"
    for path, text in {
        folder / "pyproject.toml": PYPROJECT,
        source / "__init__.py": "",
        source / "settings.py": "",
        source / "nodes.py": NODES,
        source / "pipeline_registry.py": REGISTRY,
        folder / "conf/base/catalog.yml": CATALOG + REGRESSOR,
        folder / "conf/base/parameters_data_science.yml": PARAMETERS,
        folder / "conf/local/.gitkeep": "",
        **{
            folder / f"data/01_raw/{name}": "[1, 2, 3, 4, 5]"
            for name in ("companies.csv", "reviews.csv", "shuttles.xlsx")
        },
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def command(project: Path, home: Path, line: str) -> str:
    """What a command writes; it has to succeed."""
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    done = WARM_PYTHON.run(["kedro_assets", *line.split()[2:]], project, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write(project: Path, text: str) -> None:
    """Do with a block of YAML what the page says."""
    path = project / text.splitlines()[0].removeprefix("# ")
    if path.name == "dagster.yml":
        path.write_text(text, encoding="utf-8")
    else:
        catalog = (
            path.read_text(encoding="utf-8").replace(REGRESSOR, "") if "\nregressor:" in text else path.read_text()
        )
        path.write_text(catalog + text, encoding="utf-8")


def test_each_command_of_the_page_says_what_the_page_shows(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home, said, shown, dry_runs = tmp_path_factory.mktemp("home"), "", 0, 0
    for language, text in steps_of_the_page():
        if language == "yaml":
            write(project, text)
        elif language == "bash":
            dry_runs += "--dry-run" in text
            if dry_runs == 2:  # before which the reader is asked to
                parameters = project / "conf/base/parameters_data_science.yml"
                parameters.write_text(PARAMETERS.replace("3", "4"), encoding="utf-8")
            lines = [line for line in text.splitlines() if line.startswith("kedro assets ")]
            said = "".join(command(project, home, line) for line in lines if line.split()[2] not in ELSEWHERE)
        else:
            found = [DIFFERS.sub(" ", line).strip() for line in said.splitlines()]
            for line in text.splitlines():
                assert line.strip() == "..." or DIFFERS.sub(" ", line).strip() in found, said
                shown += 1
    assert shown > 15
    assert command(project, home, "kedro assets check").endswith("No problems.\n")
