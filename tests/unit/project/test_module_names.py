"""Which modules are the project's own, and where names come from."""

import functools
import sys
from pathlib import Path

import numpy as np
import pytest

from kedro_assets.project.module_names import ModuleNames, absolute, own_packages
from kedro_assets.project.source_files import SourceFiles


@pytest.fixture
def names():
    return ModuleNames({"shop"}, SourceFiles())


def test_a_module_is_own_by_its_package_and_so_is_code_of_no_module(names):
    assert [module for module in ("shop", "shop.nodes", "__main__", None) if not names.is_own(module)] == []
    assert not names.is_own("shopping")
    assert not names.is_own("numpy.linalg")


def test_a_module_is_found_without_an_import(names, package_of):
    nodes = package_of("", helpers="raise RuntimeError\n")
    assert names.path("shop.helpers") == str(Path(nodes.__file__).with_name("helpers.py"))
    assert "shop.helpers" not in sys.modules
    assert names.path("shop") == str(Path(nodes.__file__).with_name("__init__.py"))


@pytest.mark.parametrize("module", ["shop.nowhere", "no_such_package", "no_such_package.a", "sys", ""])
def test_what_has_no_file_has_no_path(module, names, package_of):
    package_of("")
    assert names.path(module) is None


def test_relative_imports_start_from_the_package_of_a_module(names):
    assert names.package("shop.nodes", "/src/shop/nodes.py") == "shop"
    assert names.package("shop.nodes", "/src/shop/nodes/__init__.py") == "shop.nodes"


@pytest.mark.parametrize(
    ("level", "name", "found"),
    [
        (0, "shop.helpers", "shop.helpers"),
        (0, "shop.helpers.scale", "shop.helpers"),
        (1, "helpers.scale", "shop.helpers"),
        (1, "nowhere", "shop"),
        (0, "shop.*", "shop"),
        (0, "numpy.linalg", None),
        (0, "shopping", None),
    ],
    ids=["module", "name in it", "relative", "name in the package", "all", "library", "almost"],
)
def test_an_import_names_the_module_that_has_a_file(level, name, found, names, package_of):
    module = package_of("", helpers="")
    assert names.imported(vars(module), level, name) == found


@pytest.mark.parametrize(
    ("names", "level", "name", "full"),
    [
        ({"__package__": "a.b.c"}, 0, "d", "d"),
        ({"__package__": "a.b.c"}, 1, "d", "a.b.c.d"),
        ({"__package__": "a.b.c"}, 3, "d.e", "a.d.e"),
        ({"__package__": "a.b.c"}, 2, "", "a.b"),
        ({"__name__": "a.b"}, 1, "c", "a.c"),
        ({"__package__": None, "__name__": "a.b"}, 1, "c", "a.c"),
    ],
    ids=["absolute", "beside", "further up", "package", "by the name", "without a package"],
)
def test_the_full_name_of_an_import(names, level, name, full):
    assert absolute(names, level, name) == full


def home_of(names, module, name):
    found, own_name, library = names.home(module, name)
    return found.__name__, own_name, library


HOMES = {
    "assigned": ("RATE = 1", {}, ("shop.nodes", "RATE", "")),
    "imported": ("from shop.helpers import RATE", {}, ("shop.helpers", "RATE", "")),
    "by another name": ("from shop.helpers import OTHER as RATE", {}, ("shop.helpers", "OTHER", "")),
    "relative": ("from .helpers import RATE", {}, ("shop.helpers", "RATE", "")),
    "all": ("from shop.helpers import *", {}, ("shop.helpers", "RATE", "")),
    "through a package": (
        "from shop.more import RATE",
        {"more": "from shop.helpers import OTHER as RATE"},
        ("shop.helpers", "OTHER", ""),
    ),
    "library": ("from math import pi as RATE", {}, ("shop.nodes", "RATE", "math.pi")),
    "library, further": ("from shop.more import RATE", {"more": "from math import pi as RATE"}, ("shop.more", "RATE", "math.pi")),
    "assigned after an import": ("from shop.helpers import RATE\nRATE = 2", {}, ("shop.nodes", "RATE", "")),
    "a library's and assigned": ("from math import pi as RATE\nRATE = 2", {}, ("shop.nodes", "RATE", "")),
    "in a branch": ("try:\n    from shop.helpers import RATE\nexcept ImportError:\n    pass", {}, ("shop.helpers", "RATE", "")),
    "own or a library's": ("try:\n    from shop.helpers import RATE\nexcept ImportError:\n    from math import pi as RATE", {}, ("shop.helpers", "RATE", "")),
}  # fmt: skip


@pytest.mark.parametrize(("text", "files", "expected"), HOMES.values(), ids=HOMES)
def test_a_global_name_is_followed_to_the_module_that_assigns_it(text, files, expected, names, package_of):
    module = package_of(text, helpers="RATE = 1\nOTHER = 2\n", **files)
    assert home_of(names, module, "RATE") == expected


def test_a_name_that_appears_by_itself_is_at_home_where_it_is(names, package_of):
    module = package_of("globals()['RATE'] = 1")
    assert home_of(names, module, "RATE") == ("shop.nodes", "RATE", "")


def test_a_module_that_is_gone_is_no_home(names, package_of, monkeypatch):
    module = package_of(
        "try:\n    from shop.helpers import RATE\nexcept ImportError:\n    RATE = 2", helpers="RATE = 1\n"
    )
    monkeypatch.delitem(sys.modules, "shop.helpers")
    assert home_of(names, module, "RATE") == ("shop.nodes", "RATE", "")


def test_modules_that_import_a_name_from_each_other_end(names, package_of):
    module = package_of(
        "RATE = 1\nfrom shop import helpers\ndel RATE\nfrom shop.helpers import RATE\n", helpers="RATE = 2\n"
    )
    found = home_of(names, module, "RATE")
    assert found[0] in ("shop.nodes", "shop.helpers")


# Which packages are the project's.


def test_the_projects_packages_are_its_own_those_beside_it_and_those_of_its_nodes(package_of, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("own_package", "beside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "own_package.egg-info").mkdir()
    (tmp_path / "script.py").touch()
    clean = package_of("def clean(raw):\n    return raw\n").clean
    monkeypatch.syspath_prepend(Path(sys.modules["shop"].__file__).parent.parent)
    found = own_packages("own_package", [clean, np.mean, len, functools.reduce, pytest.fixture])
    assert {"own_package", "beside", "script", "shop"} <= found
    assert found.isdisjoint(
        {"numpy", "builtins", "functools", "pytest", "_pytest", "_functools", "own_package.egg-info"}
    )


def test_an_installed_package_has_nothing_beside_it():
    assert own_packages("kedro", []) == {"kedro"}


def test_a_package_that_is_not_there_is_its_own_all_the_same():
    assert own_packages("no_such_package", [object()]) == {"no_such_package"}
