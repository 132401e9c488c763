"""The tutorial on Kedro's spaceflights shows what the commands say in a project with the same nodes, datasets and files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from page_commands import Shell, blocks, commands_for, commands_in

EXTERNAL = {"companies", "reviews", "shuttles"}
PAGE = "docs/tutorial/spaceflights.md"
DIFFERS = re.compile(
    r"\d+\.\d s|\d{4}-\d\d-\d\dT[\d.]+Z|  +"
)  # how long it took, when it was, and the width of columns

OF_A_LIBRARY = re.compile(r"WARNING .*warnings\.py:\d+")  # what is warned of with `warnings`

PYPROJECT = """
[tool.kedro]
package_name = "tutorial_of_spaceflights"
project_name = "spaceflights"
kedro_init_version = "1.7.0"
source_dir = "src"
"""
REGISTRY = """
from kedro.pipeline import node, pipeline

from .nodes import draw_companies, draw_shuttles, evaluate_model, join, preprocess, split_data, train_model

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
    reporting = pipeline([
        node(draw_shuttles, "preprocessed_shuttles", "shuttle_passenger_capacity_plot_exp"),
        node(draw_shuttles, "preprocessed_shuttles", "shuttle_passenger_capacity_plot_go"),
        node(draw_companies, "companies", "dummy_confusion_matrix"),
    ])
    pipelines = {"data_processing": data_processing, "data_science": data_science, "reporting": reporting}
    return {"__default__": sum(pipelines.values()), **pipelines}
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

def draw_shuttles(table):
    return table

def draw_companies(table):
    return table

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
CATALOG += "".join(
    f"{plot}: {{type: json.JSONDataset, filepath: data/08_reporting/{plot}.json, versioned: true}}\n"
    for plot in ("shuttle_passenger_capacity_plot_exp", "shuttle_passenger_capacity_plot_go", "dummy_confusion_matrix")
)
REGRESSOR = "regressor: {type: pickle.PickleDataset, filepath: data/06_models/regressor.pickle, versioned: true}\n"
PARAMETERS = "model_options:\n  test_size: 0.2\n  random_state: 3\n"


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


def output(shell: Shell, line: str) -> str:
    """What a command writes; it has to succeed."""
    done = shell.run(line)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_command_of_the_page_says_what_the_page_shows(project: Path) -> None:
    shell, said, shown, dry_runs = Shell(project.parent, {"HOME": str(project.parent)}), "", 0, 0
    ours = commands_for(__file__, PAGE)
    for block in blocks(PAGE):
        if block.language == "yaml":
            write(project, block.text)
        elif block.language == "bash":
            dry_runs += "--dry-run" in block.text
            if dry_runs == 2:  # before which the reader is asked to
                parameters = project / "conf/base/parameters_data_science.yml"
                parameters.write_text(PARAMETERS.replace("3", "4"), encoding="utf-8")
            lines = [command.text for command in commands_in(block) if command.text in ours]
            said = "".join(output(shell, line) for line in lines)
            assert "WARNING" not in OF_A_LIBRARY.sub("", said), said
        else:
            found = [DIFFERS.sub(" ", line).strip() for line in said.splitlines()]
            for line in block.text.splitlines():
                assert line.strip() == "..." or DIFFERS.sub(" ", line).strip() in found, said
                shown += 1
    assert shown > 15
    assert output(shell, "kedro assets check").endswith("No problems.\n")
    listed = json.loads(output(shell, "python -m kedro_assets list --json"))["assets"]
    in_groups = {asset["group"] for asset in listed}
    assert in_groups == {"data_processing", "data_science", "reporting"}
    assert {asset["group"] for asset in listed if asset["key"] in EXTERNAL} == {"data_processing"}
