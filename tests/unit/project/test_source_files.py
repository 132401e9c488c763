"""Files of Python code: what stands in them by name and line."""

import ast
import linecache
import textwrap
import zipfile
from importlib import import_module
from types import ModuleType

import pytest

from kedro_assets.project.source_files import SourceFile, SourceFiles


def file_of(text):
    return SourceFile(ast.parse(textwrap.dedent(text)))


def codes(text):
    """Return the code of every function in a text, those in functions included, in the order of their lines."""
    found = []
    todo = [compile(textwrap.dedent(text), "<text>", "exec")]
    while todo:
        code = todo.pop()
        todo += [item for item in code.co_consts if hasattr(item, "co_code")]
        found.append(code)
    return sorted(found[1:], key=lambda code: code.co_firstlineno)


def found_texts(text, name):
    """Return the functions that are found for the code of a name, as text, for each such code."""
    file = file_of(text)
    return [[ast.unparse(node) for node in file.functions(code)] for code in codes(text) if code.co_name == name]


# Reading.


def test_a_file_is_read_and_parsed_once(tmp_path, monkeypatch):
    path = tmp_path / "a.py"
    path.write_text("a = 1\n", encoding="utf-8")
    files = SourceFiles()
    first = files.read(str(path), {})
    monkeypatch.setattr(linecache, "getlines", None)
    assert files.read(str(path), {}) is first


@pytest.mark.parametrize(
    "content",
    [None, b"", b"def broken(:\n", b"a = '\x00'\n", b"a = " + b"-" * 100_000 + b"1\n", b"# \xff\n"],
    ids=["missing", "empty", "no python", "null", "too deep", "no text"],
)
def test_a_file_that_cannot_be_read_is_none(content, tmp_path):
    path = tmp_path / "a.py"
    if content is not None:
        path.write_bytes(content)
    assert SourceFiles().read(str(path), {}) is None


def test_what_python_warns_of_in_a_file_is_not_said_again(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("PATTERN = '\\d'\n", encoding="utf-8")
    assert SourceFiles().read(str(path), {}).assignments("PATTERN")


def test_a_file_that_changed_since_it_was_last_looked_at_is_read_anew(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("a = 1\n", encoding="utf-8")
    SourceFiles().read(str(path), {})
    path.write_text("bcd = 1\n", encoding="utf-8")
    assert SourceFiles().read(str(path), {}).assignments("bcd")


def test_a_file_in_an_archive_is_read_by_its_loader(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("zipped_nodes.py", "RATE = 1\n")
    monkeypatch.syspath_prepend(tmp_path / "code.zip")
    assert SourceFiles().of_module(import_module("zipped_nodes")).assignments("RATE")


def test_a_module_without_a_file_has_none():
    assert SourceFiles().of_module(ModuleType("made")) is None


# Functions.

FUNCTIONS = """
    import functools

    @functools.lru_cache(
        maxsize=1,
    )
    def decorated(raw):
        return raw

    class Model:
        @property
        def size(self):
            return [each for each in (lambda: 1)()]

    if functools:
        def branch(raw):
            def inner(raw):
                return raw
            return inner
    else:
        async def branch(raw):
            return raw
"""


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        ("decorated", ["@functools.lru_cache(maxsize=1)\ndef decorated"]),
        ("size", ["@property\ndef size"]),
        ("branch", ["def branch", "async def branch"]),
        ("inner", ["def inner"]),
        ("<lambda>", ["lambda"]),
    ],
)
def test_a_function_is_found_by_its_name_and_first_line(name, starts):
    found = found_texts(FUNCTIONS, name)
    assert [[text.startswith(start) for text in texts] for texts, start in zip(found, starts, strict=True)] == [
        [True] for _ in starts
    ]


def test_functions_of_one_line_are_told_apart_by_their_names_and_arguments():
    text = "a = lambda x: 1; b = lambda y: (lambda z: 2)\n"
    assert sorted(found_texts(text, "<lambda>")) == [["lambda x: 1"], ["lambda y: lambda z: 2"], ["lambda z: 2"]]


def test_lambdas_of_one_line_with_the_same_names_of_arguments_cannot_be_told_apart():
    text = "three = [lambda raw: 1, lambda *raw: 2, lambda raw, *, by: 3]\n"
    both = ["lambda raw: 1", "lambda *raw: 2"]
    assert sorted(found_texts(text, "<lambda>")) == [["lambda raw, *, by: 3"], both, both]


# Classes.

CLASSES = """
    class A:
        class Inner:
            pass
        def make(self):
            class Local: pass
            return Local

    if A:
        class B: pass
    else:
        class B: size = 1
    for each in (1, 2):
        try:
            class C: pass
        except E:
            class D: pass
"""


@pytest.mark.parametrize(
    ("name", "count"),
    [("A", 1), ("A.Inner", 1), ("A.make.<locals>.Local", 1), ("Local", 0), ("B", 2), ("C", 1), ("D", 1), ("E", 0)],
)
def test_classes_are_found_by_their_qualified_names(name, count):
    assert [node.name for node in file_of(CLASSES).classes(name)] == [name.rpartition(".")[2]] * count


# Assignments.


@pytest.mark.parametrize(
    "text",
    [
        "RULES = []",
        "RULES: list = []",
        "RULES += [1]",
        "if x:\n    RULES = []",
        "for RULES in x: pass",
        "with x as RULES: pass",
        "RULES[0] = 1",
        "RULES.first = 1",
        "RULES['a']['b'].c += 1",
        "del RULES[0]",
        "RULES.append(1)",
        "RULES[0].append(1)",
        "if x:\n    for y in z:\n        RULES.append(y)",
        "class RULES: pass",
        "(RULES := 1)",
    ],
)
def test_a_statement_that_assigns_a_name_or_changes_what_it_holds(text):
    assert [ast.unparse(node) for node in file_of(text).assignments("RULES")] == [ast.unparse(ast.parse(text))]


@pytest.mark.parametrize(
    "text",
    [
        "import RULES",
        "from a import RULES",
        "x = RULES",
        "x[RULES] = 1",
        "f(RULES)",
        "def f():\n    RULES = 1",
        "class A:\n    RULES = 1",
        "[RULES for RULES in x]",
    ],
)
def test_a_statement_that_does_neither(text):
    assert file_of(text).assignments("RULES") == []


def test_a_change_is_no_assignment():
    file = file_of("class A: pass\nA.size = 1\nA = A\nA.register(B)\n")
    assert [ast.unparse(node) for node in file.changes("A")] == ["A.size = 1", "A.register(B)"]
    assert file.changes("B") == []


# Imports.


def test_what_a_name_is_imported_from():
    file = file_of("""
        import a.b
        import c.d as e
        from f import g, h as i
        from .. import j
        from .k import *
        if a:
            from l import g
        def inner():
            from m import g
    """)
    assert file.imported("a") == [(0, "a", None)]
    assert file.imported("e") == [(0, "c.d", None)]
    assert file.imported("g") == [(0, "f", "g"), (0, "l", "g")]
    assert file.imported("i") == [(0, "f", "h")]
    assert file.imported("j") == [(2, "", "j")]
    assert file.imported("*") == [(1, "k", "*")]
    assert file.imported("h") == []
