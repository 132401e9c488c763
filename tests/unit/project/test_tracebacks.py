"""Where in a project an error comes from."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

from kedro_assets.project.tracebacks import where_in_project, where_it_failed


class SilentError(Exception):
    """Cannot say what it is about."""

    def __str__(self):
        raise ValueError


def failed(error):
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("several\nlines"), "ValueError: several"),
        (SystemExit("bye"), "SystemExit: bye"),
        (SilentError(), f"{__name__}.SilentError: <exception str() failed>"),
    ],
    ids=["several lines", "the end of the process", "without words"],
)
def test_an_error_has_its_line_and_what_it_says(error, reason):
    place, found = where_it_failed(failed(error), Path(__file__).parent)
    assert place.startswith(f"{Path(__file__).name}:")
    assert found == reason


def test_an_error_elsewhere_has_no_line(tmp_path):
    assert where_it_failed(failed(ValueError("x")), tmp_path) == ("", "ValueError: x")


def test_a_text_without_frames_is_its_own_reason():
    assert where_in_project("it cannot be imported.\n", Path("/")) == ("", "it cannot be imported.")


def test_a_null_byte_in_code_has_its_line_though_python_names_no_file(tmp_path, monkeypatch):
    for folder in (".hidden", "src", "site-packages"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "null_byte.py").write_bytes(b"x = 1\ny = '\0'\n")
    monkeypatch.syspath_prepend(tmp_path / "src")
    monkeypatch.delitem(sys.modules, "null_byte", raising=False)
    with pytest.raises(SyntaxError) as caught:
        import_module("null_byte")
    place, reason = where_it_failed(caught.value, tmp_path)
    assert (place, "null bytes" in reason) == ("src/null_byte.py:2", True)


def test_an_error_of_syntax_in_a_text_has_no_line(tmp_path):
    (tmp_path / "good.py").write_text("x = 1\n")
    with pytest.raises(SyntaxError) as caught:
        compile("x = \0", "text", "exec")
    assert where_it_failed(caught.value, tmp_path)[0] == ""
