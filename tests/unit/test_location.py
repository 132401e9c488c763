"""The code location of the project around the working directory: its own definitions.py, or else all of it."""

import runpy
import sys

import dagster as dg
import pytest
from dagster._core.workspace.autodiscovery import loadable_targets_from_loaded_module

from kedro_assets.errors import ProjectError


@pytest.fixture(autouse=True)
def _no_definitions(monkeypatch):
    """No module of this name is there, as in a new process."""
    monkeypatch.delitem(sys.modules, "definitions", raising=False)
    monkeypatch.delitem(sys.modules, "kedro_assets.location", raising=False)
    yield
    sys.modules.pop("definitions", None)


@pytest.fixture
def load(write_project, monkeypatch):
    """Write a project, with a definitions.py or without, and return the code location seen from a folder inside."""

    def make(text=None, inside="src"):
        root = write_project()
        if text is not None:
            (root / "definitions.py").write_text(text, encoding="utf-8")
        monkeypatch.chdir(root / inside)
        return runpy.run_module("kedro_assets.location")["defs"]

    return make


def keys_of(definitions):
    return {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}


@pytest.mark.parametrize("inside", [".", "src", "conf/base"])
def test_without_a_file_of_its_own_it_is_all_of_the_project(load, inside):
    assert keys_of(load(inside=inside)) == {"raw", "made"}
    assert "definitions" not in sys.modules


def test_it_is_what_the_projects_own_file_defines(load):
    text = "import dagster as dg\ndefs = dg.Definitions(assets=[dg.AssetSpec('own')])\n"
    assert keys_of(load(text, inside="conf")) == {"own"}


MERGED = """
import dagster as dg
from kedro_assets import build_definitions

all_of_it = dg.Definitions.merge(build_definitions(), dg.Definitions(assets=[dg.AssetSpec("own")]))
other = 3
"""
LAZY = """
import dagster as dg
from kedro_assets import build_definitions

own = dg.Definitions(assets=[dg.AssetSpec("own")])

@dg.definitions
def all_of_it():
    return dg.Definitions.merge(build_definitions(), own)
"""
SEVERAL = """
import dagster as dg
from kedro_assets import build_definitions

kedro = build_definitions()
defs = dg.Definitions.merge(kedro, dg.Definitions(assets=[dg.AssetSpec("own")]))
"""


def test_whatever_the_definitions_are_called_they_count(load):
    assert keys_of(load(MERGED)) == {"raw", "made", "own"}


def test_a_function_that_makes_the_definitions_goes_before_others(load):
    assert keys_of(load(LAZY)()) == {"raw", "made", "own"}


@pytest.mark.parametrize("text", [MERGED, LAZY], ids=["merged", "lazy"])
def test_dagsters_own_loader_takes_the_same_from_the_file(load, text):
    taken = load(text)
    [target] = loadable_targets_from_loaded_module(sys.modules["definitions"])
    assert target.target_definition is taken


def test_a_file_with_several_definitions_is_refused_as_dagster_refuses_it(load):
    with pytest.raises(ProjectError, match=r"definitions\.py defines several `Definitions`: kedro, defs\."):
        load(SEVERAL)
    with pytest.raises(dg.DagsterInvariantViolationError, match="Cannot have more than one Definitions"):
        loadable_targets_from_loaded_module(sys.modules["definitions"])


def test_what_the_file_defines_can_be_looked_up_in_its_module(load):
    """Dataclasses look up the annotations of a module by its name."""
    text = """
from __future__ import annotations
from dataclasses import dataclass, fields
from typing import ClassVar
import dagster as dg

@dataclass
class Settings:
    shared: ClassVar[int] = 3
    own: int = 4

defs = dg.Definitions(assets=[dg.AssetSpec(field.name) for field in fields(Settings)])
"""
    assert keys_of(load(text)) == {"own"}
    assert sys.modules["definitions"].Settings.own == 4


def test_a_file_without_definitions_is_refused_with_what_to_write(load):
    with pytest.raises(
        ProjectError, match=r"definitions\.py defines no `Definitions`\. Write `defs = build_definitions\(\)`"
    ):
        load("answer = 42\n")


@pytest.mark.parametrize("before", [None, dg], ids=["none", "other"])
def test_a_file_that_fails_leaves_no_module_behind(load, monkeypatch, before):
    if before is not None:
        monkeypatch.setitem(sys.modules, "definitions", before)
    with pytest.raises(ValueError, match="no data"):
        load("raise ValueError('no data')\n")
    assert sys.modules.get("definitions") is before


def test_outside_of_a_project_it_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectError, match="There is no Kedro project"):
        runpy.run_module("kedro_assets.location")
