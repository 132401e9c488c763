"""The picture of the architecture is what the imports give, and the imports keep to its rules."""

from __future__ import annotations

import importlib.util
import itertools
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "docs" / "architecture.py"


@pytest.fixture(scope="module")
def architecture() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_architecture", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_package(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / "house" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "house"


def test_the_committed_picture_is_what_the_imports_give() -> None:
    found = subprocess.run([sys.executable, str(PROGRAM), "--check"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")


def test_every_way_to_import_counts(architecture: ModuleType, tmp_path: Path) -> None:
    package = write_package(
        tmp_path,
        {
            "__init__.py": '_LAZY = {"build": "house.roof"}',
            "roof.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.hall import Door",
            "hall/__init__.py": "",
            "hall/door.py": "def open():\n    from house import stairs\n    from house.hall import handle",
            "hall/handle.py": "from ..cellar.wine import bottle\nfrom . import door",
            "stairs.py": 'from importlib import import_module\nimport_module("house.cellar.wine")\nNAME = "house.roof"',
            "cellar/__init__.py": "import house.ground",
            "cellar/wine.py": "import json",
            "ground.py": "",
        },
    )
    rooms = architecture.read_rooms(package)
    assert rooms == {
        "house": {"roof"},
        "roof": {"hall"},
        "hall": {"stairs", "cellar"},
        "stairs": {"cellar"},
        "cellar": {"ground"},
        "ground": set(),
    }
    assert architecture.floors(rooms) == [["ground"], ["cellar"], ["stairs"], ["hall"], ["roof"], ["house"]]


def test_an_import_from_a_layer_above_is_found(architecture: ModuleType) -> None:
    rooms = {"roof": set(), "hall": {"roof"}}
    assert list(architecture.problems(rooms, [{"roof"}, {"hall"}], 1)) == [
        "'hall' imports 'roof', which is in a layer above it."
    ]


def test_a_cycle_of_imports_is_found(architecture: ModuleType) -> None:
    rooms = {"roof": {"hall"}, "hall": {"stairs"}, "stairs": {"roof"}}
    [found] = architecture.problems(rooms, [], 1)
    assert found.startswith("There is a cycle of imports: ")
    around = found.partition(": ")[2].rstrip(".").split(" -> ")
    assert around[0] == around[-1]
    assert all(below in rooms[above] for above, below in itertools.pairwise(around))


@pytest.mark.parametrize(
    ("rooms", "files", "message"),
    [
        ({f"r{i}": {f"r{i - 1}"} if i else set() for i in range(13)}, 1, "13 floors"),
        ({f"r{i}": {f"r{j}" for j in range(12)} if i >= 12 else set() for i in range(22)}, 1, "120 arrows"),
        ({f"r{i}": set() for i in range(27)}, 1, "27 rooms"),
        ({}, 9, "9 files at the top of the package"),
    ],
    ids=["floors", "arrows", "rooms", "files"],
)
def test_a_house_that_grows_too_large_is_found(
    architecture: ModuleType, rooms: dict[str, set[str]], files: int, message: str
) -> None:
    found = list(architecture.problems(rooms, [], files))
    assert [text.partition("There are ")[2].partition(",")[0] for text in found] == [message]
