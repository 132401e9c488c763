"""Projects with code and files of every kind: what Kedro takes is loaded, and what it does not take is refused with its place."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from generators import texts
from helpers import KedroProject, json_dataset, write_project
from hypothesis import example, given, note
from hypothesis import strategies as st
from invariants import PLACE, assert_place, quiet, refused, share
from random_projects import Dataset, KedroNode, RandomProject, forgotten, projects, written

from kedro_assets import ConfigError, KedroAssetsError

RAISED = [
    *("ValueError('no')", "SystemExit('bye')", "SystemExit(0)", "RecursionError()", "MemoryError()", "StopIteration()"),
    *(
        "SyntaxError('bad')",
        "ImportError('x', name='y')",
        "OSError(2, 'none', 'file')",
        "UnicodeDecodeError('utf-8', b'a', 0, 1, 'x')",
    ),
    *("Exception()", "Exception('a\\nb', 3)", "KeyError('a')", "Silent()", "Own('x')", "ExceptionGroupOf()"),
]
"""What the code of a project raises."""
RETURNED = [
    *(
        "None",
        "[]",
        "1",
        "{1: pipeline([])}",
        "{'a': None}",
        "{'a': 1}",
        "{'a': [], 'b': pipeline([])}",
        "pipeline([])",
        "{}",
    ),
    *(
        "{'': pipeline([])}",
        "{'a b': pipeline([])}",
        "{'__default__': None}",
        "{'größe/x': pipeline([])}",
        "({},)",
        "{None: None}",
    ),
]
"""What `register_pipelines` returns."""
ERRORS = """
class Silent(Exception):
    def __str__(self):
        raise ValueError("no words")

    __repr__ = __str__


class Own(Exception):
    def __init__(self, message, **more):
        super().__init__(message, more)


def ExceptionGroupOf():
    return ExceptionGroup("both", [ValueError("a"), KeyError("b")]) if "ExceptionGroup" in dir(__builtins__) else ValueError()


"""


@pytest.fixture(scope="module", autouse=True)
def no_lines():
    with quiet():
        yield


def assert_said(error: KedroAssetsError, project: KedroProject) -> None:
    """Look whether an error says something, and whether the places that it names are in the project."""
    note(str(error))
    text = str(error)
    assert text.strip()
    assert "Traceback (most recent call last)" not in text
    for problem in error.problems if isinstance(error, ConfigError) else ():
        assert problem.path
        if problem.source:  # else it is about names in the code
            assert_place(problem.source, project.path, problem)


@share(4)
@given(random=projects(failing=False), prefix=st.lists(st.sampled_from(["a", "größe", "x-y"]), max_size=2))
def test_any_project_that_kedro_takes_is_loaded(random: RandomProject, prefix: list[str], tmp_path: Path) -> None:
    with written(random, tmp_path) as project:
        error = refused(project.path)
    assert error is None, str(error)


@share(3)
@given(random=projects(failing=False), name=texts(), place=st.integers(0, 20), of_node=st.booleans())
@example(
    random=RandomProject((KedroNode("a", outputs=("x",)),), (Dataset("x", "memory"),)), name="", place=0, of_node=False
)
def test_any_names_that_kedro_takes_are_loaded_or_refused(
    random: RandomProject, name: str, place: int, tmp_path: Path, *, of_node: bool
) -> None:
    """One dataset, or one node, has another name."""
    if of_node:
        nodes = list(random.nodes)
        nodes[place % len(nodes)] = replace(nodes[place % len(nodes)], name=name)
        random = replace(random, nodes=tuple(nodes), pipelines={})
    elif random.datasets:
        random = random.renamed(random.datasets[place % len(random.datasets)].name, name)
    with written(random, tmp_path) as project:
        error = refused(project.path)
        if error is not None:
            assert_said(error, project)


@share(3)
@given(
    file=st.sampled_from(["settings", "pipeline_registry", "nodes", "hooks", "__init__"]),
    statement=st.builds("raise {}".format, st.sampled_from(RAISED))
    | st.builds("def register_pipelines():\n    return {}".format, st.sampled_from(RETURNED))
    | st.builds("def register_pipelines():\n    raise {}".format, st.sampled_from(RAISED))
    | st.sampled_from(
        ["x = (", "import no_such_module", "\tx", "x = 1\n  y", "from . import nowhere", "\x00", "del pipeline"]
    ),
)
@example(file="pipeline_registry", statement="def register_pipelines():\n    return ({},)")
@example(file="settings", statement="raise ValueError('no')")
@example(file="__init__", statement="raise Silent()")
@example(file="pipeline_registry", statement="def register_pipelines():\n    raise SystemExit(0)")
def test_any_code_is_loaded_or_refused(file: str, statement: str, tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        nodes="def one(value):\n    return value\n",
        pipelines="{'__default__': pipeline([node(one, 'a', 'b', name='one')])}",
        catalog=json_dataset("a", "b"),
    )
    path = project.path / f"src/{project.package}/{file}.py"
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{ERRORS}{statement}\n", encoding="utf-8")
    with forgotten(project):
        error = refused(project.path)
        if error is not None:
            assert_said(error, project)
            places = [found for found, _ in PLACE.findall(str(error))]
            assert any((project.path / found).is_file() for found in places), str(error)
        shutil.rmtree(project.path)
