"""What the version of a node's code is made of, and what it leaves out."""

import functools
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from kedro.pipeline import node

from kedro_assets.project.code_objects import innermost
from kedro_assets.project.code_versions import CodeVersion, code_parts, code_versions
from unit.project.code_samples import SAMPLES

SOURCE = '''
    import functools


    def plain(raw, factor=2):
        """Multiply."""
        sizes = {
            "a": 1,
        }
        # as asked
        return [value * factor for value in raw
            if value]


    def other(raw):
        return raw


    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            return function(*args)
        return wrapper


    def decorate_badly(function):
        return lambda *args: function(*args)


    decorated = decorate(plain)
    disguised = decorate_badly(plain)
    bound = functools.partial(plain, factor=3)
    scalers = [lambda raw, by=by: raw * by for by in (1, 2)]


    def times(by):
        def scale(raw):
            return raw * by
        return scale


    class Model:
        def __init__(self, raw):
            pass


    class Scaler:
        def __call__(self, raw):
            return raw

        def method(self, raw):
            return [raw]


    def factorial():
        def inner(raw):
            return raw * inner(raw - 1)
        return inner
'''


def function_module(function):
    return innermost(function).__module__


def version(function, inputs="raw", values=None):
    nodes = {"n": node(function, inputs, "out", name="n")}
    [found] = code_versions(nodes, values or {}, {function_module(function)}).values()
    return found.version


def test_the_same_source_in_another_file_has_the_same_version(module_of):
    assert version(module_of(SOURCE).plain) == version(module_of("\n\n# moved\n" + textwrap.dedent(SOURCE)).plain)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("value * factor", "value + factor"),
        ("if value]", "if value > 1]"),
        ('"a": 1,', '"a": 1, "b": 2,'),
        ("=2", "=3"),
    ],
    ids=["expression", "last line", "constant", "default"],
)
def test_a_change_of_the_function_is_a_new_version(module_of, old, new):
    assert version(module_of(SOURCE).plain) != version(module_of(SOURCE.replace(old, new, 1)).plain)


def test_a_change_of_a_function_beside_it_is_not(module_of):
    assert version(module_of(SOURCE).plain) == version(
        module_of(SOURCE.replace("return raw\n", "return [raw]\n")).plain
    )


@pytest.mark.parametrize("name", ["decorated", "disguised", "bound"])
def test_a_change_behind_a_decorator_or_a_partial_is_a_new_version(module_of, name):
    changed = module_of(SOURCE.replace("value * factor", "value + factor"))
    assert version(getattr(module_of(SOURCE), name)) != version(getattr(changed, name))


def test_what_is_bound_to_a_function_belongs_to_its_version(module_of):
    module = module_of(SOURCE)
    functions = [
        module.plain,
        module.bound,
        functools.partial(module.plain, factor=4),
        functools.partial(module.plain, factor={"b": {2, 1}, "a": [1]}),
        functools.update_wrapper(functools.partial(module.plain, factor=5), module.plain),
        *module.scalers,
        module.times(1),
        module.times(2),
    ]
    assert len({version(function) for function in functions}) == len(functions)


def test_the_parameters_that_a_node_reads_belong_to_its_version(module_of):
    plain, inputs = module_of(SOURCE).plain, ["raw", "params:by"]
    values = {"params:by": {"a": 1, "b": [2]}, "params:other": 1}
    same = {"params:by": {"b": [2], "a": 1}, "params:other": 2}
    assert version(plain, inputs, values) == version(plain, inputs, same)
    assert version(plain, inputs, values) != version(plain, inputs, {"params:by": {"a": 1, "b": [3]}})


def test_the_order_of_the_inputs_belongs_to_the_version(module_of):
    plain = module_of(SOURCE).plain
    assert version(plain, ["a", "b"]) != version(plain, ["b", "a"])


def test_anything_that_can_be_called_has_a_version(module_of):
    module, made = module_of(SOURCE), {}
    exec("def nowhere(raw):\n    return [lambda: raw, 1]", made)
    functions = [
        len, module.Model, module.Scaler(), module.Scaler().method, module.factorial(), made["nowhere"],
    ]  # fmt: skip
    assert len({version(function) for function in functions}) == len(functions)


def test_a_method_has_the_source_of_its_class(module_of):
    changed = module_of(SOURCE.replace("return [raw]", "return [raw, raw]"))
    assert version(module_of(SOURCE).Scaler().method) != version(changed.Scaler().method)


