"""Placeholders that are filled in."""

import pytest

from kedro_assets.config import DatasetSettings
from kedro_assets.project import filled


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{a} {b}", "x {b}"),
        (["{a}", 1, None], ["x", 1, None]),
        ({"{a}": {"k": "{a}"}}, {"x": {"k": "x"}}),
        (DatasetSettings(group_name="{a}", deps=["{a}.b"]), DatasetSettings(group_name="x", deps=["x.b"])),
    ],
    ids=["text", "list", "mapping", "record"],
)
def test_every_text_of_a_value_is_filled_in(value, expected):
    assert filled(value, {"a": "x"}) == expected
