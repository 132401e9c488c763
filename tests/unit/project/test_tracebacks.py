"""Where in a project an error comes from."""

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
