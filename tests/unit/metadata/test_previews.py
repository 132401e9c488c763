"""Previews of what is at hand: small, and without what may not be shown."""

import pandas as pd
import pytest

from kedro_assets.metadata.previews import image_preview, preview_of, preview_rows
from kedro_assets.metadata.tables import Table, table_of
from kedro_assets.redaction import Redactor

REDACT = Redactor(("hunter2|x",)).text


def preview(data, rows=5):
    return preview_of(data, table_of(data), rows, REDACT)


@pytest.mark.parametrize(
    ("viz", "rows"),
    [
        ({}, None),
        ({"preview": False, "preview_args": {"nrows": 3}}, None),
        ({"preview": "yes"}, None),
        ({"preview": True}, 5),
        ({"preview": True, "preview_args": {"nrows": 0}}, 0),
        ({"preview_args": {"nrows": 7}}, 7),
        ({"preview_args": {"nrows": 10**9}}, 100),
        ({"preview_args": {"nrows": "many"}}, 5),
        ({"preview_args": "all"}, 5),
    ],
    ids=str,
)
def test_a_preview_is_made_where_the_catalog_asks_for_it(viz, rows):
    assert preview_rows(viz) == rows


def test_a_table_is_shown_by_its_first_rows():
    data = pd.DataFrame({"a": [1, 2, 3], "b": ["x|y", "<b>\n`c`", "z"]})
    assert preview(data, 2).value == "| a | b |\n| --- | --- |\n| 1 | x\\|y |\n| 2 | &lt;b> \\`c\\` |"


def test_a_wide_table_and_long_cells_are_cut():
    text = preview(pd.DataFrame([["x" * 1000] * 200])).value
    assert text.splitlines()[0].count("|") == 31
    assert len(text) < 30 * 120


def test_a_table_that_would_have_to_be_computed_is_not_shown():
    assert "would have to be computed" in preview_of(None, Table([("a", "int")]), 5).value


@pytest.mark.parametrize(
    ("data", "shown"),
    [({"a": [1, None]}, {"a": [1, None]}), ([1, "b"], [1, "b"]), (2.5, "2.5"), (True, "True"), ("text", "text")],
    ids=str,
)
def test_json_and_text_are_shown_as_they_are(data, shown):
    assert preview(data).value == shown


def test_what_is_large_is_not_written():
    assert "more than" in preview({"a": list(range(100_000))}).value
    assert len(preview("x" * 10**6).value) == 2001


@pytest.mark.parametrize(
    "data", [{"a": object()}, [float("nan")], object(), None], ids=["dict", "nan", "object", "None"]
)
def test_of_anything_else_there_is_no_preview(data):
    assert preview(data) is None


def test_credentials_are_masked():
    table = pd.DataFrame({"dsn": ["postgresql://me:pw12@db/x", "x" * 95 + "hunter2|x"]})
    shown = [preview(table).value, preview("hunter2|x").value, str(preview({"hunter2|x": ["hunter2|x"]}).value)]
    assert not [text for text in shown if "hunter" in text or "pw12" in text]
    assert all("***" in text for text in shown)


def test_a_small_image_is_shown_in_place(tmp_path):
    file = tmp_path / "plot.png"
    file.write_bytes(b"\x89PNG")
    assert image_preview(file).value == "![plot.png](data:image/png;base64,iVBORw==)"


def test_a_large_image_is_not_shown(tmp_path):
    file = tmp_path / "plot.JPG"
    file.write_bytes(bytes(300_000))
    assert "more than 256 kB" in image_preview(file).value


def test_another_file_is_no_image(tmp_path):
    assert image_preview(tmp_path / "a.csv") is None
