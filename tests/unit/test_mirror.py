"""The tests of this folder mirror the package: each module has a test file of its name, in a folder of its room's name."""

from pathlib import Path

import kedro_assets

PACKAGE = Path(kedro_assets.__file__).parent
TESTS = Path(__file__).parent

WITHOUT_TESTS = {
    "__main__.py": "it calls one function, as the tests of the command line do",
    "_version.py": "it holds one text and decides nothing",
}
OF_NO_MODULE = {
    "internals/test_boundary.py": "no other room may name what Dagster and Kedro do not publish",
    "test_mirror.py": "this file",
    "test_public_surface.py": "what the package itself exports, and what importing it loads",
}


def mirrored(module):
    room = Path(*(part.lstrip("_") for part in module.parent.parts))  # `_internals`
    return (room / f"test_{module.name}").as_posix()


MODULES = {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"}
EXPECTED = {mirrored(module): module.as_posix() for module in MODULES}
FOUND = {path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}


def test_each_module_has_a_test_file_of_its_name():
    assert {EXPECTED[name] for name in EXPECTED.keys() - FOUND} == WITHOUT_TESTS.keys()


def test_each_test_file_has_a_module_of_its_name():
    assert FOUND - EXPECTED.keys() == OF_NO_MODULE.keys()
