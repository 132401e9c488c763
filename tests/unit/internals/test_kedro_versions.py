"""What a versioned dataset is about to save over."""

import json

import pytest
from kedro.io import CachedDataset, MemoryDataset, Version
from kedro_datasets.json import JSONDataset

from kedro_assets._internals import kedro_versions

SAVED = "2026-01-01T00.00.00.000Z"


@pytest.fixture(params=[False, True], ids=["plain", "cached"])
def dataset(request, tmp_path):
    made = JSONDataset(filepath=str(tmp_path / "model.json"), version=Version(None, SAVED))
    return CachedDataset(made) if request.param else made


def test_the_version_that_is_saved_is_removed_and_no_other(dataset, tmp_path):
    other = tmp_path / "model.json" / "2025-01-01T00.00.00.000Z" / "model.json"
    other.parent.mkdir(parents=True)
    other.write_text("1")
    assert kedro_versions.earlier_save(dataset) is None
    dataset.save([1])
    remove = kedro_versions.earlier_save(dataset)
    assert remove is not None
    remove()
    assert [path.name for path in (tmp_path / "model.json").iterdir()] == [other.parent.name]
    dataset.save([2])
    assert json.loads((tmp_path / "model.json" / SAVED / "model.json").read_text()) == [2]


def test_nothing_is_removed_of_what_has_no_versions(tmp_path):
    plain = JSONDataset(filepath=str(tmp_path / "plain.json"))
    plain.save([1])
    assert kedro_versions.earlier_save(plain) is None
    assert kedro_versions.earlier_save(MemoryDataset(1)) is None
