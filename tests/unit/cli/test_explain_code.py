"""What is said of the code of a node: its function, its place, and what its version was made of."""

import functools
import importlib
import sys
import textwrap

import pytest
from attrs import evolve
from kedro.pipeline import node

from kedro_assets.cli.explain_code import code_facts, code_line, function_facts
from kedro_assets.project import ProjectLocation
from unit.builders import make_project

NODES = """
    import functools

    RATE = 3


    def clean(raw, rate, by=2):
        return raw * by * RATE


    class Model:
        def __init__(self, func=None, rate=None):
            self.func = func

        def fit(self, raw, rate):
            return raw

        def __call__(self, raw, rate):
            return raw


    partly = functools.partial(clean, by=3)


    @functools.wraps(partly)
    def wrapped(raw, rate):
        return partly(raw, rate)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return the project's module `shop_nodes`, which no other test has."""
    file = tmp_path / "src" / "shop_nodes.py"
    file.parent.mkdir()
    file.write_text(textwrap.dedent(NODES), encoding="utf-8")
    monkeypatch.syspath_prepend(file.parent)
    yield importlib.import_module("shop_nodes")
    del sys.modules["shop_nodes"]


@pytest.fixture
def facts_of(tmp_path):
    """Make a node of a function and a project around it, and return what is said of the node."""

    def make(facts, function, *, root=tmp_path, parameters=None):
        made = node(function, ["raw", "params:rate"], "out", name="n")
        return facts(made, evolve(make_project([made]), location=ProjectLocation(root), parameters=parameters or {}))

    return make


@pytest.mark.parametrize(
    ("of", "name", "line"),
    [
        (lambda module: module.clean, "shop_nodes.clean", 7),
        (lambda module: functools.partial(functools.partial(module.clean), by=3), "shop_nodes.clean", 7),
        (lambda module: module.wrapped, "shop_nodes.clean", 7),
        (lambda module: module.Model().fit, "shop_nodes.Model.fit", 15),
    ],
    ids=["function", "partial", "wrapper of a partial", "method"],
)
def test_a_node_runs_the_function_that_is_written(of, name, line, module, facts_of):
    assert facts_of(function_facts, of(module)) == {
        "function": name,
        "source": f"src/shop_nodes.py:{line}",
    }


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (lambda module: module.Model(module.clean), "shop_nodes.Model"),
        (lambda module: module.Model, "shop_nodes.Model"),
        (lambda _: max, "builtins.max"),
    ],
    ids=["object that holds a function", "class", "built in"],
)
def test_what_is_no_function_has_a_name_and_no_line(of, name, module, facts_of):
    assert facts_of(function_facts, of(module)) == {"function": name, "source": ""}


def test_a_file_outside_of_the_project_is_shown_whole(module, facts_of, tmp_path):
    assert facts_of(function_facts, module.clean, root=tmp_path / "other")["source"] == f"{module.__file__}:7"


def test_the_pieces_of_a_version_have_types_and_places_and_no_values(module, facts_of):
    function = functools.partial(module.clean, by="hunter2")
    facts = facts_of(code_facts, function, parameters={"rate": "hunter2"})
    assert facts["made of"] == [
        {"kind": "function", "name": "shop_nodes.clean", "source": "src/shop_nodes.py:7", "bound": {"by": "int"}},
        {"kind": "constant", "name": "shop_nodes.RATE", "type": "int", "source": "src/shop_nodes.py:4"},
        {"kind": "bound", "name": "by", "type": "str"},
        {"kind": "parameter", "name": "params:rate"},
    ]
    assert "hunter2" not in str(facts)


def test_the_version_is_another_one_for_other_values(module, facts_of):
    versions = [facts_of(code_facts, module.clean, parameters={"rate": rate})["code version"] for rate in (1, 1, 2)]
    assert versions[0] == versions[1] != versions[2]


def test_code_that_was_made_as_text_is_without_source(facts_of):
    names = {"__name__": "shop.made"}
    exec("def clean(raw, rate):\n    return raw\n", names)
    piece, _ = facts_of(code_facts, names["clean"])["made of"]
    assert piece == {"kind": "function", "name": "shop.made.clean", "source": "without source"}


@pytest.mark.parametrize(
    ("piece", "line"),
    [
        ({"kind": "bound", "name": "by", "type": "str"}, "bound by: str"),
        ({"kind": "parameter", "name": "params:rate"}, "parameter params:rate"),
        (
            {"kind": "function", "name": "a.f", "source": "a.py:3", "bound": {"x": "int", "y": "str"}},
            "function a.f (x: int, y: str), a.py:3",
        ),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_a_piece_is_one_line(piece, line):
    assert code_line(piece) == line