def test_a_lambda_does_not_change_with_the_lines_below_it(module_of):
    text = "two = [\n    lambda raw: raw + 1,\n    lambda raw: raw {}\n]\n"
    one, other = module_of(text.format("- 1")).two, module_of(text.format("- 2")).two
    assert version(one[0]) == version(other[0])
    assert version(one[1]) != version(other[1])


@pytest.mark.parametrize("quotes", ['"""', "'''"])
def test_a_text_whose_lines_begin_anywhere_belongs_to_its_function(module_of, quotes):
    text = f"def ask(raw):\n    return raw.sql({quotes}\nselect a\nfrom b\nwhere {{}}\n{quotes})\n\n\ndef other():\n    {{}}\n"
    one, other = module_of(text.format("c", "pass")).ask, module_of(text.format("d", "pass")).ask
    assert version(one) != version(other)
    assert version(one) == version(module_of(text.format("c", "return 1")).ask)


def test_a_comment_with_quotes_leaves_the_function_beside_it_alone(module_of):
    text = 'def plain(raw):\n    # not """\n    return raw\n\n\ndef other():\n    {}\n'
    assert version(module_of(text.format("pass")).plain) == version(module_of(text.format("return 1")).plain)


HOLDING = """
    def held(count):
        functions = []
        for number in range(count):
            functions.append(hold(functions, functions, number))
        return functions


    def hold(first, second, number):
        return lambda raw: (first, second, number)


    def chain(count, last):
        found = last
        for number in range(count):
            found = twice(found, found)
        return found


    def twice(first, second):
        return lambda raw: (first, second)


    def end(number):
        def go_on(raw):
            return go_on(number)
        return go_on
"""


def test_functions_that_hold_each_other_are_described_once(module_of):
    module = module_of(HOLDING)
    functions = module.held(12)
    assert len({version(function) for function in functions}) == len(functions)
    chains = [module.chain(25, module.end(1)), module.chain(25, module.end(2)), module.chain(24, module.end(1))]
    assert len({version(function) for function in chains}) == len(chains)
    again = module_of(HOLDING)
    assert version(module.chain(25, module.end(1))) == version(again.chain(25, again.end(1)))


def test_a_version_does_not_depend_on_the_nodes_beside_it(module_of):
    one, other = module_of(HOLDING).held(2)
    nodes = {"one": node(one, "a", "b", name="one"), "other": node(other, "b", "c", name="other")}
    packages = {one.__module__}
    found = code_versions(nodes, {}, packages)
    assert found == code_versions(dict(reversed(nodes.items())), {}, packages)
    assert found["other"] == code_versions({"other": nodes["other"]}, {}, packages)["other"]


def test_another_process_comes_to_the_same_version(module_of):
    module = module_of(SOURCE)
    bound = functools.partial(module.plain, factor={"b": {"x", "y", "z"}, "a": (1, None)})
    program = textwrap.dedent(f"""
        import functools, sys
        sys.path.insert(0, {str(Path(module.__file__).parent)!r})
        import {module.__name__} as module
        from kedro.pipeline import node
        from kedro_assets.project.code_versions import code_versions
        bound = functools.partial(module.plain, factor={{"a": (1, None), "b": {{"z", "y", "x"}}}})
        print(code_versions({{"n": node(bound, "raw", "out", name="n")}}, {{}}, {{module.__name__}})["n"].version)
    """)
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.split()[-1] == version(bound)


# Every version of Python, and every machine.

RECORDED = {
    "words": "9d3b424331387b66",
    "matched": "806bb1a516e3e96a",
    "tried": "1cdbae8559d10f38",
    "awaited": "7e9ecd3bb7b965b0",
    "nested": "85a042ff057a9e82",
    "decorated": "55e2b2ebf324a7f8",
    "dispatched": "7d3fa57ffb1b53c3",
    "bound": "016b0a1ed00c0574",
    "scaler": "8a9fc003db3beebc",
    "method": "a1c3c494a10be86d",
}
"""Made by Python 3.10, 3.11, 3.12 and 3.13 alike. Another one here makes every asset of every project stale."""


def test_versions_are_those_that_were_recorded(package_of):
    module = package_of(SAMPLES)
    nodes = {name: node(getattr(module, name), "raw", "out", name=name) for name in RECORDED}
    assert {name: found.version for name, found in code_versions(nodes, {}, {"shop"}).items()} == RECORDED


# What a function reaches.

