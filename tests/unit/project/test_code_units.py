"""The pieces of a project's code, and what each refers to."""

import functools
from pathlib import Path

import pytest

from kedro_assets.project.code_units import Units, digest


@pytest.fixture
def unit_of(package_of):
    """Write a package, and return the unit of something in `shop.nodes`, by default the function `clean`."""

    def make(text, name="clean", **files):
        units = Units({"shop"})
        return units.get(units.key_of(getattr(package_of(text, **files), name)))

    return make


@pytest.fixture
def reached(package_of):
    """Write a package, and return all units that its function `clean` reaches, itself first."""

    def make(text, **files):
        units, found = Units({"shop"}), {}
        keys = [units.key_of(package_of(text, **files).clean)]
        for key in keys:
            if key not in found:
                found[key] = units.get(key)
                keys += found[key].held + found[key].named
        return list(found.values())

    return make


@pytest.fixture
def texts(reached):
    """Write a package, and return the texts of all that its function `clean` reaches."""
    return lambda text, **files: [unit.text for unit in reached(text, **files)]


# Functions.


def test_a_function_has_a_place_and_the_types_of_what_is_bound_to_it(unit_of):
    unit = unit_of("""
        def make(factor):
            def clean(raw, by=2, *, deep=None):
                return raw * factor
            return clean

        clean = make(1.5)
    """)
    assert (unit.kind, unit.name) == ("function", "shop.nodes.make.<locals>.clean")
    assert (Path(unit.file).name, unit.line) == ("nodes.py", 3)
    assert unit.bound == {"by": "int", "deep": "NoneType", "factor": "float"}


def test_a_unit_is_made_once(package_of):
    units, clean = Units({"shop"}), package_of("def clean(raw): return raw\n").clean
    assert units.get(units.key_of(clean)) is units.get(units.key_of(clean))


def test_what_a_function_refers_to_is_named_and_what_it_holds_is_held(unit_of):
    unit = unit_of("""
        def helper(raw): return raw
        def held(raw): return raw
        RATE = 1

        def make(function):
            def clean(raw, again=held):
                from shop import helpers
                return helper(raw) * RATE, function, len
            return clean

        clean = make(held)
    """, helpers="")  # fmt: skip
    assert [(kind, name) for kind, name, _ in unit.held] == [("function", "shop.nodes.held")] * 2
    assert [(kind, name) for kind, name, _ in unit.named] == [
        ("function", "shop.nodes.helper"),
        ("constant", "shop.nodes.RATE"),
        ("module", "shop.helpers"),
    ]


def test_what_belongs_to_a_library_counts_by_its_name(texts):
    text = "import json\nfrom {} import {} as load\n\ndef clean(raw):\n    return load(raw), json.dumps(raw)\n"
    one, other, same = (
        texts(text.format(*origin)) for origin in (("json", "loads"), ("json", "dumps"), ("json", "loads"))
    )
    assert one == same != other
    assert len(one) == 1


def test_what_is_not_there_yet_and_what_python_gives_to_modules_counts_by_its_name(unit_of):
    assert unit_of("def clean(raw):\n    return later(raw), __name__, __file__, len\n").named == ()


@pytest.mark.parametrize("name", ["__rate", "__version__", "_rate", "RATE"])
def test_a_name_counts_however_many_underscores_it_has(name, texts):
    text = f"{name} = {{}}\ndef __scaled(raw):\n    return raw + {{}}\n\ndef clean(raw):\n    return __scaled({name})\n"
    assert texts(text.format(1, 1)) != texts(text.format(2, 1))
    assert texts(text.format(1, 1)) != texts(text.format(1, 2))


def test_a_function_of_no_file_counts_by_its_bytecode():
    def made(text):
        names = {"__name__": "shop.nowhere"}
        exec(text, names)
        units = Units({"shop"})
        unit = units.get(units.key_of(names["clean"]))
        return unit, [units.get(key).text for key in unit.named]

    text = "def helper(raw):\n    return raw + {}\n\ndef clean(raw):\n    return helper(raw) + {}\n"
    (one, helper), (other, _), (_, changed) = (made(text.format(*numbers)) for numbers in ((1, 1), (1, 2), (2, 1)))
    assert one.text != other.text
    assert helper != changed
    assert (one.file, one.kind) == (None, "function")


def test_an_expression_that_is_too_deep_counts_by_its_bytecode(unit_of):
    one, other = (unit_of("def clean(raw):\n    return raw{}\n".format(".a()" * depth)) for depth in (800, 801))
    assert one.text != other.text
    assert one.file is None


