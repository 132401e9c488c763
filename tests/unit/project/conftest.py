"""What tests of a project's code share."""

import importlib
import importlib.util
import sys
import textwrap

import pytest


@pytest.fixture
def module_of(tmp_path):
    """A module of a text: another file every time, as on another machine."""
    count = iter(range(100))

    def load(text):
        name = f"nodes_{next(count)}"
        file = tmp_path / name / f"{name}.py"
        file.parent.mkdir()
        file.write_text(textwrap.dedent(text))
        spec = importlib.util.spec_from_file_location(name, file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def package_of(tmp_path, monkeypatch):
    """The module `shop.nodes` of a package with some files: imported anew every time, from another folder."""
    count = iter(range(100))

    def load(nodes, **files):
        folder = tmp_path / f"package_{next(count)}" / "shop"
        folder.mkdir(parents=True)
        for name, text in {"__init__": "", "nodes": nodes, **files}.items():
            (folder / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
            monkeypatch.delitem(sys.modules, name)
        with monkeypatch.context() as context:
            context.syspath_prepend(folder.parent)
            return importlib.import_module("shop.nodes")

    yield load
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]