MEANING = '''
    import functools

    import numpy as np

    from shop import helpers, helpers as tools
    from shop.helpers import RATE, Scaler, scaled as scale


    def clean(raw, by=2, *, deep=True):
        """Clean."""
        total = 0
        for row in raw:
            if row and deep:
                total += by * row
        labels = [f"{name}: {total}" for name in sorted(raw, key=lambda item: item[0])]
        try:
            total = scale(total) + RATE
        except ValueError as error:
            print(error)
        return labels, total
'''
HELPERS = """
    RATE = 3
    UNUSED = 1


    def scaled(value):
        return added(value) * 2


    def added(value):
        return value + 1


    def unused():
        return 1


    class Scaler:
        factor = 2

        def scale(self, value):
            return value * self.factor
"""


def clean_version(package_of, nodes=MEANING, helpers=HELPERS, **options):
    return shop_version(package_of(nodes, helpers=helpers).clean, **options)


def shop_version(function, inputs="raw", outputs="out", values=None):
    return code_versions({"n": node(function, inputs, outputs, name="n")}, values or {}, {"shop"})["n"].version


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        ("added(value) * 2", "added(value) * 3", True),
        ("value + 1", "value + 2", True),
        ("RATE = 3", "RATE = 4", True),
        ("UNUSED = 1", "UNUSED = 2", False),
        ("return 1", "return 2", False),
        ("factor = 2", "factor = 3", False),
        ("def added(value):", "def added(value: int) -> int:\n        # one more", False),
    ],
    ids=[
        "helper",
        "helper of a helper",
        "constant",
        "unused constant",
        "unused function",
        "unused class",
        "annotation",
    ],
)
def test_what_a_function_reaches_in_the_project_belongs_to_its_version(package_of, old, new, differs):
    changed = clean_version(package_of, helpers=HELPERS.replace(old, new))
    assert (changed != clean_version(package_of)) == differs


@pytest.mark.parametrize(
    "call",
    [
        "helpers.added(raw)",
        "Scaler().scale(raw)",
        "tools.Scaler.scale(None, raw)",
        "[scale(row) for row in raw]",
        "(lambda row: scale(row))(raw)",
        "getattr(helpers, 'added')(raw)",
        "functools.partial(scale)(raw)",
    ],
    ids=["module", "class", "class in a module", "comprehension", "lambda", "module as a whole", "argument"],
)
def test_helpers_are_found_however_they_are_named(package_of, call):
    text = f"{textwrap.dedent(MEANING)}\n\ndef clean(raw):\n    return {call}\n"
    changed = HELPERS.replace("value + 1", "value + 2").replace("factor = 2", "factor = 3")
    assert clean_version(package_of, text) != clean_version(package_of, text, changed)


def test_a_module_that_is_imported_in_a_function_counts_as_a_whole(package_of):
    text = "def clean(raw):\n    from .helpers import added\n    return added(raw)\n"
    helpers = "from shop import more\n\ndef added(raw):\n    return more.one(raw)\n"
    versions = [
        shop_version(package_of(text, helpers=helpers, more=more).clean)
        for more in (
            "def one(raw):\n    return 1\n",
            "def one(raw):  # 1\n    return 1\n",
            "def one(raw):\n    return 2\n",
        )
    ]
    assert versions[0] == versions[1] != versions[2]
    assert "shop.helpers" not in sys.modules  # nor is it imported for that


def test_helpers_that_call_each_other_have_a_version(package_of):
    text = """
        def clean(raw):
            return other(raw - 1) if raw else {}


        def other(raw):
            return clean(raw - 1)
    """
    one, other = (shop_version(package_of(text.format(end)).clean) for end in (0, 1))
    assert one == shop_version(package_of(text.format(0)).clean) != other


def test_what_is_behind_ten_steps_counts_by_its_name(package_of):
    def chain(end):
        steps = "".join(f"def step_{n}(raw):\n    return step_{n + 1}(raw)\n\n" for n in range(1, 15))
        return package_of(f"{steps}\ndef step_15(raw):\n    return {end}\n")

    one, other = chain(1), chain(2)
    assert shop_version(one.step_1) == shop_version(other.step_1)
    assert shop_version(one.step_7) != shop_version(other.step_7)


# Names that matter.