def test_a_decorator_of_the_project_belongs_to_the_function(texts):
    text = """
        import functools

        def times(number):
            def decorate(function):
                @functools.wraps(function)
                def wrapper(raw):
                    return function(raw) * number{}
                return wrapper
            return decorate

        @times({})
        def clean(raw):
            return raw{}
    """
    versions = [texts(text.format(*parts)) for parts in (("", 2, ""), (" + 1", 2, ""), ("", 3, ""), ("", 2, " + 1"))]
    assert len({tuple(version) for version in versions}) == len(versions)


def test_a_function_that_is_called_by_position_is_another_unit(package_of):
    units = Units({"shop"})
    one, other = (package_of(f"def clean({names}):\n    return {names}\n").clean for names in ("a, b", "x, y"))
    [(key,), (other_key,)] = (units.by_position(function).keys for function in (one, other))
    assert units.get(key).text == units.get(other_key).text
    assert units.get(units.key_of(one)).text != units.get(units.key_of(other)).text
    assert units.by_position(len) is None
    assert units.by_position(functools.partial(one)) is None


# Classes.

CLASS = """
    class Base:
        depth = 1

    class Model(Base):
        \"\"\"A model.\"\"\"
        size: int = 1

        def fit(self, raw):
            return raw * RATE

    RATE = 1

    def clean(raw):
        return Model().fit(raw)
"""


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        ("depth = 1", "depth = 2", True),
        ("size: int = 1", "size: int = 2", True),
        ("size: int", "size: float", True),
        ("raw * RATE", "raw + RATE", True),
        ("RATE = 1", "RATE = 2", True),
        ("Model(Base)", "Model", True),
        ("RATE = 1", "RATE = 1\n    Model.more = 1", True),
        ("RATE = 1", "RATE = 1\n    Other = Model", False),
        ("A model.", "The model.", False),
    ],
    ids=[
        *("base", "attribute", "annotation", "method", "constant", "bases", "attribute that is given later", "statement beside it"),
        "docstring",
    ],
)  # fmt: skip
def test_a_class_counts_with_all_that_it_is_made_of(old, new, differs, texts):
    assert old in CLASS
    assert (texts(CLASS.replace(old, new)) != texts(CLASS)) is differs


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("type('Made', (), {'size': 1})", "type('Made', (), {'size': 2})"),
        ("type('Made', (), {'size': 1})", "type('Made', (), {'width': 1})"),
        ("type('Made', (), {'size': 1})", "type('Made', (dict,), {'size': 1})"),
        ("type('Made', (), {'__add__': function})", "type('Made', (), {'__sub__': function})"),
        ("type('Made', (), {'add': lambda self: 1})", "type('Made', (), {'add': lambda self: 2})"),
        ("namedtuple('Made', 'a b')", "namedtuple('Made', 'b a')"),
        ("namedtuple('Made', 'a b', defaults=[1])", "namedtuple('Made', 'a b', defaults=[2])"),
        ("Enum('Made', {'A': 1})", "Enum('Made', {'A': 2})"),
        ("Enum('Made', {'A': 1})", "Enum('Made', {'B': 1})"),
        ("make_dataclass('Made', [('a', int, 1)])", "make_dataclass('Made', [('a', int, 2)])"),
    ],
    ids=[
        *("value", "name", "base", "name of a method", "method", "order of fields", "default", "member", "name of a member"),
        "default of a dataclass",
    ],
)  # fmt: skip
def test_a_class_that_was_made_by_a_call_counts_with_what_it_has(one, other, texts):
    text = """
        from collections import namedtuple
        from dataclasses import make_dataclass
        from enum import Enum

        def function(self, other):
            return self

        Made = {}
        Made.__module__ = __name__

        def clean(raw):
            return Made
    """
    assert texts(text.replace("{}", one)) == texts(text.replace("{}", one))
    assert texts(text.replace("{}", one)) != texts(text.replace("{}", other))


# Constants.

CONSTANTS = """
    import re
    from dataclasses import dataclass
    from datetime import date
    from enum import Enum
    from functools import partial
    from pathlib import Path
    from types import SimpleNamespace

    import numpy as np

    class Color(Enum):
        RED = 1
        BLUE = 2

    @dataclass
    class Option:
        size: int

    VALUE = {}

    def clean(raw):
        return VALUE
"""


