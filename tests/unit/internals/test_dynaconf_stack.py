"""What Dynaconf gets of the stack."""

import inspect

import pytest
from dynaconf.loaders import py_loader
from dynaconf.utils import files

from kedro_assets._internals import dynaconf_stack

pytestmark = pytest.mark.usefixtures("_as_dynaconf_is")


@pytest.fixture
def _as_dynaconf_is(monkeypatch):
    """Undo what the tests do to Dynaconf themselves."""
    for module in (py_loader, files):
        monkeypatch.setattr(module, "inspect", inspect)


def test_the_names_are_those_of_python():
    with dynaconf_stack.without_sources():
        names = [frame.filename for frame in py_loader.inspect.stack()]
        assert names == [frame.filename for frame in files.inspect.stack()]
    assert names == [frame.filename for frame in inspect.stack(context=0)]


def test_it_is_undone_after_an_error_too():
    with pytest.raises(ImportError, match="as such"), dynaconf_stack.without_sources():
        raise ImportError("as such")
    assert py_loader.inspect is inspect
    assert files.inspect is inspect


def test_a_block_in_a_block_leaves_it_to_the_outer_one():
    with dynaconf_stack.without_sources():
        with dynaconf_stack.without_sources():
            pass
        assert files.inspect is not inspect
    assert files.inspect is inspect


def test_dynaconf_refuses_a_settings_file_that_reads_itself(tmp_path):
    code = compile(
        "from dynaconf.loaders.py_loader import import_from_filename\nimport_from_filename(None, __file__)",
        str(tmp_path / "itself.py"),
        "exec",
    )
    with dynaconf_stack.without_sources(), pytest.raises(ImportError, match="circular reference"):
        exec(code, {"__file__": str(tmp_path / "itself.py")})


def test_where_dynaconf_asks_otherwise_nothing_is_replaced(monkeypatch):
    monkeypatch.delattr(files, "inspect")
    with dynaconf_stack.without_sources():
        assert not hasattr(files, "inspect")
    assert not hasattr(files, "inspect")
