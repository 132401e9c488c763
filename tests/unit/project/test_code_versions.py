"""What the version of a node's code is made of, and what it leaves out."""

import functools
import importlib.util
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from kedro.pipeline import node

from kedro_assets.project.code_versions import code_versions
from kedro_assets.project.node_functions import innermost

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


@pytest.fixture
def module_of(tmp_path):
    """A module of a text: another file every time, as on another machine."""
    count = iter(range(10))

    def load(text=SOURCE):
        name = f"nodes_{next(count)}"
        file = tmp_path / name / f"{name}.py"
        file.parent.mkdir()
        file.write_text(textwrap.dedent(text))
        spec = importlib.util.spec_from_file_location(name, file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def function_module(function):
    return innermost(function).__module__


def version(function, inputs="raw", values=None):
    nodes = {"n": node(function, inputs, "out", name="n")}
    [found] = code_versions(nodes, values or {}, {function_module(function)}).values()
    return found


def test_the_same_source_in_another_file_has_the_same_version(module_of):
    assert version(module_of().plain) == version(module_of("\n\n# moved\n" + textwrap.dedent(SOURCE)).plain)


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
    assert version(module_of().plain) != version(module_of(SOURCE.replace(old, new, 1)).plain)


def test_a_change_of_a_function_beside_it_is_not(module_of):
    assert version(module_of().plain) == version(module_of(SOURCE.replace("return raw\n", "return [raw]\n")).plain)


@pytest.mark.parametrize("name", ["decorated", "disguised", "bound"])
def test_a_change_behind_a_decorator_or_a_partial_is_a_new_version(module_of, name):
    changed = module_of(SOURCE.replace("value * factor", "value + factor"))
    assert version(getattr(module_of(), name)) != version(getattr(changed, name))


def test_what_is_bound_to_a_function_belongs_to_its_version(module_of):
    module = module_of()
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


def test_an_object_counts_by_its_type_as_nothing_else_of_it_is_the_same_everywhere(module_of):
    plain = module_of().plain
    assert version(functools.partial(plain, factor=object())) == version(functools.partial(plain, factor=object()))


def test_the_parameters_that_a_node_reads_belong_to_its_version(module_of):
    plain, inputs = module_of().plain, ["raw", "params:by"]
    values = {"params:by": {"a": 1, "b": [2]}, "params:other": 1}
    same = {"params:by": {"b": [2], "a": 1}, "params:other": 2}
    assert version(plain, inputs, values) == version(plain, inputs, same)
    assert version(plain, inputs, values) != version(plain, inputs, {"params:by": {"a": 1, "b": [3]}})


def test_the_order_of_the_inputs_belongs_to_the_version(module_of):
    plain = module_of().plain
    assert version(plain, ["a", "b"]) != version(plain, ["b", "a"])


def test_anything_that_can_be_called_has_a_version(module_of):
    module, made = module_of(), {}
    exec("def nowhere(raw):\n    return [lambda: raw, 1]", made)
    functions = [
        len, module.Model, module.Scaler(), module.Scaler().method, module.factorial(), made["nowhere"],
    ]  # fmt: skip
    assert len({version(function) for function in functions}) == len(functions)


def test_a_method_has_the_source_of_its_class(module_of):
    changed = module_of(SOURCE.replace("return [raw]", "return [raw, raw]"))
    assert version(module_of().Scaler().method) != version(changed.Scaler().method)


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
    assert version(module.chain(25, module.end(1))) == version(module_of(HOLDING).chain(25, module.end(1)))


def test_a_version_does_not_depend_on_the_nodes_beside_it(module_of):
    one, other = module_of(HOLDING).held(2)
    nodes = {"one": node(one, "a", "b", name="one"), "other": node(other, "b", "c", name="other")}
    packages = {one.__module__}
    found = code_versions(nodes, {}, packages)
    assert found == code_versions(dict(reversed(nodes.items())), {}, packages)
    assert found["other"] == code_versions({"other": nodes["other"]}, {}, packages)["other"]


def test_another_process_comes_to_the_same_version(module_of):
    module = module_of()
    bound = functools.partial(module.plain, factor={"b": {"x", "y", "z"}, "a": (1, None)})
    program = textwrap.dedent(f"""
        import functools, sys
        sys.path.insert(0, {str(Path(module.__file__).parent)!r})
        import {module.__name__} as module
        from kedro.pipeline import node
        from kedro_assets.project.code_versions import code_versions
        bound = functools.partial(module.plain, factor={{"a": (1, None), "b": {{"z", "y", "x"}}}})
        print(code_versions({{"n": node(bound, "raw", "out", name="n")}}, {{}}, {{module.__name__}})["n"])
    """)
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.split()[-1] == version(bound)