@pytest.mark.parametrize(
    ("line", "changed", "differs"),
    [
        ("re.compile('a')", "re.compile('b')", True),
        ("Path(__file__).parent / 'a'", "Path(__file__).parent / 'b'", True),
        ("str(Path(__file__).parent)", "str(Path(__file__).parent)", False),
        ("np.arange(3)", "np.arange(4)", True),
        ("date.today()", "date(2024, 1, 1)", True),
        ("object()", "object()", False),
        ("SimpleNamespace(a=1)", "SimpleNamespace(a=2)", True),
        ("{'a': len, 'b': {1, 2}}", "{'b': {2, 1}, 'a': len}", False),
        ("{'a': len}", "{'a': max}", True),
        ("partial(max, 1)", "partial(max, 2)", True),
        ("Color.RED", "Color.BLUE", True),
        ("Option(1)", "Option(2)", True),
        ("np.float64(1)", "np.float64(2)", True),
        ("1 + 1", "2", False),
    ],
    ids=[
        *("pattern", "path", "place", "array", "date", "object", "object of a library", "order of a dict", "function in a dict"),
        *("partial", "enumeration", "dataclass", "number", "expression of the same value"),
    ],
)  # fmt: skip
def test_a_constant_counts_by_its_value_or_as_it_is_assigned_where_that_says_too_little(line, changed, differs, texts):
    one, other = (texts(CONSTANTS.replace("VALUE = {}", f"VALUE = {value}")) for value in (line, changed))
    assert (one != other) is differs


@pytest.mark.parametrize(
    "text",
    [
        "import re\nRULES = [re.compile('a')]\nRULES.append(re.compile({!r}).match)\n",
        "from types import SimpleNamespace\nRULES = SimpleNamespace()\nRULES.first = {!r}\n",
        "from types import SimpleNamespace\nNAME = {!r}\nRULES = SimpleNamespace(a=NAME)\n",
        "RULES = []\nfor each in {!r}:\n    RULES.append(each)\n",
    ],
    ids=["call", "attribute", "another constant", "loop"],
)
def test_what_other_statements_make_of_a_constant_belongs_to_it(text, texts):
    one, other = (texts(f"{text.format(value)}\ndef clean(raw):\n    return RULES\n") for value in "bc")
    assert one != other


def test_a_constant_that_is_imported_in_a_branch_belongs_to_the_module_that_assigns_it(texts):
    text = """
        try:
            from shop.helpers import CLIENT
        except ImportError:
            CLIENT = None

        def clean(raw):
            return CLIENT
    """
    helpers = "from types import SimpleNamespace\nCLIENT = SimpleNamespace(depth={})\n"
    assert texts(text, helpers=helpers.format(1)) != texts(text, helpers=helpers.format(2))


def test_a_constant_says_its_type_and_its_place(reached):
    _, unit = reached("\nRATE = 1.5\n\ndef clean(raw):\n    return RATE\n")
    assert (unit.kind, unit.name, unit.bound) == ("constant", "shop.nodes.RATE", {"": "float"})
    assert (Path(unit.file).name, unit.line) == ("nodes.py", 2)


# Modules.


def test_a_module_that_is_passed_on_counts_as_a_whole(texts):
    text = "from shop import helpers\n\ndef clean(raw):\n    return raw.map(helpers)\n"
    one, same, other = (texts(text, helpers=helpers) for helpers in ("A = 1\n", "A = 1  # one\n", "A = 2\n"))
    assert one == same != other


def test_a_module_without_source_counts_by_its_name():
    assert Units({"shop"}).get(("module", "shop.nowhere", 0)).text == "shop.nowhere"


# What Kedro makes of parameters.


@pytest.mark.parametrize(
    ("annotation", "names"),
    [
        ("Options", ["shop.nodes.Options"]),
        ("'Options | None'", ["shop.nodes.Options"]),
        ("Plain", []),
        ("dict", []),
        ("Nowhere", []),
    ],
)
def test_the_classes_that_kedro_makes_of_parameters_are_those_with_fields(annotation, names, package_of):
    module = package_of(f"""
        from __future__ import annotations
        from dataclasses import dataclass

        @dataclass
        class Options:
            depth: int = 1

        class Plain:
            pass

        def clean(raw, options: {annotation}):
            return options
    """)
    for function in (module.clean, functools.partial(module.clean, 1)):
        assert [name for _, name, _ in Units({"shop"}).typed(function)] == names


def test_what_is_no_function_has_no_types_of_parameters():
    assert Units({"shop"}).typed(len) == ()


# Values.


class Failing:
    @property
    def __dict__(self):
        raise RuntimeError


def test_a_value_that_cannot_be_looked_at_is_described_by_its_type():
    described = Units({__name__.partition(".")[0]}).describe([Failing()])
    assert (described.text, described.whole) == ("list", False)


def test_a_digest_tells_texts_apart_by_where_they_end():
    assert digest("a", "b") != digest("ab", "")
    assert len(digest("\ud800")) == 16