def test_names_of_arguments_matter_where_they_are_called_by_name(package_of):
    one = package_of("def clean(left, right):\n    return left - right\n").clean
    other = package_of("def clean(first, second):\n    return first - second\n").clean
    assert shop_version(one, ["a", "b"]) == shop_version(other, ["a", "b"])
    by_name = shop_version(one, {"left": "a", "right": "b"}), shop_version(other, {"first": "a", "second": "b"})
    assert by_name[0] != by_name[1]


def test_names_of_a_mapping_of_inputs_or_outputs_matter(package_of):
    clean = package_of("def clean(**tables):\n    return tables\n").clean
    assert shop_version(clean, {"x": "a"}) != shop_version(clean, {"y": "a"})
    assert shop_version(clean, {"x": "a", "y": "b"}) == shop_version(clean, {"y": "b", "x": "a"})
    assert shop_version(len, "a", {"x": "b"}) != shop_version(len, "a", {"y": "b"})


def test_the_class_that_kedro_makes_of_a_parameter_belongs_to_the_version(package_of):
    text = """
        from dataclasses import dataclass


        @dataclass
        class Options:
            depth: int = {}


        def clean(raw, options: Options):
            return options
    """
    one, other = (package_of(textwrap.dedent(text).format(depth)).clean for depth in (1, 2))
    assert shop_version(one, ["a", "params:options"]) != shop_version(other, ["a", "params:options"])
    assert shop_version(one, ["a", "b"]) == shop_version(other, ["a", "b"])


def test_the_state_of_an_object_that_is_called_belongs_to_the_version(package_of):
    text = """
        class Model:
            def __init__(self, depth):
                self.depth = depth

            def __call__(self, raw):
                return raw * {}

            def fit(self, raw):
                return raw
    """
    one, other = (package_of(textwrap.dedent(text).format(number)).Model for number in (1, 2))
    assert shop_version(one(1)) == shop_version(one(1)) != shop_version(one(2))
    assert shop_version(one(1).fit) != shop_version(one(2).fit)
    assert shop_version(one(1)) != shop_version(other(1))


# What a version was made of.


def parts(function, inputs="raw"):
    return code_parts(node(function, inputs, "out", name="n"), {}, {"shop"})


def test_the_parts_of_a_version_are_told_nearest_first(package_of):
    module, inputs = package_of(MEANING, helpers=HELPERS), {"raw": "raw", "deep": "params:deep"}
    found = parts(functools.partial(module.clean, by=2.5), inputs)
    assert [(unit.kind, unit.name, Path(unit.file).name, unit.line) for unit in found.units] == [
        ("function", "shop.nodes.clean", "nodes.py", 10),
        ("function", "shop.helpers.scaled", "helpers.py", 6),
        ("constant", "shop.helpers.RATE", "helpers.py", 2),
        ("function", "shop.helpers.added", "helpers.py", 10),
    ]
    assert found.units[0].bound == {"by": "int", "deep": "bool"}
    assert found.units[2].bound == {"": "int"}
    assert found.bound == {"by": "float"}
    assert found.parameters == ("params:deep",)
    assert found.version == shop_version(functools.partial(module.clean, by=2.5), inputs)


# What a version is made of.


def first(raw, depth, secret):
    return raw


def second(raw):
    return raw


def pieces(function, inputs, values=None, secrets=()):
    nodes = {"n": node(function, inputs, "out", name="n")}
    return code_versions(nodes, values or {}, {__name__}, secrets)["n"].pieces


def test_each_piece_has_a_digest_of_its_own():
    inputs = ["raw", "params:depth", "params:secret"]
    before = pieces(first, inputs, {"params:depth": 1, "params:secret": "a"})
    after = pieces(first, inputs, {"params:depth": 2, "params:secret": "a"})
    assert list(before) == ["code of node 'n'", "parameter 'depth'", "parameter 'secret'"]
    assert [name for name in before if before[name] != after[name]] == ["parameter 'depth'"]


def test_of_secret_parameters_there_is_no_digest():
    found = pieces(first, ["raw", "params:depth", "params:secret"], secrets={"params:secret"})
    assert list(found) == ["code of node 'n'", "parameter 'depth'"]


def test_the_version_of_nodes_that_are_as_one_is_made_of_all():
    one, other = CodeVersion("1", {"code of node 'a'": "x"}), CodeVersion("2", {"code of node 'b'": "y"})
    joined = one.behind([other])
    assert one.behind([]) == one
    assert joined.version not in ("1", "2", one.behind([CodeVersion("3")]).version)
    assert joined.version == one.behind([other]).version
    assert joined.pieces == {"code of node 'b'": "y", "code of node 'a'": "x"}
