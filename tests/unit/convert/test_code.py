"""Code that imports kedro-dagster."""

import pytest

from kedro_assets.convert.code import read_code

DEFINITIONS = """
import dagster as dg
from kedro_dagster import KedroProjectTranslator

code = KedroProjectTranslator(env="prod").to_dagster()
{lines}
defs = dg.Definitions(jobs=[], {argument})
"""


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_each_import_is_listed_with_its_line_and_what_to_do(tmp_path):
    write(tmp_path, "src/a/nodes.py", "import x\nfrom kedro_dagster.logging import getLogger, dagster_json_formatter\n")
    write(tmp_path, "src/a/b.py", "def f():\n    import kedro_dagster\n")
    write(tmp_path, "other.py", "# kedro_dagster\nfrom .kedro_dagster import x\nimport kedro_dagster_more\n")
    uses = {(use.source, use.found): use.hint for use in read_code(tmp_path).uses}
    assert list(uses) == [
        ("src/a/b.py:2", "imports `kedro_dagster`."),
        ("src/a/nodes.py:2", "imports `kedro_dagster.logging.getLogger`."),
        ("src/a/nodes.py:2", "imports `kedro_dagster.logging.dagster_json_formatter`."),
    ]
    assert "logging.getLogger" in uses["src/a/nodes.py:2", "imports `kedro_dagster.logging.getLogger`."]


@pytest.mark.parametrize("folder", [".venv", "node_modules", "venv"])
def test_what_is_not_the_projects_own_is_left_out(tmp_path, folder):
    write(tmp_path, f"{folder}/pyvenv.cfg", "")
    write(tmp_path, f"{folder}/a.py", "import kedro_dagster\n")
    assert not read_code(tmp_path).uses


def test_a_file_that_is_no_python_is_listed(tmp_path):
    write(tmp_path, "a.py", "x = 1\nimport kedro_dagster as\n")
    [use] = read_code(tmp_path).uses
    assert use.source == "a.py:2"


@pytest.mark.parametrize(
    ("argument", "lines", "executor"),
    [
        (
            "executor=default",
            'default = dg.multiprocess_executor.configured({"max_concurrent": 2})',
            {"multiprocess": {"max_concurrent": 2}},
        ),
        (
            "executor=default",
            "default = dg.multiprocess_executor.configured(dict(max_concurrent=3))",
            {"multiprocess": {"max_concurrent": 3}},
        ),
        ("executor=dg.in_process_executor", "", None),
        ("executor=docker_executor.configured({'image': 'x'})", "", {"docker_executor": {"image": "x"}}),
        ('executor=code.named_executors["default_executor"]', "", "default_executor"),
        ("", "", "multiprocess"),
    ],
    ids=["configured", "dict", "in process", "docker", "named", "none"],
)
def test_the_executor_of_the_definitions_is_found(tmp_path, argument, lines, executor):
    write(tmp_path, "src/a/definitions.py", DEFINITIONS.format(argument=argument, lines=lines))
    found = read_code(tmp_path)
    assert (found.env, found.default_executor, found.unknown) == ("prod", executor, [])


@pytest.mark.parametrize(
    "argument",
    ["executor=mine()", "executor=dg.multiprocess_executor.configured(options)", "executor=code.named_executors[x]"],
)
def test_an_executor_that_is_not_understood_is_reported(tmp_path, argument):
    write(tmp_path, "definitions.py", DEFINITIONS.format(argument=argument, lines=""))
    found = read_code(tmp_path)
    assert found.default_executor is None
    assert [problem.source for problem in found.unknown] == ["definitions.py:7"]


def test_loggers_for_all_jobs_are_reported(tmp_path):
    lines = 'loggers = {"default": code.named_loggers["default_logger"]}'
    write(tmp_path, "definitions.py", DEFINITIONS.format(argument="loggers=loggers", lines=lines))
    assert [(problem.path, problem.source) for problem in read_code(tmp_path).unknown] == [
        ("loggers", "definitions.py:6")
    ]


def test_definitions_without_kedro_dagster_say_nothing(tmp_path):
    write(tmp_path, "definitions.py", "# no kedro_dagster\nimport dagster as dg\n\ndefs = dg.Definitions()\n")
    assert read_code(tmp_path).default_executor is None
