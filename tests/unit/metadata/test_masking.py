import dagster as dg
import pytest

from kedro_assets.metadata import masked_metadata
from kedro_assets.redaction import Redactor

MASK = Redactor(("hunter2", "8273645591")).text


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("with hunter2", "with ***"),
        (dg.MetadataValue.text("hunter2"), dg.MetadataValue.text("***")),
        (dg.MetadataValue.json({"a": ["hunter2"]}), dg.MetadataValue.json({"a": ["***"]})),
        (dg.MetadataValue.url("https://me:pw@host/a"), dg.MetadataValue.url("https://***@host/a")),
        (dg.MetadataValue.int(8273645591), dg.MetadataValue.text("***")),
    ],
)
def test_a_secret_in_metadata_is_masked(value, masked):
    assert masked_metadata({"x": value, "hunter2": 1}, MASK) == {"x": masked, "***": 1}


def test_metadata_without_secrets_is_what_it_was():
    metadata = {"rows": 5, "schema": dg.TableSchema([dg.TableColumn("a")]), "odd": object()}
    found = masked_metadata({**metadata}, MASK)
    assert found["rows"] == 5
    assert found["schema"] is metadata["schema"]
